/**
 * Keeps the user directory, in the one process that is to: who is in a room that all may see, and who shares a room with whom.
 *
 * What a room gives is derived from how it is now. Names of our users are taken over where they change
 * (`refreshDirectoryUser`); whoever was changed otherwise, by a registration, a deactivation, another server's software, is
 * looked at when their cache entries are stale, and all of them when this starts.
 */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { selectCurrentState } from '../storage/current-state.ts'
import type { Db } from '../storage/db.ts'
import { selectJoined } from '../storage/memberships.ts'
import {
  addPairsOfPrivateRoom,
  addUsersOfPublicRoom,
  type DirectoryProfile,
  deleteFromDirectory,
  deleteUsersOfRoom,
  selectDirectoryPosition,
  selectFoundInRoom,
  selectListedProfiles,
  selectListedUsers,
  selectMisfiledUsers,
  selectPairedInRoom,
  selectRoomsOfLocals,
  selectUsersOfNoRoom,
  setUsersOfPrivateRoom,
  setUsersOfPublicRoom,
  updateDirectoryPosition,
  upsertDirectoryProfiles,
  upsertStaleUsers,
} from '../storage/user-directory.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { storableText } from './content.ts'
import { makeStateFollower, type StateChange, type StateFollower, type StateFollowerDeps } from './state-follower.ts'

export interface UserDirectoryDeps extends Pick<StateFollowerDeps, 'streams' | 'onProblem'> {
  readonly db: Db
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly serverName: ServerName
  readonly events: Pick<EventStore, 'get'>
  /** Whether the user is in a namespace of an appservice: they are not found. */
  readonly isAppserviceUser: (userId: UserId) => boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Users or rooms looked at together. */
const MAX_AT_ONCE = 100
/** Profiles of others are asked for after that time, in which more of them may change. */
const STALE_AFTER_MS = 60_000
const RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000

/** To be made before the process is connected: it follows streams. */
export function makeUserDirectory(deps: UserDirectoryDeps): StateFollower {
  const { db, serverName, events, isAppserviceUser, onProblem } = deps
  const suffix = `:${serverName}`
  const isLocal = (userId: UserId): boolean => userId.endsWith(suffix)

  /** Whether everybody may see who is in the room: it is world-readable, or anybody may join it. */
  async function publicAmong(roomIds: readonly RoomId[]): Promise<ReadonlySet<RoomId>> {
    const entries = await selectCurrentState(db, roomIds, [
      { type: 'm.room.join_rules', stateKey: '' },
      { type: 'm.room.history_visibility', stateKey: '' },
    ])
    const known = await events.get(entries.map(({ eventId }) => eventId))
    const isOpen = ({ eventId, type }: (typeof entries)[number]): boolean => {
      const content = known.get(eventId)?.event.content
      return type === 'm.room.join_rules'
        ? content?.join_rule === 'public'
        : content?.history_visibility === 'world_readable'
    }
    return new Set(entries.filter(isOpen).map(({ roomId }) => roomId))
  }

  /** Those of these users whom others may find; of other servers' users all. */
  async function listedAmong(userIds: readonly UserId[]): Promise<readonly UserId[]> {
    const locals = userIds.filter(isLocal)
    const listed = locals.length === 0 ? new Set<UserId>() : await selectListedUsers(db, locals)
    return userIds.filter((userId) => !isLocal(userId) || (listed.has(userId) && !isAppserviceUser(userId)))
  }

  /** All that the directory has because of a room, anew. */
  async function renewRoom(roomId: RoomId, isPublic: boolean): Promise<void> {
    const joined = await selectJoined(db, roomId)
    // Of a room that none of our users is in we know no longer who is.
    const listed = joined.some(isLocal) ? await listedAmong(joined) : []
    const before = await selectFoundInRoom(db, roomId)
    await meetStrangers(
      roomId,
      isPublic,
      listed.filter((userId) => !isLocal(userId)),
    )
    await db.transaction('read committed', async (tx) => {
      if (isPublic) await setUsersOfPublicRoom(tx, roomId, listed)
      else await setUsersOfPrivateRoom(tx, roomId, listed, listed.filter(isLocal))
    })
    await forgetStrangers(before)
  }

  /** The same for those whose membership changed. */
  async function renewMembers(roomId: RoomId, isPublic: boolean, changed: readonly UserId[]): Promise<void> {
    const joined = new Set(await selectJoined(db, roomId, changed))
    const left = changed.filter((userId) => !joined.has(userId))
    if (left.some(isLocal) && (await selectJoined(db, roomId)).every((userId) => !isLocal(userId)))
      return renewRoom(roomId, isPublic)
    const found = isPublic || joined.size === 0 ? new Set<UserId>() : await selectPairedInRoom(db, roomId, [...joined])
    // Most memberships that change are of members who go by another name.
    const came = await listedAmong([...joined].filter((userId) => !found.has(userId)))
    const others = isPublic || came.length === 0 ? [] : await listedAmong(await selectJoined(db, roomId))
    await meetStrangers(
      roomId,
      isPublic,
      [...joined].filter((userId) => !isLocal(userId)),
    )
    await db.transaction('read committed', async (tx) => {
      if (left.length > 0) await deleteUsersOfRoom(tx, roomId, left)
      if (came.length === 0) return
      if (isPublic) return void (await addUsersOfPublicRoom(tx, roomId, came))
      await addPairsOfPrivateRoom(tx, roomId, came.filter(isLocal), others)
      await addPairsOfPrivateRoom(tx, roomId, others.filter(isLocal), came)
    })
    await forgetStrangers(left)
  }

  /**
   * Users of other servers are known by what they are called in rooms that all may see. What they are called in a private one is
   * no one else's business: their profile is to be asked for.
   */
  async function meetStrangers(roomId: RoomId, isPublic: boolean, userIds: readonly UserId[]): Promise<void> {
    for (let i = 0; i < userIds.length; i += MAX_AT_ONCE) {
      const some = userIds.slice(i, i + MAX_AT_ONCE)
      if (!isPublic) {
        await upsertStaleUsers(db, some, deps.now() + STALE_AFTER_MS)
        continue
      }
      const filters = some.map((userId) => ({ type: 'm.room.member', stateKey: userId }))
      const entries = await selectCurrentState(db, [roomId], filters)
      const known = await events.get(entries.map(({ eventId }) => eventId))
      const profiles = entries.flatMap(({ stateKey, eventId }): DirectoryProfile[] => {
        const content = known.get(eventId)?.event.content
        if (content === undefined) return []
        return [
          {
            userId: stateKey as UserId,
            displayName: storableText(content.displayname),
            avatarUrl: storableText(content.avatar_url),
          },
        ]
      })
      if (profiles.length > 0) await db.transaction('read committed', (tx) => upsertDirectoryProfiles(tx, profiles))
    }
  }

  async function forgetStrangers(userIds: readonly UserId[]): Promise<void> {
    const strangers = userIds.filter((userId) => !isLocal(userId))
    if (strangers.length === 0) return
    const gone = await selectUsersOfNoRoom(db, strangers)
    if (gone.length > 0) await db.transaction('read committed', (tx) => deleteFromDirectory(tx, gone))
  }

  /** Users of ours: by their names, or out, as they are now. */
  async function renewUsers(userIds: readonly UserId[]): Promise<void> {
    await db.transaction('read committed', async (tx) => {
      const profiles = (await selectListedProfiles(tx, userIds)).filter(({ userId }) => !isAppserviceUser(userId))
      const listed = new Set(profiles.map(({ userId }) => userId))
      const others = userIds.filter((userId) => !listed.has(userId))
      if (profiles.length > 0) await upsertDirectoryProfiles(tx, profiles)
      if (others.length > 0) await deleteFromDirectory(tx, others)
    })
  }

  async function renewMisfiled(signal?: AbortSignal): Promise<void> {
    for (let after = ''; !signal?.aborted; ) {
      const userIds = await selectMisfiledUsers(db, after, MAX_AT_ONCE)
      if (userIds.length === 0) return
      await renewUsers(userIds.filter((userId) => !isAppserviceUser(userId)))
      after = userIds.at(-1)!
    }
  }

  /** Renewing users, one after the other: what is said of them meanwhile waits. */
  let waiting = new Set<UserId>()
  let renewing: Promise<void> | undefined
  let retrying: NodeJS.Timeout | undefined
  let retries = 0
  let isClosed = false
  async function renewWaiting(): Promise<void> {
    while (waiting.size > 0) {
      const some = [...waiting]
      waiting = new Set()
      try {
        await renewUsers(some)
        retries = 0
      } catch (error) {
        if (retries++ === 0) onProblem('the user directory: users are taken over later', error)
        waiting = new Set([...some, ...waiting])
        const pauseMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (retries - 1))
        if (!isClosed) retrying ??= setTimeout(retry, pauseMs).unref()
        break
      }
    }
    renewing = undefined
  }
  function retry(): void {
    retrying = undefined
    renewing ??= renewWaiting()
  }
  const userChanged = (keys: readonly unknown[] | null): void => {
    const [userId] = keys ?? []
    if (typeof userId !== 'string' || !isUserId(userId) || !isLocal(userId)) return
    waiting.add(userId)
    if (retrying === undefined) renewing ??= renewWaiting()
  }
  // Whatever changes in the table `users` is said by one of these.
  for (const name of ['get_user_by_id', 'get_user_deactivated_status', 'is_support_user'])
    deps.caches.on(name, userChanged)

