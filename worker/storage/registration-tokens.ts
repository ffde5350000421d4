/** Tokens that admins give to those who may register. */

import type { Queries } from './db.ts'

const IS_VALID = `(expiry_time is null or expiry_time > $2)
  and (uses_allowed is null or pending + completed < uses_allowed)`

/** Whether somebody may register with it at `nowMs`. */
export const selectIsRegistrationTokenValid = async (db: Queries, token: string, nowMs: number): Promise<boolean> =>
  (await db.one(`select 1 from registration_tokens where token = $1 and ${IS_VALID}`, [token, nowMs])) !== undefined

/** Keeps one of its uses for a registration that has begun. False: it is not valid. */
export const reserveRegistrationToken = async (db: Queries, token: string, nowMs: number): Promise<boolean> =>
  (await db.run(`update registration_tokens set pending = pending + 1 where token = $1 and ${IS_VALID}`, [
    token,
    nowMs,
  ])) === 1

/** The use that was kept has been made. */
export const completeRegistrationToken = (db: Queries, token: string) =>
  db.run(
    `update registration_tokens set completed = completed + 1, pending = greatest(pending - 1, 0) where token = $1`,
    [token],
  )
