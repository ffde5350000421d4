/**
 * The protocol core against Synapse's own functions, and ruma's where its program is built, on a fixed series of histories.
 * `npm run core:differential` has more of them, builds ruma, and prints what it finds.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Oracle } from './oracles/oracle.ts'
import { rumaIsBuilt, startRuma } from './oracles/ruma.ts'
import { startSynapse } from './oracles/synapse.ts'
import { run } from './run.ts'

const HISTORIES = 2_000
const SEED = 1

test(`${HISTORIES} random room histories come out as in Synapse and ruma`, async (t) => {
  const oracles: Oracle[] = []
  t.after(() => Promise.all(oracles.map((oracle) => oracle.stop())))
  try {
    oracles.push(await startSynapse())
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return
  }
  if (rumaIsBuilt()) oracles.push(await startRuma())
  else t.diagnostic('ruma was not asked: npm run core:differential builds it')

  const { differences, coverage, explained } = await run({ histories: HISTORIES, seed: SEED, oracles })
  t.diagnostic(`asked: ${oracles.map(({ name }) => name).join(', ')}`)
  for (const [reason, count] of explained) t.diagnostic(`explained, ${count} times: ${reason}`)
  assert.deepEqual(
    differences.map(({ history, oracle, part, index, ours, theirs }) => ({
      history,
      oracle,
      part,
      index,
      ours,
      theirs,
    })),
    [],
  )
  assert.deepEqual(coverage.gaps(), [])
})
