/** That devices changed: written by the processes of the stream `device_lists`, which others ask by Synapse's own endpoints. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db, Queries } from '../storage/db.ts'
import { insertDeviceChanges, insertUserSignature } from '../storage/device-lists.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'

export type Stale = (cacheFunc: string, keys: readonly (string | number)[] | null) => void

export interface DeviceChanges {
  /** Devices of one of our users are new, gone, renamed or have other keys, and that is stored. */
  readonly changed: (userId: UserId, deviceIds: readonly string[]) => Promise<void>
  /** One of our users signed keys of these users, or has another user-signing key: only they themselves are told. */
  readonly signed: (userId: UserId, signedUsers: readonly UserId[]) => Promise<void>
  /**
   * A transaction that changes devices, at most `count` of them, and names them. Where this process writes the stream, both are
   * committed together, so that no change is forgotten whenever the process is killed; else it tells a writer afterwards, and waits
   * for that unless it `isSmall`: what clients can do without, as a device that has no keys yet.
   */
  readonly change: <T>(
    description: string,
    userId: UserId,
    count: number,
    work: (tx: Queries, stale: Stale) => Promise<{ readonly result: T; readonly deviceIds: readonly string[] }>,
    options?: { readonly isSmall?: boolean },
  ) => Promise<T>
  /** Whether {@link change} commits both together. */
  readonly isAtomic: boolean
  readonly replicationHandlers: ReplicationHandlers
}

export interface DeviceChangesDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'write' | 'writes' | 'writersOf'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly client: Pick<ReplicationClient, 'call'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onProblem: (problem: string, error: unknown) => void
  readonly retryMs?: number
}

/** Positions at once. */
const BATCH = 1_000
/** Changes of which no writer could be told. */
const MAX_UNTOLD = 10_000
const RETRY_MS = 5_000

export function makeDeviceChanges(deps: DeviceChangesDeps): DeviceChanges {
  const { db, streams, caches, client, now, onProblem, retryMs = RETRY_MS } = deps
  const { instance } = streams
  const row = (userId: UserId, isSignature: boolean) => ({ userId, isSignature, hostsCalculated: false })

  const insert = async (tx: Queries, userId: UserId, ids: readonly number[], deviceIds: readonly string[]) => {
    if (deviceIds.length === 0) return []
    const changes = deviceIds.map((deviceId, index) => ({ streamId: ids[index]!, deviceId }))
    await insertDeviceChanges(tx, userId, instance, changes, now())
    return changes.map(({ streamId }) => [streamId, [row(userId, false)]] as const)
  }

  const changedHere: DeviceChanges['changed'] = async (userId, deviceIds) => {
    const all = [...new Set(deviceIds)]
    for (let at = 0; at < all.length; at += BATCH) {
      const batch = all.slice(at, at + BATCH)
      await streams.write('device_lists', batch.length, async (ids) => ({
        result: undefined,
        rows: await db.transaction('read committed', (tx) => insert(tx, userId, ids, batch), 'devices changed'),
      }))
    }
  }
  const signedHere: DeviceChanges['signed'] = (userId, signedUsers) =>
    streams.write('device_lists', 1, async ([streamId]) => {
      await insertUserSignature(db, streamId!, instance, userId, signedUsers)
      return { result: undefined, rows: [[streamId!, [row(userId, true)]]] }
    })

  const writerFor = (userId: UserId) => choose(userId, streams.writersOf('device_lists'))
  const here = streams.writes('device_lists')

  const changed: DeviceChanges['changed'] = async (userId, deviceIds) => {
    if (deviceIds.length === 0) return
    if (here) return changedHere(userId, deviceIds)
    await client.call('notify_device_update', {
      instance: writerFor(userId),
      args: { user_id: userId },
      body: { device_ids: deviceIds },
    })
  }

  /** What is stored: the same request again would change nothing, so that nobody would ever be told. */
  const untold = new Set<() => Promise<void>>()
  let isWaiting = false
  const orLater = async (tell: () => Promise<void>): Promise<void> => {
    try {
      await tell()
    } catch (error) {
      if (untold.size < MAX_UNTOLD) untold.add(tell)
      tellLater()
      throw error
    }
  }
  const tellLater = () => {
    if (isWaiting || untold.size === 0) return
    isWaiting = true
    setTimeout(tellAgain, retryMs).unref()
  }
  const tellAgain = async () => {
    for (const tell of untold) {
      try {
        await tell()
        untold.delete(tell)
      } catch {
        // Whoever changed it was told so.
      }
    }
    isWaiting = false
    tellLater()
  }

  return {
    isAtomic: here,
    changed,
    async signed(userId, signedUsers) {
      if (here) return signedHere(userId, signedUsers)
      await orLater(async () => {
        await client.call('notify_user_signature_update', {
          instance: writerFor(userId),
          args: { from_user_id: userId },
          body: { user_ids: signedUsers },
        })
      })
    },
    async change(description, userId, count, work, { isSmall = false } = {}) {
      if (here)
        return streams.write('device_lists', count, (ids) =>
          caches.transaction(description, async (tx, stale) => {
            const { result, deviceIds } = await work(tx, stale)
            return { result, rows: await insert(tx, userId, ids, deviceIds) }
          }),
        )
      const { result, deviceIds } = await caches.transaction(description, work)
      const telling = orLater(() => changed(userId, deviceIds))
      if (isSmall) telling.catch((error) => onProblem('a new device is told of later', error))
      else await telling
      return result
    },
    replicationHandlers: {
      async notify_device_update({ args, body }) {
        await changedHere(args.user_id as UserId, body.device_ids as string[])
        return {}
      },
      async notify_user_signature_update({ args, body }) {
        await signedHere(args.from_user_id as UserId, body.user_ids as UserId[])
        return {}
      },
    },
  }
}

/** Any would do; a user's go to the same one, so that they come in order. */
function choose(userId: UserId, writers: readonly string[]): string {
  let hash = 0
  for (let i = 0; i < userId.length; i++) hash = (Math.imul(hash, 31) + userId.charCodeAt(i)) >>> 0
  return writers[hash % writers.length]!
}
