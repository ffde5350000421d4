import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import { JsonFloat, type JsonObject } from '../../../shared/matrix/json/value.ts'
import type { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { Author } from '../../../worker/rooms/sender.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  type RoomProcess,
  roomIntents,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const alice = user('alice')

const createRoom = async ({ sender }: RoomProcess, version: keyof typeof roomVersions = '12', levels = {}) =>
  sender.createRoom(
    roomVersions[version],
    createIntent(version, alice),
    () => roomIntents(alice, version === '12' ? { users: {}, ...levels } : levels),
    author('alice'),
    { isPublic: false },
  )

for (const version of ['1', '3', '10', '12'] as const)
  test(`rooms/v${version}: a room is created, a message sent, and read again`, async (t) => {
    const db = await postgres.db(t)
    const [process] = await startRoomProcesses(t, db)
    const { roomId, sent } = await createRoom(process!, version)
    assert.equal(sent.length, 5)
    const [hello] = await process!.sender.send(roomId, [message('hello')], author('alice'))
    const [bob] = await process!.sender.send(roomId, [member(user('bob'), 'join')], author('bob'))
    const state = await process!.states.current(roomId)
    assert.equal(state.get('m.room.member')?.get(user('bob')), bob!.eventId)
    assert.equal(state.get('m.room.create')?.get(''), sent[0]!.eventId)

    // Another process reads the same.
    const [other] = await startRoomProcesses(t, db, { names: ['other'] })
    const ids = [...sent, hello!, bob!].map(({ eventId }) => eventId)
    const theirs = await other!.events.get(ids)
    for (const id of ids) assert.deepEqual(theirs.get(id), process!.events.peek(id))
    assert.deepEqual(await other!.states.current(roomId), state)
    const known = theirs.get(bob!.eventId)!
    const after = (await other!.states.ofGroups([known.stateGroup!])).get(known.stateGroup!)
    assert.deepEqual(after, state)
    const [before] = await other!.states.before([known], [{ type: 'm.room.member', stateKey: user('bob') }])
    assert.equal(before!.get('m.room.member')?.has(user('bob')) ?? false, false)
  })

test('rooms that are made at the same time are as many', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const rooms = await Promise.all(Array.from({ length: 10 }, () => createRoom(process!)))
  assert.equal(new Set(rooms.map(({ roomId }) => roomId)).size, 10)
})

test('rooms that two processes make for a user in the same millisecond are two', async (t) => {
  const db = await postgres.db(t)
  const names = ['sender', 'other', 'persister']
  // Time stands still, until somebody sees that it has to be later.
  const processes = await startRoomProcesses(t, db, { names, persisters: ['persister'], now: () => 1_700_000_000_000 })
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, i) => createRoom(processes[i % 3]!)).map((room) =>
      room.then(({ roomId }) => roomId),
    ),
  )
  assert.equal(new Set(made).size, 12)
  const rooms = await db.rows<{ count: number }>(
    "select count(*) as count from events where type = 'm.room.create' group by room_id",
  )
  assert.deepEqual(
    rooms.map(({ count }) => count),
    Array.from({ length: 12 }, () => 1),
  )
})

const two = { names: ['sender', 'other', 'persister'], persisters: ['persister'] }
const rejects = (promise: Promise<unknown>, errcode: string) => assert.rejects(promise, { errcode })
const extremities = (db: Db, roomId: string) =>
  db.rows<{ id: EventId }>('select event_id as id from event_forward_extremities where room_id = $1', [roomId])

test('a persister elsewhere stores what is sent, and both have seen it then', async (t) => {
  const db = await postgres.db(t)
  const [sender, other, persister] = await startRoomProcesses(t, db, two)
  const { roomId } = await createRoom(sender!)
  assert.equal(sender!.streams.writes('events'), false)
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => sender!.sender.send(roomId, [message(`${i}`)], author('alice'))),
  )
  const last = sent.at(-1)![0]!.eventId
  assert.deepEqual(await extremities(db, roomId), [{ id: last }])
  const [own] = await other!.sender.send(roomId, [message('other')], author('alice'))
  assert.deepEqual((await sender!.events.get([own!.eventId])).get(own!.eventId)?.event.prevEvents, [last])
  assert.deepEqual(
    (await persister!.events.get([own!.eventId])).get(own!.eventId),
    (await sender!.events.get([own!.eventId])).get(own!.eventId),
  )
  // Gathered: not a transaction for each.
  const rows = await db.rows<{ count: number }>('select count(*) as count from stream_ordering_to_exterm')
  assert.ok(rows[0]!.count < 10, `${rows[0]!.count} batches`)
})

