/** `npm run differential -- --seed N --actions N`: the same random script at a fleet and at a real Synapse. */

import type { TestContext } from 'node:test'
import { inspect, parseArgs } from 'node:util'
import type { Answer } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import type { Action } from './action.ts'
import { playBeside } from './beside.ts'
import type { Found } from './play.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    actions: { type: 'string', default: '3000' },
    // Every action, and what came of it.
    trace: { type: 'boolean', default: false },
  },
})
const [seed, actions] = [Number(values.seed), Number(values.actions)]
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(actions)) throw new Error('--seed and --actions are numbers')

const MOST_SHOWN = 8
const show = ({ step, action, differences }: Found) => {
  const { name, by, method, path, body } = action
  console.log(`\n${step}. ${name}: ${by} ${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`)
  for (const { at, ours, theirs } of differences.slice(0, MOST_SHOWN))
    console.log(`   ${at || '(all)'}\n     ours    ${short(ours)}\n     Synapse ${short(theirs)}`)
}
const trace = (step: number, { name, by, method, path, body }: Action, ours: Answer, theirs: Answer) =>
  console.log(`${step}: ${name}: ${by} ${method} ${path} ${JSON.stringify(body) ?? ''} ${ours.status} ${theirs.status}`)
const short = (value: unknown): string =>
  (value === undefined ? 'nothing' : inspect(value, { depth: 8, breakLength: Number.POSITIVE_INFINITY })).slice(0, 600)

const ends: (() => void | Promise<void>)[] = []
const t = { after: (end: () => void | Promise<void>) => void ends.unshift(end) } as unknown as TestContext
try {
  const postgres = await startPostgres({ atEnd: (end) => void ends.unshift(end) })
  console.log(`seed ${seed}, ${actions} actions`)
  const { found, explained, done, unserved, misshapen } = await playBeside(t, postgres, {
    seed,
    actions,
    onFound: show,
    ...(values.trace && { onDone: trace }),
  })
  console.log('\ndone, and with success:')
  for (const [name, { times, succeeded }] of [...done].sort()) console.log(`  ${name}: ${times}, ${succeeded}`)
  if (unserved.size > 0) console.log(`\nnot served yet: ${[...unserved].sort().join(', ')}`)
  console.log('\nexplained:')
  for (const [why, times] of explained) console.log(`  ${times} × ${why}`)
  console.log('\nnot as specified:')
  for (const problem of misshapen) console.log(`  ${problem}`)
  console.log(`\n${found.length} differences that are not explained, in ${actions} actions of seed ${seed}.`)
  process.exitCode = found.length + misshapen.length > 0 ? 1 : 0
} finally {
  for (const end of ends) await end()
}
process.exit()
