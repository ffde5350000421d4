/** One-time keys, each given once, and fallback keys, one of an algorithm, for when they are used up. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** A key without its owner. */
export interface StoredKey {
  readonly algorithm: string
  readonly keyId: string
  /** Canonical JSON. */
  readonly key: string
}

/** Of one-time keys with these IDs, whatever their algorithm. */
export const selectOneTimeKeys = (db: Queries, userId: UserId, deviceId: string, keyIds: readonly string[]) =>
  db.rows<StoredKey>(
    `select algorithm, key_id as "keyId", key_json as key from e2e_one_time_keys_json
     where user_id = $1 and device_id = $2 and key_id = any($3)`,
    [userId, deviceId, keyIds],
  )

export const insertOneTimeKeys = (
  tx: Queries,
  userId: UserId,
  deviceId: string,
  keys: readonly StoredKey[],
  nowMs: number,
) =>
  tx.run(
    `insert into e2e_one_time_keys_json (user_id, device_id, algorithm, key_id, ts_added_ms, key_json)
     select $1, $2, k.algorithm, k.key_id, $3, k.key
     from unnest($4::text[], $5::text[], $6::text[]) as k (algorithm, key_id, key)`,
    [
      userId,
      deviceId,
      nowMs,
      keys.map(({ algorithm }) => algorithm),
      keys.map(({ keyId }) => keyId),
      keys.map(({ key }) => key),
    ],
  )

/** A key that was uploaded before stays as it is, used or not. Each algorithm at most once in `keys`. */
export const upsertFallbackKeys = (tx: Queries, userId: UserId, deviceId: string, keys: readonly StoredKey[]) =>
  tx.run(
    `insert into e2e_fallback_keys_json as f (user_id, device_id, algorithm, key_id, key_json, used)
     select $1, $2, k.algorithm, k.key_id, k.key, false
     from unnest($3::text[], $4::text[], $5::text[]) as k (algorithm, key_id, key)
     on conflict (user_id, device_id, algorithm) do update
     set key_id = excluded.key_id, key_json = excluded.key_json, used = false
     where f.key_json <> excluded.key_json`,
    [
      userId,
      deviceId,
      keys.map(({ algorithm }) => algorithm),
      keys.map(({ keyId }) => keyId),
      keys.map(({ key }) => key),
    ],
  )

/** One key of a device is wanted. */
export interface Claim {
  readonly userId: UserId
  readonly deviceId: string
  readonly algorithm: string
}
export interface ClaimedKey extends Claim, StoredKey {}

const CLAIMS = 'unnest($1::text[], $2::text[], $3::text[]) as c (user_id, device_id, algorithm)'
const claimParams = (claims: readonly Claim[]) => [
  claims.map(({ userId }) => userId),
  claims.map(({ deviceId }) => deviceId),
  claims.map(({ algorithm }) => algorithm),
]
const CLAIMED = `k.user_id as "userId", k.device_id as "deviceId", k.algorithm, k.key_id as "keyId", k.key_json as key`

/**
 * Takes the oldest key for each claim, where there is one. Who claims at the same moment gets the next one. Each claim at most
 * once in `claims`.
 */
export const takeOneTimeKeys = (tx: Queries, claims: readonly Claim[]) =>
  tx.rows<ClaimedKey>(
    `with taken as materialized (
       select o.* from ${CLAIMS} cross join lateral (
         select user_id, device_id, algorithm, key_id from e2e_one_time_keys_json o
         where o.user_id = c.user_id and o.device_id = c.device_id and o.algorithm = c.algorithm
         order by o.ts_added_ms, o.key_id limit 1 for update skip locked
       ) o
     )
     delete from e2e_one_time_keys_json k using taken t
     where k.user_id = t.user_id and k.device_id = t.device_id and k.algorithm = t.algorithm and k.key_id = t.key_id
     returning ${CLAIMED}`,
    claimParams(claims),
  )

export const selectFallbackKeys = (db: Queries, claims: readonly Claim[]) =>
  db.rows<ClaimedKey & { readonly isUsed: boolean }>(
    `select ${CLAIMED}, k.used as "isUsed" from ${CLAIMS}
     join e2e_fallback_keys_json k on k.user_id = c.user_id and k.device_id = c.device_id and k.algorithm = c.algorithm`,
    claimParams(claims),
  )

/** That they were given to somebody; not if the device has another by now. */
export const markFallbackKeysUsed = (tx: Queries, keys: readonly ClaimedKey[]) =>
  tx.run(
    `update e2e_fallback_keys_json k set used = true
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as c (user_id, device_id, algorithm, key_id)
     where k.user_id = c.user_id and k.device_id = c.device_id and k.algorithm = c.algorithm and k.key_id = c.key_id
       and not k.used`,
    [...claimParams(keys), keys.map(({ keyId }) => keyId)],
  )