test('a transaction ID makes one event, whichever process is asked, at the same time too', async (t) => {
  const db = await postgres.db(t)
  const [sender, other] = await startRoomProcesses(t, db, two)
  const { roomId } = await createRoom(sender!)
  await db.run("insert into devices (user_id, device_id) values ($1, 'PHONE')", [alice])
  const phone = author('alice', 'PHONE')
  const ask = (process: RoomProcess, txnId: string) =>
    process.sender.send(roomId, [message(txnId)], phone, { txnId }).then(([sent]) => sent!)
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => ask(i % 2 === 0 ? sender! : other!, `txn${i % 5}`)),
  )
  for (let txn = 0; txn < 5; txn++) {
    const own = answers.filter((_, i) => i % 5 === txn)
    assert.equal(new Set(own.map(({ eventId }) => eventId)).size, 1)
    assert.equal(own.filter(({ wasThere }) => !wasThere).length, 1)
  }
  const [{ count }] = (await db.rows<{ count: number }>(
    "select count(*) as count from events where type = 'm.room.message'",
  )) as [{ count: number }]
  assert.equal(count, 5)
  const known = (await other!.events.get([answers[0]!.eventId])).get(answers[0]!.eventId)
  assert.deepEqual(known?.metadata, {
    transactionId: 'txn0',
    deviceId: 'PHONE',
    delayId: undefined,
    isSoftFailed: false,
  })

  // After the user left a new message is refused, and an old one has its answer.
  await sender!.sender.send(roomId, [member(alice, 'leave')], phone)
  await rejects(ask(sender!, 'new'), 'M_FORBIDDEN')
  assert.deepEqual(await ask(other!, 'txn3'), { eventId: answers[3]!.eventId, wasThere: true })
})

test('who asks without a device is remembered by the process alone', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const { roomId } = await createRoom(process!)
  const ask = () => process!.sender.send(roomId, [message('x')], author('alice'), { txnId: 'm1' })
  const [first] = await ask()
  assert.deepEqual(await ask(), [{ eventId: first!.eventId, wasThere: true }])
})

test('what is not allowed is refused, and nothing of it stored; what came with it is', async (t) => {
  const db = await postgres.db(t)
  const [sender] = await startRoomProcesses(t, db, two)
  const { roomId } = await createRoom(sender!)
  const results = await Promise.allSettled([
    sender!.sender.send(roomId, [message('1')], author('alice')),
    sender!.sender.send(roomId, [message('2')], author('mallory')),
    sender!.sender.send(
      roomId,
      [message('3'), member(user('bob'), 'ban'), member(user('bob'), 'join')],
      author('alice'),
    ),
    sender!.sender.send(roomId, [{ type: 'm.room.message', content: { body: 'x'.repeat(70_000) } }], author('alice')),
    sender!.sender.send(roomId, [{ type: 'm.room.message', content: { body: new JsonFloat('1.5') } }], author('alice')),
    sender!.sender.send(roomId, [{ type: 'a\0', content: {} }], author('alice')),
    sender!.sender.send(roomId, [message('4')], author('alice')),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? 'sent' : (result.reason as MatrixError).errcode)),
    ['sent', 'M_FORBIDDEN', 'M_FORBIDDEN', 'M_TOO_LARGE', 'M_BAD_JSON', 'M_INVALID_PARAM', 'sent'],
  )
  const bodies = await db.rows<{ json: string }>(
    "select json from events join event_json using (event_id) where type = 'm.room.message' order by stream_ordering",
  )
  assert.deepEqual(
    bodies.map(({ json }) => (JSON.parse(json) as { content: { body: string } }).content.body),
    ['1', '4'],
  )
  await rejects(sender!.sender.send('!none:x' as RoomId, [message('x')], author('alice')), 'M_NOT_FOUND')
})

