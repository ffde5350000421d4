/**
 * `npm run kill`: messages are sent and read while processes are killed at random moments; nothing that was acknowledged may be
 * lost, doubled, or out of order, for any reader.
 *
 *     --seconds 60       of load (default)
 *     --times 2          kills of each kind of process
 *     --seed N           of the moments, and of who is killed; printed, to repeat it
 *     --bus redis        or postgres
 *     --flavour plexus   or synapse, for comparison
 *     --only sync,main   these kinds alone
 *     --keep             leaves the folder with the logs
 */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeRandom } from '../harness/random.ts'
import { killRun } from './run.ts'
import { startPlexus, startSynapse } from './target.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    times: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    bus: { type: 'string', default: 'redis' },
    flavour: { type: 'string', default: 'plexus' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const say = (line: string) => console.log(line)
const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'kill-'))
// As root the database is another user's, who has to pass.
chmodSync(folder, 0o711)

let status = 1
const target = await (flags.flavour === 'synapse'
  ? startSynapse(folder, say)
  : startPlexus(root, folder, flags.bus === 'redis', say))
process.once('SIGINT', () => void target.stop().then(() => process.exit(130)))
try {
  const only = flags.only?.split(',')
  const kinds = new Map([...target.kinds].filter(([kind]) => only === undefined || only.includes(kind)))
  say(`seed ${flags.seed}`)
  const verdict = await killRun(
    { url: target.url, kinds },
    {
      random: makeRandom(Number(flags.seed)),
      seconds: Number(flags.seconds),
      times: Number(flags.times),
      users: 5,
      rooms: 3,
      pauseMs: 200,
      say,
    },
  )
  say(
    `${verdict.acknowledged} acknowledged, ${verdict.shown} shown to readers, ${verdict.retries} requests repeated, ` +
      `${verdict.gaps} gaps filled, longest time without an acknowledgement ${(verdict.longestPauseMs / 1000).toFixed(1)} s`,
  )
  for (const line of verdict.wrong.slice(0, 30)) say(`WRONG: ${line}`)
  say(
    verdict.wrong.length === 0
      ? 'nothing lost, nothing doubled, all in order'
      : `${verdict.wrong.length} things are wrong`,
  )
  status = verdict.wrong.length === 0 ? 0 : 1
} finally {
  await target.stop()
  if (flags.keep) say(`logs and configuration: ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
process.exit(status)
