import type { UserId } from '../../shared/matrix/ids.ts'
import { makeRateLimiter, type RateLimit } from '../http/rate-limit.ts'
import type { Requester } from '../http/requester.ts'
import type { RateLimitOverrides } from '../users/rate-limit-overrides.ts'

/** Counts a request of that user. Throws M_LIMIT_EXCEEDED. */
export type RequestLimit = (requester: Requester) => Promise<void>

/** As Synapse limits a kind of request by user; whoever `ratelimit_override` frees of limits is free of this one. */
export function makeRequestLimit(limit: RateLimit, overrides: RateLimitOverrides, now: () => number): RequestLimit {
  const limiter = makeRateLimiter(limit, now)
  return async ({ userId, authenticatedEntity }) => {
    const override = await overrides(authenticatedEntity as UserId)
    if (override !== undefined && (override.perSecond === null || override.perSecond === 0)) return
    limiter.takeOrRefuse(userId)
  }
}
