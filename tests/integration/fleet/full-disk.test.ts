/** A disk that is full takes no log lines: processes that cannot say anything work on. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeConfiguration, writeRoutes } from '../../../fleet/configuration.ts'
import { isHealthy } from '../../../fleet/health.ts'
import { planOf } from '../../../fleet/plan.ts'
import { makeSecrets } from '../../../fleet/secrets.ts'
import { open } from '../../harness/fleet-processes.ts'
import { freePort } from '../../harness/free-port.ts'
import { register } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const root = join(import.meta.dirname, '../../..')
/** Whatever is written to it: no space left on device. */
const FULL = '/dev/full'

const startSpeechless = (t: TestContext, args: readonly string[]) => {
  const output = openSync(FULL, 'w')
  const child = spawn(process.execPath, args, { stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return child
}

test('main and router serve although nothing can be logged', {
  skip: existsSync(FULL) ? false : `there is no ${FULL}`,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'full-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { user, database } = await postgres.database()
  const port = await freePort()
  const admin = await freePort()
  const deployment = {
    folder,
    serverName: 'full.test',
    processes: planOf([]),
    placeOf: (name: string, what: string) => ({ path: join(folder, `${name}.${what}.sock`) }),
    database: { user, dbname: database, host: postgres.socketFolder, port: postgres.port },
    secrets: makeSecrets(join(folder, 'secrets')),
    // A key that is not known is told of at the start.
    settings: { ...open, no_such_key: 1 },
  }
  const [main] = writeConfiguration(deployment)
  const routes = writeRoutes(deployment, { port, admin: `http://127.0.0.1:${admin}` })
  const files = main!.files.flatMap((file) => ['--config', file])
  const worker = startSpeechless(t, [join(root, 'bin/worker.js'), ...files])
  const router = startSpeechless(t, [join(root, 'bin/router.js'), '--routes', routes])
  await until(async () => {
    assert.deepEqual([worker.exitCode, router.exitCode], [null, null])
    return (await isHealthy(main!.http).catch(() => false)) && (await isHealthy({ port: admin }).catch(() => false))
  }, 30_000)
  await register(`http://127.0.0.1:${port}`, 'alice')
  // Lines are gathered for a second before they are written.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  await register(`http://127.0.0.1:${port}`, 'bob')
  assert.deepEqual([worker.exitCode, router.exitCode], [null, null])
})
