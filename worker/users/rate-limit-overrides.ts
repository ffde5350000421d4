/** {@link selectRateLimitOverride}, in memory until it changes. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { type RateLimitOverride, selectRateLimitOverride } from '../storage/rate-limit-overrides.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

/** Undefined: the configuration's limits hold for the user, as for nearly all. */
export type RateLimitOverrides = (userId: UserId) => Promise<RateLimitOverride | undefined>

interface Deps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'on'>
}

const MAX_USERS = 20_000

export function makeRateLimitOverrides({ db, caches }: Deps): RateLimitOverrides {
  const known = makeLru<string, Promise<RateLimitOverride | undefined>>(MAX_USERS)
  caches.on('get_ratelimit_for_user', (keys) => {
    const [userId] = keys ?? []
    if (typeof userId === 'string') known.delete(userId)
    else known.clear()
  })

  return (userId) => {
    const found = known.get(userId)
    if (found !== undefined) return found
    const reading = selectRateLimitOverride(db, userId)
    known.set(userId, reading)
    reading.catch(() => known.peek(userId) === reading && known.delete(userId))
    return reading
  }
}
