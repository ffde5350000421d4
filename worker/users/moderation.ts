/** What admins do to accounts that stay as they are. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { updateLocked, updateSuspended } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

export interface Moderation {
  /** They may read, leave rooms and take back what they sent, and nothing else; in all processes, as soon as they hear of it. */
  readonly suspend: (userId: UserId, isSuspended: boolean) => Promise<void>
  /** They may do nothing but log out. */
  readonly lock: (userId: UserId, isLocked: boolean) => Promise<void>
}

export const makeModeration = (caches: Pick<CacheInvalidation, 'transaction'>): Moderation => ({
  async suspend(userId, isSuspended) {
    await caches.transaction('suspend', async (tx, stale) => {
      await updateSuspended(tx, userId, isSuspended)
      stale('get_user_suspended_status', [userId])
      stale('get_user_by_id', [userId])
    })
  },
  async lock(userId, isLocked) {
    await caches.transaction('lock', async (tx, stale) => {
      await updateLocked(tx, userId, isLocked)
      stale('get_user_locked_status', [userId])
      stale('get_user_by_id', [userId])
    })
  },
})
