import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientEvent, federationFormatEvent } from '../../../../shared/matrix/events/client.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { storedEvent } from '../../../../shared/matrix/events/read.ts'
import { readInviteState, strippedForClients, strippedState } from '../../../../shared/matrix/events/stripped-state.ts'
import { receivedUnsigned, sentUnsigned } from '../../../../shared/matrix/events/unsigned.ts'
import { eventIdOf } from '../../../../shared/matrix/hashes.ts'
import type { EventId, RoomId, UserId } from '../../../../shared/matrix/ids.ts'
import { JsonFloat, type JsonObject } from '../../../../shared/matrix/json/value.ts'
import { redactEvent } from '../../../../shared/matrix/redact.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'

const v10 = roomVersions[10]
const v11 = roomVersions[11]
const now = 5000
const json: JsonObject = {
  auth_events: [],
  content: { body: 'x' },
  depth: 1,
  hashes: { sha256: 'x' },
  invented: 1,
  origin: 'b',
  origin_server_ts: 1000,
  prev_events: [],
  room_id: '!r:b',
  sender: '@a:b',
  signatures: { b: { 'ed25519:1': 'x' } },
  type: 'm.room.message',
}
const event = (changes: JsonObject = {}, version = v10): RoomEvent =>
  storedEvent({ ...json, ...changes }, version, '$e' as EventId)
const inRoom = { withRoomId: true }

test('clients get the fields of "Room event format" and no others', () => {
  const client = {
    content: { body: 'x' },
    event_id: '$e',
    origin_server_ts: 1000,
    room_id: '!r:b',
    sender: '@a:b',
    type: 'm.room.message',
    unsigned: {},
  }
  assert.deepEqual(clientEvent(event(), v10, { now }, inRoom), client)
  assert.deepEqual(clientEvent(event({ state_key: '' }), v10, { now }, inRoom), { ...client, state_key: '' })
  const { room_id, ...withoutRoom } = client
  assert.deepEqual(clientEvent(event(), v10, { now }, { withRoomId: false }), withoutRoom)
})

test('the room of a create event of version 12 is told to clients', () => {
  const version = roomVersions[12]
  const { room_id, ...create }: JsonObject = { ...json, type: 'm.room.create', state_key: '' }
  const eventId = eventIdOf(create, version)
  assert.equal(
    clientEvent(storedEvent(create, version, eventId), version, { now }, inRoom).room_id,
    `!${eventId.slice(1)}`,
  )
})

test('redactions say what they redact in both places (rooms/v11)', () => {
  const type = 'm.room.redaction'
  const old = clientEvent(event({ type, redacts: '$x', content: { reason: 'y' } }), v10, { now }, inRoom)
  assert.equal(old.redacts, '$x')
  assert.deepEqual(old.content, { reason: 'y', redacts: '$x' })
  const recent = clientEvent(event({ type, content: { redacts: '$x' } }, v11), v11, { now }, inRoom)
  assert.equal(recent.redacts, '$x')
  assert.deepEqual(recent.content, { redacts: '$x' })
  // Only redactions redact.
  assert.ok(!('redacts' in clientEvent(event({ redacts: '$x' }), v10, { now }, inRoom)))
})

test('unsigned says what the server knows, and nothing that others put there', () => {
  const stored = event({
    state_key: '',
    unsigned: { age_ts: 4000, replaces_state: '$o', age: 1, transaction_id: 'x', y: 1 },
  })
  assert.deepEqual(clientEvent(stored, v10, { now }, inRoom).unsigned, { age: 1000, replaces_state: '$o' })
  const context = { now, membership: 'join', prevContent: { a: 1 }, relations: { 'm.thread': {} } }
  assert.deepEqual(clientEvent(stored, v10, context, inRoom).unsigned, {
    age: 1000,
    membership: 'join',
    'm.relations': { 'm.thread': {} },
    prev_content: { a: 1 },
    replaces_state: '$o',
  })
  assert.deepEqual(clientEvent(event(), v10, { now, prevContent: {} }, inRoom).unsigned, {}, 'not a state event')
})

