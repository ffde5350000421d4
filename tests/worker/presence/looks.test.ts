import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { makeLooks } from '../../../worker/presence/looks.ts'

const [a, b, c] = ['@a:s', '@b:s', '@c:s'] as [UserId, UserId, UserId]

test('who is due is looked at once, together, not before the time, and nothing runs when nobody is', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 10_000 })
  const seen: (readonly [number, string])[] = []
  const looks = makeLooks({
    now: Date.now,
    resolutionMs: 100,
    look: (userIds) => void seen.push([Date.now(), userIds.join()]),
  })
  looks.at(a, Number.POSITIVE_INFINITY)
  looks.at(a, 10_950)
  looks.at(a, 10_120)
  // Later than what is asked for already.
  looks.at(a, 10_500)
  looks.at(b, 10_199)
  looks.at(c, 10_700)
  t.mock.timers.tick(199)
  assert.deepEqual(seen, [])
  t.mock.timers.tick(1)
  assert.deepEqual(seen, [[10_200, `${a},${b}`]])
  t.mock.timers.tick(599)
  assert.equal(seen.length, 1)
  t.mock.timers.tick(1)
  assert.deepEqual(seen.slice(1), [[10_800, c]])
  // What is past is looked at with the next step.
  looks.at(a, 1)
  t.mock.timers.tick(1)
  assert.equal(seen.length, 3)
  looks.at(b, 30_000)
  looks.close()
  t.mock.timers.tick(100_000)
  assert.equal(seen.length, 3)
})
