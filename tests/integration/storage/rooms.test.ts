import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomAlias, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import {
  selectCurrentState,
  selectStateDeltas,
  selectStateDeltasOfRooms,
  updateCurrentState,
} from '../../../worker/storage/current-state.ts'
import type { Db } from '../../../worker/storage/db.ts'
import {
  insertEvents,
  insertRedactions,
  insertRelations,
  type NewEvent,
  selectAuthEvents,
  selectEventJson,
  selectEvents,
  selectKnownEventIds,
  selectPrevEvents,
} from '../../../worker/storage/events.ts'
import {
  changeForwardExtremities,
  selectBackwardExtremities,
  selectForwardExtremities,
  selectForwardExtremitiesAt,
  updateBackwardExtremities,
} from '../../../worker/storage/extremities.ts'
import {
  deleteLocalMemberships,
  forgetRoom,
  insertMemberships,
  type Membership,
  selectJoinedProfiles,
  selectJoinedRooms,
  selectLocalMembership,
  selectMemberCounts,
  selectMembers,
  selectRoomsOfUser,
  upsertLocalMemberships,
} from '../../../worker/storage/memberships.ts'
import { isUniqueViolation } from '../../../worker/storage/postgres/errors.ts'
import {
  deleteAlias,
  insertAlias,
  insertRoom,
  selectAlias,
  selectAliasesOfRoom,
  selectMinDepth,
  selectRoom,
  selectRooms,
  updateIsPublic,
  updateRoomDepth,
} from '../../../worker/storage/rooms.ts'
import { selectHistory, selectLastEvents, selectPlaces, selectRecentEvents } from '../../../worker/storage/timelines.ts'
import {
  deleteOldTransactions,
  insertTransactions,
  selectEventOfTransaction,
  selectTransactionsOfEvents,
} from '../../../worker/storage/transactions.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const room = '!room:example.com' as RoomId
const other = '!other:example.com' as RoomId
const [alice, bob] = ['@alice:example.com', '@bob:elsewhere.org'] as [UserId, UserId]
const id = (name: string | number) => `$${name}` as EventId

const makeEvent = (name: string | number, more: Partial<NewEvent> = {}): NewEvent => {
  const depth = more.depth ?? (typeof name === 'number' ? name : 1)
  return {
    eventId: id(name),
    roomId: room,
    type: 'm.room.message',
    stateKey: null,
    sender: alice,
    depth,
    originServerTs: 1000 + depth,
    receivedTs: 2000 + depth,
    streamOrdering: depth,
    topologicalOrdering: depth,
    instanceName: 'master',
    isOutlier: false,
    containsUrl: false,
    rejectionReason: null,
    internalMetadata: '{}',
    json: JSON.stringify({ type: 'm.room.message', content: { body: `say "${name}" \\ \u{1F600}` } }),
    formatVersion: 3,
    prevEventIds: [],
    authEventIds: [],
    ...more,
  }
}
const member = (name: string, userId: UserId, streamOrdering: number) =>
  makeEvent(name, {
    type: 'm.room.member',
    stateKey: userId,
    streamOrdering,
    depth: streamOrdering,
    topologicalOrdering: streamOrdering,
  })
const store = (db: Db, ...events: readonly NewEvent[]) =>
  db.transaction('repeatable read', (tx) => insertEvents(tx, events))
const sorted = <T>(values: Iterable<T>): T[] => [...values].sort()

test('rooms and their aliases', async (t) => {
  const db = await postgres.db(t)
  const newRoom = { roomId: room, roomVersion: '12', creator: alice }
  assert.equal(await insertRoom(db, newRoom), true)
  assert.equal(await insertRoom(db, newRoom), false)
  await insertRoom(db, { ...newRoom, roomId: other, roomVersion: '10', isPublic: true })
  assert.deepEqual(await selectRoom(db, room), {
    roomId: room,
    roomVersion: '12',
    creator: alice,
    isPublic: false,
    hasAuthChainIndex: true,
  })
  assert.equal((await selectRooms(db, [room, other, '!none:x' as RoomId])).length, 2)
  assert.equal(await updateIsPublic(db, room, true), true)
  assert.equal((await selectRoom(db, room))?.isPublic, true)
  await updateRoomDepth(db, room, 5)
  await updateRoomDepth(db, room, 9)
  await updateRoomDepth(db, room, 3)
  assert.equal(await selectMinDepth(db, room), 3)
  assert.equal(await selectMinDepth(db, other), undefined)

  const alias = '#lobby:example.com' as RoomAlias
  const row = { alias, roomId: room, creator: alice, servers: ['b.example', 'a.example'] as ServerName[] }
  assert.equal(await insertAlias(db, row), true)
  assert.equal(await insertAlias(db, { ...row, roomId: other, servers: ['evil.example' as ServerName] }), false)
  assert.deepEqual(await selectAlias(db, alias), { ...row, servers: ['a.example', 'b.example'] })
  assert.deepEqual(await selectAliasesOfRoom(db, room), [alias])
  assert.equal(await deleteAlias(db, alias), room)
  assert.equal(await deleteAlias(db, alias), undefined)
  assert.deepEqual(await db.rows('select * from room_alias_servers'), [])
})

