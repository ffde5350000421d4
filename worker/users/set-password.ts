import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { updatePasswordHash } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Sessions } from './sessions.ts'

export interface SetPasswordOptions {
  /** All sessions end, but for `except`. */
  readonly endsSessions: boolean
  readonly except?: { readonly deviceId?: string | undefined; readonly accessTokenId?: number | undefined } | undefined
}

/** Throws M_FORBIDDEN where passwords cannot be changed, M_NOT_FOUND. */
export type SetPassword = (userId: UserId, hash: string, options: SetPasswordOptions) => Promise<void>

export interface SetPasswordDeps {
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly sessions: Pick<Sessions, 'endAll'>
  /** `password_config.enabled` and `localdb_enabled`, both. */
  readonly mayChange: boolean
}

export const makeSetPassword =
  ({ caches, sessions, mayChange }: SetPasswordDeps): SetPassword =>
  async (userId, hash, { endsSessions, except }) => {
    if (!mayChange) throw new MatrixError('M_FORBIDDEN', 'Password change disabled')
    const isThere = await caches.transaction('set password', async (tx, stale) => {
      // Synapse's name: it remembers users with what is known of them.
      stale('get_user_by_id', [userId])
      return await updatePasswordHash(tx, userId, hash)
    })
    if (!isThere) throw new MatrixError('M_NOT_FOUND', 'Unknown user')
    if (endsSessions) await sessions.endAll(userId, except)
  }
