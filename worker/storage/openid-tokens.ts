/** Tokens that prove to others who a user is. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export const insertOpenIdToken = (
  db: Queries,
  { token, userId, validUntilMs }: { readonly token: string; readonly userId: UserId; readonly validUntilMs: number },
) =>
  db.run('insert into open_id_tokens (token, ts_valid_until_ms, user_id) values ($1, $2, $3)', [
    token,
    validUntilMs,
    userId,
  ])

/** Whose it is at `nowMs`. */
export async function selectOpenIdUser(db: Queries, token: string, nowMs: number): Promise<UserId | undefined> {
  const row = await db.one<{ userId: UserId }>(
    'select user_id as "userId" from open_id_tokens where token = $1 and ts_valid_until_ms > $2',
    [token, nowMs],
  )
  return row?.userId
}

export const deleteExpiredOpenIdTokens = (db: Queries, nowMs: number) =>
  db.run('delete from open_id_tokens where ts_valid_until_ms < $1', [nowMs])