test('events come back as they were stored, the text of them byte for byte', async (t) => {
  const db = await postgres.db(t)
  await insertRoom(db, { roomId: room, roomVersion: '10', creator: alice })
  const create = makeEvent('create', { type: 'm.room.create', stateKey: '', depth: 1 })
  const message = makeEvent(2, {
    prevEventIds: [id('create')],
    authEventIds: [id('create')],
    json: '{"n":1.0,  "é": "\\u0000"}',
  })
  const bad = makeEvent(3, {
    prevEventIds: [id(2), id(2), id('missing')],
    rejectionReason: 'auth_error',
    isOutlier: true,
  })
  const name = makeEvent(4, { type: 'm.room.name', stateKey: '', prevEventIds: [id(3)], authEventIds: [id('create')] })
  await store(db, create, message, bad, name)
  const [found] = await selectEvents(db, [message.eventId])
  assert.deepEqual(found, {
    eventId: id(2),
    roomId: room,
    type: 'm.room.message',
    stateKey: null,
    sender: alice,
    streamOrdering: 2,
    topologicalOrdering: 2,
    instanceName: 'master',
    isOutlier: false,
    originServerTs: 1002,
    receivedTs: 2002,
    rejectionReason: null,
    internalMetadata: '{}',
    json: '{"n":1.0,  "é": "\\u0000"}',
    formatVersion: 3,
    roomVersion: '10',
    stateGroup: null,
    redactedBy: [],
  })
  assert.deepEqual(await selectEventJson(db, [id(4)]), [{ eventId: id(4), json: name.json }])
  assert.equal((await selectEvents(db, [id(3)]))[0]?.rejectionReason, 'auth_error')
  assert.deepEqual(sorted(await selectKnownEventIds(db, [id(2), id(3), id('missing')])), [id(2), id(3)])
  assert.deepEqual(sorted(await selectKnownEventIds(db, [id(2), id(3)], { outliers: false })), [id(2)])
  assert.deepEqual(sorted((await selectPrevEvents(db, [id(3)])).map(({ prevEventId }) => prevEventId)), [
    id(2),
    id('missing'),
  ])
  // Of state events only: the message is in nobody's auth chain.
  assert.deepEqual(await selectAuthEvents(db, [id(2), id(4)]), [{ eventId: id(4), authEventId: id('create') }])
  assert.deepEqual(
    sorted((await db.rows<{ event_id: string }>('select event_id from state_events')).map((row) => row.event_id)),
    [id(4), id('create')],
  )
  assert.deepEqual(await db.rows('select event_id, reason, last_check from rejections'), [
    { event_id: id(3), reason: 'auth_error', last_check: '2003' },
  ])
  await assert.rejects(store(db, makeEvent(5), message), (error) => isUniqueViolation(error, 'events_event_id_key'))
  assert.deepEqual(await selectEvents(db, [id(5)]), [], 'all or nothing')
})

test('redactions are told with the event that they name, relations are kept', async (t) => {
  const db = await postgres.db(t)
  await store(db, makeEvent(1), makeEvent(2), makeEvent(3))
  const redaction = { redacts: id(1), needsCheck: false }
  await insertRedactions(db, [
    { ...redaction, eventId: id(3), receivedTs: 30 },
    { ...redaction, eventId: id(2), receivedTs: 20 },
  ])
  await insertRelations(db, [{ eventId: id(2), relatesTo: id(1), relationType: 'm.annotation', aggregationKey: '👍' }])
  const events = await selectEvents(db, [id(1), id(2)])
  assert.deepEqual(
    new Map(events.map(({ eventId, redactedBy }) => [eventId, redactedBy])),
    new Map([
      [id(1), [id(2), id(3)]],
      [id(2), []],
    ]),
  )
  assert.deepEqual(await db.rows('select relates_to_id as a, aggregation_key as b from event_relations'), [
    { a: id(1), b: '👍' },
  ])
})

