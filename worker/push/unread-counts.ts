/** How many events of a room notify a user, after what they have read. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import type { UserActionRow } from '../storage/push-actions.ts'
import { selectUnreadCounts, type UnreadRow } from '../storage/unread-counts.ts'
import type { StreamRow } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeRecentRows, type RecentRow } from '../streams/recent-rows.ts'
import { type MultiWriterToken, maxPosition, tokenAt } from '../streams/vector-clock.ts'
import { makeEventActions } from './event-actions.ts'

export interface UnreadCount {
  readonly notificationCount: number
  readonly highlightCount: number
}

/** The counts are those of the main timeline; who does not want threads apart adds them up ({@link wholeRoom}). */
export interface RoomUnread extends UnreadCount {
  /** Of threads in which something is unread, by root. */
  readonly threads: ReadonlyMap<string, UnreadCount>
}

export interface UnreadCounts {
  /** Of all these rooms, in one statement, as of now; rooms without any are not in it. */
  readonly of: (userId: UserId, roomIds: readonly RoomId[]) => Promise<ReadonlyMap<RoomId, RoomUnread>>
}

/** Main timeline and threads together, for clients that do not know threads. */
export function wholeRoom({ notificationCount, highlightCount, threads }: RoomUnread): UnreadCount {
  let [notifications, highlights] = [notificationCount, highlightCount]
  for (const thread of threads.values()) {
    notifications += thread.notificationCount
    highlights += thread.highlightCount
  }
  return { notificationCount: notifications, highlightCount: highlights }
}

export interface UnreadCountsDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow' | 'current'>
  /** How many counts are kept, of a user and a room each. */
  readonly maxCounts?: number
  /** How many events are remembered to count on from. */
  readonly maxHeard?: number
  /** Milliseconds. */
  readonly clock?: () => number
}

const MAX_COUNTS = 100_000
const MAX_HEARD = 20_000
/** Where more came since, the statement that counts all is as cheap. */
const MAX_COUNTED_ON = 50
/** Actions are deleted a day after their event came, and from an older count on they would not be found. */
const MAX_AGE_MS = 12 * 3_600_000
const NOTHING: RoomUnread = { notificationCount: 0, highlightCount: 0, threads: new Map() }

interface Kept {
  /** What all that is covered by it makes. */
  upTo: MultiWriterToken
  /** When it was up to date. */
  at: number
  readonly unread: RoomUnread
}

interface Behind {
  readonly roomId: RoomId
  readonly from: Kept
  readonly heard: readonly RecentRow<RoomId, EventRow>[]
  /** As far as `heard` goes, and when that was. */
  readonly upTo: MultiWriterToken
  readonly at: number
}

type EventRow = Extract<StreamRow<'events'>, { readonly kind: 'ev' }>

/**
 * Counted by the statement once, up to a position that all writers have passed; from there on what the events do that were
 * heard is added ({@link makeEventActions}). Void by a receipt or a membership of the user, a redaction in the room, or where
 * more was heard since than is remembered.
 */
