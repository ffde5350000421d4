import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import {
  deleteTag,
  replaceIgnoredUsers,
  selectAccountDataOfType,
  selectGlobalAccountData,
  selectIgnoredUsers,
  selectIgnorersOf,
  selectRoomAccountData,
  selectRoomAccountDataOfType,
  selectTags,
  selectTagsChangedSince,
  upsertGlobalAccountData,
  upsertRoomAccountData,
  upsertTag,
} from '../../../worker/storage/account-data.ts'
import type { Db, Transaction } from '../../../worker/storage/db.ts'
import {
  countPushRules,
  deletePushRule,
  havePushRulesChanged,
  type NewPushRule,
  selectPushRuleSwitches,
  selectPushRules,
  switchPushRule,
  updatePushRuleActions,
  upsertPushRule,
} from '../../../worker/storage/push-rules.ts'
import {
  type ReceiptRow,
  selectReceipts,
  selectReceiptsOfUser,
  upsertReceipt,
} from '../../../worker/storage/receipts.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const [alice, bob] = ['@alice:example.com', '@bob:example.com'] as [UserId, UserId]
const [room, other] = ['!room:example.com', '!other:example.com'] as [RoomId, RoomId]
const id = (name: string | number) => `$${name}` as EventId
const inTransaction = <T>(db: Db, work: (tx: Transaction) => Promise<T>) => db.transaction('read committed', work)

const addEvents = (db: Db, ...orderings: readonly number[]) =>
  db.run(
    `insert into events (topological_ordering, event_id, type, room_id, processed, outlier, depth, stream_ordering)
     select n, '$' || n, 'm.room.message', $2::text, true, false, n, n from unnest($1::bigint[]) as n`,
    [orderings, room],
  )
const receipt = (streamId: number, event: string | number, more: Partial<ReceiptRow> = {}): ReceiptRow => ({
  streamId,
  instanceName: 'receipts1',
  roomId: room,
  receiptType: 'm.read',
  userId: alice,
  eventId: id(event),
  threadId: null,
  data: `{"ts":${streamId}}`,
  ...more,
})

test('a receipt moves forwards only, each thread and type for itself', async (t) => {
  const db = await postgres.db(t)
  await addEvents(db, 10, 11, 12)
  const send = (row: ReceiptRow) => inTransaction(db, (tx) => upsertReceipt(tx, row))
  assert.equal(await send(receipt(2, 11)), true)
  assert.equal(await send(receipt(3, 10)), false, 'an earlier event')
  assert.equal(await send(receipt(4, 11)), false, 'the same event')
  assert.equal(await send(receipt(5, 12)), true)
  assert.equal(await send(receipt(6, 10, { threadId: 'main' })), true)
  assert.equal(await send(receipt(7, 10, { receiptType: 'm.read.private' })), true)
  assert.equal(await send(receipt(8, 'unknown', { userId: bob })), true)
  assert.equal(await send(receipt(9, 10, { userId: bob })), true, 'of an event that is not here nothing can be said')
  assert.equal(await send(receipt(10, 'unknown', { userId: bob, roomId: other })), true)
  const found = await selectReceipts(db, [room], 5, 9)
  assert.deepEqual(found[0], receipt(6, 10, { threadId: 'main' }))
  assert.deepEqual(
    found.map(({ streamId }) => streamId),
    [6, 7, 9],
  )
  assert.deepEqual(
    (await selectReceipts(db, [room, other], 0, 99)).map(({ streamId }) => streamId),
    [5, 6, 7, 9, 10],
  )
  assert.deepEqual(
    (await selectReceiptsOfUser(db, alice, [room], ['m.read'])).sort((a, b) =>
      a.threadId === null ? -1 : b.threadId === null ? 1 : 0,
    ),
    [
      { roomId: room, threadId: null, eventId: id(12), eventStreamOrdering: 12 },
      { roomId: room, threadId: 'main', eventId: id(10), eventStreamOrdering: 10 },
    ],
  )
  assert.deepEqual(
    await db.rows(
      "select event_ids from receipts_graph where user_id = $1 and receipt_type = 'm.read' and thread_id is null",
      [alice],
    ),
    [{ event_ids: '["$12"]' }],
  )
})

test('receipts of a user that come at once: the latest event stays', async (t) => {
  const db = await postgres.db(t)
  await addEvents(db, ...Array.from({ length: 20 }, (_, n) => n + 1))
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      db.transaction('repeatable read', (tx) => upsertReceipt(tx, receipt(n + 2, ((n * 7) % 20) + 1))),
    ),
  )
  assert.deepEqual(
    (await selectReceipts(db, [room], 0, 99)).map(({ eventId }) => eventId),
    [id(20)],
  )
})

