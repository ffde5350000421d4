import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEvent, type EventTemplate, protoEvent } from '../../../../shared/matrix/events/build.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { eventBytes } from '../../../../shared/matrix/events/size.ts'
import { referenceHash } from '../../../../shared/matrix/hashes.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../../../shared/matrix/ids.ts'
import { JsonFloat } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, roomVersions } from '../../../../shared/matrix/room-version.ts'
import { verifyEvent } from '../../../../shared/matrix/signing/verify.ts'
import { keysOf, vectorKey } from '../signing/keys.ts'

const versions = Object.values(roomVersions)
const server = 'b' as ServerName
const sender = '@a:b' as UserId
const known = keysOf({ [server]: [vectorKey] })
let lastId = 0

const build = (
  version: RoomVersion,
  template: Partial<EventTemplate>,
  prev: RoomEvent[] = [],
  auth: RoomEvent[] = [],
) =>
  buildEvent(
    version,
    { roomId: prev[0]?.roomId ?? ('!r:b' as RoomId), type: 'm.room.message', sender, content: {}, ...template },
    { prevEvents: prev, authEvents: auth, originServerTs: 1000 },
    { server, key: vectorKey, newEventId: `$${++lastId}:b` as EventId },
  )

function built(...args: Parameters<typeof build>): RoomEvent {
  const event = build(...args)
  assert.ok(event.ok, event.ok ? '' : event.reason)
  return event.value
}

const create = (version: RoomVersion): RoomEvent =>
  built(version, {
    type: 'm.room.create',
    stateKey: '',
    content: { room_version: version.id },
    roomId: version.roomIdIsCreateHash ? undefined : ('!r:b' as RoomId),
  })

test("a room's first events, in every room version", () => {
  for (const version of versions) {
    const first = create(version)
    const member = built(
      version,
      { type: 'm.room.member', stateKey: sender, content: { membership: 'join' } },
      [first],
      [first],
    )
    const message = built(version, { unsigned: { age_ts: 5 } }, [member], [first, member])
    assert.deepEqual(
      [first, member, message].map(({ depth }) => depth),
      [1, 2, 3],
    )
    assert.deepEqual(message.prevEvents, [member.eventId])
    // Rooms/v12: the room's ID implies the create event.
    const isV12 = version.roomIdIsCreateHash
    assert.deepEqual(message.authEvents, isV12 ? [member.eventId] : [first.eventId, member.eventId])
    assert.equal(message.roomId, isV12 ? `!${first.eventId.slice(1)}` : '!r:b')
    assert.equal('room_id' in first.json, !isV12)
    assert.equal('event_id' in first.json, version.eventIds === 'assigned')
    assert.equal('state_key' in message.json, false)
    for (const { json } of [first, member, message])
      assert.deepEqual(verifyEvent(json, version, known), { ok: true, value: { json, isRedacted: false } })
  }
})

test('room versions 1 and 2 refer to events by ID and reference hash', () => {
  for (const version of [roomVersions[1], roomVersions[2]]) {
    const first = create(version)
    const message = built(version, {}, [first], [first])
    const pair = [first.eventId, { sha256: referenceHash(first.json, version) }]
    assert.deepEqual(message.json.prev_events, [pair])
    assert.deepEqual(message.json.auth_events, [pair])
    assert.ok(
      !buildEvent(
        version,
        { roomId: first.roomId, type: 'x', sender, content: {} },
        { prevEvents: [], authEvents: [], originServerTs: 1 },
        { server, key: vectorKey },
      ).ok,
      'they need an ID',
    )
  }
})

test('the depth is one more than the deepest event before, and no more than others take', () => {
  const version = roomVersions[10]
  const first = create(version)
  const most = Number.MAX_SAFE_INTEGER
  for (const [depths, depth] of [
    [[7, 9, 8], 10],
    [[most - 1], most],
    [[most, 3], most],
  ] as const) {
    const prev = depths.map((each) => ({ ...first, depth: each }))
    assert.equal(built(version, {}, prev).depth, depth)
  }
})

test('a redaction says what it redacts where the room version has it', () => {
  const redacts = '$x:b' as EventId
  for (const version of versions) {
    const redaction = built(version, { type: 'm.room.redaction', redacts, content: { reason: 'spam' } }, [
      create(version),
    ])
    assert.equal(redaction.redacts, redacts)
    const isNew = Number(version.id) >= 11
    assert.equal(redaction.json.redacts, isNew ? undefined : redacts)
    assert.deepEqual(redaction.content, isNew ? { reason: 'spam', redacts } : { reason: 'spam' })
  }
})

test('what other servers would refuse is not built', () => {
  for (const version of versions) {
    const first = create(version)
    const refuses = (template: Partial<EventTemplate>) => !build(version, template, [first]).ok
    assert.ok(refuses({ type: 'é'.repeat(128) }))
    assert.ok(refuses({ stateKey: 'é'.repeat(128) }))
    assert.ok(refuses({ sender: 'a:b' as UserId }))
    assert.ok(refuses({ content: { body: '\ud800' } }))
    assert.ok(refuses({ content: { body: 'x'.repeat(65_536) } }))
    assert.equal(refuses({ content: { number: new JsonFloat('0.5') } }), Number(version.id) >= 6)
    assert.ok(!build(version, {}, Array(21).fill(first)).ok)
  }
})

test('a new event leaves room for what other servers count to it', () => {
  const version = roomVersions[11]
  const first = create(version)
  const empty = eventBytes(built(version, { content: { body: '' } }, [first]).json)
  const body = (bytes: number) => ({ content: { body: 'x'.repeat(bytes) } })
  assert.ok(build(version, body(65_536 - 64 - empty), [first]).ok)
  assert.ok(!build(version, body(65_536 - 64 - empty + 1), [first]).ok)
})

test('the prototype is what will be signed, without an ID of this server', () => {
  for (const version of versions) {
    const first = create(version)
    const template: EventTemplate = {
      roomId: first.roomId,
      type: 'm.room.member',
      stateKey: '@c:d',
      sender: '@c:d' as UserId,
      content: { membership: 'join' },
    }
    const place = { prevEvents: [first], authEvents: [first], originServerTs: 2000 }
    const proto = protoEvent(version, template, place)
    assert.ok(!('hashes' in proto || 'signatures' in proto || 'event_id' in proto))
    const event = buildEvent(version, template, place, { server, key: vectorKey, newEventId: '$n:b' as EventId })
    assert.ok(event.ok)
    const { hashes, signatures, event_id, ...rest } = event.value.json
    assert.deepEqual(proto, rest)
  }
})
