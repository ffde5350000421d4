import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeRateLimiter } from '../../../worker/http/rate-limit.ts'

/** The clock, in ms. */
const at = () => {
  const clock = { ms: 1_000_000 }
  return { clock, now: () => clock.ms }
}

test('a burst passes, then one action for each that leaked', () => {
  const { clock, now } = at()
  const limiter = makeRateLimiter({ perSecond: 0.1, burstCount: 3 }, now)
  for (let i = 0; i < 3; i++) assert.equal(limiter.take('a'), 0)
  assert.equal(limiter.take('a'), 10_000)
  assert.equal(limiter.take('b'), 0, 'others are not concerned')
  clock.ms += 9_999
  assert.ok(limiter.take('a') > 0)
  clock.ms += 1
  assert.equal(limiter.take('a'), 0)
  assert.equal(limiter.take('a'), 10_000)
})

test('a refused action is not counted, several are all or none, and looking counts nothing', () => {
  const { now } = at()
  const limiter = makeRateLimiter({ perSecond: 1, burstCount: 3 }, now)
  assert.ok(limiter.take('a', { count: 4 }) > 0)
  assert.equal(limiter.take('a', { count: 2, update: false }), 0)
  assert.equal(limiter.take('a', { count: 2 }), 0)
  assert.ok(limiter.take('a', { count: 2 }) > 0)
  assert.equal(limiter.take('a'), 0)
})

test('what happened anyway is counted beyond the limit, and can be given back', () => {
  const { now } = at()
  const limiter = makeRateLimiter({ perSecond: 1, burstCount: 2 }, now)
  limiter.record('a', 5)
  assert.equal(limiter.take('a'), 4_000)
  limiter.record('a', -4)
  assert.equal(limiter.take('a'), 0)
})

test('a user may have another limit, and with a rate of 0 what is full stays full', () => {
  const { clock, now } = at()
  const limiter = makeRateLimiter({ perSecond: 1, burstCount: 1 }, now)
  const limit = { perSecond: 0, burstCount: 2 }
  assert.equal(limiter.take('a', { limit }), 0)
  assert.equal(limiter.take('a', { limit }), 0)
  clock.ms += 1e9
  assert.equal(limiter.take('a', { limit }), Number.POSITIVE_INFINITY)
  assert.throws(() => limiter.takeOrRefuse('a', { limit }), { errcode: 'M_LIMIT_EXCEEDED' })
})

test('keys are forgotten when they are empty, and when there are too many', () => {
  const { clock, now } = at()
  const limiter = makeRateLimiter({ perSecond: 1, burstCount: 5 }, now, 1000)
  for (let i = 0; i < 5000; i++) limiter.take(`key ${i}`)
  assert.equal(limiter.size, 1000)
  clock.ms += 2_000
  for (let i = 0; i < 600; i++) limiter.take('one')
  assert.equal(limiter.size, 1)
})

test('no more pass than the burst and what leaks, and who waits as told passes', () => {
  fc.assert(
    fc.property(
      fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burstCount: fc.integer({ min: 1, max: 20 }) }),
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 }),
      (limit, gaps) => {
        const { clock, now } = at()
        const startMs = clock.ms
        const limiter = makeRateLimiter(limit, now)
        let passed = 0
        for (const gap of gaps) {
          clock.ms += gap
          const waitMs = limiter.take('a')
          if (waitMs > 0) {
            clock.ms += Math.ceil(waitMs)
            assert.equal(limiter.take('a'), 0)
          }
          passed++
        }
        assert.ok(passed <= limit.burstCount + ((clock.ms - startMs) / 1000) * limit.perSecond + 1e-6)
      },
    ),
  )
})
