/**
 * Two writers and three readers, each a process, on a real bus that is killed under load: in the end every reader has
 * exactly the rows that the writers committed, each writer's in order.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type pg from 'pg'
import { startRedis } from '../../harness/redis-server.ts'
import {
  type Given,
  type ReplicationProcess,
  startReplicationProcess,
  thingsSchema,
} from '../../harness/replication-process.ts'
import { startPostgres } from '../../harness/restartable-postgres.ts'
import { until } from '../../harness/until.ts'

const writers = ['writer1', 'writer2']

interface Fleet {
  readonly writing: readonly ReplicationProcess[]
  readonly reading: readonly ReplicationProcess[]
}

async function startFleet(t: TestContext, given: Omit<Given, 'instance' | 'writers'>): Promise<Fleet> {
  const start = (instance: string) => startReplicationProcess(t, { ...given, instance, writers })
  const all = await Promise.all([...writers, 'reader1', 'reader2', 'reader3'].map(start))
  for (const one of all.slice(0, 2)) one.write()
  return { writing: all.slice(0, 2), reading: all.slice(2) }
}

/** Writers stop; then everybody has everything, or the test fails. Returns what is there to be said. */
async function settle(fleet: Fleet, pool: pg.Pool) {
  await Promise.all(fleet.writing.map((one) => one.stopWriting()))
  const { rows } = await pool.query<{ id: string; instance_name: string; value: string }>(
    'select stream_id as id, instance_name, value from things order by stream_id, value',
  )
  const expected = rows.map(({ id, instance_name, value }) => [instance_name, Number(id), value] as const)
  const end = expected.at(-1)![1]
  const all = [...fleet.writing, ...fleet.reading]
  // Also writers that are idle: all agree that everything up to the last row is there.
  await until(async () => {
    const reports = await Promise.all(all.map((one) => one.report()))
    return reports.every(({ positions }) => positions.every((position) => position >= end))
  }, 10_000)
  const reports = await Promise.all(all.map((one) => one.report()))
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
    for (let round = 0; round < 2; round++) {
      await sleep(400)
      await redis.kill()
      await sleep(150)
      await redis.start()
    }
    await sleep(400)
    const { rows, disconnects, fetches } = await settle(fleet, pool)
    t.diagnostic(`${rows} rows; each process lost the bus ${disconnects} times and fetched ${fetches} times`)
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
      const { rows } = await pool.query<{ pid: number }>(
        "select pid from pg_stat_activity where query ~ '^(listen|select pg_notify|insert into plexus_bus)' order by pid",
      )
      await pool.query('select pg_terminate_backend($1)', [rows[round % rows.length]!.pid])
    }
    await postgres.kill()
    await postgres.start()
    await sleep(500)
    const { rows, disconnects, failed } = await settle(fleet, pool)
    t.diagnostic(`${rows} rows; the bus was lost ${disconnects} times, ${failed} writes failed`)
    for (const count of disconnects) assert.ok(count >= 1)
  })
})
