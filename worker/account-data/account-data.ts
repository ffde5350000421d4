/**
 * Account data and tags (client-server-api, "Client Config" and "Room Tagging"): written by the process of the stream
 * `account_data`, which others ask by Synapse's own endpoints.
 */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { jsonTextOf } from '../json-text.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers, ReplicationRequest } from '../replication/http-server.ts'
import {
  clearGlobalAccountData,
  clearRoomAccountData,
  deleteTag,
  type Position,
  replaceIgnoredUsers,
  upsertGlobalAccountData,
  upsertRoomAccountData,
  upsertTag,
} from '../storage/account-data.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'

export const IGNORED_USER_LIST = 'm.ignored_user_list'
export const TAG = 'm.tag'

export interface AccountData {
  /** Throws M_INVALID_PARAM where users would ignore themselves. */
  readonly set: (userId: UserId, type: string, content: JsonObject) => Promise<void>
  readonly setInRoom: (userId: UserId, roomId: RoomId, type: string, content: JsonObject) => Promise<void>
  /** Whether there is any or not (MSC3391). */
  readonly remove: (userId: UserId, type: string) => Promise<void>
  readonly removeInRoom: (userId: UserId, roomId: RoomId, type: string) => Promise<void>
  readonly setTag: (userId: UserId, roomId: RoomId, tag: string, content: JsonObject) => Promise<void>
  /** Whether there is one or not. */
  readonly deleteTag: (userId: UserId, roomId: RoomId, tag: string) => Promise<void>
  readonly replicationHandlers: ReplicationHandlers
}

export interface AccountDataDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'current' | 'write' | 'writes' | 'writersOf'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly client: Pick<ReplicationClient, 'call'>
}

/** A row for each of more would take the stream `caches` longer than all processes to read anew whom they ask for. */
const MANY_IGNORED = 100

