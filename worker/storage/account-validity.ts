/** When accounts end (`account_validity`), and the tokens in mails that renew them. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** In milliseconds since 1970; undefined: never. */
export async function selectExpiry(db: Queries, userId: UserId): Promise<number | undefined> {
  const row = await db.one<{ expiryMs: number }>(
    'select expiration_ts_ms as "expiryMs" from account_validity where user_id = $1',
    [userId],
  )
  return row?.expiryMs
}

/** Of those of `userIds` who have one. */
export const selectExpiries = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<{ readonly userId: UserId; readonly expiryMs: number }>(
    'select user_id as "userId", expiration_ts_ms as "expiryMs" from account_validity where user_id = any($1)',
    [userIds],
  )

export interface Validity {
  readonly expiryMs: number
  readonly emailSent: boolean
  /** Kept with the account after it was used, so that the same link says so. */
  readonly renewalToken: string | null
  readonly tokenUsedMs: number | null
}

export const upsertValidity = (db: Queries, userId: UserId, validity: Validity) =>
  db.run(
    `insert into account_validity (user_id, expiration_ts_ms, email_sent, renewal_token, token_used_ts_ms)
     values ($1, $2, $3, $4, $5)
     on conflict (user_id) do update set expiration_ts_ms = excluded.expiration_ts_ms, email_sent = excluded.email_sent,
       renewal_token = excluded.renewal_token, token_used_ts_ms = excluded.token_used_ts_ms`,
    [userId, validity.expiryMs, validity.emailSent, validity.renewalToken, validity.tokenUsedMs],
  )

/** A new user's: one who has one keeps it. */
export const insertValidity = (db: Queries, userId: UserId, expiryMs: number) =>
  db.run(
    `insert into account_validity (user_id, expiration_ts_ms, email_sent) values ($1, $2, false)
     on conflict (user_id) do nothing`,
    [userId, expiryMs],
  )

export const selectRenewal = (db: Queries, token: string) =>
  db.one<{ readonly userId: UserId; readonly expiryMs: number; readonly tokenUsedMs: number | null }>(
    `select user_id as "userId", expiration_ts_ms as "expiryMs", token_used_ts_ms as "tokenUsedMs"
     from account_validity where renewal_token = $1`,
    [token],
  )

/** A token for the next mail; it has not been used. */
export const updateRenewalToken = (db: Queries, userId: UserId, token: string) =>
  db.run('update account_validity set renewal_token = $2, token_used_ts_ms = null where user_id = $1', [userId, token])

export const markRenewalMailSent = (db: Queries, userId: UserId) =>
  db.run('update account_validity set email_sent = true where user_id = $1', [userId])

/** Whose account ends before `beforeMs`, and who were not written to yet; `limit` of them at most. */
export const selectExpiringUsers = (db: Queries, beforeMs: number, limit: number) =>
  db.rows<{ readonly userId: UserId; readonly expiryMs: number }>(
    `select user_id as "userId", expiration_ts_ms as "expiryMs" from account_validity
     where not email_sent and expiration_ts_ms <= $1 order by expiration_ts_ms limit $2`,
    [beforeMs, limit],
  )

/** People who have no end yet, as validity was switched on after they registered. */
export const selectUsersWithoutExpiry = (db: Queries, limit: number) =>
  db.rows<{ readonly userId: UserId }>(
    `select name as "userId" from users u
     where is_guest = 0 and deactivated = 0 and appservice_id is null
       and not exists (select from account_validity v where v.user_id = u.name) limit $1`,
    [limit],
  )

export const deleteValidity = (db: Queries, userId: UserId) =>
  db.run('delete from account_validity where user_id = $1', [userId])
