/** Counts of a device's keys, in memory until somebody says that they changed, under the names of Synapse's caches. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { type DeviceKeyCounts, selectDeviceKeyCounts } from '../storage/device-key-counts.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

export interface DeviceKeys {
  readonly of: (userId: UserId, deviceId: string | undefined) => DeviceKeyCounts | Promise<DeviceKeyCounts>
}

export interface DeviceKeysDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'on'>
}

const CACHES = ['count_e2e_one_time_keys', 'get_e2e_unused_fallback_key_types']
const MAX_USERS = 10_000
const NONE: DeviceKeyCounts = { oneTimeKeys: {}, unusedFallbackKeys: [] }

export function makeDeviceKeys({ db, caches }: DeviceKeysDeps): DeviceKeys {
  /** By user, as a user's are forgotten together. */
  const users = makeLru<UserId, Map<string, DeviceKeyCounts>>(MAX_USERS)
  /** What is read while something is forgotten is not kept: it may be from before. */
  let forgotten = 0
  for (const name of CACHES)
    caches.on(name, (keys) => {
      forgotten++
      if (keys === null) users.clear()
      else users.delete(keys[0] as UserId)
    })

  const load = async (userId: UserId, deviceId: string) => {
    const before = forgotten
    const counts = await selectDeviceKeyCounts(db, userId, deviceId)
    if (forgotten === before) {
      const devices = users.get(userId) ?? new Map<string, DeviceKeyCounts>()
      devices.set(deviceId, counts)
      users.set(userId, devices)
    }
    return counts
  }

  return {
    of: (userId, deviceId) =>
      deviceId === undefined ? NONE : (users.get(userId)?.get(deviceId) ?? load(userId, deviceId)),
  }
}
