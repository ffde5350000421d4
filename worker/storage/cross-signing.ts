/** Users' cross-signing keys: the last of each kind counts. Their public parts are IDs that no device can have. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing'

export interface CrossSigningRow {
  readonly userId: UserId
  readonly usage: CrossSigningUsage
  /** JSON. */
  readonly key: string
  /** Until then it may be replaced without authentication (ms since 1970). */
  readonly replaceableBeforeMs: number | null
}

export const selectCrossSigningKeys = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<CrossSigningRow>(
    `select distinct on (user_id, keytype) user_id as "userId", keytype as usage, keydata as key,
       updatable_without_uia_before_ms as "replaceableBeforeMs"
     from e2e_cross_signing_keys where user_id = any($1) order by user_id, keytype, stream_id desc`,
    [userIds],
  )

/** Others who change the user's keys wait until the transaction ends. */
export const lockUser = (tx: Queries, userId: UserId) =>
  tx.one('select 1 from users where name = $1 for update', [userId])

/** False: a device has that ID. */
export async function insertCrossSigningKey(
  tx: Queries,
  instanceName: string,
  { userId, usage, key }: Omit<CrossSigningRow, 'replaceableBeforeMs'>,
  publicKey: string,
): Promise<boolean> {
  const [hidden] = await Promise.all([
    tx.run(
      `insert into devices as d (user_id, device_id, display_name, hidden) values ($1, $2, $3, true)
       on conflict (user_id, device_id) do update set display_name = excluded.display_name where d.hidden`,
      [userId, publicKey, `${usage} signing key`],
    ),
    tx.run(
      `insert into e2e_cross_signing_keys (user_id, keytype, keydata, stream_id, instance_name)
       values ($1, $2, $3, nextval('e2e_cross_signing_keys_sequence'), $4)`,
      [userId, usage, key, instanceName],
    ),
  ])
  return hidden === 1
}