test('timelines: by stream for what is new, by topology for history', async (t) => {
  const db = await postgres.db(t)
  const events = Array.from({ length: 8 }, (_, index) => makeEvent(index + 2))
  await store(
    db,
    ...events,
    makeEvent('outlier', { streamOrdering: 10, topologicalOrdering: 10, isOutlier: true }),
    makeEvent('rejected', { streamOrdering: 11, topologicalOrdering: 11, rejectionReason: 'no' }),
    // It came late, from a server that had been away: an old place in the graph, a new one in the stream.
    makeEvent('late', { streamOrdering: 12, topologicalOrdering: 4, instanceName: 'persister2' }),
    makeEvent('backfilled', { streamOrdering: -7, topologicalOrdering: 1 }),
    makeEvent('there', { roomId: other, streamOrdering: 13, topologicalOrdering: 1 }),
  )
  const recent = async (from: number, to: number, limit: number) =>
    (
      await selectRecentEvents(
        db,
        [room, other].map((roomId) => ({ roomId, from })),
        to,
        limit,
      )
    ).map(({ eventId }) => eventId)
  assert.deepEqual(await recent(7, 13, 10), [id('there'), id('late'), id(9), id(8)])
  assert.deepEqual(await recent(7, 12, 2), [id('late'), id(9)])
  assert.deepEqual(await recent(13, 20, 2), [])
  const history = async (
    ...args: Parameters<typeof selectHistory> extends [unknown, unknown, ...infer Rest] ? Rest : never
  ) => (await selectHistory(db, room, ...args)).map(({ eventId }) => eventId)
  const at = (topologicalOrdering: number, streamOrdering: number) => ({ topologicalOrdering, streamOrdering })
  assert.deepEqual(await history('backwards', at(5, 5), 10), [id(5), id('late'), id(4), id(3), id(2), id('backfilled')])
  assert.deepEqual(await history('backwards', at(4, 4), 2), [id(4), id(3)])
  assert.deepEqual(await history('backwards', at(5, 5), 10, at(3, 3)), [id(5), id('late'), id(4)])
  assert.deepEqual(await history('forwards', at(3, 3), 3), [id(4), id('late'), id(5)])
  assert.deepEqual(await history('forwards', at(3, 3), 9, at(4, 4)), [id(4)])
  assert.deepEqual(await selectPlaces(db, [id('late'), id('outlier')]), [
    { eventId: id('late'), roomId: room, streamOrdering: 12, topologicalOrdering: 4, instanceName: 'persister2' },
  ])
  assert.deepEqual(
    (await selectLastEvents(db, [other, room], 11)).map(({ eventId }) => eventId),
    [id(9)],
  )
})

test('extremities: what comes next, what is missing', async (t) => {
  const db = await postgres.db(t)
  let before: readonly EventId[] = []
  const follow = async (event: NewEvent, now: EventId[]) => {
    await db.transaction('repeatable read', async (tx) => {
      // The foreign key is looked at when all is done.
      const gone = before.filter((prev) => !now.includes(prev))
      const change = { gone, added: now, now, streamOrdering: event.streamOrdering }
      const found = changeForwardExtremities(tx, room, change)
      void insertEvents(tx, [event])
      await updateBackwardExtremities(tx, room, [event.eventId])
      assert.deepEqual(sorted(await found), before)
    })
    before = now
  }
  await follow(makeEvent(2), [id(2)])
  await follow(makeEvent(3, { prevEventIds: [id(2)] }), [id(3)])
  await follow(makeEvent(4, { prevEventIds: [id(2), id('x')] }), [id(3), id(4)])
  assert.deepEqual(await selectForwardExtremities(db, [room, other]), [
    { roomId: room, eventId: id(3), depth: 3, stateGroup: null },
    { roomId: room, eventId: id(4), depth: 4, stateGroup: null },
  ])
  assert.deepEqual(await selectBackwardExtremities(db, room), [id('x')])
  assert.deepEqual(await db.rows('select instance_name, stream_ordering from timeline_gaps'), [
    { instance_name: 'master', stream_ordering: 4 },
  ])
  await follow(makeEvent('x', { streamOrdering: -2, depth: 1, prevEventIds: [id('y')] }), [id(3), id(4)])
  assert.deepEqual(await selectBackwardExtremities(db, room), [id('y')])
  assert.deepEqual(await selectForwardExtremitiesAt(db, room, 3), [id(3)])
  assert.deepEqual(await selectForwardExtremitiesAt(db, room, 99), [id(3), id(4)])
  assert.deepEqual(await selectForwardExtremitiesAt(db, other, 99), [])
})

