/** Devices of this server's users. Cross-signing keys stand among them as hidden devices. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface DeviceRow {
  readonly userId: UserId
  readonly deviceId: string
  readonly displayName: string | null
  readonly lastSeenMs: number | null
  readonly lastSeenIp: string | null
  readonly lastSeenUserAgent: string | null
}

const COLUMNS = `user_id as "userId", device_id as "deviceId", display_name as "displayName",
  last_seen as "lastSeenMs", ip as "lastSeenIp", user_agent as "lastSeenUserAgent"`

export const selectDevice = (db: Queries, userId: UserId, deviceId: string) =>
  db.one<DeviceRow>(`select ${COLUMNS} from devices where user_id = $1 and device_id = $2 and hidden is not true`, [
    userId,
    deviceId,
  ])

/** All devices of all these users, by user. */
export const selectDevices = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<DeviceRow>(
    `select ${COLUMNS} from devices where user_id = any($1) and hidden is not true order by user_id, device_id`,
    [userIds],
  )

/**
 * `new`, `known` (its name is left as it was), or `taken`: that ID is a cross-signing key's, and no device can have it.
 */
export async function insertDevice(
  db: Queries,
  userId: UserId,
  deviceId: string,
  displayName: string | null,
): Promise<'new' | 'known' | 'taken'> {
  const inserted = await db.run(
    `insert into devices (user_id, device_id, display_name, hidden) values ($1, $2, $3, false)
     on conflict (user_id, device_id) do nothing`,
    [userId, deviceId, displayName],
  )
  if (inserted === 1) return 'new'
  return (await selectDevice(db, userId, deviceId)) === undefined ? 'taken' : 'known'
}

/** Keeps others from removing the device until the transaction ends. False: it is not there. */
export const lockDevice = async (tx: Queries, userId: UserId, deviceId: string): Promise<boolean> =>
  (await tx.one('select 1 from devices where user_id = $1 and device_id = $2 and hidden is not true for update', [
    userId,
    deviceId,
  ])) !== undefined

/** False if there is no such device. */
export const updateDeviceName = async (
  db: Queries,
  userId: UserId,
  deviceId: string,
  displayName: string | null,
): Promise<boolean> =>
  (await db.run('update devices set display_name = $3 where user_id = $1 and device_id = $2 and hidden is not true', [
    userId,
    deviceId,
    displayName,
  ])) === 1

export interface Seen {
  readonly userId: UserId
  readonly deviceId: string
  readonly atMs: number
  readonly ip: string
  readonly userAgent: string
}

/** When devices were last seen, for many at once: each at most once in `seen`. One that is gone is left out. */
export const updateLastSeen = (db: Queries, seen: readonly Seen[]) =>
  db.run(
    `update devices d set last_seen = s.at_ms, ip = s.ip, user_agent = s.user_agent
     from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
       as s (user_id, device_id, at_ms, ip, user_agent)
     where d.user_id = s.user_id and d.device_id = s.device_id and coalesce(d.last_seen, 0) < s.at_ms`,
    [
      seen.map(({ userId }) => userId),
      seen.map(({ deviceId }) => deviceId),
      seen.map(({ atMs }) => atMs),
      seen.map(({ ip }) => ip),
      seen.map(({ userAgent }) => userAgent),
    ],
  )

/**
 * Removes devices and what is theirs alone: keys, one-time keys, messages that wait for them, pushers. Access tokens are another
 * table's (`access-tokens.ts`). Returns those that were there. In one transaction.
 */
export async function deleteDevices(
  tx: Queries,
  userId: UserId,
  deviceIds: readonly string[],
): Promise<readonly string[]> {
  const params = [userId, deviceIds]
  const [deleted] = await Promise.all([
    tx.rows<{ deviceId: string }>(
      `delete from devices where user_id = $1 and device_id = any($2) and hidden is not true
       returning device_id as "deviceId"`,
      params,
    ),
    tx.run('delete from e2e_device_keys_json where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from e2e_one_time_keys_json where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from e2e_fallback_keys_json where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from dehydrated_devices where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from device_auth_providers where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from device_inbox where user_id = $1 and device_id = any($2)', params),
    tx.run('delete from pushers where user_name = $1 and device_id = any($2)', params),
  ])
  return deleted.map(({ deviceId }) => deviceId)
}

/** Devices that were seen, but not since `seenBefore` (milliseconds since 1970), at most `limit`. */
export const selectStaleDevices = (db: Queries, seenBefore: number, limit: number) =>
  db.rows<{ readonly userId: UserId; readonly deviceId: string }>(
    `select user_id as "userId", device_id as "deviceId" from devices
     where last_seen < $1 and hidden is not true order by user_id, device_id limit $2`,
    [seenBefore, limit],
  )
