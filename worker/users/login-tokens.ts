/** Tokens that are good for one log-in (`m.login.token`). */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Db } from '../storage/db.ts'
import { deleteOldLoginTokens, insertLoginToken, useLoginToken } from '../storage/login-tokens.ts'
import { makeLoginToken } from './session-tokens.ts'

export interface LoginTokens {
  readonly make: (userId: UserId, lifetimeMs: number) => Promise<string>
  /** Whose it is; it is used up. Throws M_FORBIDDEN. */
  readonly use: (token: string) => Promise<UserId>
  readonly sweep: () => Promise<void>
}

export const makeLoginTokens = (db: Db, now: () => number = Date.now): LoginTokens => ({
  async make(userId, lifetimeMs) {
    const token = makeLoginToken()
    await insertLoginToken(db, { token, userId, expiryMs: now() + lifetimeMs })
    return token
  },
  async use(token) {
    const nowMs = now()
    const used = token.includes('\0') ? undefined : await useLoginToken(db, token, nowMs)
    if (used === undefined || used.wasUsed || used.expiryMs < nowMs)
      throw new MatrixError('M_FORBIDDEN', 'Invalid login token')
    return used.userId
  },
  sweep: async () => void (await deleteOldLoginTokens(db, now())),
})