export function makeUnreadCounts(deps: UnreadCountsDeps): UnreadCounts {
  const { db, streams, maxCounts = MAX_COUNTS, maxHeard = MAX_HEARD, clock = Date.now } = deps
  const actions = makeEventActions({ db })
  const recent = makeRecentRows<RoomId, EventRow>(maxPosition(streams.current('events')), maxHeard)
  /** The first was made first. */
  const rooms = new Map<RoomId, Map<UserId, Kept>>()
  let kept = 0
  /** Of each look into the tables that is under way, what became stale meanwhile. */
  const loads = new Set<{ readonly rooms: Set<string>; readonly users: Set<string> }>()
  const dropRoom = (roomId: RoomId) => {
    kept -= rooms.get(roomId)?.size ?? 0
    rooms.delete(roomId)
  }
  const forgetRoom = (roomId: RoomId) => {
    dropRoom(roomId)
    for (const load of loads) load.rooms.add(roomId)
  }
  const forget = (roomId: RoomId, userId: UserId) => {
    if (rooms.get(roomId)?.delete(userId)) kept--
    for (const load of loads) load.users.add(`${roomId} ${userId}`)
  }
  streams.follow('events', (rows, position, writer) => {
    for (const row of rows) {
      const roomId = row.roomId as RoomId
      if (row.kind === 'state-all') forgetRoom(roomId)
      else if (row.type === 'm.room.member' && row.stateKey !== null) forget(roomId, row.stateKey as UserId)
      if (row.kind !== 'ev') continue
      if (row.redacts !== null) {
        actions.forget(row.redacts as EventId)
        forgetRoom(roomId)
      }
      if (!row.outlier && !row.rejected) recent.add(roomId, position, writer, row)
    }
  })
  streams.follow('receipts', (rows) => {
    for (const { roomId, userId } of rows) forget(roomId as RoomId, userId as UserId)
  })

  const keep = (roomId: RoomId, userId: UserId, count: Kept) => {
    const room = rooms.get(roomId) ?? new Map<UserId, Kept>()
    rooms.set(roomId, room)
    if (!room.has(userId)) kept++
    room.set(userId, count)
    while (kept > maxCounts) dropRoom(rooms.keys().next().value!)
  }

  /** Room by room, from the tables; of those that are `fixed`, as of this moment, nothing may be added. */
  const load = async (userId: UserId, roomIds: readonly RoomId[]) => {
    const from = tokenAt(streams.current('events').stream)
    const at = clock()
    const stale = { rooms: new Set<string>(), users: new Set<string>() }
    loads.add(stale)
    try {
      const upTo = recent.isComplete(from) ? from.stream : undefined
      const { counts, beyond } = await selectUnreadCounts(db, userId, roomIds, upTo)
      const found = byRoom(counts)
      const isFixed = (roomId: RoomId) => beyond.has(roomId) || !recent.isComplete(from)
      return roomIds.map((roomId) => {
        const count: Kept = { upTo: from, at, unread: found.get(roomId) ?? NOTHING }
        if (isFixed(roomId)) return { roomId, count, isFixed: true }
        if (!stale.rooms.has(roomId) && !stale.users.has(`${roomId} ${userId}`)) keep(roomId, userId, count)
        return { roomId, count, isFixed: false }
      })
    } finally {
      loads.delete(stale)
    }
  }

  /** Adds what was heard. Rooms where an event is not where it was heard of are counted anew. */
  const countOn = async (userId: UserId, behind: readonly Behind[]) => {
    const events = behind.flatMap(({ roomId, heard }) =>
      heard.map(({ row }) => ({ roomId, eventId: row.eventId as EventId })),
    )
    const readers = function* () {
      for (const { roomId } of behind) yield* rooms.get(roomId)?.keys() ?? []
    }
    const found = await actions.of(events, userId, readers)
    const counted = new Map<RoomId, RoomUnread>()
    const moved: RoomId[] = []
    for (const { roomId, from, heard, upTo, at } of behind) {
      const own = heard.flatMap(({ row, position }) =>
        (found.get(row.eventId as EventId) ?? []).map((action) => ({ action, position })),
      )
      if (own.some(({ action, position }) => action.streamOrdering !== position)) {
        forget(roomId, userId)
        moved.push(roomId)
        continue
      }
      const unread = own.reduce((sum, { action }) => withAction(sum, action), from.unread)
      counted.set(roomId, unread)
      // Not where it became void meanwhile, or another request was faster.
      if (rooms.get(roomId)?.get(userId) === from) keep(roomId, userId, { upTo, at, unread })
    }
    if (moved.length > 0)
      for (const [roomId, unread] of byRoom((await selectUnreadCounts(db, userId, moved, undefined)).counts))
        counted.set(roomId, unread)
    return counted
  }

  return {
    async of(userId, roomIds) {
      const found = new Map<RoomId, RoomUnread>()
      const note = (roomId: RoomId, unread: RoomUnread) => {
        if (unread !== NOTHING) found.set(roomId, unread)
      }
      const [missing, behind]: [RoomId[], Behind[]] = [[], []]
      /** False: it is of no use any more. */
      const goOn = (roomId: RoomId, from: Kept, most: number): boolean => {
        const [upTo, at] = [streams.current('events'), clock()]
        if (!recent.isComplete(from.upTo) || at - from.at > MAX_AGE_MS) return false
        const heard = from.upTo === upTo ? [] : recent.of(roomId, from.upTo, upTo)
        if (heard.length > most) return false
        if (heard.length > 0) {
          behind.push({ roomId, from, heard, upTo, at })
          return true
        }
        from.upTo = upTo
        from.at = at
        note(roomId, from.unread)
        return true
      }
      for (const roomId of roomIds) {
        const known = rooms.get(roomId)?.get(userId)
        if (known === undefined || !goOn(roomId, known, MAX_COUNTED_ON)) missing.push(roomId)
      }
      if (missing.length > 0) {
        const loaded = await load(userId, missing)
        for (const { roomId, count, isFixed } of loaded)
          if (isFixed || !goOn(roomId, count, Number.POSITIVE_INFINITY)) note(roomId, count.unread)
      }
      if (behind.length > 0) for (const [roomId, unread] of await countOn(userId, behind)) note(roomId, unread)
      return found
    },
  }
}

function withAction(unread: RoomUnread, { threadId, notifies, highlights }: UserActionRow): RoomUnread {
  if (!notifies && !highlights) return unread
  const add = (count: UnreadCount): UnreadCount => ({
    notificationCount: count.notificationCount + (notifies ? 1 : 0),
    highlightCount: count.highlightCount + (highlights ? 1 : 0),
  })
  return threadId === MAIN
    ? { ...add(unread), threads: unread.threads }
    : { ...unread, threads: new Map(unread.threads).set(threadId, add(unread.threads.get(threadId) ?? NOTHING)) }
}

function byRoom(rows: readonly UnreadRow[]): ReadonlyMap<RoomId, RoomUnread> {
  const rooms = new Map<RoomId, { main: UnreadCount; readonly threads: Map<string, UnreadCount> }>()
  for (const { roomId, threadId, notifications, highlights } of rows) {
    const room = rooms.get(roomId) ?? { main: NOTHING, threads: new Map() }
    rooms.set(roomId, room)
    const count = { notificationCount: notifications, highlightCount: highlights }
    if (threadId === MAIN) room.main = count
    else room.threads.set(threadId, count)
  }
  return new Map([...rooms].map(([roomId, { main, threads }]) => [roomId, { ...main, threads }]))
}

const MAIN = 'main'
