/** Devices that nobody runs, kept for their owners' next log-in: at most one of a user (MSC3814). */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface DehydratedDevice {
  readonly deviceId: string
  /** JSON. */
  readonly deviceData: string
}

export const selectDehydratedDevice = (db: Queries, userId: UserId) =>
  db.one<DehydratedDevice>(
    'select device_id as "deviceId", device_data as "deviceData" from dehydrated_devices where user_id = $1',
    [userId],
  )

export const upsertDehydratedDevice = (tx: Queries, userId: UserId, { deviceId, deviceData }: DehydratedDevice) =>
  tx.run(
    `insert into dehydrated_devices (user_id, device_id, device_data) values ($1, $2, $3)
     on conflict (user_id) do update set device_id = excluded.device_id, device_data = excluded.device_data`,
    [userId, deviceId, deviceData],
  )