test("only the sender's own device is told its transaction ID", () => {
  const sentBy = { deviceId: 'D', transactionId: 't' }
  const told = (userId: string, deviceId: string) =>
    clientEvent(event(), v10, { now, sentBy, reader: { userId: userId as UserId, deviceId } }, inRoom).unsigned
  assert.deepEqual(told('@a:b', 'D'), { transaction_id: 't' })
  assert.deepEqual(told('@a:b', 'E'), {})
  assert.deepEqual(told('@c:b', 'D'), {}, 'device IDs are of one user')
  assert.deepEqual(clientEvent(event(), v10, { now, sentBy }, inRoom).unsigned, {})
})

test('a redacted event comes with its redaction, in the same format', () => {
  const redaction = event({ type: 'm.room.redaction', redacts: '$e', content: {} })
  const redacted = storedEvent(redactEvent(json, v10), v10, '$e' as EventId)
  const client = clientEvent(redacted, v10, { now, redactedBecause: redaction }, { withRoomId: false })
  assert.deepEqual(client.content, {})
  assert.deepEqual(client.unsigned, {
    redacted_because: clientEvent(redaction, v10, { now }, { withRoomId: false }),
  })
})

test("a filter's federation format has the event as servers have it, and its ID", () => {
  const stored = event({ unsigned: { age_ts: 4000, secret: 1 } })
  assert.deepEqual(federationFormatEvent(stored, v10, { now }), { ...json, event_id: '$e', unsigned: { age: 1000 } })
})

test('of what comes in `unsigned` only the age and stripped state of memberships stay', () => {
  const received = (unsigned: JsonObject[string], type = 'm.room.message') =>
    receivedUnsigned({ ...json, type, unsigned: unsigned! }, now).unsigned
  assert.deepEqual(received({ age: 1000, age_ts: 1, transaction_id: 'x', invite_room_state: [] }), { age_ts: 4000 })
  assert.deepEqual(received({ age: new JsonFloat('1.5') }), {})
  assert.deepEqual(received({ invite_room_state: [{}], knock_room_state: 1 }, 'm.room.member'), {
    invite_room_state: [{}],
  })
  for (const junk of [null, 1, 'x', []]) assert.equal(received(junk), undefined)
  assert.equal(receivedUnsigned(json, now), json)
})

test('other servers get the age, and nothing of our own', () => {
  const stored = { ...json, unsigned: { age_ts: 4000, replaces_state: '$x', prev_content: {} } }
  assert.deepEqual(sentUnsigned(stored, now), { ...json, unsigned: { age: 1000 } })
  assert.deepEqual(sentUnsigned(json, now), json)
  assert.deepEqual(receivedUnsigned(sentUnsigned(stored, now), 9000).unsigned, { age_ts: 8000 })
})

test('stripped state has four fields', () => {
  assert.deepEqual(strippedState(event({ state_key: 'k' })), {
    content: { body: 'x' },
    sender: '@a:b',
    state_key: 'k',
    type: 'm.room.message',
  })
  const whole = { ...json, state_key: 'k' }
  const stripped = strippedState(event({ state_key: 'k' }))
  assert.deepEqual(strippedForClients([whole, stripped, json, null, 'x', { ...stripped, content: 1 }]), [
    stripped,
    stripped,
  ])
  assert.deepEqual(strippedForClients({ 0: stripped }), [])
})

test("an invite's state has whole events of the room, the create event among them", () => {
  for (const version of [v10, roomVersions[12]]) {
    const isV12 = version.roomIdIsCreateHash
    const { room_id, ...rest }: JsonObject = { ...json, type: 'm.room.create', state_key: '' }
    const create: JsonObject = isV12 ? rest : { ...rest, room_id }
    const roomId = (isV12 ? `!${eventIdOf(create, version).slice(1)}` : '!r:b') as RoomId
    const name = { ...json, type: 'm.room.name', state_key: '', room_id: roomId }
    const read = readInviteState([create, name], roomId, version)
    assert.ok(read.ok)
    assert.deepEqual(
      read.value.map(({ type }) => type),
      ['m.room.create', 'm.room.name'],
    )
    for (const entries of [
      undefined,
      {},
      [],
      [name],
      [create, null],
      [create, strippedState(read.value[1]!)],
      [create, { ...name, room_id: '!other:b' }],
      [create, { ...json, room_id: roomId }],
      [{ ...create, depth: 9, room_id: isV12 ? undefined : '!other:b' }],
    ])
      assert.ok(!readInviteState(entries as never, roomId, version).ok, JSON.stringify(entries))
  }
})
