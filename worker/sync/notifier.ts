/**
 * Who waits for what. A user who syncs is watched: what concerns them is a row about a room that they are in, or about
 * themselves. A row counts when clients may see it, that is, when the stream's position has passed it. Waiting costs
 * nothing but its timer.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { StreamName } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { isBetween } from '../streams/vector-clock.ts'

export interface Watch {
  /** Counts what concerned the user. To be read before looking for what is new. */
  readonly version: () => number
  /** Settles when {@link version} is another than this: true; after `timeoutMs`, or when `signal` aborts: false. */
  readonly changed: (version: number, timeoutMs: number, signal?: AbortSignal) => Promise<boolean>
  /** To be called once, when nobody waits any more. */
  readonly end: () => void
}

export interface Notifier {
  /** From when it resolves on, nothing that concerns the user is missed. */
  readonly watch: (userId: UserId) => Promise<Watch>
  /** Of what happens in one room, whoever is in it: for those who only look at it. */
  readonly watchRoom: (roomId: RoomId) => Watch
  /** Something is new at that position for those users and those in those rooms, which is found out after it was heard. */
  readonly touch: (
    name: StreamName,
    position: number,
    writer: string,
    roomIds: Iterable<RoomId>,
    userIds: Iterable<UserId>,
  ) => void
  /** Users who are watched, the rooms that they are in, and requests that wait. */
  readonly numbers: () => { readonly users: number; readonly rooms: number; readonly waiting: number }
}

export interface NotifierDeps {
  readonly streams: Pick<LiveStreams, 'follow' | 'onReset' | 'onAdvance' | 'current'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  /** Rooms that a user of any server is joined to. */
  readonly roomsOf: (userId: UserId) => Promise<readonly RoomId[]>
  /** How many users that nobody waits for at the moment are still watched: those between two requests. */
  readonly maxIdleUsers?: number
}

interface Watched {
  /** Undefined: nobody's, of a room alone. */
  readonly userId: UserId | undefined
  readonly rooms: Set<RoomId>
  version: number
  watches: number
  readonly waiters: Set<() => void>
  /** Settles when `rooms` is filled. */
  ready: Promise<void>
  /** Changes of their memberships while that is read: they come after what is read. */
  changes: (readonly [RoomId, isJoined: boolean])[] | undefined
  /** How often they moved. */
  moves: number
}

/** What happened, until clients may see it. */
interface Pending {
  readonly position: number
  readonly writer: string
  readonly users: readonly Watched[]
}

const MAX_IDLE_USERS = 10_000
/** What a timer can do is 24 days. */
const MAX_TIMEOUT_MS = 3_600_000

