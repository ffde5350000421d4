/** Tokens that are good for one log-in. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Db, Queries } from './db.ts'

export const insertLoginToken = (
  db: Queries,
  { token, userId, expiryMs }: { readonly token: string; readonly userId: UserId; readonly expiryMs: number },
) => db.run('insert into login_tokens (token, user_id, expiry_ts) values ($1, $2, $3)', [token, userId, expiryMs])

/** From now on it has been used, whoever asks next. Undefined: there is none. */
export const useLoginToken = (db: Db, token: string, nowMs: number) =>
  db.transaction(
    'read committed',
    async (tx) => {
      const row = await tx.one<{ readonly userId: UserId; readonly expiryMs: number; readonly wasUsed: boolean }>(
        `select user_id as "userId", expiry_ts as "expiryMs", used_ts is not null as "wasUsed"
         from login_tokens where token = $1 for update`,
        [token],
      )
      if (row !== undefined && !row.wasUsed)
        await tx.run('update login_tokens set used_ts = $2 where token = $1', [token, nowMs])
      return row
    },
    'use login token',
  )

export const deleteOldLoginTokens = (db: Queries, nowMs: number) =>
  db.run('delete from login_tokens where expiry_ts < $1', [nowMs])
