/** `npm run fuzz:http -- --seconds 600 --seed N`: the fuzzer of `fuzz.test.ts` for as long as one likes. */

import { parseArgs } from 'node:util'
import { makeBed } from './bed.ts'
import { fuzz } from './fuzz.ts'
import { streamOf } from './streams.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Only this stream, as a failure names it; its bytes are printed. */
    stream: { type: 'string' },
  },
})
const seed = Number(values.seed)
const cleanups: (() => Promise<void>)[] = []
const bed = await makeBed({ after: (fn) => cleanups.unshift(fn) })
try {
  if (values.stream !== undefined) {
    const only = Number(values.stream)
    console.log(JSON.stringify(streamOf(seed, only)))
    console.log(await fuzz(bed, seed, (n) => n <= only, { first: only }))
  } else {
    console.log(`seed ${seed}, ${values.seconds} s`)
    const until = performance.now() + Number(values.seconds) * 1000
    console.log(await fuzz(bed, seed, () => performance.now() < until))
  }
} finally {
  for (const cleanup of cleanups) await cleanup()
}