test('account data: the latest counts, and what changed since', async (t) => {
  const db = await postgres.db(t)
  const at = (streamId: number) => ({ streamId, instanceName: 'master' })
  await upsertGlobalAccountData(db, alice, 'm.direct', '{"a":1}', at(2))
  await upsertGlobalAccountData(db, alice, 'm.theme', '{}', at(3))
  await upsertGlobalAccountData(db, alice, 'm.direct', '{"a":2.0}', at(4))
  await upsertGlobalAccountData(db, bob, 'm.direct', '{}', at(5))
  await upsertRoomAccountData(db, alice, room, 'm.fully_read', '{"event_id":"$x"}', at(6))
  assert.deepEqual(await selectGlobalAccountData(db, alice), [
    { type: 'm.theme', content: '{}' },
    { type: 'm.direct', content: '{"a":2.0}' },
  ])
  assert.deepEqual(await selectGlobalAccountData(db, alice, 3), [{ type: 'm.direct', content: '{"a":2.0}' }])
  assert.deepEqual(await selectRoomAccountData(db, alice, 5), [
    { roomId: room, type: 'm.fully_read', content: '{"event_id":"$x"}' },
  ])
  assert.deepEqual(await selectRoomAccountData(db, alice, 6), [])
  assert.equal(await selectAccountDataOfType(db, alice, 'm.theme'), '{}')
  assert.equal(await selectAccountDataOfType(db, alice, 'm.none'), undefined)
  assert.equal(await selectRoomAccountDataOfType(db, alice, room, 'm.fully_read'), '{"event_id":"$x"}')
  assert.equal(await selectRoomAccountDataOfType(db, alice, other, 'm.fully_read'), undefined)

  const tag = { roomId: room, tag: 'm.favourite', content: '{"order":0.5}' }
  await inTransaction(db, (tx) => upsertTag(tx, alice, tag, at(7)))
  await inTransaction(db, (tx) => upsertTag(tx, alice, { ...tag, tag: 'u.x' }, at(8)))
  assert.deepEqual(await selectTags(db, alice), [tag, { ...tag, tag: 'u.x' }])
  await inTransaction(db, (tx) => deleteTag(tx, alice, room, 'u.x', at(10)))
  await inTransaction(db, (tx) => deleteTag(tx, alice, room, 'm.favourite', at(9)))
  assert.deepEqual(await selectTagsChangedSince(db, alice, 9), [{ roomId: room, tag: null, content: null }])
  assert.deepEqual(await selectTagsChangedSince(db, alice, 10), [])
})

test('whom users ignore', async (t) => {
  const db = await postgres.db(t)
  const carol = '@carol:example.com' as UserId
  await inTransaction(db, (tx) => replaceIgnoredUsers(tx, alice, [bob, carol, carol]))
  await inTransaction(db, (tx) => replaceIgnoredUsers(tx, bob, [carol]))
  await inTransaction(db, (tx) => replaceIgnoredUsers(tx, alice, [carol]))
  assert.deepEqual(await selectIgnoredUsers(db, alice), new Set([carol]))
  assert.deepEqual(await selectIgnorersOf(db, carol), new Set([alice, bob]))
  assert.deepEqual(await selectIgnorersOf(db, alice), new Set())
  await inTransaction(db, (tx) => replaceIgnoredUsers(tx, alice, []))
  assert.deepEqual(await selectIgnoredUsers(db, alice), new Set())
})

test('push rules: no more than so many, but those that are there may change', async (t) => {
  const db = await postgres.db(t)
  let streamId = 0
  const at = () => ({ streamId: ++streamId, instanceName: 'master', eventStreamOrdering: 1 })
  const rule = (ruleId: string): NewPushRule => ({
    userId: alice,
    ruleId: `global/override/${ruleId}`,
    priorityClass: 5,
    conditions: '[]',
    actions: '[]',
  })
  const put = (ruleId: string) => inTransaction(db, (tx) => upsertPushRule(tx, rule(ruleId), at(), 2))
  assert.deepEqual(
    [await put('a'), await put('b'), await put('c'), await put('a')],
    ['done', 'done', 'too many', 'done'],
  )
  const limits = { ruleCount: 2, ruleSize: 10 }
  const change = (ruleId: string, actions: string, isDefault: boolean) =>
    inTransaction(db, (tx) => updatePushRuleActions(tx, alice, ruleId, actions, isDefault, at(), limits))
  assert.equal(await change('global/override/.m.rule.call', '[]', true), 'too many')
  assert.equal(await change('global/override/a', '["notify"]', false), 'too large')
  assert.equal(await countPushRules(db, alice), 2)
})

