import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { startPushSummaries } from '../../../worker/push/summaries.ts'
import { makeUnreadCounts, type RoomUnread, wholeRoom } from '../../../worker/push/unread-counts.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { deletePushActions, insertPushActions } from '../../../worker/storage/push-actions.ts'
import { deleteSummarised, summarise, takeReceipts } from '../../../worker/storage/push-summary.ts'
import { upsertReceipt } from '../../../worker/storage/receipts.ts'
import type { StreamRow } from '../../../worker/streams/definitions.ts'
import { tokenAt } from '../../../worker/streams/vector-clock.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { makeFakeStreams } from '../../worker/sync/fake-streams.ts'

const postgres = await startPostgres()
const [alice, bob] = ['@alice:s', '@bob:s'] as [UserId, UserId]
const [room, other] = ['!room:s', '!other:s'] as [RoomId, RoomId]
const users = [alice, bob]
const rooms = [room, other]

interface Action {
  readonly userId: UserId
  readonly highlights: boolean
}

/** A server's rooms as the tables have them, and beside them the plain truth. */
async function history(db: Db) {
  let [position, receiptId] = [10, 10]
  const events: { at: number; room: RoomId; thread: string; actions: readonly Action[] }[] = []
  const read = new Map<string, number>()
  const event = async (roomId: RoomId, thread: string, actions: readonly Action[]) => {
    const at = ++position
    await db.run(
      `insert into events (topological_ordering, event_id, type, room_id, processed, outlier, depth, stream_ordering,
         received_ts)
       values ($1, $2, 'm.room.message', $3, true, false, $1, $1, $1)`,
      [at, `$${at}`, roomId],
    )
    await insertPushActions(
      db,
      actions.map(({ userId, highlights }) => ({
        eventId: `$${at}` as EventId,
        roomId,
        streamOrdering: at,
        topologicalOrdering: at,
        userId,
        actions: '',
        notifies: true,
        highlights,
        isUnread: false,
        threadId: thread,
      })),
    )
    events.push({ at, room: roomId, thread, actions })
    return at
  }
  const join = async (userId: UserId, roomId: RoomId) => {
    const at = await event(roomId, 'main', [])
    await db.run(
      `insert into local_current_membership (room_id, user_id, event_id, membership, event_stream_ordering)
       values ($1, $2, $3, 'join', $4)`,
      [roomId, userId, `$${at}`, at],
    )
    read.set(`${userId} ${roomId} joined`, at)
  }
  const receipt = async (userId: UserId, roomId: RoomId, at: number, threadId: string | null, receiptType: string) => {
    const stored = await db.transaction('read committed', (tx) =>
      upsertReceipt(tx, {
        streamId: ++receiptId,
        instanceName: 'master',
        roomId,
        receiptType,
        userId,
        eventId: `$${at}` as EventId,
        threadId,
        data: '{}',
      }),
    )
    const key = `${userId} ${roomId} ${threadId}`
    read.set(key, Math.max(read.get(key) ?? 0, at))
    return stored
  }
  const truth = (userId: UserId, roomId: RoomId): RoomUnread => {
    const threads = new Map<string, { notificationCount: number; highlightCount: number }>()
    const base = read.get(`${userId} ${roomId} null`) ?? read.get(`${userId} ${roomId} joined`) ?? 0
    for (const { at, room: where, thread, actions } of events) {
      const action = actions.find((one) => one.userId === userId)
      if (where !== roomId || action === undefined) continue
      if (at <= Math.max(base, read.get(`${userId} ${roomId} ${thread}`) ?? 0)) continue
      const { notificationCount = 0, highlightCount = 0 } = threads.get(thread) ?? {}
      threads.set(thread, {
        notificationCount: notificationCount + 1,
        highlightCount: highlightCount + (action.highlights ? 1 : 0),
      })
    }
    const main = threads.get('main') ?? { notificationCount: 0, highlightCount: 0 }
    threads.delete('main')
    return { ...main, threads }
  }
  return {
    event,
    join,
    receipt,
    truth,
    events,
    position: () => position,
    receiptId: () => receiptId,
  }
}

