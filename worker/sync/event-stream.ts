/**
 * `/events`, by which clients of before `/sync` follow the server (client-server-api, "Listen on the event stream"), and by which
 * guests look at a room: one list of all that happens, in the order in which it arrived. What is new is looked up as for
 * `/sync`, and waited for as there.
 */

import { passAll } from '../../shared/matrix/filter/event-filter.ts'
import { defaultFilter } from '../../shared/matrix/filter/filter.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonText } from '../json-text.ts'
import type { EventPrinter, EventReader } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships, OwnMembership } from '../rooms/memberships.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectArrivals } from '../storage/timelines.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { bounded, copyAndAdvance, isBetween, maxPosition } from '../streams/vector-clock.ts'
import { type AccountDataDeps, loadAccountData } from './account-data.ts'
import { type EphemeralDeps, loadReceipts, receiptEvents, typingEvent } from './ephemeral.ts'
import { isNothing, newsOf } from './news.ts'
import type { Notifier } from './notifier.ts'
import type { PresenceEvents } from './presence-events.ts'
import type { Recent } from './recent.ts'
import { eventsOf } from './request.ts'
import { withRoom } from './snapshots.ts'
import type { SyncWait } from './sync.ts'

export interface StreamRequest {
  readonly reader: EventReader
  /** Undefined: from now on. */
  readonly from: StreamToken | undefined
  /** Only this room; `isPeeking`: which the user is not in. Undefined: all that they are in. */
  readonly room: { readonly roomId: RoomId; readonly isPeeking: boolean } | undefined
  /** Of events of rooms. */
  readonly limit: number
  readonly format: 'client' | 'federation'
}

export interface StreamAnswer {
  readonly events: readonly JsonText[]
  readonly start: StreamToken
  readonly end: StreamToken
}

export type EventStream = (request: StreamRequest, wait: SyncWait) => Promise<StreamAnswer>

export interface EventStreamDeps extends AccountDataDeps, EphemeralDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'now' | 'reach'>
  readonly recent: Recent
  readonly notifier: Notifier
  readonly memberships: Pick<Memberships, 'ofUser'>
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly printer: EventPrinter
  readonly presenceEvents: PresenceEvents
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** How long this process may be behind the one that gave the token. */
const MAX_BEHIND_MS = 10_000

export function makeEventStream(deps: EventStreamDeps): EventStream {
  const { streams, notifier, memberships } = deps

  return async (request, { timeoutMs, signal }) => {
    const { reader, room } = request
    const { userId } = reader
    const deadline = performance.now() + timeoutMs
    if (request.from !== undefined) await streams.reach(request.from, MAX_BEHIND_MS)
    const watch = room?.isPeeking ? notifier.watchRoom(room.roomId) : await notifier.watch(userId)
    try {
      const start = request.from ?? streams.now()
      /** Nothing for the user lies between `start` and this. */
      let at = start
      for (;;) {
        const version = watch.version()
        const now = streams.now()
        const own = await memberships.ofUser(userId)
        const rooms = room === undefined ? own : new Set([...own.keys(), room.roomId])
        const isNew =
          !isNothing(newsOf(deps.recent, userId, rooms, at, now)) ||
          !deps.presenceEvents.isUnchanged(userId, own, at.presence, now.presence)
        const { events, end, isCut } = isNew ? await look(deps, request, own, at, now) : nothingUpTo(now)
        if (events.length > 0) return { events, start, end }
        at = end
        if (!isCut && !(await watch.changed(version, deadline - performance.now(), signal)))
          return { events: [], start, end: at }
      }
    } finally {
      watch.end()
    }
  }
}

interface Looked extends Omit<StreamAnswer, 'start'> {
  /** There is more after `end`. */
  readonly isCut: boolean
}
const nothingUpTo = (end: StreamToken): Looked => ({ events: [], end, isCut: false })

