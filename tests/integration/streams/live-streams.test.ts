/** Streams of one and of several processes, on a real Postgres. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Db } from '../../../worker/storage/db.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import type { StreamRow } from '../../../worker/streams/definitions.ts'
import type { OpenStreams } from '../../../worker/streams/make-live-streams.ts'
import { tokenOf } from '../../../worker/streams/vector-clock.ts'
import { connect, openStreams } from '../../harness/live-streams.ts'
import { makeMemoryBus } from '../../harness/memory-bus.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()

const receipt = (userId: string): StreamRow<'receipts'> => ({
  roomId: '!room:x',
  receiptType: 'm.read',
  userId,
  eventId: '$event',
  threadId: null,
  data: { ts: 1 },
})

/** Writes a receipt as soon as `when` settles. */
const write = (streams: OpenStreams, userId: string, when: Promise<unknown> = Promise.resolve()) =>
  streams.write('receipts', 1, async ([id]) => {
    await when
    return { result: id!, rows: [[id!, [receipt(userId)]]] }
  })

/** What a process hears of receipts, and whether its own `now` covered it then. */
const listen = (streams: OpenStreams) => {
  const heard: (readonly [userId: string, position: number, writer: string])[] = []
  streams.follow('receipts', (rows, position, writer) => {
    const { stream, ahead } = streams.now().receipts
    assert.ok((ahead.get(writer) ?? stream) < position, 'rows are heard before now() covers them')
    for (const { userId } of rows) heard.push([userId, position, writer])
  })
  return heard
}

test('own rows are heard in the order of their IDs, whatever order they are finished in', async (t) => {
  const streams = await openStreams(t, await postgres.db(t))
  const heard = listen(streams)
  const before = streams.now()
  assert.equal(streams.now(), before)

  const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>()
  const first = write(streams, '@first:x', blocked)
  const second = write(streams, '@second:x')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(heard, [])
  assert.equal(streams.now(), before)
  unblock()
  const ids = await Promise.all([first, second])
  assert.deepEqual(heard, [
    ['@first:x', ids[0], 'master'],
    ['@second:x', ids[1], 'master'],
  ])
  assert.notEqual(streams.now(), before)
  assert.deepEqual(streams.now().receipts, streams.current('receipts'))
  assert.equal(streams.current('receipts').stream, ids[1])
})

