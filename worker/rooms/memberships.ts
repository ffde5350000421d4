/** Who is in which room, now: in memory, and forgotten as the stream `events` says so. */

import type { EventId, RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { type Membership, selectJoined, selectJoinedLocals, selectMembershipsOfUser } from '../storage/memberships.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makePatchedCache, type PatchedCache } from './patched-cache.ts'

/** One of our users' standing in a room. */
export interface OwnMembership {
  readonly roomId: RoomId
  readonly membership: Membership
  readonly eventId: EventId
  /** Of the membership event, by the clock of `instanceName`. It may be ahead of what clients may see yet. */
  readonly streamOrdering: number
  readonly instanceName: string
  readonly sender: UserId
  readonly isForgotten: boolean
}

export interface Memberships {
  /**
   * All rooms that one of our users is in, was invited to, knocked at, left or was banned from. The map stays as it is; the
   * same one is given until something changes.
   */
  readonly ofUser: (userId: UserId) => Promise<ReadonlyMap<RoomId, OwnMembership>>
  /** The user's in that room; undefined: never been there. */
  readonly of: (userId: UserId, roomId: RoomId) => Promise<OwnMembership | undefined>
  /** As {@link of}, by the table: another process may have changed it a moment ago, and this one not have heard of it. */
  readonly ofNow: (userId: UserId, roomId: RoomId) => Promise<OwnMembership | undefined>
  /** Of users of other servers too. */
  readonly isJoined: (userId: UserId, roomId: RoomId) => Promise<boolean>
  /** Users of this server who are joined. The set follows the room: it changes while one waits for something else. */
  readonly joinedLocals: (roomId: RoomId) => Promise<ReadonlySet<UserId>>
  /** Users of any server who are joined. As {@link joinedLocals}, the set follows the room. */
  readonly joined: (roomId: RoomId) => Promise<ReadonlySet<UserId>>
}

export interface MembershipsDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly serverName: ServerName
  /** Memberships kept of users, and members of rooms; 100 to 300 bytes each. */
  readonly maxMemberships?: number | undefined
  readonly maxMembers?: number | undefined
}

/** To be made before the process is connected: it follows streams. */
export function makeMemberships({
  db,
  streams,
  caches,
  serverName,
  maxMemberships = 200_000,
  maxMembers = 500_000,
}: MembershipsDeps): Memberships {
  const users = makePatchedCache<UserId, RoomId, ReadonlyMap<RoomId, OwnMembership>>({
    load: async (userId) => withRows(new Map(), await selectMembershipsOfUser(db, userId)),
    // A copy: who goes through a user's rooms waits in between.
    patch: async (userId, rooms, stale) => {
      const rows = await selectMembershipsOfUser(db, userId, stale)
      const fresh = new Map(rooms)
      for (const roomId of stale) fresh.delete(roomId)
      return withRows(fresh, rows)
    },
    weightOf: ({ size }) => size,
    maxWeight: maxMemberships,
  })

  const members = (select: typeof selectJoined): PatchedCache<RoomId, UserId, Set<UserId>> =>
    makePatchedCache<RoomId, UserId, Set<UserId>>({
      load: async (roomId) => new Set(await select(db, roomId)),
      // In place: a room of 50,000 that somebody joins every second is not to be copied every second.
      patch: async (roomId, joined, stale) => {
        const still = await select(db, roomId, stale)
        for (const userId of stale) joined.delete(userId)
        for (const userId of still) joined.add(userId)
        return joined
      },
      weightOf: ({ size }) => size,
      maxWeight: maxMembers,
    })
  const everybody = members(selectJoined)
  const locals = members(selectJoinedLocals)

  const suffix = `:${serverName}`
  const isLocal = (userId: string): boolean => userId.endsWith(suffix)

  const memberChanged = (userId: UserId, roomId: RoomId): void => {
    everybody.forgetPart(roomId, userId)
    if (!isLocal(userId)) return
    users.forgetPart(userId, roomId)
    locals.forgetPart(roomId, userId)
  }
  const roomChanged = (roomId: RoomId): void => {
    everybody.forget(roomId)
    locals.forget(roomId)
    users.forgetPartOfAll(roomId)
  }
  const allChanged = (): void => {
    everybody.clear()
    locals.clear()
    users.clear()
  }

  streams.follow('events', (rows) => {
    for (const row of rows) {
      // An invitation to a room where this server is not changes no room's state: of it there is the event alone.
      if (row.kind === 'state-all') roomChanged(row.roomId as RoomId)
      else if (row.type === 'm.room.member' && row.stateKey !== null)
        memberChanged(row.stateKey as UserId, row.roomId as RoomId)
    }
  })
  // A room's state was written anew, or the room was deleted.
  caches.on('cs_cache_fake', (keys) => {
    if (keys === null) return allChanged()
    const [roomId, ...userIds] = keys as [RoomId, ...UserId[]]
    for (const userId of userIds) memberChanged(userId, roomId)
  })
  caches.on('dr_cache_fake', (keys) => (keys === null ? allChanged() : roomChanged(keys[0] as RoomId)))
  caches.on('did_forget', (keys) =>
    keys === null ? users.clear() : users.forgetPart(keys[0] as UserId, keys[1] as RoomId),
  )

  const of = async (userId: UserId, roomId: RoomId) =>
    (users.getFor(userId, roomId) ?? (await users.get(userId))).get(roomId)

  return {
    ofUser: async (userId) => users.get(userId),
    of,
    ofNow: async (userId, roomId) => {
      users.forgetPart(userId, roomId)
      return (await users.get(userId)).get(roomId)
    },
    isJoined: async (userId, roomId) =>
      isLocal(userId)
        ? (await of(userId, roomId))?.membership === 'join'
        : (everybody.getFor(roomId, userId) ?? (await everybody.get(roomId))).has(userId),
    joinedLocals: async (roomId) => locals.get(roomId),
    joined: async (roomId) => everybody.get(roomId),
  }
}

/**
 * For who would refuse what is asked: that a user is in the room is taken from memory, anything else from the table, as they
 * may have joined through another process a moment ago. Of our users.
 */
export function beforeRefusing({ of, ofNow }: Pick<Memberships, 'of' | 'ofNow'>): Pick<Memberships, 'of' | 'isJoined'> {
  const own: Memberships['of'] = async (userId, roomId) => {
    const known = await of(userId, roomId)
    return known?.membership === 'join' ? known : ofNow(userId, roomId)
  }
  return { of: own, isJoined: async (userId, roomId) => (await own(userId, roomId))?.membership === 'join' }
}

function withRows(
  rooms: Map<RoomId, OwnMembership>,
  rows: Awaited<ReturnType<typeof selectMembershipsOfUser>>,
): ReadonlyMap<RoomId, OwnMembership> {
  for (const { roomId, membership, eventId, eventStreamOrdering, instanceName, sender, isForgotten } of rows)
    rooms.set(roomId, {
      roomId,
      membership,
      eventId,
      streamOrdering: eventStreamOrdering,
      instanceName,
      sender,
      isForgotten,
    })
  return rooms
}
