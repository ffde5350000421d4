/** How many keys for encryption a device has left with us, as every answer of `/sync` says. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface DeviceKeyCounts {
  /** Of one-time keys, by algorithm. */
  readonly oneTimeKeys: Readonly<Record<string, number>>
  /** Algorithms of the fallback keys that were not used. */
  readonly unusedFallbackKeys: readonly string[]
}

export async function selectDeviceKeyCounts(db: Queries, userId: UserId, deviceId: string): Promise<DeviceKeyCounts> {
  const rows = await db.rows<{ readonly algorithm: string; readonly count: number | null }>(
    `select algorithm, count(*) as count from e2e_one_time_keys_json
     where user_id = $1 and device_id = $2 group by algorithm
     union all
     select algorithm, null from e2e_fallback_keys_json where user_id = $1 and device_id = $2 and not used`,
    [userId, deviceId],
  )
  return {
    oneTimeKeys: Object.fromEntries(
      rows.flatMap(({ algorithm, count }) => (count === null ? [] : [[algorithm, count]])),
    ),
    unusedFallbackKeys: rows.flatMap(({ algorithm, count }) => (count === null ? [algorithm] : [])),
  }
}
