/** A script played on both servers, and what was seen compared. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import type { TestPostgres } from '../../harness/postgres.ts'
import { startSynapse, type TestSynapse } from '../../harness/synapse.ts'
import { play, type Stage } from './play.ts'

type Script = (stage: Stage) => Promise<void>

/** Skipped, with the reason, where Synapse is not to be had. */
export function besideSynapse(
  title: string,
  postgres: TestPostgres,
  settings: Readonly<Record<string, unknown>>,
  scripts: Readonly<Record<string, Script>>,
): void {
  test(title, async (t) => {
    let synapse: TestSynapse
    try {
      synapse = await startSynapse(t, settings)
    } catch (error) {
      t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
      return
    }
    const hs = await homeserver(t, postgres, { settings })
    for (const [name, script] of Object.entries(scripts))
      await t.test(name, (t) => compare(t, [hs.url, synapse.url], script))
  })
}

async function compare(t: TestContext, urls: readonly [string, string], script: Script) {
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
