/** How many events of a room notify a user, after what they have read. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { selectUnreadCounts } from '../storage/unread-counts.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

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
  readonly streams: Pick<LiveStreams, 'follow'>
  /** How many counts are kept, of a user and a room each. */
  readonly maxCounts?: number
}

const MAX_COUNTS = 100_000
const NOTHING: RoomUnread = { notificationCount: 0, highlightCount: 0, threads: new Map() }

/** Kept until something happens in the room, or the user reads in it. */
export function makeUnreadCounts({ db, streams, maxCounts = MAX_COUNTS }: UnreadCountsDeps): UnreadCounts {
  /** The first was made first. */
  const rooms = new Map<RoomId, Map<UserId, RoomUnread>>()
  let kept = 0
  /** Of each look into the tables that is under way, what became stale meanwhile. */
  const loads = new Set<{ readonly rooms: Set<string>; readonly reads: Set<string> }>()
  const forgetRoom = (roomId: RoomId) => {
    kept -= rooms.get(roomId)?.size ?? 0
    rooms.delete(roomId)
  }
  streams.follow('events', (rows) => {
    for (const row of rows) {
      if (row.kind !== 'ev') continue
      forgetRoom(row.roomId as RoomId)
      for (const load of loads) load.rooms.add(row.roomId)
    }
  })
  streams.follow('receipts', (rows) => {
    for (const { roomId, userId } of rows) {
      if (rooms.get(roomId as RoomId)?.delete(userId as UserId)) kept--
      for (const load of loads) load.reads.add(`${roomId} ${userId}`)
    }
  })

  const keep = (roomId: RoomId, userId: UserId, unread: RoomUnread) => {
    const room = rooms.get(roomId) ?? new Map<UserId, RoomUnread>()
    rooms.set(roomId, room)
    if (!room.has(userId)) kept++
    room.set(userId, unread)
    while (kept > maxCounts) forgetRoom(rooms.keys().next().value!)
  }

  return {
    async of(userId, roomIds) {
      const found = new Map<RoomId, RoomUnread>()
      const missing: RoomId[] = []
      for (const roomId of roomIds) {
        const known = rooms.get(roomId)?.get(userId)
        if (known === undefined) missing.push(roomId)
        else if (known !== NOTHING) found.set(roomId, known)
      }
      if (missing.length === 0) return found
      const load = { rooms: new Set<string>(), reads: new Set<string>() }
      loads.add(load)
      try {
        const counted = byRoom(await selectUnreadCounts(db, userId, missing))
        for (const roomId of missing) {
          const unread = counted.get(roomId)
          if (unread !== undefined) found.set(roomId, unread)
          if (!load.rooms.has(roomId) && !load.reads.has(`${roomId} ${userId}`)) keep(roomId, userId, unread ?? NOTHING)
        }
      } finally {
        loads.delete(load)
      }
      return found
    },
  }
}

function byRoom(rows: Awaited<ReturnType<typeof selectUnreadCounts>>): ReadonlyMap<RoomId, RoomUnread> {
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
