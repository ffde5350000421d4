/** What becomes of rooms, beside a real Synapse: the same script on both, the same answers and the same events. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { homeserver } from '../harness/homeserver.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse, type TestSynapse } from '../harness/synapse.ts'
import { limits, play, type Stage } from './lifecycle/play.ts'
import { small, smallSettings } from './lifecycle/small.ts'
import { upgrades } from './lifecycle/upgrades.ts'

const settings = {
  ...limits,
  ...smallSettings,
  experimental_features: { msc4143_enabled: true },
}
const postgres = await startPostgres()

async function compare(t: TestContext, urls: readonly [string, string], script: (stage: Stage) => Promise<void>) {
  const [ours, theirs] = await Promise.all([play(urls[0], 'hs.test', script), play(urls[1], 'hs.test', script)])
  const differences: string[] = []
  for (const [i, [what, answer]] of theirs.entries()) {
    try {
      assert.deepEqual(ours[i], [what, answer])
    } catch (error) {
      differences.push(`${what}: ${(error as Error).message}`)
    }
  }
  assert.deepEqual(differences.join('\n\n'), '')
  t.diagnostic(`${theirs.length} answers alike`)
}

test('the life of rooms beside Synapse', async (t) => {
  let synapse: TestSynapse
  try {
    synapse = await startSynapse(t, settings)
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return
  }
  const hs = await homeserver(t, postgres, { settings })
  const urls = [hs.url, synapse.url] as const
  await t.test('requests that stand alone', (t) => compare(t, urls, small))
  await t.test('upgrades', (t) => compare(t, urls, upgrades))
})
