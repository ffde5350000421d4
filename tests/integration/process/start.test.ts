/** A server's processes: started in any order, stopped, killed. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDeployment } from '../../harness/deployment.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()

test('a main process starts on an empty database, serves, and stops', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  const { status, headers, text } = await main.get('/_matrix/client/versions')
  assert.equal(status, 200)
  assert.match(String(headers.server), /^Plexus\//)
  assert.ok((JSON.parse(text) as { versions: string[] }).versions.includes('v1.1'))

  const key = join(deployment.folder, 'signing.key')
  assert.match(readFileSync(key, 'utf8'), /^ed25519 a_[A-Za-z]{4} [A-Za-z0-9+/]{43}\n$/)
  assert.equal(statSync(key).mode & 0o777, 0o600)

  assert.equal(await main.stop(), 0)
  assert.ok(main.log.some(({ msg }) => msg === 'stopped'))
  assert.ok(!existsSync(join(deployment.folder, 'master.sock')), 'its socket is gone')
})

test('processes start in any order, and a second time with the same key', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase(), {
    workers: { generic1: {}, persister1: {}, persister2: {} },
    streamWriters: { events: ['persister1', 'persister2'] },
  })
  const names = ['persister1', 'generic1', 'persister2', 'master']
  const processes = names.map(deployment.spawn)
  await Promise.all(processes.map(({ up }) => up()))
  const key = readFileSync(join(deployment.folder, 'signing.key'), 'utf8')
  for (const one of processes) assert.equal(one.said().includes('cannot start'), false)
  for (const one of processes)
    await until(async () => (await one.metric('synapse_replication_tcp_resource_total_connections')) === 1)
  assert.deepEqual(await Promise.all(processes.map(({ stop }) => stop())), [0, 0, 0, 0])

  const again = await deployment.start('generic1')
  assert.equal((await again.get('/_matrix/client/versions')).status, 200)
  assert.equal(readFileSync(join(deployment.folder, 'signing.key'), 'utf8'), key)
})