async function look(
  deps: EventStreamDeps,
  { reader, room, limit, format }: StreamRequest,
  own: ReadonlyMap<RoomId, OwnMembership>,
  start: StreamToken,
  now: StreamToken,
): Promise<Looked> {
  const { userId } = reader
  const isPeeking = room?.isPeeking ?? false
  const roomIds =
    room !== undefined
      ? [room.roomId]
      : [...own.values()].flatMap(({ membership, roomId }) => (membership === 'join' ? roomId : []))
  const arrivals = await arrivedIn(deps, userId, roomIds, start, now, limit)
  const found = await deps.events.get(arrivals.eventIds)
  const known = arrivals.eventIds.flatMap((eventId) => found.get(eventId) ?? [])
  // That they were asked in they may know, whatever they may see of the room.
  const alwaysInclude = new Set<string>()
  for (const { event } of isPeeking ? [] : known)
    if (event.type === 'm.room.member' && event.stateKey === userId) alwaysInclude.add(event.eventId)
  const visible = await deps.visibility.filter(userId, known, { isPeeking, alwaysInclude })

  const [printed, receipts, accountData, presence] = await Promise.all([
    deps.printer.print(visible, reader, { withRoomId: true, withRelations: false, format, now: deps.clock() }),
    loadReceipts(deps, roomIds, new Set(), start, now, undefined),
    loadAccountData(deps, userId, defaultFilter, start.accountData, { accountData: undefined, pushRules: false }),
    isPeeking ? [] : deps.presenceEvents.changed(userId, own, start.presence, now.presence),
  ])
  const typing = roomIds.flatMap((roomId) => {
    const event = typingEvent(deps, roomId, start, now, passAll)
    return event === undefined ? [] : withRoom(roomId, event)
  })
  return {
    events: [
      ...printed,
      ...presence,
      ...typing,
      ...[...receiptEvents(receipts, userId, passAll)].map(([roomId, event]) => withRoom(roomId, event)),
      ...accountData.global,
      ...[...accountData.byRoom].flatMap(([roomId, events]) => events.map((event) => withRoom(roomId, event))),
    ],
    end: { ...now, room: arrivals.upTo },
    isCut: arrivals.isCut,
  }
}

/**
 * Events of these rooms, and of the user's own memberships in any, in the order in which they arrived: at most `limit`, and
 * up to where.
 */
async function arrivedIn(
  { db, recent }: Pick<EventStreamDeps, 'db' | 'recent'>,
  userId: UserId,
  roomIds: readonly RoomId[],
  start: StreamToken,
  now: StreamToken,
  limit: number,
) {
  const [from, upTo] = [eventsOf(start), eventsOf(now)]
  let places: readonly Place[]
  if (recent.events.isComplete(from)) {
    const rooms = new Set<string>(roomIds)
    places = recent.events.between(from, upTo).flatMap(({ key, position, writer, row }) => {
      if (row.kind !== 'ev' || row.rejected) return []
      const isOwn = row.type === 'm.room.member' && row.stateKey === userId
      return isOwn || (rooms.has(key) && !row.outlier) ? [{ eventId: row.eventId as EventId, position, writer }] : []
    })
  } else {
    const rows = await selectArrivals(db, userId, roomIds, from.stream, maxPosition(upTo), limit + 1)
    places = rows.map(({ eventId, streamOrdering, instanceName }) => ({
      eventId,
      position: streamOrdering,
      writer: instanceName,
    }))
  }
  const sorted = places.toSorted((a, b) => a.position - b.position)
  const page = sorted.slice(0, limit)
  const eventIds = page
    .filter(({ writer, position }) => isBetween(from, upTo, writer, position))
    .map(({ eventId }) => eventId)
  if (sorted.length <= limit || limit === 0) return { eventIds, upTo, isCut: false }
  // Of each writer no further than the last of them, and no further back than the client was.
  return { eventIds, upTo: copyAndAdvance(from, bounded(upTo, page.at(-1)!.position)), isCut: true }
}

interface Place {
  readonly eventId: EventId
  readonly position: number
  readonly writer: string
}
