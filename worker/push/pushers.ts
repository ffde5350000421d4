/**
 * Where users are pushed to (client-server-api, "Push Notifications"): kept by the main process, which others ask to remove
 * them. Nothing is pushed here yet.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Queries } from '../storage/db.ts'
import {
  deletePusher,
  type PusherName,
  type PusherRow,
  selectPushersOfKey,
  selectPushersOfUser,
  upsertPusher,
} from '../storage/pushers.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'

export interface Pushers {
  readonly ofUser: (userId: UserId) => Promise<readonly PusherRow[]>
  /** In the main process. One that is there is set anew, and stays with its device. */
  readonly set: (pusher: PusherRow) => Promise<void>
  /** Whether there is one or not; in any process. */
  readonly remove: (pusher: PusherName) => Promise<void>
  /** Those of other users for the same instance of an application: it has another user now. */
  readonly removeOfOthers: (pusher: PusherName) => Promise<void>
  /** The devices are gone. */
  readonly removeOfDevices: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  readonly removeAll: (userId: UserId) => Promise<void>
  readonly replicationHandlers: ReplicationHandlers
}

export interface PushersDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'instance' | 'current' | 'write' | 'writes' | 'writersOf'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly client: Pick<ReplicationClient, 'call'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function makePushers({ db, streams, caches, client, now }: PushersDeps): Pushers {
  const write = (
    { userId, appId, pushkey }: PusherName,
    deleted: boolean,
    work: (tx: Queries, position: { readonly streamId: number; readonly instanceName: string }) => Promise<unknown>,
  ): Promise<void> =>
    streams.write('pushers', 1, async ([streamId]) => {
      await caches.transaction('change_pusher', async (tx, stale) => {
        await work(tx, { streamId: streamId!, instanceName: streams.instance })
        stale('get_if_user_has_pusher', [userId])
      })
      return { result: undefined, rows: [[streamId!, [{ userId, appId, pushkey, deleted }]]] }
    })

  const removeHere = (name: PusherName) => write(name, true, (tx, position) => deletePusher(tx, name, position))
  const remove = async (name: PusherName): Promise<void> => {
    if (streams.writes('pushers')) return removeHere(name)
    const { userId, appId, pushkey } = name
    const [instance] = streams.writersOf('pushers')
    await client.call('remove_pusher', {
      instance: instance!,
      args: { user_id: userId },
      body: { app_id: appId, pushkey },
    })
  }
  const removeThose = async (pushers: readonly PusherRow[], test: (pusher: PusherRow) => boolean): Promise<void> => {
    for (const pusher of pushers) if (test(pusher)) await remove(pusher)
  }
  const ofUser = (userId: UserId) => selectPushersOfUser(db, userId)
  const removeAll = async (userId: UserId) => removeThose(await ofUser(userId), () => true)

  return {
    ofUser,
    set: (pusher) =>
      write(pusher, false, (tx, position) =>
        upsertPusher(tx, pusher, position, now(), streams.current('events').stream),
      ),
    remove,
    removeOfOthers: async ({ userId, appId, pushkey }) =>
      removeThose(await selectPushersOfKey(db, appId, pushkey), (pusher) => pusher.userId !== userId),
    removeOfDevices: async (userId, deviceIds) =>
      removeThose(await ofUser(userId), ({ deviceId }) => deviceId !== null && deviceIds.includes(deviceId)),
    removeAll,
    replicationHandlers: streams.writes('pushers')
      ? {
          async remove_pusher({ args, body }) {
            const { app_id: appId, pushkey } = body as { readonly app_id: string; readonly pushkey: string }
            await removeHere({ userId: args.user_id as UserId, appId, pushkey })
            return {}
          },
          async delete_all_pushers_for_user({ args }) {
            await removeAll(args.user_id as UserId)
            return {}
          },
        }
      : {},
  }
}
