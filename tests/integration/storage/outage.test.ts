/** Postgres goes away, in the ways it does, and comes back. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Db, makeDb } from '../../../worker/storage/db.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import type { StorageSettings } from '../../../worker/storage/postgres/settings.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const settings = await postgres.emptyDatabase()
const open = (t: TestContext, overrides: Partial<StorageSettings> = {}): Db => {
  const db = makeDb({ ...settings, ...overrides })
  t.after(() => db.close())
  return db
}

const thrownBy = async (work: Promise<unknown>): Promise<StorageError> => {
  const error = await work.then(
    () => assert.fail('nothing was thrown'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StorageError, String(error))
  return error
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`what is in flight when Postgres gets ${signal} fails with "try again"; what comes after waits`, async (t) => {
    const db = open(t)
    await db.rows('select 1')
    const inFlight = thrownBy(db.rows('select pg_sleep(20)'))
    await untilRunning()
    await postgres.stop(signal)
    const error = await inFlight
    assert.equal(error.kind, 'unavailable')
    assert.equal(error.tryAgain, true)
    const waiting = Promise.all([
      db.rows('select 1 as n'),
      db.transaction('read committed', (tx) => tx.rows('select 2 as n')),
    ])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await postgres.start()
    assert.deepEqual(await waiting, [[{ n: 1 }], [{ n: 2 }]])
  })
}

test('what only reads is read again when its connection breaks, what writes is not', async (t) => {
  const db = open(t, { connections: 1 })
  await db.run('create table read_again (n int)')
  await db.run('insert into read_again values (1)')
  const { promise: held, resolve: hold } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const holding = open(t).transaction('read committed', async (tx) => {
    await tx.run('lock table read_again')
    hold()
    await released
  })
  await held
  const reading = db.rows('select n from read_again')
  const writing = thrownBy(db.run('insert into read_again values (2)'))
  const waiting = `select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%read_again%'`
  const pids: number[] = []
  while (pids.length < 1) pids.push(...(await postgres.admin.rows<{ pid: number }>(waiting)).map(({ pid }) => pid))
  await postgres.admin.rows('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids])
  const error = await writing
  release()
  await holding
  assert.deepEqual([error.kind, error.tryAgain], ['unavailable', true])
  assert.deepEqual(await reading, [{ n: 1 }])
})

test('a transaction whose connection is lost before the commit runs again', async (t) => {
  const db = open(t)
  await db.run('create table notes (n int)')
  let runs = 0
  await db.transaction('repeatable read', async (tx) => {
    runs++
    await tx.run('insert into notes values ($1)', [runs])
    if (runs > 1) return
    const { pid } = (await tx.one<{ pid: number }>('select pg_backend_pid() as pid'))!
    await postgres.admin.rows('select pg_terminate_backend($1)', [pid])
    await tx.rows('select 1')
  })
  assert.equal(runs, 2)
  assert.deepEqual(await db.rows('select n from notes'), [{ n: 2 }])
})

test('nobody knows whether a commit was done whose answer never came', async (t) => {
  const db = open(t)
  // The commit takes its time, as it would on a slow disk.
  await db.transaction('read committed', (tx) =>
    tx.script(`create table slow (n int);
      create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(20); return null; end';
      create constraint trigger wait after insert on slow deferrable initially deferred
        for each row execute function wait()`),
  )
  let runs = 0
  const committing = thrownBy(
    db.transaction('read committed', async (tx) => {
      runs++
      void tx.run('insert into slow values (1)')
    }),
  )
  await untilRunning('commit')
  await postgres.stop('SIGKILL')
  const error = await committing
  assert.equal(error.mayHaveCommitted, true)
  assert.equal(error.tryAgain, false)
  assert.equal(runs, 1, 'it is not done twice')
  await postgres.start()
})

test('a database that is not there, a role that is not, nobody listening: clear errors', async (t) => {
  const errorOf = (overrides: Partial<StorageSettings>) =>
    thrownBy(open(t, { acquireTimeoutMs: 300, ...overrides }).rows('select 1'))
  const missing = await errorOf({ database: 'nowhere' })
  assert.equal(missing.kind, 'refused')
  assert.match(missing.message, /as postgres, database nowhere: database "nowhere" does not exist \(3D000\)/)
  const role = await errorOf({ user: 'mallory' })
  assert.equal(role.kind, 'refused')
  assert.match(role.message, /role "mallory" does not exist/)
  const away = await errorOf({ hosts: [{ host: '/nonexistent', port: 5432 }] })
  assert.equal(away.kind, 'unavailable')
  assert.match(away.message, /no connection after 0.3 s: .*\/nonexistent\/\.s\.PGSQL\.5432.*ENOENT/)
})

test('of several hosts the first that serves is taken, and one that only reads is passed over', async (t) => {
  const hosts = [{ host: '/nonexistent', port: 5432 }, ...settings.hosts]
  const db = open(t, { hosts, targetSession: 'read-write' })
  assert.deepEqual(await db.rows('select 1 as n'), [{ n: 1 }])
  const options = '-c default_transaction_read_only=on'
  const onlyReads = open(t, { hosts, targetSession: 'read-write', acquireTimeoutMs: 300, options })
  assert.match((await thrownBy(onlyReads.rows('select 1'))).message, /this server only reads/)
})

/** Until someone runs a statement that starts so. */
async function untilRunning(start = 'select pg_sleep') {
  for (;;) {
    const running = await postgres.admin.rows(
      "select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and starts_with(query, $1)",
      [start],
    )
    if (running.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
