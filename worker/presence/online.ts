/**
 * Who is online, as this process has heard: of whom, and in which rooms, so that whoever syncs is told of those with whom they
 * share one. Nothing is kept until somebody asks, so that processes without clients pay nothing.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { Queries } from '../storage/db.ts'
import { selectChangedIn, selectPresenceOf, selectPresent, selectRoomsOf } from '../storage/presence.ts'
import type { StreamRow } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeRecentRows, type RecentRows } from '../streams/recent-rows.ts'
import { tokenAt } from '../streams/vector-clock.ts'
import { isNews, offline, type PresenceTimes, type UserState } from './state.ts'

/** Where a user is, was, or is invited to. */
export type OwnRooms = ReadonlyMap<RoomId, Pick<OwnMembership, 'membership'>>

export interface Online {
  /** Settles when it is known who is online; undefined: it is. To be called before the rest. */
  readonly ready: () => Promise<void> | undefined
  /** The position of `presence` up to which it is known who is to be told. */
  readonly upTo: () => number
  /**
   * Who changed between these positions and is in a room that the user is in, or is the user; undefined: memory does not reach back so
   * far.
   */
  readonly changed: (userId: UserId, own: OwnRooms, from: number, upTo: number) => ReadonlySet<UserId> | undefined
  /** As {@link changed}, from the tables. */
  readonly selectChanged: (
    userId: UserId,
    roomIds: Iterable<RoomId>,
    from: number,
    upTo: number,
  ) => Promise<ReadonlySet<UserId>>
  /** Who is not offline in one of these rooms. */
  readonly inRooms: (roomIds: Iterable<RoomId>) => ReadonlySet<UserId>
  /** Of all of them. */
  readonly of: (userIds: Iterable<UserId>) => Promise<ReadonlyMap<UserId, UserState>>
  /** Told of rooms and users who are to look again, when the position may be seen. */
  readonly onChange: (
    listener: (position: number, writer: string, roomIds: ReadonlySet<RoomId>, userIds: ReadonlySet<UserId>) => void,
  ) => void
}

export interface OnlineDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'current' | 'follow'>
  readonly times: PresenceTimes
  /** Whose members are not told of each other for that alone. */
  readonly excludedRooms: ReadonlySet<RoomId>
  /** False: nobody is online. */
  readonly isEnabled: boolean
  readonly onProblem: (problem: string, error: unknown) => void
  readonly recentRows?: number
}

interface Heard {
  readonly rows: readonly StreamRow<'presence'>[]
  readonly position: number
  readonly writer: string
}

/** A user who changes stands here once for each of their rooms. */
const RECENT_ROWS = 100_000
const MAX_OTHERS = 20_000
const MAX_GONE = 5_000
/** For fewer rows than this times the user's rooms all of them are looked at, else the rooms one by one. */
const ROWS_PER_ROOM = 4
const RETRY_MS = 1_000
const NOBODY: ReadonlySet<UserId> = new Set()

