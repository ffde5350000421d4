/** `npm run core:differential`: the protocol core against Synapse's own functions and ruma's, on random histories. */

import { parseArgs } from 'node:util'
import { Failed } from '../synapse/report.ts'
import type { Oracle } from './oracles/oracle.ts'
import { buildRuma, startRuma } from './oracles/ruma.ts'
import { startSynapse } from './oracles/synapse.ts'
import { type Found, run } from './run.ts'

const { values: options } = parseArgs({
  options: {
    histories: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    oracles: { type: 'string', default: 'synapse,ruma' },
    show: { type: 'string', default: '10' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`npm run core:differential -- [options]
  --histories 2000        random room histories; room versions 1 to 12 take turns
  --seed 1                of the series; the same seed gives the same histories
  --from 0                the number of the first history: one that differed can be had alone
  --oracles synapse,ruma  who is asked; ruma is built by cargo (3 minutes, once), Synapse installed by pip
  --show 10               differences that are printed in full
Exit status 1 if there is a difference that is not explained (tests/differential/explained.ts), or if the histories lacked
something that matters (coverage.ts).`)
  process.exit()
}

const number = (name: 'histories' | 'seed' | 'from' | 'show'): number => {
  const value = Number(options[name])
  if (!Number.isSafeInteger(value) || value < 0) {
    console.error(`--${name}: expected a whole number, got "${options[name]}"`)
    process.exit(2)
  }
  return value
}
const [histories, seed, from, show] = [number('histories'), number('seed'), number('from'), number('show')]

const startOracle = async (name: string): Promise<Oracle> => {
  if (name === 'synapse') return startSynapse()
  if (name !== 'ruma') throw new Failed(`--oracles: "${name}" is not one of synapse, ruma`)
  await buildRuma()
  return startRuma()
}

const print = ({ history, question, ...difference }: Found): string => {
  const { part, index, oracle, version, ours, theirs } = difference
  const check = question.checks[index]
  const about =
    part === 'receipts' || part === 'states'
      ? { event: question.events[check!.event], state: check!.state.map((i) => question.events[i]) }
      : part === 'resolved'
        ? { sets: question.resolutions[index] }
        : { event: question.events[index] }
  return [
    `history ${history} (--seed ${seed} --from ${history} --histories 1), room version ${version}, ${part} ${index}`,
    `  ours:   ${JSON.stringify(ours)}`,
    `  ${oracle}: ${JSON.stringify(theirs)}`,
    `  ${JSON.stringify(about, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))}`,
  ].join('\n')
}

try {
  const oracles = await Promise.all(options.oracles.split(',').map(startOracle))
  const started = performance.now()
  let told = started
  const outcome = await run({
    histories,
    seed,
    from,
    oracles,
    onProgress(done, differences) {
      if (performance.now() - told < 5_000) return
      told = performance.now()
      const perSecond = (1000 * done) / (told - started)
      console.log(`${done} of ${histories} histories, ${differences} differences, ${perSecond.toFixed(1)} histories/s`)
    },
  })
  await Promise.all(oracles.map((oracle) => oracle.stop()))

  console.log(outcome.coverage.print())
  for (const [reason, count] of outcome.explained) console.log(`explained, ${count} times: ${reason}`)
  for (const [oracle, count] of outcome.unread) console.log(`${oracle} could not read ${count} histories`)
  for (const found of outcome.differences.slice(0, show)) console.log(print(found))
  const gaps = from === 0 ? outcome.coverage.gaps() : []
  for (const gap of gaps) console.log(`too rare: ${gap}`)
  console.log(
    `asked: ${oracles.map(({ name }) => name).join(', ')}; seed ${seed}; ${((performance.now() - started) / 1000).toFixed(0)} s`,
  )
  console.log(`${histories} histories, ${outcome.differences.length} differences`)
  process.exitCode = outcome.differences.length > 0 || gaps.length > 0 ? 1 : 0
} catch (error) {
  if (!(error instanceof Failed)) throw error
  console.error(error.message)
  process.exitCode = 1
}
