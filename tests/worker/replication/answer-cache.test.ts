import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeAnswerCache } from '../../../worker/replication/answer-cache.ts'

test('who asks again, at once or within half an hour, gets the answer that there was', async () => {
  let [now, runs] = [0, 0]
  const cache = makeAnswerCache<number>(() => now)
  const work = async () => ++runs
  assert.deepEqual(
    await Promise.all([cache.answer('a', work), cache.answer('a', work), cache.answer('b', work)]),
    [1, 1, 2],
  )
  now = 29 * 60_000
  assert.equal(await cache.answer('a', work), 1)
  now = 31 * 60_000
  assert.equal(await cache.answer('a', work), 3)
})

test('a failure is not kept', async () => {
  const cache = makeAnswerCache<string>()
  const failing = [cache, cache].map((one) => one.answer('a', async () => Promise.reject(new Error('no'))))
  assert.deepEqual(
    (await Promise.allSettled(failing)).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(await cache.answer('a', async () => 'yes'), 'yes')
})

test('it does not grow without end', async () => {
  let runs = 0
  const cache = makeAnswerCache<number>()
  for (let key = 0; key < 60_000; key++) await cache.answer(String(key), async () => ++runs)
  assert.equal(await cache.answer('59999', async () => ++runs), 60_000)
  assert.equal(await cache.answer('0', async () => ++runs), 60_001, 'the oldest are gone')
})
