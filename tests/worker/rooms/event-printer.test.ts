import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepFields } from '../../../shared/matrix/filter/event-fields.ts'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeEventPrinter } from '../../../worker/rooms/event-printer.ts'
import { NO_BUNDLES } from '../../../worker/rooms/relations/aggregations.ts'
import { asState, type VisibleEvent } from '../../../worker/rooms/visibility.ts'
import { madeUpRoom } from './known-events.ts'

const aggregations = { of: () => NO_BUNDLES }

const [alice, bob] = ['@alice:here.test', '@bob:here.test'] as [UserId, UserId]
const options = { withRoomId: true, now: 2_000_000 } as const
const device = { userId: alice, deviceId: 'PHONE' }
const seen = (known: VisibleEvent['known'], membership = 'join'): VisibleEvent => ({
  known,
  membership,
  isPruned: false,
})
const parsed = async (texts: Promise<readonly string[]>) => (await texts).map((text) => JSON.parse(text) as unknown)

test('an event as its sender, another and no device of theirs get it', async () => {
  const room = madeUpRoom()
  const { print } = makeEventPrinter({ ...room, aggregations })
  const known = room.say({
    type: 'm.room.message',
    sender: alice,
    content: { body: 'hé "\u{1F600}"' },
    metadata: { deviceId: 'PHONE', transactionId: 'txn"1' },
  })
  const whole = {
    content: { body: 'hé "\u{1F600}"' },
    event_id: known.event.eventId,
    origin_server_ts: 1_000_001,
    room_id: room.roomId,
    sender: alice,
    type: 'm.room.message',
    unsigned: { age: 999_999, membership: 'join', transaction_id: 'txn"1' },
  }
  assert.deepEqual(await parsed(print([seen(known)], device, options)), [whole])
  const others = { ...whole, unsigned: { age: 999_999, membership: 'invite' } }
  for (const reader of [{ userId: bob, deviceId: 'PHONE' }, { userId: alice, deviceId: 'TABLET' }, { userId: alice }])
    assert.deepEqual(await parsed(print([seen(known, 'invite')], reader, options)), [others])
  const { room_id: _, ...withoutRoom } = whole
  assert.deepEqual(await parsed(print([seen(known)], device, { ...options, withRoomId: false })), [withoutRoom])
  assert.deepEqual(await parsed(print([asState(known)], { userId: bob }, options)), [
    { ...whole, unsigned: { age: 999_999 } },
  ])
})

test('what a state event replaced is told where it happened, and read once for all', async () => {
  const room = madeUpRoom()
  const { print } = makeEventPrinter({ ...room, aggregations })
  const topic = (topic: string, replaced?: string) =>
    room.say({
      type: 'm.room.topic',
      stateKey: '',
      sender: bob,
      content: { topic },
      ...(replaced !== undefined && { unsigned: { replaces_state: replaced } }),
    })
  for (let i = 0; i < 9; i++) room.say({ type: 'm.room.message', sender: bob, content: {} })
  // Its ID ends in 0: it is not in memory.
  const first = topic('first')
  const second = topic('second', first.event.eventId)
  const third = topic('third', second.event.eventId)
  const answer = (await parsed(print([seen(second), seen(third)], device, options))) as { unsigned: object }[]
  assert.deepEqual(
    answer.map(({ unsigned }) => unsigned),
    [
      {
        age: 999_989,
        membership: 'join',
        prev_content: { topic: 'first' },
        prev_sender: bob,
        replaces_state: first.event.eventId,
      },
      {
        age: 999_988,
        membership: 'join',
        prev_content: { topic: 'second' },
        prev_sender: bob,
        replaces_state: second.event.eventId,
      },
    ],
  )
  assert.equal(room.asked.events, 1)
  const [state] = (await parsed(print([asState(second)], device, options))) as { unsigned: object }[]
  assert.deepEqual(state!.unsigned, { age: 999_989, replaces_state: first.event.eventId })
  assert.equal(room.asked.events, 1)
})

test('what an event says it replaced, and could not have, is not told', async () => {
  const secret = madeUpRoom('!secret:here.test' as RoomId)
  const other = secret.say({ type: 'm.room.topic', stateKey: '', sender: bob, content: { topic: 'secret' } })
  const room = madeUpRoom()
  const { print } = makeEventPrinter({ aggregations, events: { get: secret.events.get, peek: secret.events.peek } })
  const known = room.say({
    type: 'm.room.topic',
    stateKey: '',
    sender: bob,
    content: {},
    unsigned: { replaces_state: other.event.eventId },
  })
  const [answer] = (await parsed(print([seen(known)], device, options))) as { unsigned: object }[]
  assert.deepEqual(answer!.unsigned, { age: 999_999, membership: 'join', replaces_state: other.event.eventId })
})