test('a write resolves when now() covers it', async (t) => {
  const streams = await openStreams(t, await postgres.db(t))
  const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>()
  const slow = write(streams, '@slow:x', blocked)
  let isDone = false
  const quick = write(streams, '@quick:x').then((id) => {
    isDone = true
    return id
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(isDone, false)
  unblock()
  const id = await quick
  assert.ok(streams.current('receipts').stream >= id)
  await slow
})

test('what a failed write threw is thrown, and its IDs hold nobody up', async (t) => {
  const streams = await openStreams(t, await postgres.db(t))
  const heard = listen(streams)
  await assert.rejects(
    streams.write('receipts', 2, () => Promise.reject(new Error('no'))),
    /^Error: no$/,
  )
  const id = await write(streams, '@alice:x')
  assert.deepEqual(heard, [['@alice:x', id, 'master']])
  assert.equal(streams.current('receipts').stream, id)
})

test('a write that may have been committed is looked for until Postgres answers, and holds its position so long', async (t) => {
  const found = receipt('@found:x')
  const problems: string[] = []
  let looks = 0
  const streams = await openStreams(t, await postgres.db(t), {
    fetch: () => async (instance, from, upTo) => {
      if (looks++ < 2) throw new Error('away')
      assert.deepEqual([instance, upTo - from], ['master', 1])
      const { roomId, receiptType, userId, eventId, threadId, data } = found
      return { rows: [[upTo, [roomId, receiptType, userId, eventId, threadId, data]]], upTo, limited: false }
    },
    onProblem: (problem) => problems.push(problem),
  })
  const heard = listen(streams)
  const before = streams.now()
  const lost = new StorageError('lost', { kind: 'unavailable', mayHaveCommitted: true })
  await assert.rejects(
    streams.write('receipts', 1, () => Promise.reject(lost)),
    lost,
  )
  assert.equal(streams.now(), before)
  await until(() => heard.length === 1)
  assert.equal(heard[0]![0], '@found:x')
  assert.equal(streams.now().receipts.stream, heard[0]![1])
  assert.equal(problems.length, 1)
})

test('backfilled IDs are negative, their positions are not', async (t) => {
  const streams = await openStreams(t, await postgres.db(t))
  const positions: number[] = []
  streams.follow('backfill', (_rows, position) => positions.push(position))
  const ids = await streams.write('backfill', 2, async (given) => ({
    result: given,
    rows: given.map((id) => {
      const row = { eventId: `$${id}`, roomId: '!r:x', type: 't', stateKey: null, redacts: null, relatesTo: null }
      return [id, [row]] as const
    }),
  }))
  assert.ok(ids[0]! < 0 && ids[1]! < ids[0]!)
  assert.deepEqual(positions, [-ids[0]!, -ids[1]!])
})

test('a stream in memory counts from its beginning, one write after the other, and later after that', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db)
  const begin = streams.now().typing
  const heard: (readonly [readonly string[], number])[] = []
  streams.follow('typing', (rows, position) => {
    assert.ok(streams.now().typing < position)
    heard.push([rows.map(({ roomId }) => roomId), position])
  })
  const type = (roomId: string, delayMs: number) =>
    streams.write('typing', 1, async ([id]) => {
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      return { result: undefined, rows: [[id!, [{ roomId, userIds: [] }]]] }
    })
  await Promise.all([type('!slow:x', 20), type('!quick:x', 0)])
  await assert.rejects(streams.write('typing', 1, () => Promise.reject(new Error('no'))))
  await type('!last:x', 0)
  assert.deepEqual(heard, [
    [['!slow:x'], begin + 1],
    [['!quick:x'], begin + 2],
    [['!last:x'], begin + 3],
  ])
  assert.equal(streams.now().typing, begin + 3)
  await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok((await openStreams(t, db)).now().typing > begin + 3, 'with a new process')
})

const streamWriters = { receipts: ['r1', 'r2'], typing: ['r1'], events: ['r2'] }

/** Two writers of receipts, of one bus. */
async function two(t: TestContext, db: Db) {
  const bus = makeMemoryBus()
  const [one, other] = [
    await openStreams(t, db, { instance: 'r1', streamWriters }),
    await openStreams(t, db, { instance: 'r2', streamWriters }),
  ]
  return { bus, one, other, connectAll: () => Promise.all([connect(t, one, bus), connect(t, other, bus)]) }
}

test('processes hear of each other, and tokens are vector clocks', async (t) => {
  const { one, other, connectAll } = await two(t, await postgres.db(t))
  const [heardByOne, heardByOther] = [listen(one), listen(other)]
  await connectAll()
  assert.deepEqual(one.writersOf('receipts'), ['r1', 'r2'])
  assert.deepEqual(
    [one.writes('typing'), other.writes('typing'), other.writes('caches'), other.writes('push_rules')],
    [true, false, true, false],
  )
  const first = await write(one, '@a:x')
  await until(() => heardByOther.length === 1)
  const second = await write(other, '@b:x')
  await until(() => heardByOne.length === 2)
  const expected = [
    ['@a:x', first, 'r1'],
    ['@b:x', second, 'r2'],
  ]
  assert.deepEqual(heardByOne, expected)
  assert.deepEqual(heardByOther, expected)
  await until(() => one.current('receipts').stream === second && other.current('receipts').stream === second)

  const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>()
  const slow = write(one, '@slow:x', blocked)
  await until(async () => (await write(other, '@more:x')) > second + 1)
  const third = await write(other, '@c:x')
  await until(() => one.current('receipts').ahead.get('r2') === third)
  assert.deepEqual(one.current('receipts'), tokenOf(second, [['r2', third]]))
  unblock()
  await slow
})

test('a token of another process is reached when its rows were heard', async (t) => {
  const { one, other, connectAll } = await two(t, await postgres.db(t))
  const heard = listen(other)
  await connectAll()
  await write(one, '@a:x')
  const token = one.now()
  assert.equal(await other.reach(token, 1_000), true)
  assert.equal(heard.length, 1)
  assert.equal(await other.reach({ ...token, presence: token.presence + 5 }, 20), false)
  assert.equal(await other.reach({ ...token, typing: 1_000_000 }, 20), true, 'typing may have begun anew')
})

