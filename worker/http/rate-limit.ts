/**
 * How fast somebody may do something: `rc_message`, `rc_login` and their like, with Synapse's meaning. A leaky bucket for
 * each key: it holds `burstCount` actions and leaks `perSecond`; an action that does not fit is refused and not counted.
 * Pure but for the map: the clock is handed in.
 */

import { limitExceeded } from './errors.ts'

/** `per_second` and `burst_count`. */
export interface RateLimit {
  readonly perSecond: number
  readonly burstCount: number
}

export interface TakeOptions {
  /** How many actions at once: all or none. 1 where absent. */
  readonly count?: number
  /** False: only look whether there is room. */
  readonly update?: boolean
  /** For this key instead of the limiter's own: a user with an override. */
  readonly limit?: RateLimit
}

export interface RateLimiter {
  /** 0: done, and counted. Else after how many milliseconds there will be room for one more action; Infinity: never. */
  take(key: string, options?: TakeOptions): number
  /** Counts what happened anyway, or with a negative count gives back what did not. */
  record(key: string, count?: number): void
  /** Throws M_LIMIT_EXCEEDED where {@link take} says to wait. */
  takeOrRefuse(key: string, options?: TakeOptions): void
  /** Keys that are remembered. */
  readonly size: number
}

interface Bucket {
  /** Actions since {@link sinceMs}, when it was empty: what leaked since is still in it. */
  actions: number
  sinceMs: number
  perSecond: number
}

/**
 * More are forgotten, beginning with those that did nothing for the longest time, which have leaked the most. Only somebody
 * with so many addresses could use it to be forgotten, and he needs no bucket to be forgotten.
 */
const MAX_KEYS = 100_000
/** Looked at with every action: more than it can add. */
const SWEEP = 2

/** @param now milliseconds, of any beginning, that never go back: `performance.now` */
export function makeRateLimiter(limit: RateLimit, now: () => number, maxKeys = MAX_KEYS): RateLimiter {
  /** In the order of their last action. */
  const buckets = new Map<string, Bucket>()

  const leaked = ({ sinceMs, perSecond }: Bucket, nowMs: number): number => ((nowMs - sinceMs) / 1000) * perSecond
  const isEmpty = (bucket: Bucket, nowMs: number): boolean => bucket.actions <= leaked(bucket, nowMs)

  /** Goes round and round: a key that stays full does not keep those behind it from being forgotten. */
  let cursor = buckets.entries()
  function sweep(nowMs: number): void {
    for (let i = 0; i < SWEEP; i++) {
      const { done, value } = cursor.next()
      if (done) {
        cursor = buckets.entries()
        return
      }
      if (isEmpty(value[1], nowMs)) buckets.delete(value[0])
    }
  }

  function put(key: string, bucket: Bucket, nowMs: number): void {
    buckets.delete(key)
    if (!isEmpty(bucket, nowMs)) buckets.set(key, bucket)
    if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value!)
  }

  function take(key: string, { count = 1, update = true, limit: own = limit }: TakeOptions = {}): number {
    const { perSecond, burstCount } = own
    const nowMs = now()
    sweep(nowMs)
    const known = buckets.get(key)
    const bucket: Bucket =
      known === undefined || known.actions < ((nowMs - known.sinceMs) / 1000) * perSecond
        ? { actions: 0, sinceMs: nowMs, perSecond }
        : { ...known, perSecond }
    const inIt = Math.max(0, bucket.actions - leaked(bucket, nowMs))
    if (inIt <= burstCount - count) {
      bucket.actions += count
      if (update) put(key, bucket, nowMs)
      return 0
    }
    if (perSecond <= 0) return Number.POSITIVE_INFINITY
    const roomAtMs = bucket.sinceMs + ((bucket.actions - burstCount + 1) / perSecond) * 1000
    return Math.max(1, roomAtMs - nowMs)
  }

  return {
    take,
    record(key, count = 1) {
      const nowMs = now()
      sweep(nowMs)
      const known = buckets.get(key)
      const bucket =
        known === undefined || isEmpty(known, nowMs)
          ? { actions: 0, sinceMs: nowMs, perSecond: limit.perSecond }
          : { ...known }
      bucket.actions += count
      put(key, bucket, nowMs)
    },
    takeOrRefuse(key, options) {
      const waitMs = take(key, options)
      if (waitMs > 0) throw limitExceeded(Math.min(waitMs, Number.MAX_SAFE_INTEGER))
    },
    get size() {
      return buckets.size
    },
  }
}
