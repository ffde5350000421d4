/** The files that the rig writes for a Synapse of twenty processes start as many here: every role, at once. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { startProcess } from '../../harness/deployment.ts'
import { freePorts } from '../../harness/free-port.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { pythonWith } from '../../harness/python.ts'
import { startRedis } from '../../harness/redis-server.ts'
import { until } from '../../harness/until.ts'

const rig = process.env.RIG_HOME ?? join(import.meta.dirname, '../../../../shared/rig')
const found = pythonWith('yaml')
const skip =
  'missing' in found
    ? found.missing
    : existsSync(join(rig, 'gen.py'))
      ? false
      : `no gen.py in ${rig}: RIG_HOME names its folder`

interface Topology {
  readonly processes: Readonly<
    Record<
      string,
      { readonly port: number; readonly config: readonly string[]; readonly resources?: readonly string[] }
    >
  >
}

test('twenty processes start from the files of a Synapse, workers before main, and stop', { skip }, async (t) => {
  assert.ok('python' in found)
  const redis = await startRedis(t)
  if (redis === undefined) return
  // Postgres has 60 connections here; processes open more than the first only for use.
  const postgres = await startPostgres({ settings: { max_connections: 100 }, atEnd: (work) => t.after(work) })
  const { hosts, user, database } = await postgres.emptyDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'rig-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  // Worker number i listens i above, its replication on a unix socket.
  const base = await freePorts(32)
  execFileSync('bash', ['-c', '. "$RIG_HOME/env.sh" && "$0" "$RIG_HOME/gen.py" full', found.python], {
    env: {
      ...process.env,
      RIG_HOME: rig,
      RIG_DIR: folder,
      RIG_UNIX: '1',
      RIG_REDIS_PORT: String(redis.port),
      RIG_MAIN_PORT: String(base),
      RIG_WORKER_PORT: String(base),
    },
  })
  const ours = join(folder, 'database.yaml')
  const args = { host: hosts[0]!.host, port: hosts[0]!.port, user, dbname: database, sslmode: 'disable', cp_max: 2 }
  writeFileSync(ours, stringify({ database: { name: 'psycopg2', args }, enable_metrics: true }))

  const { processes } = JSON.parse(readFileSync(join(folder, 'topology.json'), 'utf8')) as Topology
  const [main, ...workers] = Object.entries(processes)
  const started = [...workers, main!].map(([name, { port, config, resources }]) => ({
    process: startProcess(t, name, [...config, ours], { host: '127.0.0.1', port }),
    servesClients: resources === undefined || resources.includes('client'),
  }))
  assert.equal(started.length, 20)
  await Promise.all(started.map(({ process }) => process.up()))
  for (const { process, servesClients } of started) {
    const { status } = await process.get('/_matrix/client/versions')
    assert.equal(status, servesClients ? 200 : 404, process.name)
  }
  await until(async () => {
    for (const { process } of started) if (process.log.every(({ msg }) => !String(msg).endsWith(' is up'))) return false
    return true
  }, 20_000)
  const ends = await Promise.all(started.map(({ process }) => process.stop()))
  assert.deepEqual(new Set(ends), new Set([0]))
  for (const { process } of started)
    assert.deepEqual(
      process.log.filter(({ level }) => (level as number) >= 50),
      [],
      process.name,
    )
})