test('who waits is told after rows were heard, and of which stream', async (t) => {
  const { one, other, connectAll } = await two(t, await postgres.db(t))
  const heard = listen(other)
  const advances: string[] = []
  other.onAdvance((name) => advances.push(`${name} after ${heard.length}`))
  await connectAll()
  await write(one, '@a:x')
  await until(() => heard.length === 1)
  await until(() => advances.includes('receipts after 1'))
  assert.ok(!advances.includes('receipts after 0'))
})

test('what the bus lost is fetched when it is back', async (t) => {
  const db = await postgres.db(t)
  const { bus, one, other, connectAll } = await two(t, db)
  const forgotten: unknown[] = []
  other.caches.on('f', (keys) => forgotten.push(keys))
  await connectAll()
  bus.cut()
  await one.caches.transaction('change', async (_tx, stale) => stale('f', ['a']))
  await one.caches.transaction('change', async (_tx, stale) => stale('f', ['b']))
  assert.deepEqual(forgotten, [])
  bus.join()
  await until(() => forgotten.length === 2)
  assert.deepEqual(forgotten, [['a'], ['b']])
})

test('what nobody follows and no token names is not read', async (t) => {
  const { one } = await two(t, await postgres.db(t))
  const names = () => one.followed().map(({ name }) => name)
  assert.ok(names().includes('receipts') && names().includes('events'))
  assert.ok(!names().includes('typing'), 'it is the only writer')
  assert.ok(!names().includes('backfill'))
  one.follow('backfill', () => undefined)
  assert.ok(names().includes('backfill'))
})

test('caches of all processes forget, the own ones before the change is done', async (t) => {
  const db = await postgres.db(t)
  const { one, other, connectAll } = await two(t, db)
  const forgotten: string[] = []
  for (const streams of [one, other])
    streams.caches.on('get_user_by_id', (keys) => forgotten.push(`${streams.instance} ${keys?.join()}`))
  other.caches.on('get_filter', () => assert.fail('another cache'))
  await connectAll()
  const result = await one.caches.transaction('change', async (tx, stale) => {
    stale('get_user_by_id', ['@a:x'])
    stale('get_user_by_id', ['@b:x'])
    await tx.run(`insert into users (name, creation_ts) values ('@a:x', 1)`)
    return 'done'
  })
  assert.equal(result, 'done')
  assert.ok(forgotten.includes('r1 @a:x') && forgotten.includes('r1 @b:x'))
  await until(() => forgotten.includes('r2 @a:x') && forgotten.includes('r2 @b:x'))
  assert.deepEqual(
    await db.rows(
      'select instance_name as instance, cache_func as func, keys from cache_invalidation_stream_by_instance',
    ),
    [
      { instance: 'r1', func: 'get_user_by_id', keys: ['@a:x'] },
      { instance: 'r1', func: 'get_user_by_id', keys: ['@b:x'] },
    ],
  )
  assert.deepEqual(await db.rows('select name from users'), [{ name: '@a:x' }])
})

test('a change that fails makes nothing stale, and one without stale entries announces nothing', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db)
  streams.caches.on('f', () => assert.fail('nothing was stale'))
  await assert.rejects(
    streams.caches.transaction('change', async (_tx, stale) => {
      stale('f', ['a'])
      throw new Error('no')
    }),
    /^Error: no$/,
  )
  const before = streams.ownPositions().caches
  await streams.caches.transaction('change', (tx) => tx.rows('select 1'))
  assert.equal(streams.ownPositions().caches, before)
  assert.deepEqual(await db.rows('select stream_id from cache_invalidation_stream_by_instance'), [])
})

test('more changes at once than there are connections wait for each other, and not for ever', async (t) => {
  const streams = await openStreams(t, await postgres.db(t, { connections: 2 }))
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      streams.caches.transaction('change', async (tx, stale) => {
        await tx.rows('select pg_sleep(0.01)')
        stale('f', [index])
      }),
    ),
  )
})