export function makeAccountData({ db, streams, caches, client }: AccountDataDeps): AccountData {
  /** One change, and the row that tells of it; false: nothing changed. */
  const write = (
    userId: UserId,
    roomId: RoomId | null,
    type: string,
    work: (position: Position) => Promise<unknown>,
  ): Promise<void> =>
    streams.write('account_data', 1, async ([streamId]) => {
      const outcome = await work({ streamId: streamId!, instanceName: streams.instance })
      return { result: undefined, rows: outcome === false ? [] : [[streamId!, [{ userId, roomId, type }]]] }
    })

  const here: Omit<AccountData, 'replicationHandlers'> = {
    async set(userId, type, content) {
      const text = jsonTextOf(content)
      if (type !== IGNORED_USER_LIST)
        return write(userId, null, type, (position) => upsertGlobalAccountData(db, userId, type, text, position))
      const ignored = ignoredIn(content)
      if (ignored.includes(userId)) throw new MatrixError('M_INVALID_PARAM', 'You cannot ignore yourself')
      return write(userId, null, type, (position) =>
        caches.transaction('set_ignored_users', async (tx, stale) => {
          const [, changed] = await Promise.all([
            upsertGlobalAccountData(tx, userId, type, text, position),
            replaceIgnoredUsers(tx, userId, ignored),
          ])
          if (changed.length > MANY_IGNORED) stale('ignored_by', null)
          else for (const user of changed) stale('ignored_by', [user])
          if (changed.length > 0) stale('ignored_users', [userId])
        }),
      )
    },
    setInRoom: (userId, roomId, type, content) =>
      write(userId, roomId, type, (position) =>
        upsertRoomAccountData(db, userId, roomId, type, jsonTextOf(content), position),
      ),
    remove: (userId, type) =>
      write(userId, null, type, (position) => {
        if (type !== IGNORED_USER_LIST) return clearGlobalAccountData(db, userId, type, position)
        return caches.transaction('clear_ignored_users', async (tx, stale) => {
          const [hadAny, changed] = await Promise.all([
            clearGlobalAccountData(tx, userId, type, position),
            replaceIgnoredUsers(tx, userId, []),
          ])
          if (changed.length > MANY_IGNORED) stale('ignored_by', null)
          else for (const user of changed) stale('ignored_by', [user])
          if (changed.length > 0) stale('ignored_users', [userId])
          return hadAny
        })
      }),
    removeInRoom: (userId, roomId, type) =>
      write(userId, roomId, type, (position) => clearRoomAccountData(db, userId, roomId, type, position)),
    setTag: (userId, roomId, tag, content) =>
      write(userId, roomId, TAG, (position) =>
        db.transaction(
          'read committed',
          (tx) => upsertTag(tx, userId, { roomId, tag, content: jsonTextOf(content) }, position),
          'set_tag',
        ),
      ),
    deleteTag: (userId, roomId, tag) =>
      write(userId, roomId, TAG, (position) =>
        db.transaction('read committed', (tx) => deleteTag(tx, userId, roomId, tag, position), 'delete_tag'),
      ),
  }

  const ask = async (
    name:
      | 'add_user_account_data'
      | 'add_room_account_data'
      | 'remove_user_account_data'
      | 'remove_room_account_data'
      | 'add_tag'
      | 'remove_tag',
    args: Readonly<Record<string, string>>,
    content?: JsonObject,
  ) => {
    const [instance] = streams.writersOf('account_data')
    await client.call(name, { instance: instance!, args, body: content === undefined ? {} : { content } })
  }
  const there: Omit<AccountData, 'replicationHandlers'> = {
    set: (userId, type, content) => ask('add_user_account_data', { user_id: userId, account_data_type: type }, content),
    setInRoom: (userId, roomId, type, content) =>
      ask('add_room_account_data', { user_id: userId, room_id: roomId, account_data_type: type }, content),
    remove: (userId, type) => ask('remove_user_account_data', { user_id: userId, account_data_type: type }),
    removeInRoom: (userId, roomId, type) =>
      ask('remove_room_account_data', { user_id: userId, room_id: roomId, account_data_type: type }),
    setTag: (userId, roomId, tag, content) => ask('add_tag', { user_id: userId, room_id: roomId, tag }, content),
    deleteTag: (userId, roomId, tag) => ask('remove_tag', { user_id: userId, room_id: roomId, tag }),
  }

  /** What Synapse's processes expect; they wait for the stream besides. */
  const done = () => ({ max_stream_id: streams.current('account_data').stream })
  const replicationHandlers: ReplicationHandlers = {
    async add_user_account_data({ args, body }) {
      await here.set(args.user_id as UserId, args.account_data_type!, contentOf(body))
      return done()
    },
    async add_room_account_data({ args, body }) {
      await here.setInRoom(args.user_id as UserId, args.room_id as RoomId, args.account_data_type!, contentOf(body))
      return done()
    },
    async remove_user_account_data({ args }) {
      await here.remove(args.user_id as UserId, args.account_data_type!)
      return done()
    },
    async remove_room_account_data({ args }) {
      await here.removeInRoom(args.user_id as UserId, args.room_id as RoomId, args.account_data_type!)
      return done()
    },
    async add_tag({ args, body }) {
      await here.setTag(args.user_id as UserId, args.room_id as RoomId, args.tag!, contentOf(body))
      return done()
    },
    async remove_tag({ args }) {
      await here.deleteTag(args.user_id as UserId, args.room_id as RoomId, args.tag!)
      return done()
    },
  }
  return { ...(streams.writes('account_data') ? here : there), replicationHandlers }
}

const contentOf = ({ content }: ReplicationRequest['body']): JsonObject => content as JsonObject

/** The keys, but for what is nobody's ID; anything but an object ignores nobody. */
function ignoredIn(content: JsonObject): readonly UserId[] {
  const users = property(content, 'ignored_users')
  return isObject(users) ? Object.keys(users).filter(isUserId) : []
}