/** To be made before the process is connected: it follows streams. */
export function makeOnline(deps: OnlineDeps): Online {
  const { db, streams, times, excludedRooms, isEnabled, onProblem, recentRows = RECENT_ROWS } = deps
  /** Undefined: nobody has asked yet. */
  let recent: RecentRows<RoomId | UserId, UserId> | undefined
  let building: Promise<void> | undefined
  let isBuilt = false
  /** Of all who are not offline. */
  const present = new Map<UserId, UserState>()
  const roomsOf = new Map<UserId, Set<RoomId>>()
  const inRoom = new Map<RoomId, Set<UserId>>()
  /** Who went offline, the longest ago first: their rooms are still followed, for those who are not told of it yet. */
  const gone = new Set<UserId>()
  /** Who was looked up, and is offline. */
  const others = makeLru<UserId, UserState>(MAX_OTHERS)
  /** Rows whose users' rooms are to be found out. */
  const queue: Heard[] = []
  /** Present users who came or went, to or from rooms that are to be found out. */
  const moved = new Set<UserId>()
  /** Whose rooms are read at this moment: who comes or goes meanwhile is read again, as the answer may be from before. */
  let looking: ReadonlySet<UserId> = NOBODY
  let isWorking = false
  const listeners: Parameters<Online['onChange']>[0][] = []

  const enter = (userId: UserId, roomId: RoomId) => {
    roomsOf.get(userId)?.add(roomId)
    const there = inRoom.get(roomId)
    if (there === undefined) inRoom.set(roomId, new Set([userId]))
    else there.add(userId)
  }
  const leave = (userId: UserId, roomId: RoomId) => {
    roomsOf.get(userId)?.delete(roomId)
    const there = inRoom.get(roomId)
    if (there?.delete(userId) && there.size === 0) inRoom.delete(roomId)
  }
  const forget = (userId: UserId) => {
    for (const roomId of [...(roomsOf.get(userId) ?? [])]) leave(userId, roomId)
    roomsOf.delete(userId)
  }
  const findRooms = async (userIds: readonly UserId[]) => {
    if (userIds.length === 0) return
    const rows = await selectRoomsOf(db, userIds)
    for (const userId of userIds) {
      forget(userId)
      roomsOf.set(userId, new Set())
    }
    for (const { userId, roomId } of rows) if (!excludedRooms.has(roomId)) enter(userId, roomId)
  }

  /** All that waits, together: one statement for all users whose rooms are not known. */
  const work = async () => {
    isWorking = true
    try {
      while (moved.size + queue.length > 0) {
        const heard = queue.slice()
        const unknown = new Set(moved)
        for (const { rows } of heard)
          for (const { userId } of rows) if (!roomsOf.has(userId as UserId)) unknown.add(userId as UserId)
        for (const userId of unknown) moved.delete(userId)
        try {
          looking = unknown
          await findRooms([...unknown])
        } catch (error) {
          onProblem('it is not known who is to be told who is online', error)
          for (const userId of unknown) if (roomsOf.has(userId)) moved.add(userId)
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
          continue
        } finally {
          looking = NOBODY
        }
        const [rooms, users] = [new Set<RoomId>(), new Set<UserId>()]
        for (const entry of heard) take(entry, rooms, users)
        queue.splice(0, heard.length)
        for (const userId of unknown) if (!present.has(userId)) gone.add(userId)
        for (const userId of gone) {
          if (gone.size <= MAX_GONE) break
          gone.delete(userId)
          forget(userId)
        }
        const last = heard.at(-1)
        if (last !== undefined && users.size > 0)
          for (const listener of listeners) listener(last.position, last.writer, rooms, users)
      }
    } finally {
      isWorking = false
    }
  }
  const workSoon = () => {
    if (!isWorking && isBuilt) work().catch((error: unknown) => onProblem('presence is not told', error))
  }

  const take = ({ rows, position, writer }: Heard, rooms: Set<RoomId>, users: Set<UserId>) => {
    for (const row of rows) {
      const user = row as UserState
      const { userId } = user
      const before = present.get(userId) ?? others.peek(userId)
      if (before === undefined || isNews(before, user, times)) {
        users.add(userId)
        recent!.add(userId, position, writer, userId)
        for (const roomId of roomsOf.get(userId) ?? []) {
          rooms.add(roomId)
          recent!.add(roomId, position, writer, userId)
        }
      }
      if (user.state === 'offline') {
        present.delete(userId)
        gone.add(userId)
        others.set(userId, user)
      } else {
        present.set(userId, user)
        gone.delete(userId)
        others.delete(userId)
      }
    }
  }

  if (isEnabled) {
    streams.follow('presence', (rows, position, writer) => {
      if (recent === undefined) return
      queue.push({ rows, position, writer })
      workSoon()
    })
    streams.follow('events', (rows) => {
      if (recent === undefined) return
      for (const row of rows) {
        if (row.kind === 'state-all') {
          for (const userId of [...roomsOf.keys(), ...looking]) moved.add(userId)
        } else if (row.kind === 'state' && row.type === 'm.room.member') {
          const [userId, roomId] = [row.stateKey as UserId, row.roomId as RoomId]
          if (looking.has(userId)) moved.add(userId)
          if (isBuilt && (!roomsOf.has(userId) || excludedRooms.has(roomId))) continue
          // Mostly the event came with it; where history forked it is the table that knows which one it is.
          const event = rows.find((other) => other.kind === 'ev' && other.eventId === row.eventId)
          if (!isBuilt || event?.kind !== 'ev') moved.add(userId)
          else if (event.membership === 'join') enter(userId, roomId)
          else leave(userId, roomId)
        }
      }
      if (moved.size > 0) workSoon()
    })
  }

  const build = async () => {
    recent ??= makeRecentRows(streams.current('presence').stream, recentRows)
    const rows = await selectPresent(db)
    for (const { streamId: _, ...row } of rows) present.set(row.userId, row as UserState)
    await findRooms(rows.map(({ userId }) => userId))
    isBuilt = true
    // Who came or went meanwhile is looked up again, with what was heard.
    workSoon()
  }

  const upTo = (): number => {
    const { stream } = streams.current('presence')
    return queue.length === 0 ? stream : Math.min(stream, queue[0]!.position - 1)
  }

  return {
    ready() {
      if (isBuilt || !isEnabled) return undefined
      building ??= build().catch((error: unknown) => {
        building = undefined
        throw error
      })
      return building
    },
    upTo,
    changed(userId, own, from, to) {
      if (from >= to) return NOBODY
      const [after, until] = [tokenAt(from), tokenAt(to)]
      if (recent === undefined || !recent.isComplete(after)) return undefined
      const count = recent.countAfter(after)
      if (count === 0) return NOBODY
      const found = new Set<UserId>()
      if (count <= own.size * ROWS_PER_ROOM) {
        for (const { key, row } of recent.between(after, until))
          if (key === userId || own.get(key as RoomId)?.membership === 'join') found.add(row)
      } else {
        for (const { row } of recent.of(userId, after, until)) found.add(row)
        for (const [roomId, { membership }] of own)
          if (membership === 'join') for (const { row } of recent.of(roomId, after, until)) found.add(row)
      }
      // Who changed while they were in the room may have left it before the user came.
      for (const other of found) {
        if (other === userId) continue
        const rooms = roomsOf.get(other)
        if (rooms === undefined) return undefined
        if (!isAnyJoined(rooms, own)) found.delete(other)
      }
      return found
    },
    async selectChanged(userId, roomIds, from, to) {
      const visible = [...roomIds].filter((roomId) => !excludedRooms.has(roomId))
      return new Set((await selectChangedIn(db, userId, visible, from, to)).map((row) => row.userId))
    },
    inRooms(roomIds) {
      const found = new Set<UserId>()
      for (const roomId of roomIds)
        for (const userId of inRoom.get(roomId) ?? []) if (present.has(userId)) found.add(userId)
      return found
    },
    async of(userIds) {
      const found = new Map<UserId, UserState>()
      const unknown: UserId[] = []
      for (const userId of new Set(userIds)) {
        const known = present.get(userId) ?? others.get(userId)
        if (known !== undefined) found.set(userId, known)
        else unknown.push(userId)
      }
      if (unknown.length === 0) return found
      const rows = new Map((await selectPresenceOf(db, unknown)).map(({ streamId: _, ...row }) => [row.userId, row]))
      for (const userId of unknown) {
        const heard = present.get(userId) ?? others.peek(userId)
        const user = heard ?? (rows.get(userId) as UserState | undefined) ?? offline(userId)
        // Who is present stands elsewhere, and what is not followed is not kept.
        if (heard === undefined && isBuilt && user.state === 'offline') others.set(userId, user)
        found.set(userId, user)
      }
      return found
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

function isAnyJoined(rooms: Iterable<RoomId>, own: OwnRooms): boolean {
  for (const roomId of rooms) if (own.get(roomId)?.membership === 'join') return true
  return false
}