/** To be called before the process is connected. */
export function makeNotifier({ streams, memberships, roomsOf, maxIdleUsers = MAX_IDLE_USERS }: NotifierDeps): Notifier {
  const users = new Map<UserId, Watched>()
  const inRoom = new Map<RoomId, Set<Watched>>()
  /** Nobody waits for them: the first has been so for longest. */
  const idle = new Set<Watched>()
  const pending = new Map<StreamName, Pending[]>()

  const note = (name: StreamName, position: number, writer: string, concerned: Iterable<Watched>) => {
    const list = [...concerned]
    if (list.length === 0) return
    const of = pending.get(name)
    if (of === undefined) pending.set(name, [{ position, writer, users: list }])
    else of.push({ position, writer, users: list })
  }
  const ofRoom = (roomId: string): Iterable<Watched> => inRoom.get(roomId as RoomId) ?? []
  const ofUser = (userId: string): Iterable<Watched> => {
    const watched = users.get(userId as UserId)
    return watched === undefined ? [] : [watched]
  }

  const enter = (watched: Watched, roomId: RoomId) => {
    watched.rooms.add(roomId)
    const there = inRoom.get(roomId)
    if (there === undefined) inRoom.set(roomId, new Set([watched]))
    else there.add(watched)
  }
  const leave = (watched: Watched, roomId: RoomId) => {
    watched.rooms.delete(roomId)
    const there = inRoom.get(roomId)
    if (there?.delete(watched) && there.size === 0) inRoom.delete(roomId)
  }
  const move = (watched: Watched, roomId: RoomId, isJoined: boolean) => {
    watched.changes?.push([roomId, isJoined])
    watched.moves++
    if (isJoined) enter(watched, roomId)
    else leave(watched, roomId)
  }

  /** Which membership it is the row does not say: it is looked up, again if they moved meanwhile. */
  const lookUp = async (userId: UserId, watched: Watched, roomId: RoomId): Promise<void> => {
    for (;;) {
      const { moves } = watched
      // When all have heard the row.
      await undefined
      const own = await memberships.ofUser(userId)
      if (moves !== watched.moves) continue
      if (users.get(userId) !== watched) return
      move(watched, roomId, own.get(roomId)?.membership === 'join')
      // What the room said while it was looked up was not noted.
      watched.version++
      for (const wake of [...watched.waiters]) wake()
      return
    }
  }

  streams.follow('events', (rows, position, writer) => {
    for (const row of rows) {
      if (row.kind !== 'ev') {
        note('events', position, writer, ofRoom(row.roomId))
        if (row.kind !== 'state' || row.type !== 'm.room.member') continue
        // Where history forked, the membership may be another event's than the one that came with it.
        if (rows.some((other) => other.kind === 'ev' && other.eventId === row.eventId)) continue
        for (const watched of ofUser(row.stateKey)) {
          note('events', position, writer, [watched])
          // If that fails they are woken a little too often, or when the time is over.
          lookUp(row.stateKey as UserId, watched, row.roomId as RoomId).catch(() => undefined)
        }
        continue
      }
      if (row.rejected) continue
      // Of outliers only invitations and their end concern anybody.
      if (!row.outlier) note('events', position, writer, ofRoom(row.roomId))
      if (row.type !== 'm.room.member' || row.stateKey === null) continue
      for (const watched of ofUser(row.stateKey)) {
        note('events', position, writer, [watched])
        move(watched, row.roomId as RoomId, row.membership === 'join')
      }
    }
  })
  /** Rooms in which somebody types. */
  const typedIn = new Set<string>()
  streams.follow('typing', (rows, position, writer) => {
    for (const { roomId, userIds } of rows) {
      if (userIds.length > 0) typedIn.add(roomId)
      else typedIn.delete(roomId)
      note('typing', position, writer, ofRoom(roomId))
    }
  })
  streams.onReset('typing', (writer, position) => {
    for (const roomId of typedIn) note('typing', position, writer, ofRoom(roomId))
    typedIn.clear()
  })
  streams.follow('receipts', (rows, position, writer) => {
    for (const { roomId, receiptType, userId } of rows)
      note('receipts', position, writer, receiptType === 'm.read.private' ? ofUser(userId) : ofRoom(roomId))
  })
  for (const name of ['account_data', 'push_rules', 'thread_subscriptions'] as const)
    streams.follow(name, (rows: readonly { readonly userId: string }[], position, writer) => {
      for (const { userId } of rows) note(name, position, writer, ofUser(userId))
    })

  /** Whom other devices concern is not in the row: who shares a room with the user. */
  const noteRoomsOf = async (userId: UserId, position: number, writer: string): Promise<void> => {
    const concerned = new Set<Watched>()
    for (const roomId of await roomsOf(userId)) for (const watched of ofRoom(roomId)) concerned.add(watched)
    if (!isBetween(undefined, streams.current('device_lists'), writer, position))
      return note('device_lists', position, writer, concerned)
    for (const watched of concerned) watched.version++
    for (const watched of concerned) for (const wake of [...watched.waiters]) wake()
  }
  streams.follow('device_lists', (rows, position, writer) => {
    for (const { userId, isSignature, hostsCalculated } of rows) {
      if (hostsCalculated) continue
      note('device_lists', position, writer, ofUser(userId))
      // If that fails they are told when something else is new, or when the time is over.
      if (!isSignature && users.size > 0) noteRoomsOf(userId as UserId, position, writer).catch(() => undefined)
    }
  })
  streams.follow('to_device', (rows, position, writer) => {
    for (const { entity } of rows) note('to_device', position, writer, ofUser(entity))
  })

  streams.onAdvance((name) => {
    const waiting = pending.get(name)
    if (waiting === undefined) return
    const now = streams.current(name)
    const left = waiting.filter((entry) => {
      if (!isBetween(undefined, now, entry.writer, entry.position)) return true
      for (const watched of entry.users) watched.version++
      return false
    })
    if (left.length === 0) pending.delete(name)
    else pending.set(name, left)
    // After all were counted: who is woken twice looks twice.
    if (left.length === waiting.length) return
    for (const { position, writer, users: woken } of waiting)
      if (isBetween(undefined, now, writer, position))
        for (const watched of woken) for (const wake of [...watched.waiters]) wake()
  })

  const drop = (watched: Watched) => {
    idle.delete(watched)
    if (watched.userId !== undefined) users.delete(watched.userId)
    for (const roomId of [...watched.rooms]) leave(watched, roomId)
  }

  const begin = (userId: UserId): Watched => {
    const watched: Watched = {
      userId,
      rooms: new Set(),
      version: 0,
      watches: 0,
      waiters: new Set(),
      ready: Promise.resolve(),
      changes: [],
      moves: 0,
    }
    users.set(userId, watched)
    watched.ready = (async () => {
      try {
        for (const { roomId, membership } of (await memberships.ofUser(userId)).values())
          if (membership === 'join') enter(watched, roomId)
        const { changes = [] } = watched
        watched.changes = undefined
        for (const [roomId, isJoined] of changes) move(watched, roomId, isJoined)
      } catch (error) {
        drop(watched)
        throw error
      }
    })()
    return watched
  }

  return {
    async watch(userId) {
      const watched = users.get(userId) ?? begin(userId)
      watched.watches++
      idle.delete(watched)
      const end = () => {
        watched.watches--
        if (watched.watches > 0 || users.get(userId) !== watched) return
        idle.add(watched)
        if (idle.size > maxIdleUsers) for (const oldest of idle) return drop(oldest)
      }
      try {
        if (watched.changes !== undefined) await watched.ready
      } catch (error) {
        end()
        throw error
      }
      return watchOf(watched, end)
    },
    watchRoom(roomId) {
      const watched: Watched = {
        userId: undefined,
        rooms: new Set(),
        version: 0,
        watches: 1,
        waiters: new Set(),
        ready: Promise.resolve(),
        changes: undefined,
        moves: 0,
      }
      enter(watched, roomId)
      return watchOf(watched, () => leave(watched, roomId))
    },
    touch(name, position, writer, roomIds, userIds) {
      const touched = new Set<Watched>()
      for (const roomId of roomIds) for (const watched of ofRoom(roomId)) touched.add(watched)
      for (const userId of userIds) for (const watched of ofUser(userId)) touched.add(watched)
      if (!isBetween(undefined, streams.current(name), writer, position)) return note(name, position, writer, touched)
      for (const watched of touched) watched.version++
      for (const watched of touched) for (const wake of [...watched.waiters]) wake()
    },
    numbers() {
      let waiting = 0
      for (const { waiters } of users.values()) waiting += waiters.size
      return { users: users.size, rooms: inRoom.size, waiting }
    },
  }
}

const watchOf = (watched: Watched, end: () => void): Watch => ({
  version: () => watched.version,
  changed: (version, timeoutMs, signal) =>
    new Promise((resolve) => {
      if (watched.version !== version) return resolve(true)
      if (timeoutMs <= 0 || signal?.aborted) return resolve(false)
      const settle = (hasChanged: boolean) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        watched.waiters.delete(wake)
        resolve(hasChanged)
      }
      const wake = () => settle(true)
      const abort = () => settle(false)
      const timer = setTimeout(settle, Math.min(timeoutMs, MAX_TIMEOUT_MS), false)
      signal?.addEventListener('abort', abort)
      watched.waiters.add(wake)
    }),
  end,
})
