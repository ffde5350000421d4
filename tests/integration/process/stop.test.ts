/** What happens to requests that run when their process is told to stop. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeDb } from '../../../worker/storage/db.ts'
import { makeDeployment, type Process } from '../../harness/deployment.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'
const PLENTY = { per_second: 1000, burst_count: 1000 }

interface Session {
  readonly access_token: string
  readonly user_id: string
}

async function register(main: Process, username: string): Promise<Session> {
  const { status, text } = await main.send('POST', `${V3}/register`, {
    username,
    password: 'correct horse',
    auth: { type: 'm.login.dummy' },
  })
  assert.equal(status, 200, text)
  return JSON.parse(text) as Session
}

async function startTwo(t: TestContext) {
  const settings = await postgres.emptyDatabase()
  const deployment = makeDeployment(t, settings, {
    shared: {
      enable_registration: true,
      enable_registration_without_verification: true,
      bcrypt_rounds: 4,
      rc_message: PLENTY,
      rc_room_creation: PLENTY,
      // Else a poll is answered at once: who syncs comes online.
      presence: { enabled: false },
    },
    workers: { sync1: {} },
  })
  const [main, worker] = (await Promise.all(['master', 'sync1'].map(deployment.start))) as [Process, Process]
  const { access_token: token } = await register(main, 'alice')
  return { deployment, settings, main, worker, headers: { authorization: `Bearer ${token}` } }
}

const inFlight = (process: Process, servlet: string) =>
  process.metric('synapse_http_server_in_flight_requests_count', { servlet })

test('a long poll is answered when its process stops, and goes on at the next', async (t) => {
  const { deployment, worker, headers } = await startTwo(t)
  const first = await worker.get(`${V3}/sync?timeout=0`, headers)
  assert.equal(first.status, 200, first.text)
  const { next_batch: since } = JSON.parse(first.text) as { next_batch: string }

  const polled = worker.get(`${V3}/sync?timeout=30000&since=${since}`, headers)
  await until(async () => (await inFlight(worker, 'sync')) === 1, 15_000)
  const begun = performance.now()
  assert.equal(await worker.stop(), 0)
  assert.ok(performance.now() - begun < 8_000, 'it did not wait for the poll to time out')
  const { status, headers: got, text } = await polled
  assert.equal(status, 200, text)
  assert.equal(got.connection, 'close')
  const { next_batch: next } = JSON.parse(text) as { next_batch: string }

  const again = await deployment.start('sync1')
  assert.equal((await again.get(`${V3}/sync?timeout=0&since=${next}`, headers)).status, 200)
})

test('what a process still does in the background when it stops is announced', async (t) => {
  const { main, worker, headers, settings } = await startTwo(t)
  for (let i = 0; i < 12; i++)
    assert.equal((await main.send('POST', `${V3}/createRoom`, { name: `${i}` }, headers)).status, 200)
  const sync = async (since?: string) => {
    const query = `timeout=0${since === undefined ? '' : `&since=${since}`}`
    const { status, text } = await worker.get(`${V3}/sync?${query}`, headers)
    assert.equal(status, 200, text)
    return JSON.parse(text) as { next_batch: string; rooms?: { join?: Record<string, unknown> } }
  }
  const rooms = async (since?: string) => Object.keys((await sync(since)).rooms?.join ?? {}).length
  await until(async () => (await rooms()) === 12)
  const { next_batch: since } = await sync()

  // Told room by room, after the answer; the process ends with the room that it is at.
  const name = { displayname: 'Alice the First' }
  assert.equal((await main.send('PUT', `${V3}/profile/@alice:hs.test/displayname`, name, headers)).status, 200)
  const db = makeDb(settings)
  t.after(() => db.close())
  const told = () => db.rows('select 1 from room_memberships where display_name = $1', [name.displayname])
  await until(async () => (await told()).length > 0)
  assert.equal(await main.stop(), 0)
  const stored = await told()
  await until(async () => (await rooms(since)) === stored.length, 5_000)
})

test('a second signal ends a process at once', async (t) => {
  const { main, worker, headers } = await startTwo(t)
  const { text } = await main.send('POST', `${V3}/createRoom`, {}, headers)
  const { room_id: roomId } = JSON.parse(text) as { room_id: string }
  assert.equal(await main.stop('SIGKILL'), 'SIGKILL')
  // Typing is main's, and it will not answer: the request would go on for a minute.
  const typing = worker.send('PUT', `${V3}/rooms/${roomId}/typing/@alice:hs.test`, { typing: true }, headers)
  const ended = typing.then(
    ({ status }) => status,
    () => 'cut off' as const,
  )
  await sleep(200)
  worker.child.kill('SIGTERM')
  await sleep(700)
  assert.equal(worker.child.exitCode, null, 'the request runs')
  const begun = performance.now()
  worker.child.kill('SIGTERM')
  assert.equal(await worker.ended, 0)
  assert.ok(performance.now() - begun < 3_000)
  assert.equal(await ended, 'cut off')
})
