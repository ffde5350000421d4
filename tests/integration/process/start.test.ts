/** A server's processes: started in any order, stopped, killed. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDb } from '../../../worker/storage/db.ts'
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
    await until(async () => (await one.metric('synapse_replication_tcp_resource_total_connections')) === 1, 15_000)
  assert.deepEqual(await Promise.all(processes.map(({ stop }) => stop())), [0, 0, 0, 0])

  const again = await deployment.start('generic1')
  assert.equal((await again.get('/_matrix/client/versions')).status, 200)
  assert.equal(readFileSync(join(deployment.folder, 'signing.key'), 'utf8'), key)
})

test('what is wrong with the database is said, and ends the process', async (t) => {
  const settings = await postgres.emptyDatabase()
  const foreign = await postgres.emptyDatabase()
  const db = makeDb(foreign)
  await db.run('create table something (x int)')
  await db.close()
  const cases = [
    [{ ...settings, database: 'nowhere' }, /master cannot start: .*database "nowhere" does not exist/],
    [foreign, /master cannot start: the database has tables, but neither of Plexus nor of Synapse/],
    [await postgres.emptyDatabase(`encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0`), /encoding/],
  ] as const
  await Promise.all(
    cases.map(async ([given, message]) => {
      const main = makeDeployment(t, given).spawn('master')
      assert.equal(await main.ended, 1)
      assert.match(main.said(), message)
      assert.ok(main.log.some(({ level }) => level === 60))
    }),
  )
})

test('a socket that somebody listens on is left alone, and one of a killed process replaced', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  const second = deployment.spawn('master')
  assert.equal(await second.ended, 1)
  assert.match(second.said(), /cannot start: cannot listen: .*EADDRINUSE.*master\.sock/)
  assert.equal((await main.get('/health')).status, 200)

  assert.equal(await main.stop('SIGKILL'), 'SIGKILL')
  const again = await deployment.start('master')
  assert.equal((await again.get('/health')).status, 200)
})

test('a process that waits for the signing key can be stopped', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase(), { workers: { generic1: {} } })
  const worker = deployment.spawn('generic1')
  await until(() => worker.log.some(({ msg }) => String(msg).includes('waiting for the main process to make it')))
  assert.equal(await worker.stop(), 0)
})

test('SIGHUP opens log and certificates anew, and nothing is dropped', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  main.child.kill('SIGHUP')
  await until(() => main.log.some(({ msg }) => msg === 'certificates and log opened anew'))
  assert.equal((await main.get('/_matrix/client/versions')).status, 200)
  const line = () => main.log.find(({ operation }) => operation === 'getVersions')
  await until(() => line() !== undefined)
  assert.equal(line()!.status, 200)
})

test('metrics have the names that Synapse has', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  const server = { server_name: 'hs.test' }
  assert.equal(await main.metric('synapse_storage_stream_current_position', { ...server, stream_name: 'events' }), 1)
  assert.equal(await main.metric('synapse_storage_stream_current_position', { stream_name: 'to_device' }), 1)
  assert.equal(await main.metric('synapse_event_persisted_position', server), 1)
  assert.equal(await main.metric('plexus_stream_lag', { stream_name: 'receipts' }), 0)
  // A stream in memory begins with the time.
  const typing = await main.metric('plexus_stream_writer_position', { stream_name: 'typing', writer: 'master' })
  assert.ok(Math.abs(typing! - Date.now()) < 60_000, `${typing}`)
  assert.ok(
    (await main.metric('synapse_replication_tcp_protocol_outbound_commands_total', { command: 'POSITION' }))! > 0,
  )
  assert.ok((await main.metric('synapse_storage_query_time_count', { verb: 'SELECT' }))! > 0)
  assert.ok((await main.metric('process_cpu_seconds_total'))! > 0)
  const { text } = await main.get('/_synapse/metrics')
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  assert.equal(new Set(names).size, names.length, 'each is described once')
})

test('HTTP replication asks for the secret', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  const path = '/_synapse/replication/get_repl_stream_updates/nonsense/abcdefghij?from_token=0&upto_token=5'
  assert.equal((await main.get(path)).status, 500)
  const asked = await main.get(path, { authorization: 'Bearer replication' })
  assert.equal(asked.status, 400)
  assert.match(asked.text, /Unknown stream/)
})
