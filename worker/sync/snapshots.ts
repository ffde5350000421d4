/**
 * Rooms as they are at a moment, for clients of before `/sync` (`/initialSync`): made of the sections of that, and without what
 * relates to events.
 */

import { passAll } from '../../shared/matrix/filter/event-filter.ts'
import { defaultFilter } from '../../shared/matrix/filter/filter.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { asJsonText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter, EventReader } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { StateStore } from '../rooms/state-store.ts'
import { placeOf } from '../rooms/timeline.ts'
import { asState, type Visibility, type VisibleEvent } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import type { RoomToken, StreamToken } from '../streams/tokens.ts'
import { type AccountData, loadAccountData } from './account-data.ts'
import { loadReceipts, receiptEvents } from './ephemeral.ts'
import type { Recent } from './recent.ts'
import { eventsOf } from './request.ts'
import { departed, joined, type RoomPlan } from './room-plans.ts'
import { loadStates } from './room-state.ts'
import { loadTimelines } from './timelines.ts'

export interface RoomSnapshot {
  readonly messages: readonly JsonText[]
  /** Of the room, around these. */
  readonly start: RoomToken
  readonly end: RoomToken
  readonly state: readonly JsonText[]
  /** Who is in the room, as of that state. */
  readonly joined: readonly UserId[]
}

/** What a room is looked at as. */
export type Standing =
  | { readonly roomId: RoomId; readonly as: 'member' | 'onlooker' }
  | { readonly roomId: RoomId; readonly as: 'former member'; readonly leaveEventId: EventId }

export interface SnapshotOptions {
  /** Messages of each room. */
  readonly limit: number
  readonly format: 'client' | 'federation'
}

export interface Snapshots {
  readonly ofRooms: (
    reader: EventReader,
    standings: readonly Standing[],
    now: StreamToken,
    options: SnapshotOptions,
  ) => Promise<ReadonlyMap<RoomId, RoomSnapshot>>
  /** `m.receipt` events with their rooms, of those who may be seen by the user. */
  readonly receipts: (userId: UserId, roomIds: readonly RoomId[], now: StreamToken) => Promise<readonly JsonText[]>
  readonly accountData: (userId: UserId) => Promise<AccountData>
}

export interface SnapshotsDeps {
  readonly db: Queries
  readonly recent: Recent
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'current' | 'ofGroups'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly printer: EventPrinter
  readonly typing: Parameters<typeof loadReceipts>[0]['typing']
  readonly pushRules: (userId: UserId) => Promise<object>
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

const NOBODY = { has: () => false }

export function makeSnapshots(deps: SnapshotsDeps): Snapshots {
  const { events, printer, clock } = deps

  /** With the end of what each is told: who left is told no more than until then. */
  const plansOf = async (standings: readonly Standing[], now: StreamToken): Promise<readonly RoomPlan[]> => {
    const left = standings.flatMap((standing) => (standing.as === 'former member' ? [standing.leaveEventId] : []))
    const departures = left.length === 0 ? undefined : await events.get(left)
    return standings.flatMap((standing) => {
      if (standing.as !== 'former member') return joined(standing.roomId, undefined, eventsOf(now), false, true)
      const known = departures?.get(standing.leaveEventId)
      if (known === undefined) return []
      return departed(standing.roomId, standing.leaveEventId, known.streamOrdering, undefined, true, known.isOutlier)
    })
  }

  return {
    async ofRooms(reader, standings, now, { limit, format }) {
      const { userId } = reader
      const plans = await plansOf(standings, now)
      const onlookers = new Set(standings.flatMap(({ as, roomId }) => (as === 'onlooker' ? [roomId] : [])))
      const timelines = new Map(
        (
          await Promise.all(
            [true, false].map((isPeeking) => {
              const part = plans.filter(({ roomId }) => onlookers.has(roomId) === isPeeking)
              return part.length === 0
                ? new Map()
                : loadTimelines(deps, part, { userId, filter: passAll, limit, isPeeking })
            }),
          )
        ).flatMap((part) => [...part]),
      ) as Awaited<ReturnType<typeof loadTimelines>>
      const states = await loadStates(deps, plans, timelines, {
        userId,
        filter: passAll,
        isAfter: true,
        sent: NOBODY,
        heroes: new Map(),
      })

      const parts = plans.map(({ roomId, upTo }) => ({
        roomId,
        upTo,
        messages: timelines.get(roomId)!.events,
        state: states.byRoom.get(roomId) ?? [],
      }))
      const all: VisibleEvent[] = parts.flatMap(({ messages, state }) => [...messages, ...state.map(asState)])
      const options = { withRoomId: true, withRelations: false, format, now: clock() }
      const texts = await printer.print(all, reader, options)
      let at = 0
      const take = (count: number): readonly JsonText[] => {
        at += count
        return texts.slice(at - count, at)
      }
      return new Map(
        parts.map(({ roomId, upTo, messages, state }): [RoomId, RoomSnapshot] => {
          const first = messages[0] && placeOf(messages[0].known)
          return [
            roomId,
            {
              messages: take(messages.length),
              start: first === undefined ? upTo : { depth: first.depth, stream: first.stream - 1 },
              end: upTo,
              state: take(state.length),
              joined: state.flatMap(({ event: { type, stateKey, content } }) =>
                type === 'm.room.member' && content.membership === 'join' ? [stateKey as UserId] : [],
              ),
            },
          ]
        }),
      )
    },

    async receipts(userId, roomIds, now) {
      if (roomIds.length === 0) return []
      const found = await loadReceipts(deps, roomIds, new Set(roomIds), undefined, now, undefined)
      return [...receiptEvents(found, userId, passAll)].map(([roomId, text]) => withRoom(roomId, text))
    },

    accountData: (userId) =>
      loadAccountData(deps, userId, defaultFilter, undefined, { accountData: undefined, pushRules: false }),
  }
}

/** The event with its room, which `/sync` tells elsewhere. */
export const withRoom = (roomId: RoomId, event: JsonText): JsonText =>
  asJsonText(`${event.slice(0, -1)},"room_id":${jsonTextOf(roomId)}}`)

/** `messages` of the answers of old. */
export const messagesText = (texts: readonly JsonText[], start: string, end: string): JsonText =>
  objectText({ chunk: asJsonText(`[${texts.join()}]`), start: jsonTextOf(start), end: jsonTextOf(end) })