const none = { notificationCount: 0, highlightCount: 0, threads: new Map() }
/** As of this moment. */
const freshCounts = (db: Db) => makeUnreadCounts({ db, streams: { follow: () => {}, current: () => tokenAt(1) } })

for (const isDeleting of [false, true])
  test(`counts are right through any history of threads, receipts and summaries${isDeleting ? ', and when old actions are gone' : ''}`, async (t) => {
    const random = makeRandom(isDeleting ? 7 : 11)
    const { pick, int } = random
    const chanceOf = (percent: number) => int(100) < percent
    const db = await postgres.db(t)
    const { event, join, receipt, truth, events, position, receiptId } = await history(db)
    for (const userId of users) for (const roomId of rooms) await join(userId, roomId)

    for (let step = 0; step < 250; step++) {
      const chance = int(100)
      if (chance < 55) {
        const actions = users.filter(() => chanceOf(70)).map((userId) => ({ userId, highlights: chanceOf(20) }))
        await event(pick(rooms), pick(['main', 'main', '$one', '$two']), actions)
      } else if (chance < 75) {
        const roomId = pick(rooms)
        // Where actions are gone, a receipt for what lies between them cannot be counted from.
        const known = events.filter((one) => one.room === roomId)
        const { at } = isDeleting ? known.at(-1)! : pick(known)
        await receipt(pick(users), roomId, at, pick([null, 'main', '$one']), pick(['m.read', 'm.read.private']))
      } else if (chance < 85) await takeReceipts(db, receiptId(), 1 + int(5))
      else if (chance < 95) await summarise(db, position(), 1 + int(30))
      else if (isDeleting) await deleteSummarised(db, position() - 5, 50)
      for (const userId of users) {
        const found = await freshCounts(db).of(userId, rooms)
        for (const roomId of rooms)
          assert.deepEqual(found.get(roomId) ?? none, truth(userId, roomId), `step ${step}: ${userId} in ${roomId}`)
      }
    }
    const left = await db.one<{ count: number }>('select count(*) as count from event_push_actions where highlight = 0')
    const made = events.flatMap(({ actions }) => actions).filter(({ highlights }) => !highlights).length
    assert.ok(left!.count < made, 'something was summarised and deleted')
  })

test('counts are kept until the user reads; what an event does to all who have one is read once', async (t) => {
  const db = await postgres.db(t)
  const streams = makeLoneStreams()
  const { event, join, receipt, truth, position } = await history(db)
  await join(alice, room)
  await join(bob, room)
  streams.hear('events', [], position())
  let statements = 0
  const counts = makeUnreadCounts({
    db: {
      ...db,
      rows: (sql, params) => {
        statements++
        return db.rows(sql, params)
      },
    },
    streams,
  })
  /** For both, and how many statements that takes. */
  const check = async (expected: number) => {
    const before = statements
    for (const userId of users)
      assert.deepEqual((await counts.of(userId, [room])).get(room) ?? none, truth(userId, room))
    assert.equal(statements - before, expected)
  }
  const row = { type: 'm.room.message', stateKey: null, redacts: null, relatesTo: null, membership: null }
  const heard = (at: number) => ({
    kind: 'ev' as const,
    eventId: `$${at}`,
    roomId: room,
    ...row,
    rejected: false,
    outlier: false,
  })
  await check(2)
  await check(0)
  const at = await event(room, 'main', [
    { userId: alice, highlights: true },
    { userId: bob, highlights: false },
  ])
  streams.hear('events', [heard(at)], at)
  await check(1)
  await check(0)
  streams.hear('events', [{ ...heard(at + 1), roomId: other }], at + 1)
  await check(0)
  await receipt(alice, room, at, null, 'm.read')
  const read = { roomId: room, receiptType: 'm.read', userId: alice, eventId: `$${at}`, threadId: null, data: {} }
  streams.hear('receipts', [read], 11)
  await check(1)
  assert.equal((await counts.of(alice, [room])).size, 0)
})

