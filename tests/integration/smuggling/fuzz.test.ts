import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBed } from './bed.ts'
import { fuzz } from './fuzz.ts'

const SEED = 1
const STREAMS = 3000
/** A busy machine does fewer, so that the suite's time has a bound; far more than this is `npm run fuzz:http`'s work. */
const BUDGET_MS = 20_000

test('nothing is smuggled through random streams', async (t) => {
  const bed = await makeBed(t)
  const until = performance.now() + BUDGET_MS
  const tally = await fuzz(bed, SEED, (n) => n < STREAMS && performance.now() < until)
  t.diagnostic(JSON.stringify(tally))
  assert.ok(tally.forwarded > tally.streams / 4, 'the grammar still makes streams that pass')
})
