import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../../../worker/storage/postgres/connection.ts'
import { StorageError } from '../../../../worker/storage/postgres/errors.ts'
import { makePool } from '../../../../worker/storage/postgres/pool.ts'

/** A connection on which statements are begun and answered by hand. */
interface Fake extends Connection {
  load: number
  since: number | undefined
  isEnded: boolean
  lose(): void
}

const makeFake = (onLost: (error: StorageError) => void): Fake => {
  const fake: Fake = {
    load: 0,
    since: undefined,
    isEnded: false,
    inFlight: () => fake.load,
    waitingSince: () => fake.since,
    usable: () => !fake.isEnded,
    send: () => Promise.reject(new Error('not here')),
    script: () => Promise.reject(new Error('not here')),
    async end() {
      fake.isEnded = true
    },
    destroy() {
      fake.isEnded = true
    },
    lose: () => onLost(new StorageError('gone', { kind: 'unavailable', tryAgain: true })),
  }
  return fake
}

function makeTestPool(t: TestContext, connections: number, more: { failing?: () => StorageError | undefined } = {}) {
  const opened: Fake[] = []
  let attempts = 0
  const pool = makePool(
    async (onLost) => {
      attempts++
      const error = more.failing?.()
      if (error !== undefined) throw error
      const fake = makeFake(onLost)
      opened.push(fake)
      return fake
    },
    { connections, acquireTimeoutMs: 100, idleTimeoutMs: 50, statementTimeoutMs: 1_000 },
  )
  t.after(() => pool.close(0))
  return { pool, opened, attempts: () => attempts }
}

const away = () =>
  new StorageError('connecting: ECONNREFUSED', { kind: 'unavailable', code: 'ECONNREFUSED', tryAgain: true })

test('a second connection is opened only when the first is crowded', async (t) => {
  const { pool, opened } = makeTestPool(t, 3)
  const first = await pool.shared()
  assert.equal(await pool.shared(), first)
  opened[0]!.load = 8
  assert.equal(await pool.shared(), first, 'nobody waits for the new one')
  await sleep(1)
  assert.equal(opened.length, 2)
  assert.equal(await pool.shared(), opened[1], 'the one with the least to do')
})

test('nobody is sent behind a statement that takes long, while there may be another connection', async (t) => {
  const { pool, opened } = makeTestPool(t, 2)
  await pool.shared()
  Object.assign(opened[0]!, { load: 1, since: performance.now() - 1_000 })
  assert.equal(await pool.shared(), opened[1])
  Object.assign(opened[1]!, { load: 2, since: performance.now() - 1_000 })
  assert.equal(await pool.shared(), opened[0], 'all stalled: behind the shortest queue')
})

test('a transaction is alone on its connection, and one connection is left to the others', async (t) => {
  const { pool, opened } = makeTestPool(t, 2)
  const lease = await pool.exclusive()
  const other = await pool.shared()
  assert.notEqual(other, lease.connection)
  const second = pool.exclusive()
  await sleep(10)
  assert.equal(pool.numbers().waiting, 1)
  assert.equal(await pool.shared(), other)
  lease.release()
  lease.release() // once is enough
  assert.equal((await second).connection, opened[0])
  assert.deepEqual(pool.numbers(), { open: 2, inTransaction: 1, inFlight: 0, waiting: 0 })
})

test('with a single connection transactions have it in turn', async (t) => {
  const { pool } = makeTestPool(t, 1)
  const lease = await pool.exclusive()
  const [second, third] = [pool.exclusive(), pool.shared()]
  lease.release()
  ;(await second).release()
  assert.equal(await third, lease.connection)
})

test('a broken connection is forgotten, whoever has it, and replaced when one is needed', async (t) => {
  const { pool, opened } = makeTestPool(t, 2)
  const lease = await pool.exclusive()
  opened[0]!.lose()
  assert.deepEqual(pool.numbers(), { open: 0, inTransaction: 0, inFlight: 0, waiting: 0 })
  lease.release()
  assert.notEqual(await pool.shared(), lease.connection)
})

test('while Postgres is away statements wait, attempts slow down, and the error says why', async (t) => {
  let isAway = true
  const { pool, attempts } = makeTestPool(t, 2, { failing: () => (isAway ? away() : undefined) })
  const error = await Promise.resolve(pool.shared()).then(
    () => assert.fail('there was no connection'),
    (reason: StorageError) => reason,
  )
  assert.match(error.message, /no connection after 0.1 s: connecting: ECONNREFUSED/)
  assert.ok(error.tryAgain)
  assert.ok(attempts() <= 4, `${attempts()} attempts in 0.1 s`)
  isAway = false
  await sleep(250) // no longer than the pause that has begun
  assert.ok(await pool.shared())
})

test('what Postgres will refuse again fails at once', async (t) => {
  const failing = () => new StorageError('no such role', { kind: 'refused', code: '28000' })
  const { pool } = makeTestPool(t, 2, { failing })
  const start = performance.now()
  await assert.rejects(async () => pool.shared(), /no such role/)
  assert.ok(performance.now() - start < 80)
})

test('who finds no connection free is told how many there are', async (t) => {
  const { pool } = makeTestPool(t, 2)
  await pool.exclusive()
  await assert.rejects(pool.exclusive(), /no connection was free after 0.1 s \(1 open, 1 in transactions\)/)
})

test('closing waits for what runs, and refuses the rest', async (t) => {
  const { pool, opened } = makeTestPool(t, 2)
  const lease = await pool.exclusive()
  const waiting = pool.exclusive()
  const refused = assert.rejects(waiting, /storage is closed/)
  let isClosed = false
  const closing = pool.close(10_000).then(() => {
    isClosed = true
  })
  await refused
  await assert.rejects(async () => pool.shared(), /storage is closed/)
  await sleep(5)
  assert.equal(isClosed, false)
  lease.release()
  await closing
  assert.ok(opened[0]!.isEnded)
})

test('connections with nothing to do are closed but for one; one that does not answer is given up', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { pool, opened } = makeTestPool(t, 3)
  const leases = [await pool.exclusive(), await pool.exclusive()]
  for (const { release } of leases) release()
  await pool.shared()
  assert.equal(pool.numbers().open, 2)
  t.mock.timers.tick(5_000)
  assert.equal(pool.numbers().open, 2, 'not yet')
  await sleep(60) // the idle timeout of these tests
  t.mock.timers.tick(5_000)
  assert.equal(pool.numbers().open, 1)
  assert.equal(opened.filter(({ isEnded }) => isEnded).length, 1)

  const last = opened.find(({ isEnded }) => !isEnded)!
  t.mock.timers.tick(5_000)
  assert.equal(last.isEnded, false)
  // The server should have ended it a quarter of a minute ago.
  Object.assign(last, { load: 1, since: performance.now() - 16_500 })
  t.mock.timers.tick(5_000)
  assert.equal(last.isEnded, true)
})
