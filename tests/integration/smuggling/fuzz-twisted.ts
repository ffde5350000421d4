/**
 * `npm run fuzz:twisted -- --seconds 60 --seed N`: the same streams, read by Twisted, which is what Synapse's workers are
 * made of. First Twisted reads what the router forwarded to the recording worker; then it is the worker itself.
 */

import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { HEALTH, type UpstreamConnection } from '../../harness/recording-upstream.ts'
import { startTwisted } from '../../harness/twisted.ts'
import { makeBed } from './bed.ts'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const seed = Number(values.seed)
const halfMs = Number(values.seconds) * 500
console.log(`seed ${seed}, ${values.seconds} s`)

const cleanups: (() => Promise<void>)[] = []
const cleanup = { after: (fn: () => Promise<void>) => cleanups.unshift(fn) }
const twisted = await startTwisted()
cleanup.after(twisted.upstream.close)
try {
  let connections = 0
  const readByTwisted = async ({ bytes, requests }: UpstreamConnection) => {
    const read = (await twisted.reads(bytes)).filter(({ target }) => target !== HEALTH)
    const expected = requests.map(({ method, target, body }) => ({ method, target, body }))
    assert.deepEqual(read, expected, 'Twisted reads what was forwarded as it was meant')
    connections += 1
  }
  const recorded = await makeBed(cleanup)
  const half = performance.now() + halfMs
  console.log(
    'forwarded bytes',
    await fuzz(recorded, seed, () => performance.now() < half, { alsoRead: readByTwisted }),
  )
  console.log(`Twisted read ${connections} worker connections alike`)

  const real = await makeBed(cleanup, {}, twisted.upstream)
  const end = performance.now() + halfMs
  console.log('Twisted as the worker', await fuzz(real, seed + 1, () => performance.now() < end))
} finally {
  for (const fn of cleanups) await fn()
}