  const follower = makeStateFollower({
    ...deps,
    what: 'the user directory',
    loadPosition: async () => (await selectDirectoryPosition(db)) ?? 0,
    savePosition: (position) => updateDirectoryPosition(db, position),
    async prepare(signal) {
      await renewMisfiled(signal)
      if ((await selectDirectoryPosition(db)) !== null) return
      // Never filled. The changes since the beginning come to the same, but are many more.
      const upTo = deps.streams.current('events').stream
      for (let after = ''; !signal.aborted; ) {
        const roomIds = await selectRoomsOfLocals(db, after, MAX_AT_ONCE)
        if (roomIds.length === 0) return void (await updateDirectoryPosition(db, upTo))
        const open = await publicAmong(roomIds)
        for (const roomId of roomIds) await renewRoom(roomId, open.has(roomId))
        after = roomIds.at(-1)!
      }
    },
    async handle(changes) {
      const byRoom = Map.groupBy(changes.filter(matters), ({ roomId }) => roomId)
      const open = byRoom.size === 0 ? new Set<RoomId>() : await publicAmong([...byRoom.keys()])
      for (const [roomId, ofRoom] of byRoom)
        if (ofRoom.some(({ type }) => type !== 'm.room.member')) await renewRoom(roomId, open.has(roomId))
        else {
          const userIds = new Set(ofRoom.map(({ stateKey }) => stateKey!).filter(isUserId))
          await renewMembers(roomId, open.has(roomId), [...userIds])
        }
    },
  })
  return {
    ...follower,
    async close() {
      isClosed = true
      clearTimeout(retrying)
      await Promise.all([follower.close(), renewing])
    },
  }
}

const matters = ({ type }: StateChange): boolean =>
  type === undefined || ['m.room.member', 'm.room.join_rules', 'm.room.history_visibility'].includes(type)
