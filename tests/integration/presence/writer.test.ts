/** The writer of presence, on a real Postgres, with clocks that run fast. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { BUSY } from '../../../worker/presence/state.ts'
import { makePresenceWriter, type PresenceWriterDeps } from '../../../worker/presence/writer.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { selectPresenceOf } from '../../../worker/storage/presence.ts'
import { openStreams } from '../../harness/live-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const [alice, bob] = ['@alice:s', '@bob:s'] as [UserId, UserId]
const times = { lastActiveGranularityMs: 150, syncOnlineTimeoutMs: 300, idleTimeoutMs: 500 }

async function start(t: TestContext, db: Db, more: Partial<PresenceWriterDeps> = {}) {
  const streams = await openStreams(t, db)
  const told: string[] = []
  streams.follow('presence', (rows) => {
    for (const { userId, state, currentlyActive } of rows)
      told.push(`${userId} ${state}${currentlyActive ? ', active' : ''}`)
  })
  const writer = makePresenceWriter({
    db,
    streams,
    isLocal: (userId) => userId.endsWith(':s'),
    times,
    isEnabled: true,
    onProblem(problem, error) {
      throw new Error(problem, { cause: error })
    },
    now: Date.now,
    resolutionMs: 10,
    graceMs: 0,
    ...more,
  })
  // What was not written yet may be lost with the database.
  t.after(() => writer.close().catch(() => undefined))
  const stored = async (userId: UserId) => (await selectPresenceOf(db, [userId]))[0]
  return { streams, writer, told, stored }
}

const sync = { isSync: true } as const

test('a client that comes and goes: active, not just now, gone', async (t) => {
  const { writer, told, stored } = await start(t, await postgres.db(t))
  await writer.set(alice, 'PHONE', 'online', sync)
  assert.equal((await stored(alice))?.state, 'online')
  await until(() => told.length === 3)
  assert.deepEqual(told, [`${alice} online, active`, `${alice} online`, `${alice} offline`])
  assert.equal((await stored(alice))?.state, 'offline')
})

test('a client that waits for news becomes idle, and stays until its process says that it left, or is gone', async (t) => {
  const { writer, told } = await start(t, await postgres.db(t))
  await writer.set(alice, 'PHONE', 'online', sync)
  writer.userSync('process1', alice, 'PHONE', true, Date.now())
  writer.userSync('process2', alice, 'PHONE', true, Date.now())
  await until(() => told.at(-1) === `${alice} unavailable`)
  writer.userSync('process1', alice, 'PHONE', false, Date.now())
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal(told.at(-1), `${alice} unavailable`)
  await writer.active(alice, 'PHONE')
  assert.equal(told.at(-1), `${alice} online, active`)
  writer.clear('process2')
  await until(() => told.at(-1) === `${alice} offline`)
})

test('of several devices the most present counts; being busy is not ended by a sync', async (t) => {
  const slow = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
  const { writer, told } = await start(t, await postgres.db(t), { times: slow })
  await writer.set(alice, 'PHONE', 'online', sync)
  await writer.set(alice, 'LAPTOP', 'unavailable', sync)
  assert.deepEqual(told, [`${alice} online, active`])
  await writer.set(alice, 'LAPTOP', BUSY, { isSync: false, statusMsg: 'writing' })
  await writer.set(alice, 'LAPTOP', 'online', sync)
  await writer.set(alice, 'PHONE', 'unavailable', sync)
  assert.deepEqual(told.slice(1), [`${alice} ${BUSY}`])
  await writer.set(alice, 'PHONE', 'offline', { isSync: false })
  await writer.set(alice, 'LAPTOP', 'offline', { isSync: false })
  assert.equal(told.at(-1), `${alice} offline`)
})

test('activity costs nobody a row, but the time of it is there when the process has ended', async (t) => {
  const slow = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
  const { writer, told, stored } = await start(t, await postgres.db(t), { times: slow })
  await writer.set(alice, 'PHONE', 'online', sync)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const first = (await stored(alice))!
  for (let i = 0; i < 500; i++) await writer.active(alice, 'PHONE')
  for (let i = 0; i < 500; i++) await writer.set(alice, 'PHONE', 'online', sync)
  assert.equal(told.length, 1)
  await writer.close()
  const last = (await stored(alice))!
  assert.ok(last.lastActiveTs > first.lastActiveTs && last.streamId === first.streamId + 1)
})

test('a status message is kept while its user is offline, and by syncs', async (t) => {
  const { writer, stored } = await start(t, await postgres.db(t))
  await writer.set(alice, 'PHONE', 'online', { isSync: false, statusMsg: 'at tea' })
  await writer.set(alice, 'PHONE', 'online', sync)
  await until(async () => (await stored(alice))?.state === 'offline')
  assert.equal((await stored(alice))?.statusMsg, 'at tea')
  await writer.set(alice, 'PHONE', 'online', sync)
  assert.equal((await stored(alice))?.statusMsg, 'at tea')
  await writer.set(alice, 'PHONE', 'online', { isSync: false })
  assert.equal((await stored(alice))?.statusMsg, null)
})

test('a writer that starts anew waits for clients to come back', async (t) => {
  const db = await postgres.db(t)
  const slow = { ...times, syncOnlineTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
  const first = await start(t, db, { times: slow })
  for (const userId of [alice, bob]) await first.writer.set(userId, 'PHONE', 'online', sync)
  await first.writer.close()
  await first.streams.saved()
  const second = await start(t, db, { times: { ...times, syncOnlineTimeoutMs: 1 }, graceMs: 300 })
  second.writer.userSync('process', bob, 'PHONE', true, Date.now())
  await second.writer.set(bob, 'PHONE', 'online', sync)
  assert.ok(!second.told.includes(`${alice} offline`))
  await until(() => second.told.includes(`${alice} offline`))
  assert.ok(!second.told.includes(`${bob} offline`))
})

test('many at once are written together, each in order', async (t) => {
  const slow = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
  const { writer, told, streams } = await start(t, await postgres.db(t), { times: slow })
  const users = Array.from({ length: 1_200 }, (_, i) => `@u${i}:s` as UserId)
  await Promise.all(users.map((userId) => writer.set(userId, 'PHONE', 'online', sync)))
  assert.equal(told.length, users.length)
  const end = streams.current('presence').stream
  const updates = await writer.updates(0, end)
  assert.equal(updates.rows.length, 1_000)
  assert.ok(updates.limited)
  const rest = await writer.updates(updates.upTo, end)
  assert.deepEqual([rest.rows.length, rest.upTo, rest.limited], [200, end, false])
})

test('without presence whoever was online is not any more', async (t) => {
  const db = await postgres.db(t)
  const first = await start(t, db)
  await first.writer.set(alice, 'PHONE', 'online', { isSync: false, statusMsg: 'x' })
  await first.writer.close()
  await first.streams.saved()
  const { stored } = await start(t, db, { isEnabled: false })
  await until(async () => (await stored(alice))?.state === 'offline')
  assert.equal((await stored(alice))?.statusMsg, null)
})

test('what could not be written is told when Postgres is back, although nobody asks again', async (t) => {
  const db = await postgres.db(t)
  const slow = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
  let isAway = true
  const unsteady: Db = {
    ...db,
    transaction: (...args) => (isAway ? Promise.reject(new Error('away')) : db.transaction(...args)),
  }
  const { writer, told } = await start(t, unsteady, { times: slow, retryMs: 20, onProblem: () => undefined })
  await assert.rejects(writer.set(alice, 'PHONE', 'online', sync))
  // A client that comes again changes nothing: it is online here already.
  await writer.set(alice, 'PHONE', 'online', sync)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(told, [])
  isAway = false
  await until(() => told.length > 0)
  assert.deepEqual(told, [`${alice} online, active`])
})

test('two that come in the same moment do not undo what the other said', async (t) => {
  const db = await postgres.db(t)
  const asked = new Map<string, Promise<unknown>>()
  const together: Db = {
    ...db,
    rows: (sql, params) => {
      const answer = asked.get(sql) ?? db.rows(sql, params)
      asked.set(sql, answer)
      return answer as Promise<never>
    },
  }
  const { writer } = await start(t, together)
  const stored = async (userId: UserId) => (await selectPresenceOf(db, [userId]))[0]
  await Promise.all([
    writer.set(alice, 'PHONE', 'online', { isSync: false, statusMsg: 'at tea' }),
    writer.set(alice, 'LAPTOP', 'online', sync),
  ])
  assert.equal((await stored(alice))?.statusMsg, 'at tea')
})