test('whatever comes in which order from two writers, counts on are those of the statement', async (t) => {
  const { pick, int } = makeRandom(5)
  const chanceOf = (percent: number) => int(100) < percent
  const db = await postgres.db(t)
  const writers = ['master', 'two'] as const
  const streams = makeFakeStreams(writers)
  const { event, join, receipt, events, position, receiptId } = await history(db)
  for (const userId of users) for (const roomId of rooms) await join(userId, roomId)
  streams.advance('events', position())
  let statements = 0
  const counts = makeUnreadCounts({
    db: {
      ...db,
      rows: (sql, params) => {
        statements += sql.startsWith('with') ? 1 : 0
        return db.rows(sql, params)
      },
    },
    streams,
    maxHeard: 60,
  })
  /** Said, and not heard yet: of each writer in order. */
  const unheard = { master: [] as (() => void)[], two: [] as (() => void)[], receipts: [] as (() => void)[] }
  const say = (at: number, roomId: RoomId, more: Partial<Extract<StreamRow<'events'>, { kind: 'ev' }>> = {}) => {
    const writer = pick(writers)
    const row = { type: 'm.room.message', stateKey: null, redacts: null, relatesTo: null, membership: null, ...more }
    const heard = { kind: 'ev' as const, eventId: `$${at}`, roomId, rejected: false, outlier: false, ...row }
    unheard[writer].push(() => streams.say('events', [heard], at, writer))
  }
  /** What was not heard yet is mostly among it. */
  const lately = (roomId: RoomId) => events.filter((one) => one.room === roomId).slice(-6)
  for (let step = 0; step < 1_200; step++) {
    const chance = int(100)
    const [userId, roomId] = [pick(users), pick(rooms)]
    if (chance < 60) {
      const actions = users.filter(() => chanceOf(60)).map((one) => ({ userId: one, highlights: chanceOf(20) }))
      say(await event(roomId, pick(['main', 'main', '$one', '$two']), actions), roomId)
    } else if (chance < 72) {
      const { at } = pick(lately(roomId))
      const threadId = pick([null, 'main', '$one'])
      await receipt(userId, roomId, at, threadId, 'm.read')
      const row = { roomId, receiptType: 'm.read', userId, eventId: `$${at}`, threadId, data: {} }
      const streamId = receiptId()
      unheard.receipts.push(() => streams.say('receipts', [row], streamId))
    } else if (chance < 78) {
      const { at } = pick(lately(roomId))
      await deletePushActions(db, roomId, [`$${at}` as EventId])
      say(await event(roomId, 'main', []), roomId, { type: 'm.room.redaction', redacts: `$${at}` })
    } else if (chance < 82) {
      await db.run('delete from local_current_membership where user_id = $1 and room_id = $2', [userId, roomId])
      await join(userId, roomId)
      say(position(), roomId, { type: 'm.room.member', stateKey: userId, membership: 'join' })
    } else if (chance < 86) await takeReceipts(db, receiptId(), 1 + int(5))
    else if (chance < 94) await summarise(db, position(), 1 + int(30))
    // Who asks now is told of some of it.
    for (let n = int(3); n > 0; n--) pick(Object.values(unheard)).shift()?.()
    if (chanceOf(30)) await Promise.all(users.map((one) => counts.of(one, rooms)))
    if (chanceOf(85)) continue
    while (Object.values(unheard).some(({ length }) => length > 0)) pick(Object.values(unheard)).shift()?.()
    streams.advance('events', position())
    const asked = await Promise.all(users.map((one) => counts.of(one, rooms)))
    for (const [index, one] of users.entries())
      assert.deepEqual(asked[index], await freshCounts(db).of(one, rooms), `step ${step}: ${one}`)
  }
  t.diagnostic(`${statements} times by the statement`)
})