test('a redacted event has its redaction, in which the redacting device finds its transaction', async () => {
  for (const version of [roomVersions['10'], roomVersions['11']]) {
    const room = madeUpRoom(undefined, version)
    const { print } = makeEventPrinter({ ...room, aggregations })
    const redacts = '$!room:here.test-2'
    const redaction = room.say({
      type: 'm.room.redaction',
      sender: alice,
      content: { reason: 'spam', redacts },
      metadata: { deviceId: 'PHONE', transactionId: 't2' },
    })
    const message = room.say({ type: 'm.room.message', sender: bob, content: {}, redactedBecause: redaction })
    const because = (unsigned: object) => ({
      content: { reason: 'spam', redacts },
      event_id: redaction.event.eventId,
      origin_server_ts: 1_000_001,
      ...(version.redactsIn === 'content' && { redacts }),
      room_id: room.roomId,
      sender: alice,
      type: 'm.room.redaction',
      unsigned: { age: 999_999, ...unsigned },
    })
    const unsignedFor = async (reader: typeof device) =>
      ((await parsed(print([seen(message)], reader, options))) as { unsigned: object }[])[0]!.unsigned
    const rest = { age: 999_998, membership: 'join', redacted_by: redaction.event.eventId }
    assert.deepEqual(await unsignedFor(device), { ...rest, redacted_because: because({ transaction_id: 't2' }) })
    assert.deepEqual(await unsignedFor({ userId: bob, deviceId: 'PHONE' }), { ...rest, redacted_because: because({}) })
  }
})

test('of a sender who is erased there is no more than a redaction would leave', async () => {
  const room = madeUpRoom()
  const { print } = makeEventPrinter({ ...room, aggregations })
  const name = room.say({ type: 'm.room.name', stateKey: '', sender: bob, content: { name: 'old' } })
  const known = room.say({
    type: 'm.room.name',
    stateKey: '',
    sender: bob,
    content: { name: 'secret' },
    unsigned: { replaces_state: name.event.eventId },
  })
  const [answer] = (await parsed(print([{ known, membership: 'leave', isPruned: true }], device, options))) as Record<
    string,
    unknown
  >[]
  assert.deepEqual(answer!.content, {})
  assert.deepEqual(answer!.unsigned, { age: 999_998, membership: 'leave', replaces_state: name.event.eventId })
  const [whole] = (await parsed(print([seen(known)], device, options))) as Record<string, unknown>[]
  assert.deepEqual(whole!.content, { name: 'secret' })
})

test('the members that a filter wants, and the format of servers, differ in nothing else', async () => {
  const room = madeUpRoom()
  const { print } = makeEventPrinter({ ...room, aggregations })
  const redaction = room.say({
    type: 'm.room.redaction',
    sender: alice,
    content: {},
    metadata: { deviceId: 'PHONE', transactionId: 't1' },
  })
  const first = room.say({ type: 'm.room.topic', stateKey: '', sender: bob, content: { topic: 'first' } })
  const events = [
    redaction,
    first,
    room.say({
      type: 'm.room.topic',
      stateKey: '',
      sender: alice,
      content: { topic: 'second', big: 2n ** 60n },
      unsigned: { replaces_state: first.event.eventId },
      metadata: { deviceId: 'PHONE', transactionId: 't3' },
    }),
    room.say({ type: 'm.room.message', sender: alice, content: {}, redactedBecause: redaction }),
  ].flatMap((known) => [seen(known), asState(known), { known, membership: 'join', isPruned: true }])
  const usual = await parsed(print(events, device, options))
  const all = keepFields([
    'content',
    'event_id',
    'origin_server_ts',
    'room_id',
    'sender',
    'state_key',
    'type',
    'unsigned',
  ])
  assert.deepEqual(await parsed(print(events, device, { ...options, fields: all })), usual)
  assert.deepEqual(
    await parsed(print([seen(first)], device, { ...options, fields: keepFields(['content.topic', 'nothing']) })),
    [{ content: { topic: 'first' } }],
  )
  const [federation] = (await parsed(print([seen(first)], device, { ...options, format: 'federation' }))) as Record<
    string,
    unknown
  >[]
  assert.deepEqual(federation!.hashes, { sha256: 'x' })
  assert.equal(federation!.event_id, first.event.eventId)
  assert.deepEqual(federation!.unsigned, { age: 999_998, membership: 'join' })
})

test('stripped state is four members', () => {
  const room = madeUpRoom()
  const { stripped } = makeEventPrinter({ ...room, aggregations })
  const { event } = room.say({ type: 'm.room.name', stateKey: '', sender: bob, content: { name: 'n' } })
  assert.deepEqual(JSON.parse(stripped(event)), {
    content: { name: 'n' },
    sender: bob,
    state_key: '',
    type: 'm.room.name',
  })
  assert.equal(stripped(event), stripped(event))
})
