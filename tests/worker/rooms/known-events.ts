/** Events and state of a room that is made up: a line of events, each with the state after it. */

import { storedEvent } from '../../../shared/matrix/events/read.ts'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../shared/matrix/state-map.ts'
import type { EventMetadata, EventStore, KnownEvent } from '../../../worker/rooms/event-store.ts'
import type { StateStore } from '../../../worker/rooms/state-store.ts'

export interface Said {
  readonly type: string
  readonly stateKey?: string
  readonly sender: UserId
  readonly content: JsonObject
  readonly unsigned?: JsonObject
  readonly metadata?: Partial<EventMetadata>
  readonly isOutlier?: boolean
  readonly redactedBecause?: KnownEvent
}

export interface MadeUpRoom {
  readonly roomId: RoomId
  readonly say: (said: Said) => KnownEvent
  readonly timeline: readonly KnownEvent[]
  readonly events: EventStore
  readonly state: Pick<StateStore, 'some' | 'before' | 'ofGroups'>
  /** Calls of `events.get` and `state.some`, for who counts them. */
  readonly asked: { events: number; state: number }
}

type Entries = ReadonlyMap<string, ReadonlyMap<string, EventId>>

export function madeUpRoom(roomId = '!room:here.test' as RoomId, version = roomVersions['10']): MadeUpRoom {
  const timeline: KnownEvent[] = []
  const byId = new Map<EventId, KnownEvent>()
  const groups: Entries[] = [new Map()]
  const groupBefore = new Map<KnownEvent, number>()
  const asked = { events: 0, state: 0 }

  const say = (said: Said): KnownEvent => {
    const place = timeline.length + 1
    const eventId = `$${roomId}-${place}` as EventId
    const json: JsonObject = {
      type: said.type,
      ...(said.stateKey !== undefined && { state_key: said.stateKey }),
      sender: said.sender,
      content: said.content,
      room_id: roomId,
      origin_server_ts: 1_000_000 + place,
      depth: place,
      prev_events: [],
      auth_events: [],
      hashes: { sha256: 'x' },
      signatures: {},
      unsigned: { age_ts: 1_000_000 + place, ...said.unsigned },
    }
    const event = storedEvent(json, version, eventId)
    const before = groups.length - 1
    if (said.stateKey !== undefined && said.isOutlier !== true) {
      const after = new Map(groups[before])
      after.set(said.type, new Map(after.get(said.type)).set(said.stateKey, eventId))
      groups.push(after)
    }
    const known: KnownEvent = {
      event,
      version,
      streamOrdering: place,
      topologicalOrdering: place,
      instanceName: 'master',
      isOutlier: said.isOutlier ?? false,
      isRejected: false,
      stateGroup: said.isOutlier === true ? undefined : groups.length - 1,
      metadata: { isSoftFailed: false, ...said.metadata },
      redactedBecause: said.redactedBecause?.event,
    }
    timeline.push(known)
    byId.set(eventId, known)
    groupBefore.set(known, before)
    return known
  }

  const only = (map: Entries, filters: Parameters<StateStore['some']>[1]): StateMap => {
    const some = new Map<string, Map<string, EventId>>()
    for (const { type, stateKey } of filters)
      for (const [key, eventId] of map.get(type) ?? [])
        if (stateKey === undefined || key === stateKey)
          some.set(type, (some.get(type) ?? new Map<string, EventId>()).set(key, eventId))
    return some
  }

  return {
    roomId,
    say,
    timeline,
    asked,
    events: {
      async get(eventIds) {
        asked.events++
        return new Map(eventIds.flatMap((id) => (byId.has(id) ? [[id, byId.get(id)!] as const] : [])))
      },
      peek: (eventId) => (eventId.endsWith('0') ? undefined : byId.get(eventId)),
    },
    state: {
      async some(wanted, filters) {
        asked.state++
        return new Map(wanted.map((group) => [group, only(groups[group]!, filters)]))
      },
      before: async (events) => events.map((known) => groups[groupBefore.get(known)!]!),
      ofGroups: async (wanted) => new Map(wanted.map((group) => [group, groups[group]!])),
    },
  }
}