test('an event that was counted is redacted while another writer is behind it', async (t) => {
  const db = await postgres.db(t)
  const streams = makeFakeStreams(['master', 'two'])
  const { event, join, position } = await history(db)
  await join(alice, room)
  streams.advance('events', position())
  const counts = makeUnreadCounts({ db, streams })
  const row = { type: 'm.room.message', stateKey: null, relatesTo: null, membership: null, roomId: room }
  const hear = (at: number, redacts: string | null) =>
    streams.say(
      'events',
      [{ kind: 'ev', eventId: `$${at}`, ...row, redacts, rejected: false, outlier: false }],
      at,
      'two',
    )
  const unread = async () => (await counts.of(alice, [room])).get(room)?.notificationCount
  assert.equal(await unread(), undefined)
  const [first, second] = [
    await event(room, 'main', [{ userId: alice, highlights: false }]),
    await event(room, 'main', [{ userId: alice, highlights: false }]),
  ]
  hear(first, null)
  hear(second, null)
  assert.equal(await unread(), 2)
  await deletePushActions(db, room, [`$${first}` as EventId])
  hear(await event(room, 'main', []), `$${first}`)
  assert.equal(await unread(), 1)
})

test('a count is not added to where the actions may be deleted by then', async (t) => {
  const db = await postgres.db(t)
  const streams = makeLoneStreams()
  const { event, join, position } = await history(db)
  await join(alice, room)
  streams.hear('events', [], position())
  let hours = 0
  const counts = makeUnreadCounts({ db, streams, clock: () => hours * 3_600_000 })
  assert.equal((await counts.of(alice, [room])).size, 0)
  const at = await event(room, 'main', [{ userId: alice, highlights: false }])
  const row = { type: 'm.room.message', stateKey: null, redacts: null, relatesTo: null, membership: null }
  streams.hear('events', [{ kind: 'ev', eventId: `$${at}`, roomId: room, ...row, rejected: false, outlier: false }], at)
  await summarise(db, position(), 10)
  assert.equal(await deleteSummarised(db, at + 1, 10), 1)
  hours = 25
  assert.equal((await counts.of(alice, [room])).get(room)?.notificationCount, 1)
})

test('what became stale while it was read is not kept', async (t) => {
  const db = await postgres.db(t)
  const streams = makeLoneStreams()
  const { event, join } = await history(db)
  await join(alice, room)
  let meanwhile: (() => Promise<void>) | undefined
  const counts = makeUnreadCounts({
    db: {
      ...db,
      rows: async <Row>(sql: string, params?: Parameters<Db['rows']>[1]) => {
        const rows = await db.rows<Row>(sql, params)
        await meanwhile?.()
        return rows
      },
    },
    streams,
  })
  meanwhile = async () => {
    meanwhile = undefined
    const at = await event(room, 'main', [{ userId: alice, highlights: false }])
    const row = { type: 'm.room.message', stateKey: null, redacts: null, relatesTo: null, membership: null }
    streams.hear(
      'events',
      [{ kind: 'ev', eventId: `$${at}`, roomId: room, ...row, rejected: false, outlier: false }],
      at,
    )
  }
  assert.equal((await counts.of(alice, [room])).size, 0)
  assert.equal((await counts.of(alice, [room])).get(room)?.notificationCount, 1)
})

test('the background work summarises all there is, and forgets what is older than a day', async (t) => {
  const db = await postgres.db(t)
  const { event, join, receipt, truth, position } = await history(db)
  await join(alice, room)
  for (let n = 0; n < 30; n++)
    await event(room, n % 3 === 0 ? '$one' : 'main', [{ userId: alice, highlights: n === 20 }])
  await receipt(alice, room, position() - 20, null, 'm.read')
  const streams = makeLoneStreams()
  streams.hear('events', [], position())
  streams.hear('receipts', [], 11)
  const summaries = startPushSummaries({
    db,
    streams,
    onProblem: (problem) => assert.fail(problem),
    now: () => 24 * 3_600_000 + 1_000,
    intervalMs: 3_600_000,
  })
  await summaries.run()
  await summaries.close()
  assert.deepEqual((await freshCounts(db).of(alice, [room])).get(room), truth(alice, room))
  const left = await db.rows<{ highlight: number }>('select highlight from event_push_actions')
  assert.deepEqual(
    left.map(({ highlight }) => highlight),
    [1],
  )
})

test('who does not know threads gets them in the room’s count', () => {
  const threads = new Map([['$one', { notificationCount: 2, highlightCount: 1 }]])
  assert.deepEqual(wholeRoom({ notificationCount: 3, highlightCount: 0, threads }), {
    notificationCount: 5,
    highlightCount: 1,
  })
})
