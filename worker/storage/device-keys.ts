/** Keys of devices, as their owners signed them, and the signatures that their owners' other keys made on them since. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface DeviceKeysRow {
  readonly userId: UserId
  readonly deviceId: string
  readonly displayName: string | null
  /** JSON. */
  readonly keys: string
}

/** Of all devices of `userIds`, and of these devices. Cross-signing keys are none. */
export const selectDeviceKeys = (
  db: Queries,
  userIds: readonly UserId[],
  devices: readonly { readonly userId: UserId; readonly deviceId: string }[],
) =>
  db.rows<DeviceKeysRow>(
    `select k.user_id as "userId", k.device_id as "deviceId", d.display_name as "displayName", k.key_json as keys
     from e2e_device_keys_json k join devices d on d.user_id = k.user_id and d.device_id = k.device_id
     where d.hidden is not true and (k.user_id = any($1) or (k.user_id, k.device_id) in (
       select * from unnest($2::text[], $3::text[])
     ))
     order by k.user_id, k.device_id`,
    [userIds, devices.map(({ userId }) => userId), devices.map(({ deviceId }) => deviceId)],
  )

/** False: they were there already, as they are. */
export const upsertDeviceKeys = async (
  tx: Queries,
  userId: UserId,
  deviceId: string,
  keys: string,
  nowMs: number,
): Promise<boolean> =>
  (await tx.run(
    `insert into e2e_device_keys_json as k (user_id, device_id, ts_added_ms, key_json) values ($1, $2, $3, $4)
     on conflict (user_id, device_id) do update set ts_added_ms = excluded.ts_added_ms, key_json = excluded.key_json
     where k.key_json <> excluded.key_json`,
    [userId, deviceId, nowMs, keys],
  )) === 1

/** Whether the device has the keys that it has since then, or less long. Milliseconds since 1970. */
export const haveKeysSince = async (tx: Queries, userId: UserId, deviceId: string, sinceMs: number): Promise<boolean> =>
  (await tx.one('select from e2e_device_keys_json where user_id = $1 and device_id = $2 and ts_added_ms >= $3', [
    userId,
    deviceId,
    sinceMs,
  ])) !== undefined

export interface KeySignature {
  /** Who signed. */
  readonly userId: UserId
  readonly keyId: string
  readonly targetUserId: UserId
  /** A device, or the public part of a cross-signing key. */
  readonly targetDeviceId: string
  readonly signature: string
}

/** Signatures on these keys by their own owners, and by `signer`. */
export const selectKeySignatures = (
  db: Queries,
  targets: readonly { readonly userId: UserId; readonly deviceId: string }[],
  signer: UserId | undefined,
) =>
  db.rows<KeySignature>(
    `select s.user_id as "userId", s.key_id as "keyId", s.target_user_id as "targetUserId",
       s.target_device_id as "targetDeviceId", s.signature
     from unnest($1::text[], $2::text[]) as t (user_id, device_id)
     join e2e_cross_signing_signatures s on s.target_user_id = t.user_id and s.target_device_id = t.device_id
       and s.user_id in (t.user_id, $3)`,
    [targets.map(({ userId }) => userId), targets.map(({ deviceId }) => deviceId), signer ?? ''],
  )

/** Each at most once in `signatures`. */
export const upsertKeySignatures = (tx: Queries, signatures: readonly KeySignature[]) =>
  tx.run(
    `insert into e2e_cross_signing_signatures (user_id, key_id, target_user_id, target_device_id, signature)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
     on conflict (user_id, target_user_id, target_device_id, key_id) do update set signature = excluded.signature`,
    [
      signatures.map(({ userId }) => userId),
      signatures.map(({ keyId }) => keyId),
      signatures.map(({ targetUserId }) => targetUserId),
      signatures.map(({ targetDeviceId }) => targetDeviceId),
      signatures.map(({ signature }) => signature),
    ],
  )
