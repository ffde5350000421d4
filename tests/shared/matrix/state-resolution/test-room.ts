/** A room for tests: events with IDs, times and depths that the test chooses, auth events as the rules select them. */

import { authEventKeys } from '../../../../shared/matrix/event-auth/auth-events.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import type { EventId, RoomId, UserId } from '../../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, type RoomVersionId, roomVersions } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import {
  type Resolution,
  type ResolveOptions,
  resolveState,
} from '../../../../shared/matrix/state-resolution/resolve.ts'

export interface Draft {
  readonly sender: string
  readonly type: string
  readonly stateKey?: string
  readonly content?: JsonObject
  /** Else `$` and the number of the event. */
  readonly id?: string
  /** Else one more than the last event's. */
  readonly ts?: number
  /** Else one more than the deepest of the room. */
  readonly depth?: number
  /** IDs; else what `authEventKeys` finds in the state. */
  readonly auth?: readonly string[]
  readonly prev?: readonly string[]
}

export interface TestRoom {
  readonly version: RoomVersion
  readonly roomId: RoomId
  readonly events: Map<EventId, RoomEvent>
  /** A state event on that state. */
  add(state: StateMap, draft: Draft): RoomEvent
  /** State after `drafts`, one after the other. */
  after(state: StateMap, ...drafts: Draft[]): StateMap
  resolve(sets: readonly StateMap[], options?: ResolveOptions): Resolution
  /** The resolved state; fails where events are missing. */
  resolved(sets: readonly StateMap[], options?: ResolveOptions): StateMap
}

export const emptyState: StateMap = new Map()

export const withEvent = (state: StateMap, { type, stateKey, eventId }: RoomEvent): StateMap =>
  new Map(state).set(type, new Map(state.get(type)).set(stateKey!, eventId))

/** `type|state key` → event ID, to compare with. */
export const flat = (state: StateMap): Record<string, string> =>
  Object.fromEntries(
    [...state].flatMap(([type, keys]) => [...keys].map(([key, id]) => [`${type}|${key}`, id] as const)).sort(),
  )

export function makeTestRoom(versionId: RoomVersionId): TestRoom {
  const version = roomVersions[versionId]
  const roomId = (version.roomIdIsCreateHash ? '!0' : '!room:one') as RoomId
  const events = new Map<EventId, RoomEvent>()
  let depth = 0
  let ts = 0
  const room: TestRoom = {
    version,
    roomId,
    events,
    add(state, draft) {
      const { sender, type, stateKey = '', content = {} } = draft
      const selected = authEventKeys({ type, stateKey, sender: sender as UserId, content }, version)
        .map(([type, key]) => state.get(type)?.get(key))
        .filter((id) => id !== undefined)
      ts = draft.ts ?? ts + 1
      const event: RoomEvent = {
        eventId: (draft.id ?? `$${events.size}`) as EventId,
        roomId,
        type,
        stateKey,
        sender: sender as UserId,
        content,
        originServerTs: ts,
        depth: draft.depth ?? depth + 1,
        prevEvents: (draft.prev ?? []) as EventId[],
        authEvents: (draft.auth as EventId[] | undefined) ?? selected,
        redacts: undefined,
        json: {},
      }
      depth = Math.max(depth, event.depth)
      events.set(event.eventId, event)
      return event
    },
    after: (state, ...drafts) => drafts.reduce((on, draft) => withEvent(on, room.add(on, draft)), state),
    resolve: (sets, options) => resolveState(version, sets, (id) => events.get(id) ?? null, options),
    resolved(sets, options) {
      const result = room.resolve(sets, options)
      if ('missing' in result) throw new Error(`missing: ${result.missing.join(' ')}`)
      return result.state
    },
  }
  return room
}

export const alice = '@alice:one'
export const bob = '@bob:two'
export const carol = '@carol:three'

export const member = (sender: string, membership: string, target = sender): Draft => ({
  sender,
  type: 'm.room.member',
  stateKey: target,
  content: { membership },
})
export const powerLevels = (sender: string, users: Record<string, number>, content: JsonObject = {}): Draft => ({
  sender,
  type: 'm.room.power_levels',
  content: { ...content, users },
})
export const joinRule = (sender: string, rule: string): Draft => ({
  sender,
  type: 'm.room.join_rules',
  content: { join_rule: rule },
})
export const topic = (sender: string, text: string): Draft => ({
  sender,
  type: 'm.room.topic',
  content: { topic: text },
})

export const create = (sender: string, version: RoomVersion): Draft => ({
  id: '$0',
  sender,
  type: 'm.room.create',
  content: { room_version: version.id, ...(version.creator === 'content' && { creator: sender }) },
})

/** Who is in `users`: a creator of rooms/v12 must not be. */
export const withCreator = (version: RoomVersion, creator: string, users: Record<string, number>) =>
  version.creatorsAbovePowerLevels ? users : { ...users, [creator]: 100 }

/** A public room of Alice's, with Bob at 50 and Carol. */
export const publicRoom = (room: TestRoom): StateMap =>
  room.after(
    emptyState,
    create(alice, room.version),
    member(alice, 'join'),
    powerLevels(alice, withCreator(room.version, alice, { [bob]: 50 })),
    joinRule(alice, 'public'),
    member(bob, 'join'),
    member(carol, 'join'),
  )