test('a state event that says what is said already makes none', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const { roomId } = await createRoom(process!)
  const topic = (text: string) =>
    process!.sender.send(roomId, [{ type: 'm.room.topic', stateKey: '', content: { topic: text } }], author('alice'))
  const [first] = await topic('a')
  assert.deepEqual(await topic('a'), [{ eventId: first!.eventId, wasThere: true }])
  const [second] = await topic('b')
  assert.notEqual(second!.eventId, first!.eventId)
  assert.equal(
    (await process!.events.get([second!.eventId])).get(second!.eventId)?.event.json.unsigned !== undefined,
    true,
  )
})

test('the shadow-banned believe that they speak, and may leave', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const { roomId } = await createRoom(process!)
  const mallory = { ...author('mallory'), isShadowBanned: true }
  await process!.sender.send(roomId, [member(user('mallory'), 'join')], author('mallory'))
  const [sent] = await process!.sender.send(roomId, [message('spam')], mallory)
  assert.match(sent!.eventId, /^\$[\w-]{43}$/)
  assert.equal((await process!.events.get([sent!.eventId])).size, 0)
  const [left] = await process!.sender.send(roomId, [member(user('mallory'), 'leave')], mallory)
  assert.equal((await process!.states.current(roomId)).get('m.room.member')?.get(user('mallory')), left!.eventId)
})

for (const version of ['10', '12'] as const)
  test(`rooms/v${version}: a redaction takes the content, here and elsewhere`, async (t) => {
    const db = await postgres.db(t)
    const [sender, other, persister] = await startRoomProcesses(t, db, two)
    const { roomId } = await createRoom(sender!, version)
    const [bob, carol] = [author('bob'), author('carol')]
    for (const { userId } of [bob, carol]) await sender!.sender.send(roomId, [member(userId, 'join')], { userId })
    const [said] = await sender!.sender.send(roomId, [message('secret')], bob)
    const target = said!.eventId
    const redact = (by: Author, redacts: EventId) =>
      sender!.sender.send(roomId, [{ type: 'm.room.redaction', content: {}, redacts }], by)
    for (const process of [sender!, other!, persister!]) await process.events.get([target])
    await rejects(redact(carol, target), 'M_FORBIDDEN')
    await rejects(redact(carol, '$none' as EventId), 'M_NOT_FOUND')
    const [redaction] = await redact(bob, target)
    await until(() => other!.events.peek(target) === undefined)
    for (const process of [sender!, other!, persister!]) {
      const known = (await process.events.get([target])).get(target)!
      assert.deepEqual(known.event.content, {})
      assert.equal(known.redactedBecause?.eventId, redaction!.eventId)
      assert.ok((known.event.json.unsigned as JsonObject).age_ts)
    }
    const [create] = await db.rows<{ id: EventId }>("select event_id as id from events where type = 'm.room.create'")
    await rejects(redact(author('alice'), create!.id), 'M_FORBIDDEN')
  })

test('two processes fork a room, and the next event joins it again', async (t) => {
  const db = await postgres.db(t)
  const [sender, other, persister] = await startRoomProcesses(t, db, two)
  const { roomId } = await createRoom(sender!)
  const topic = (text: string) => ({ type: 'm.room.topic', stateKey: text, content: { topic: text } })
  for (let round = 0; round < 5; round++) {
    await Promise.all([
      sender!.sender.send(roomId, [topic(`a${round}`)], author('alice')),
      other!.sender.send(roomId, [topic(`b${round}`)], author('alice')),
    ])
  }
  const [joined] = await sender!.sender.send(roomId, [message('both')], author('alice'))
  assert.deepEqual(await extremities(db, roomId), [{ id: joined!.eventId }])
  const state = await persister!.states.current(roomId)
  assert.equal(state.get('m.room.topic')?.size, 10)
  const known = (await other!.events.get([joined!.eventId])).get(joined!.eventId)!
  assert.deepEqual((await other!.states.ofGroups([known.stateGroup!])).get(known.stateGroup!), state)
})

test('the invited see what room it is', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const { roomId } = await createRoom(process!)
  const [invite] = await process!.sender.send(roomId, [member(user('bob'), 'invite')], author('alice'))
  const { unsigned } = (await process!.events.get([invite!.eventId])).get(invite!.eventId)!.event.json
  assert.deepEqual(
    ((unsigned as JsonObject).invite_room_state as JsonObject[]).map(({ type }) => type),
    ['m.room.create', 'm.room.join_rules', 'm.room.member'],
  )
})
