/** Users with limits of their own (`ratelimit_override`), as admins set them. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface RateLimitOverride {
  /** 0 or null: no limits at all. */
  readonly perSecond: number | null
  readonly burstCount: number | null
}

export const selectRateLimitOverride = (db: Queries, userId: UserId) =>
  db.one<RateLimitOverride>(
    'select messages_per_second as "perSecond", burst_count as "burstCount" from ratelimit_override where user_id = $1',
    [userId],
  )
