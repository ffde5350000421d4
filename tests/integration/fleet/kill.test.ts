/** A short run of `npm run kill`: each kind of process once. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeRandom } from '../../harness/random.ts'
import { killRun } from '../../kill/run.ts'
import { startPlexus } from '../../kill/target.ts'

const root = join(import.meta.dirname, '../../..')
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1e6))

for (const bus of ['Redis', 'Postgres'])
  test(`processes are killed, and nothing that was acknowledged is lost, doubled, or out of order; the bus is ${bus} (TEST_SEED=${seed})`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'kill-'))
    // As root the database is another user's, who has to pass.
    chmodSync(folder, 0o711)
    t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const said: string[] = []
    const target = await startPlexus(root, folder, bus === 'Redis', (line) => said.push(line))
    t.after(target.stop)
    const verdict = await killRun(target, {
      random: makeRandom(seed),
      seconds: 25,
      times: 1,
      users: 4,
      rooms: 2,
      pauseMs: 150,
      say: (line) => said.push(line),
    })
    assert.deepEqual(verdict.wrong, [], said.join('\n'))
    assert.ok(verdict.acknowledged > 50, `${verdict.acknowledged} messages`)
  })
