import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeInFlight } from '../../../worker/sync/in-flight.ts'

test('the same request at the same time is done once, and again when it is over', async () => {
  const inFlight = makeInFlight<number>()
  let done = 0
  const work = async () => {
    await new Promise(setImmediate)
    return ++done
  }
  const never = new AbortController().signal
  assert.deepEqual(await Promise.all([inFlight.share('a', never, work), inFlight.share('a', undefined, work)]), [1, 1])
  assert.equal(await inFlight.share('b', never, work), 2)
  assert.equal(await inFlight.share('a', never, work), 3)
})

test('it goes on while anybody asks, and stops when all have gone', async () => {
  const inFlight = makeInFlight<string>()
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('stopped')))
  const [one, two] = [new AbortController(), new AbortController()]
  const answers = [inFlight.share('a', one.signal, work), inFlight.share('a', two.signal, work)]
  one.abort()
  assert.equal(await Promise.race([answers[0], new Promise((resolve) => setTimeout(resolve, 10, 'on'))]), 'on')
  two.abort()
  assert.deepEqual(await Promise.all(answers), ['stopped', 'stopped'])
})

test('who asks after all have gone begins anew, and a failure is shared but not kept', async () => {
  const inFlight = makeInFlight<string>()
  const gone = new AbortController()
  const slow = Promise.withResolvers<string>()
  const first = inFlight.share('a', gone.signal, () => slow.promise)
  gone.abort()
  assert.equal(await inFlight.share('a', undefined, async () => 'new'), 'new')
  slow.resolve('old')
  assert.equal(await first, 'old')
  await assert.rejects(
    inFlight.share('a', undefined, async () => {
      throw new Error('failed')
    }),
    /failed/,
  )
  assert.equal(await inFlight.share('a', undefined, async () => 'better'), 'better')
})
