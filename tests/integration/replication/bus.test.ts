/**
 * Two writers, each a process, and three readers on a real bus that is killed under load: in the end every reader has
 * exactly the rows that the writers committed, each writer's in order.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type pg from 'pg'
import { startRedis } from '../../harness/redis-server.ts'
import {
  type Asked,
  type Given,
  type Report,
  startReplicationProcess,
  thingsSchema,
} from '../../harness/replication-process.ts'
import { startPostgres } from '../../harness/restartable-postgres.ts'
import { until } from '../../harness/until.ts'

const writers = ['writer1', 'writer2']
/** On a machine that does much else. */
const PATIENCE_MS = 30_000

interface Fleet {
  readonly writing: readonly Asked[]
  readonly reading: readonly Asked[]
}

async function startFleet(t: TestContext, given: Omit<Given, 'instance' | 'writers'>): Promise<Fleet> {
  const start = (...instances: string[]) =>
    startReplicationProcess(
      t,
      instances.map((instance) => ({ ...given, instance, writers })),
    )
  const [first, second, reading] = await Promise.all([
    start(writers[0]!),
    start(writers[1]!),
    start('reader1', 'reader2', 'reader3'),
  ])
  const writing = [...first!, ...second!]
  await Promise.all(writing.map((one) => one.write()))
  return { writing, reading: reading! }
}

const everyReport = async (fleet: Fleet, condition: (report: Report) => boolean): Promise<boolean> => {
  const reports = await Promise.all([...fleet.writing, ...fleet.reading].map((one) => one.report()))
  return reports.every(condition)
}

/** Writers stop; then everybody has everything, or the test fails. Returns what is there to be said. */
async function settle(fleet: Fleet, pool: pg.Pool) {
  await Promise.all(fleet.writing.map((one) => one.stopWriting()))
  const { rows } = await pool.query<{ id: string; instance_name: string; value: string }>(
    'select stream_id as id, instance_name, value from things order by stream_id, value',
  )
  const expected = rows.map(({ id, instance_name, value }) => [instance_name, Number(id), value] as const)
  const end = expected.at(-1)![1]
  // Also writers that are idle: all agree that everything up to the last row is there.
  await until(() => everyReport(fleet, ({ positions }) => positions.every((position) => position >= end)), PATIENCE_MS)
  const reports = await Promise.all([...fleet.writing, ...fleet.reading].map((one) => one.report()))
  for (const [index, report] of reports.entries()) {
    for (const writer of writers) {
      if (writer === writers[index]) continue
      const text = (row: readonly unknown[]) => row.join(' ').slice(0, 60)
      const told = report.rows.filter(([instance]) => instance === writer).map(text)
      const written = expected.filter(([instance]) => instance === writer).map(text)
      const at = written.findIndex((row, place) => row !== told[place])
      const around = (rows: readonly string[]) => rows.slice(Math.max(0, at - 2), at + 3)
      if (at !== -1) assert.deepEqual(around(told), around(written), `process ${index} of ${writer}, row ${at}`)
      assert.equal(told.length, written.length, `process ${index} of ${writer}`)
    }
  }
  const acknowledged = reports.reduce((sum, { seen }) => sum + seen.acknowledged, 0)
  assert.ok(expected.length >= acknowledged, 'what was acknowledged is there')
  const sum = (key: 'disconnects' | 'fetches' | 'failed') => reports.map(({ seen }) => seen[key])
  return { rows: expected.length, disconnects: sum('disconnects'), fetches: sum('fetches'), failed: sum('failed') }
}

test('under load, while the bus is killed and cut, no row is lost, doubled or out of order', async (t) => {
  const postgres = await startPostgres(t)
  const redis = await startRedis(t)
  if (postgres === undefined || redis === undefined) return
  const pool = await postgres.connect()
  const { connection } = postgres

  await t.test('Redis is killed and started again, twice', async (t) => {
    await pool.query(thingsSchema)
    const fleet = await startFleet(t, {
      postgres: connection,
      redis: { host: '127.0.0.1', port: redis.port },
      serverName: 'test.example',
    })
    for (let round = 1; round <= 2; round++) {
      await sleep(300)
      await redis.kill()
      await until(() => everyReport(fleet, ({ seen }) => seen.disconnects >= round), PATIENCE_MS)
      await redis.start()
      await until(() => everyReport(fleet, ({ isConnected }) => isConnected), PATIENCE_MS)
    }
    await sleep(300)
    const { rows, disconnects, fetches } = await settle(fleet, pool)
    t.diagnostic(`${rows} rows; the bus was lost ${disconnects} times, and ${fetches} times rows were fetched`)
    for (const count of disconnects) assert.ok(count >= 2)
    assert.ok(fetches.slice(2).every((count) => count > 0))
  })

  await t.test('connections to Redis are cut one by one, publishing ones and subscribed ones', async (t) => {
    await pool.query(thingsSchema)
    const fleet = await startFleet(t, {
      postgres: connection,
      redis: { host: '', port: 0, path: redis.socket },
      serverName: 'test.example',
    })
    const admin = new Redis({ path: redis.socket, protocol: 2, replyMapping: 'legacy' })
    for (let round = 0; round < 25; round++) {
      await sleep(30)
      const ids = [...String(await admin.client('LIST')).matchAll(/^id=(\d+) /gm)].map(([, id]) => id!)
      const own = String(await admin.client('ID'))
      const others = ids.filter((id) => id !== own)
      await admin.client('KILL', 'ID', others[round % others.length]!).catch(() => {})
    }
    admin.disconnect()
    const { rows, disconnects } = await settle(fleet, pool)
    t.diagnostic(`${rows} rows; subscriptions were lost ${disconnects} times`)
    assert.ok(disconnects.some((count) => count > 0))
  })

  await t.test('without Redis, listeners of Postgres are cut, and then Postgres itself is killed', async (t) => {
    await pool.query(thingsSchema)
    const fleet = await startFleet(t, { postgres: connection, serverName: 'test.example' })
    for (let round = 0; round < 6; round++) {
      await sleep(80)
      const listening = async () =>
        (
          await pool.query<{ pid: number }>(
            "select pid from pg_stat_activity where application_name = 'plexus bus' order by pid",
          )
        ).rows
      // Those that were cut may be just about to come back.
      await until(async () => (await listening()).length > 0, PATIENCE_MS)
      const rows = await listening()
      await pool.query('select pg_terminate_backend($1)', [rows[round % rows.length]?.pid])
    }
    await postgres.kill()
    await postgres.start()
    await until(() => everyReport(fleet, ({ isConnected }) => isConnected), PATIENCE_MS)
    await sleep(300)
    const { rows, disconnects, failed } = await settle(fleet, pool)
    t.diagnostic(`${rows} rows; the bus was lost ${disconnects} times, ${failed} writes failed`)
    for (const count of disconnects) assert.ok(count >= 1)
  })
})