test('the current state, and its changes as others follow them', async (t) => {
  const db = await postgres.db(t)
  await store(
    db,
    member('a1', alice, 2),
    member('a2', alice, 3),
    member('b1', bob, 4),
    makeEvent('name', { streamOrdering: 5 }),
  )
  const change = (
    streamId: number,
    ...changes: (readonly [string, string, string | null, Membership | null, number | null])[]
  ) =>
    db.transaction('repeatable read', (tx) =>
      updateCurrentState(
        tx,
        room,
        'p1',
        changes.map(([type, stateKey, event, membership, eventStreamOrdering]) => ({
          streamId,
          type,
          stateKey,
          eventId: event === null ? null : id(event),
          membership,
          eventStreamOrdering,
        })),
      ),
    )
  await change(2, ['m.room.member', alice, 'a1', 'join', 2])
  await change(4, ['m.room.member', alice, 'a2', 'join', 3], ['m.room.member', bob, 'b1', 'invite', 4])
  await change(5, ['m.room.name', '', 'name', null, 5])
  // A reset: bob's membership is gone, and the name's event stands elsewhere.
  await change(
    6,
    ['m.room.member', bob, null, null, null],
    ['m.room.name', '', null, null, null],
    ['m.room.topic', '', 'name', null, 5],
  )
  const state = async (...filters: { type: string; stateKey?: string }[]) =>
    sorted(
      (await selectCurrentState(db, [room], filters.length === 0 ? undefined : filters)).map(
        ({ type, stateKey, eventId }) => `${type} ${stateKey} ${eventId}`,
      ),
    )
  assert.deepEqual(await state(), ['m.room.member @alice:example.com $a2', 'm.room.topic  $name'])
  assert.deepEqual(await state({ type: 'm.room.member' }), ['m.room.member @alice:example.com $a2'])
  assert.deepEqual(await state({ type: 'm.room.member', stateKey: bob }, { type: 'm.room.topic', stateKey: '' }), [
    'm.room.topic  $name',
  ])
  const deltas = await selectStateDeltas(db, 2, 6, 100)
  assert.deepEqual(
    deltas
      .map(({ streamId, type, stateKey, eventId, prevEventId }) =>
        [streamId, type, stateKey, eventId, prevEventId].join(' '),
      )
      .sort(),
    [
      '4 m.room.member @alice:example.com $a2 $a1',
      '4 m.room.member @bob:elsewhere.org $b1 ',
      '5 m.room.name  $name ',
      '6 m.room.member @bob:elsewhere.org  $b1',
      '6 m.room.name   $name',
      '6 m.room.topic  $name ',
    ],
  )
  assert.equal(deltas[0]?.instanceName, 'p1')
  assert.equal((await selectStateDeltasOfRooms(db, [room], 5, 6)).length, 3)
  assert.equal((await selectStateDeltasOfRooms(db, [other], 0, 6)).length, 0)
  await assert.rejects(change(7, ['m.room.member', bob, 'b1', 'join', 99]), /not at stream ordering 99/)
})

