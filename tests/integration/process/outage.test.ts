/** Processes without the servers that they need: at their start, and while they run. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDeployment, type Process } from '../../harness/deployment.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { startRedis } from '../../harness/redis-server.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()

const V3 = '/_matrix/client/v3'

interface Session {
  readonly access_token: string
}
interface Room {
  readonly room_id: string
}

const isOnBus = async (process: Process) =>
  (await process.metric('synapse_replication_tcp_resource_total_connections')) === 1
const saysOnce = (process: Process, text: string) =>
  assert.equal(process.log.filter(({ msg }) => String(msg).includes(text)).length, 1, text)

test('Redis goes and comes back, and processes go on by themselves', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const deployment = makeDeployment(t, await postgres.emptyDatabase(), {
    workers: { generic1: {} },
    redis: { host: '127.0.0.1', port: server.port },
  })
  const processes = await Promise.all(['master', 'generic1'].map(deployment.start))
  for (const one of processes) await until(() => isOnBus(one), 15_000)
  await server.kill()
  for (const one of processes) await until(async () => !(await isOnBus(one)), 15_000)
  for (const one of processes) assert.equal((await one.get('/_matrix/client/versions')).status, 200)
  await server.start()
  for (const one of processes) await until(() => isOnBus(one), 15_000)
  for (const one of processes) assert.equal(await one.stop(), 0)
})

test('without Redis a message is sent by way of another process, and neither waits for the bus', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const deployment = makeDeployment(t, await postgres.emptyDatabase(), {
    shared: { enable_registration: true, enable_registration_without_verification: true, bcrypt_rounds: 4 },
    workers: { generic1: {}, persister1: {} },
    streamWriters: { events: ['persister1'] },
    redis: { host: '127.0.0.1', port: server.port },
  })
  const [main, generic, persister] = (await Promise.all(
    ['master', 'generic1', 'persister1'].map(deployment.start),
  )) as [Process, Process, Process]
  const body = { username: 'alice', password: 'correct horse', auth: { type: 'm.login.dummy' } }
  const { access_token: token } = JSON.parse((await main.send('POST', `${V3}/register`, body)).text) as Session
  const headers = { authorization: `Bearer ${token}` }
  const { room_id: roomId } = JSON.parse((await generic.send('POST', `${V3}/createRoom`, {}, headers)).text) as Room
  await server.kill()
  for (const one of [generic, persister]) await until(async () => !(await isOnBus(one)), 15_000)

  const begun = performance.now()
  const path = `${V3}/rooms/${roomId}/send/m.room.message/1`
  const { status, text } = await generic.send('PUT', path, { msgtype: 'm.text', body: 'x' }, headers)
  assert.equal(status, 200, text)
  const tookMs = performance.now() - begun
  assert.ok(tookMs < 4_000, `${tookMs} ms: it waited for streams`)
  const { event_id: eventId } = JSON.parse(text) as { event_id: string }
  const read = await generic.get(`${V3}/rooms/${roomId}/messages?dir=b&limit=1`, headers)
  assert.ok(read.text.includes(eventId), 'who sent it reads it')
})

test('a process starts without Redis, says so, and joins the others when it is there', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  await server.kill()
  const deployment = makeDeployment(t, await postgres.emptyDatabase(), {
    redis: { host: '127.0.0.1', port: server.port },
  })
  const main = await deployment.start('master')
  assert.equal(await isOnBus(main), false)
  await server.start()
  await until(() => isOnBus(main), 15_000)
  assert.equal(await main.stop(), 0)
  saysOnce(main, 'the bus is not there')
  saysOnce(main, 'Redis: ')
})

test('a process waits for a Postgres that is not there yet', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  await postgres.stop()
  let isBack = false
  t.after(async () => {
    if (!isBack) await postgres.start()
  })
  const waiting = deployment.spawn('master')
  await until(() => waiting.log.some(({ msg }) => String(msg).includes('Postgres is not there yet')), 10_000)
  assert.equal(await waiting.stop(), 0, 'it can be stopped meanwhile')

  const main = deployment.spawn('master')
  await until(() => main.log.some(({ msg }) => String(msg).includes('Postgres is not there yet')), 10_000)
  await postgres.start()
  isBack = true
  await main.up()
  assert.equal(await main.stop(), 0)
  saysOnce(main, 'Postgres is not there yet')
})

test('Postgres goes and comes back, and the bus on it with it', async (t) => {
  const deployment = makeDeployment(t, await postgres.emptyDatabase())
  const main = await deployment.start('master')
  await until(() => isOnBus(main), 15_000)
  await postgres.stop('SIGKILL')
  await until(async () => !(await isOnBus(main)), 15_000)
  assert.equal((await main.get('/_matrix/client/versions')).status, 200)
  await postgres.start()
  await until(() => isOnBus(main), 15_000)
  assert.equal(await main.stop(), 0)
})