test('push rules: made, put in order, switched, changed, deleted; each change told', async (t) => {
  const db = await postgres.db(t)
  let streamId = 1
  const at = () => ({ streamId: ++streamId, instanceName: 'push1', eventStreamOrdering: 77 })
  const make = (name: string, place?: NewPushRule['place'], priorityClass = 5) =>
    inTransaction(db, (tx) =>
      upsertPushRule(
        tx,
        {
          userId: alice,
          ruleId: name,
          priorityClass,
          conditions: '[]',
          actions: '["notify"]',
          ...(place && { place }),
        },
        at(),
      ),
    )
  const order = async () => (await selectPushRules(db, [alice])).map(({ ruleId }) => ruleId).join()
  assert.equal(await make('a'), 'done')
  assert.equal(await make('b'), 'done')
  assert.equal(await order(), 'b,a', 'a new one is looked at first')
  assert.equal(await make('c', { after: 'b' }), 'done')
  assert.equal(await order(), 'b,c,a')
  assert.equal(await make('d', { before: 'c' }), 'done')
  assert.equal(await order(), 'b,d,c,a')
  assert.equal(await make('e', { after: 'a' }), 'done')
  assert.equal(await order(), 'b,d,c,a,e')
  assert.equal(await make('x', { after: 'nobody' }), 'no such rule')
  assert.equal(await make('x', { after: 'a' }, 4), 'another class')
  assert.equal(await make('content', undefined, 4), 'done')
  assert.equal(await make('a'), 'done', 'made again: the first now')
  assert.equal(await order(), 'a,b,d,c,e,content')
  assert.equal(await countPushRules(db, alice), 6)

  const switches = async () =>
    Object.fromEntries((await selectPushRuleSwitches(db, [alice])).map(({ ruleId, isEnabled }) => [ruleId, isEnabled]))
  await inTransaction(db, (tx) => switchPushRule(tx, alice, 'b', false, at()))
  await inTransaction(db, (tx) => switchPushRule(tx, alice, '.m.rule.master', true, at()))
  await make('b')
  assert.deepEqual(await switches(), {
    a: true,
    b: false,
    c: true,
    d: true,
    e: true,
    content: true,
    '.m.rule.master': true,
  })

  const change = (rule: string, isDefault: boolean) =>
    inTransaction(db, (tx) => updatePushRuleActions(tx, alice, rule, '["dont_notify"]', isDefault, at()))
  assert.equal(await change('c', false), 'done')
  assert.equal(await change('nobody', false), 'no such rule')
  assert.equal(await change('.m.rule.message', true), 'done')
  const rules = new Map((await selectPushRules(db, [alice])).map((rule) => [rule.ruleId, rule]))
  assert.equal(rules.get('c')?.actions, '["dont_notify"]')
  assert.equal(rules.get('.m.rule.message')?.priorityClass, -1)

  assert.equal(await inTransaction(db, (tx) => deletePushRule(tx, alice, 'd', at())), true)
  assert.equal(await inTransaction(db, (tx) => deletePushRule(tx, alice, 'd', at())), false)
  assert.equal((await switches()).d, undefined)
  const told = await db.rows<{ op: string; rule_id: string; priority: number | null }>(
    'select op, rule_id, priority from push_rules_stream order by stream_id desc limit 4',
  )
  assert.deepEqual(
    told.map(({ op, rule_id }) => `${op} ${rule_id}`),
    ['DELETE d', 'ACTIONS .m.rule.message', 'ACTIONS c', 'ADD b'],
  )
  assert.equal(await havePushRulesChanged(db, alice, 20), false)
  assert.equal(await havePushRulesChanged(db, alice, 5), true)
  assert.equal(await havePushRulesChanged(db, bob, 0), false)
})

test('push rules that are made at once have a place of their own', async (t) => {
  const db = await postgres.db(t)
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      inTransaction(db, (tx) =>
        upsertPushRule(
          tx,
          { userId: n % 2 === 0 ? alice : bob, ruleId: `r${n}`, priorityClass: 5, conditions: '[]', actions: '[]' },
          { streamId: n + 2, instanceName: 'push1', eventStreamOrdering: 1 },
        ),
      ),
    ),
  )
  for (const user of [alice, bob])
    assert.deepEqual(
      (await selectPushRules(db, [user])).map(({ priority }) => priority),
      [3, 2, 1, 0],
    )
})