test('memberships: of our users wherever they are, of all who are in a room', async (t) => {
  const db = await postgres.db(t)
  await insertRoom(db, { roomId: room, roomVersion: '11', creator: alice })
  const events = [
    member('a', alice, 2),
    member('b', bob, 3),
    { ...member('i', alice, 4), roomId: other, isOutlier: true },
  ]
  const membershipOf = ({ eventId, roomId, stateKey, streamOrdering }: NewEvent, membership: Membership) => ({
    eventId,
    roomId,
    userId: stateKey as UserId,
    sender: bob,
    membership,
    eventStreamOrdering: streamOrdering,
  })
  const [a, b, i] = events as [NewEvent, NewEvent, NewEvent]
  await db.transaction('repeatable read', async (tx) => {
    void insertEvents(tx, events)
    void insertMemberships(tx, [
      { ...membershipOf(a, 'join'), displayName: 'Alice', avatarUrl: 'mxc://x/y' },
      { ...membershipOf(b, 'join'), displayName: 'nul \0', avatarUrl: 7 },
      { ...membershipOf(i, 'invite'), displayName: undefined, avatarUrl: null },
    ])
    void upsertLocalMemberships(tx, [membershipOf(a, 'join'), membershipOf(i, 'invite')])
    await updateCurrentState(tx, room, 'master', [
      {
        streamId: 3,
        type: 'm.room.member',
        stateKey: alice,
        eventId: a.eventId,
        membership: 'join',
        eventStreamOrdering: 2,
      },
      {
        streamId: 3,
        type: 'm.room.member',
        stateKey: bob,
        eventId: b.eventId,
        membership: 'join',
        eventStreamOrdering: 3,
      },
    ])
  })
  const rooms = await selectRoomsOfUser(db, alice, ['join', 'invite'])
  assert.deepEqual(
    rooms.map(({ roomId, membership, roomVersion, isForgotten }) => [roomId, membership, roomVersion, isForgotten]),
    [
      [other, 'invite', null, false],
      [room, 'join', '11', false],
    ],
  )
  assert.deepEqual(await selectRoomsOfUser(db, alice, ['join']), [
    {
      roomId: room,
      userId: alice,
      eventId: id('a'),
      membership: 'join',
      sender: alice,
      eventStreamOrdering: 2,
      instanceName: 'master',
      roomVersion: '11',
      isForgotten: false,
    },
  ])
  assert.deepEqual(await selectJoinedRooms(db, [alice, bob]), [{ userId: alice, roomId: room }])
  assert.equal((await selectLocalMembership(db, alice, other))?.membership, 'invite')
  assert.deepEqual(sorted((await selectMembers(db, [room], 'join')).map(({ userId }) => userId)), [alice, bob])
  assert.deepEqual(
    (await selectJoinedProfiles(db, [room])).sort((x, y) => (x.userId < y.userId ? -1 : 1)),
    [
      { roomId: room, userId: alice, displayName: 'Alice', avatarUrl: 'mxc://x/y' },
      { roomId: room, userId: bob, displayName: null, avatarUrl: null },
    ],
  )
  assert.deepEqual(await selectMemberCounts(db, [room]), [{ roomId: room, membership: 'join', count: 2 }])

  assert.equal(await forgetRoom(db, alice, room), false, 'she is in it')
  const left = member('l', alice, 5)
  await db.transaction('repeatable read', async (tx) => {
    void insertEvents(tx, [left])
    void insertMemberships(tx, [{ ...membershipOf(left, 'leave'), displayName: null, avatarUrl: null }])
    await upsertLocalMemberships(tx, [membershipOf(left, 'leave')])
  })
  assert.equal(await forgetRoom(db, alice, room), true)
  const isForgotten = async () =>
    (await selectRoomsOfUser(db, alice, ['join', 'leave'])).map((found) => [found.membership, found.isForgotten])
  assert.deepEqual(await isForgotten(), [['leave', true]])
  const back = member('back', alice, 6)
  await db.transaction('repeatable read', async (tx) => {
    void insertEvents(tx, [back])
    void insertMemberships(tx, [{ ...membershipOf(back, 'join'), displayName: null, avatarUrl: null }])
    await upsertLocalMemberships(tx, [membershipOf(back, 'join')])
  })
  assert.deepEqual(await isForgotten(), [['join', false]])
  await deleteLocalMemberships(db, room, [alice])
  assert.equal(await selectLocalMembership(db, alice, room), undefined)
})

test('a transaction ID is one event, whichever process got it first', async (t) => {
  const db = await postgres.db(t)
  await db.run('insert into devices (user_id, device_id) values ($1, $2)', [alice, 'PHONE'])
  const request = { userId: alice, deviceId: 'PHONE', roomId: room, txnId: 't1' }
  const send = (name: number) =>
    db.transaction('repeatable read', async (tx) => {
      void insertEvents(tx, [makeEvent(name)])
      await insertTransactions(tx, [{ ...request, eventId: id(name) }], 1_000)
    })
  assert.equal(await selectEventOfTransaction(db, request), undefined)
  const results = await Promise.allSettled([send(2), send(3)])
  const lost = results.filter((result) => result.status === 'rejected')
  assert.equal(lost.length, 1)
  assert.ok(isUniqueViolation(lost[0]!.reason, 'event_txn_id_device_id_txn_id2'))
  const winner = await selectEventOfTransaction(db, request)
  assert.deepEqual(await selectKnownEventIds(db, [id(2), id(3)]), new Set([winner]))
  assert.equal(await selectEventOfTransaction(db, { ...request, deviceId: 'TABLET' }), undefined)
  assert.deepEqual(await selectTransactionsOfEvents(db, [winner!]), [{ eventId: winner, ...request }])
  assert.equal(await deleteOldTransactions(db, 1_000), 0)
  assert.equal(await deleteOldTransactions(db, 1_001), 1)
})
