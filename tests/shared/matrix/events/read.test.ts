import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { readEvent, storedEvent } from '../../../../shared/matrix/events/read.ts'
import { eventBytes, longField, maxEventBytes } from '../../../../shared/matrix/events/size.ts'
import { eventIdOf } from '../../../../shared/matrix/hashes.ts'
import { JsonFloat, type JsonObject, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, roomVersions } from '../../../../shared/matrix/room-version.ts'
import { anyEventJson, anyVersion } from './arbitrary.ts'

const versions = Object.values(roomVersions)
const since = (first: number): RoomVersion[] => versions.filter(({ id }) => Number(id) >= first)
const to = (last: number): RoomVersion[] => versions.filter(({ id }) => Number(id) <= last)

/** A message in that room version's format, with some fields replaced (or, undefined, left out). */
function message(version: RoomVersion, changes: Record<string, JsonValue | undefined> = {}): JsonObject {
  const isOld = version.eventIds === 'assigned'
  const json: Record<string, JsonValue | undefined> = {
    auth_events: isOld ? [['$c:b', { sha256: 'x' }]] : ['$c'],
    content: { body: 'x' },
    depth: 3,
    ...(isOld && { event_id: '$e:b' }),
    hashes: { sha256: 'x' },
    origin_server_ts: 1000,
    prev_events: isOld ? [['$p:b', { sha256: 'x' }]] : ['$p'],
    room_id: version.roomIdIsCreateHash ? `!${'r'.repeat(43)}` : '!r:b',
    sender: '@a:b',
    signatures: { b: { 'ed25519:1': 'x' } },
    type: 'm.room.message',
    ...changes,
  }
  for (const key of Object.keys(changes)) if (changes[key] === undefined) delete json[key]
  return json
}

const isRead = (version: RoomVersion, changes: Record<string, JsonValue | undefined>): boolean =>
  readEvent(message(version, changes), version).ok

test('an event of each room version', () => {
  for (const version of versions) {
    const json = message(version, { state_key: '' })
    const isOld = version.eventIds === 'assigned'
    assert.deepEqual(readEvent(json, version), {
      ok: true,
      value: {
        eventId: eventIdOf(json, version),
        roomId: json.room_id,
        type: 'm.room.message',
        stateKey: '',
        sender: '@a:b',
        content: { body: 'x' },
        originServerTs: 1000,
        depth: 3,
        prevEvents: [isOld ? '$p:b' : '$p'],
        authEvents: [isOld ? '$c:b' : '$c'],
        redacts: undefined,
        json,
      },
    })
  }
})

test('a stored event is the event that was read', () => {
  for (const version of versions)
    for (const json of [message(version), create(version)]) {
      const read = readEvent(json, version)
      assert.ok(read.ok)
      assert.deepEqual(storedEvent(json, version, read.value.eventId), read.value)
    }
})

const create = (version: RoomVersion): JsonObject =>
  message(version, {
    type: 'm.room.create',
    state_key: '',
    prev_events: [],
    auth_events: [],
    ...(version.roomIdIsCreateHash && { room_id: undefined }),
  })

/** Field, and what it must not be in any room version. */
const malformed: Readonly<Record<string, readonly (JsonValue | undefined)[]>> = {
  type: [undefined, null, 1, {}, 'x'.repeat(256)],
  sender: [undefined, null, 1, '', 'a:b', '@a', `@${'x'.repeat(254)}:b`],
  room_id: [undefined, null, 1, '', 'r:b', `!${'x'.repeat(255)}`],
  state_key: [null, 1, {}, 'x'.repeat(256)],
  content: [undefined, null, 1, 'x', []],
  depth: [undefined, null, '1', -1, 2n ** 53n, new JsonFloat('1.0')],
  origin_server_ts: [undefined, null, '1', 2n ** 63n, -(2n ** 63n) - 1n, new JsonFloat('1.0')],
  hashes: [undefined, null, 1, [], {}, { sha256: 1 }, { md5: 'x' }, { sha256: 'x', md5: 1 }],
  signatures: [undefined, null, 1, [], { b: 1 }, { b: { 'ed25519:1': 1 } }, { b: {}, c: [] }],
}

test('fields of the wrong type are refused in all room versions', () => {
  for (const version of versions)
    for (const [field, values] of Object.entries(malformed))
      for (const value of values) assert.ok(!isRead(version, { [field]: value }), `version ${version.id}: ${field}`)
})

test('prev_events and auth_events are pairs, from rooms/v3 IDs; at most 20 and 10', () => {
  const pair: JsonValue = ['$x:b', { sha256: 'x' }]
  for (const version of versions) {
    const isOld = Number(version.id) <= 2
    const entry: JsonValue = isOld ? pair : '$x'
    for (const [field, most] of [
      ['prev_events', 20],
      ['auth_events', 10],
    ] as const) {
      const reads = (value: JsonValue | undefined) => isRead(version, { [field]: value })
      assert.ok(reads([]))
      assert.ok(reads(Array(most).fill(entry)))
      assert.ok(!reads(Array(most + 1).fill(entry)))
      assert.equal(reads([pair]), isOld)
      assert.equal(reads(['$x']), !isOld)
      for (const bad of [
        undefined,
        null,
        {},
        '$x',
        [1],
        ['x'],
        [['$x:b']],
        [['x:b', {}]],
        [['$x:b', {}, 1]],
        [['$x:b', 1]],
      ])
        assert.ok(!reads(bad), `version ${version.id}: ${field}: ${JSON.stringify(bad)}`)
    }
  }
})

test('room versions 1 and 2 need an event ID, later ones take none from the event', () => {
  for (const version of to(2))
    for (const id of [undefined, 1, '', 'e:b', '$e']) assert.ok(!isRead(version, { event_id: id }))
  for (const version of since(3)) {
    const json = message(version, { event_id: '$forged' })
    const event = readEvent(json, version)
    assert.ok(event.ok)
    assert.notEqual(event.value.eventId, '$forged')
    assert.equal(event.value.eventId, eventIdOf(json, version))
  }
})

test('rooms/v12: the create event has no room_id and is not among auth_events', () => {
  for (const version of versions) {
    const isV12 = version.roomIdIsCreateHash
    const json = create(version)
    const event = readEvent(json, version)
    assert.ok(event.ok)
    assert.equal(event.value.roomId, isV12 ? `!${event.value.eventId.slice(1)}` : '!r:b')
    assert.equal(readEvent({ ...json, room_id: '!r:b' }, version).ok, !isV12)
    // Other events of that type are no create events.
    assert.ok(!readEvent({ ...message(version, { type: 'm.room.create', room_id: undefined }) }, version).ok)
    if (!isV12) continue
    const roomId = event.value.roomId
    assert.ok(isRead(version, { room_id: roomId, auth_events: [] }))
    assert.ok(!isRead(version, { room_id: roomId, auth_events: ['$x', event.value.eventId] }))
  }
})

test('from rooms/v6 numbers are integers within ±(2^53 − 1)', () => {
  for (const version of versions)
    for (const number of [new JsonFloat('1.5'), 2n ** 53n]) {
      assert.equal(isRead(version, { content: { deep: [{ number }] } }), Number(version.id) < 6)
      assert.equal(isRead(version, { unknown: number }), Number(version.id) < 6)
      assert.ok(isRead(version, { unsigned: { number } }), 'nobody signed that')
    }
})

test('timestamps have 64 bits to rooms/v5', () => {
  for (const ts of [2n ** 63n - 1n, -(2n ** 63n)])
    for (const version of versions) assert.equal(isRead(version, { origin_server_ts: ts }), Number(version.id) < 6)
  for (const version of versions) assert.ok(isRead(version, { origin_server_ts: -1, depth: 0 }))
})

test('what UTF-8 cannot hold is refused', () => {
  for (const version of versions) assert.ok(!isRead(version, { content: { body: '\ud800' } }))
})

test('an event has at most 65,536 bytes, without `unsigned`', () => {
  for (const version of versions) {
    const room = maxEventBytes - eventBytes(message(version, { content: { body: '' } }))
    const filled = (bytes: number): JsonObject => ({ content: { body: `${'x'.repeat(bytes - 3)}€` } })
    assert.equal(eventBytes(message(version, filled(room))), maxEventBytes)
    assert.ok(isRead(version, filled(room)))
    assert.ok(isRead(version, { ...filled(room), unsigned: { age: 1, more: 'x'.repeat(1000) } }))
    assert.ok(!isRead(version, filled(room + 1)))
  }
})

test('to rooms/v10 a field may have 255 code points, of more than 255 bytes, but is to be rejected', () => {
  for (const version of versions)
    for (const [field, text] of [
      ['type', ''],
      ['state_key', ''],
      ['sender', '@:b'],
    ] as const)
      for (const [character, bytes] of [
        ['é', 2],
        ['😀', 4],
      ] as const) {
        const make = (count: number): JsonObject =>
          message(version, { [field]: text.replace(/^@?/, `$&${character.repeat(count)}`) })
        const most = Math.floor((255 - text.length) / bytes)
        const fits = readEvent(make(most), version)
        assert.ok(fits.ok)
        assert.equal(longField(fits.value), undefined)

        const old = Number(version.id) <= 10
        for (const count of [most + 1, 255 - text.length]) {
          const long = readEvent(make(count), version)
          assert.equal(long.ok, old, `version ${version.id}: ${field}, ${count} of ${character}`)
          if (long.ok) assert.equal(longField(long.value), field)
        }
        assert.ok(!readEvent(make(256 - text.length), version).ok)
      }
})

test('what is redacted stands in the event, from rooms/v11 in its content', () => {
  for (const version of versions) {
    const changes = { type: 'm.room.redaction', redacts: '$top', content: { redacts: '$content' } }
    const redacts = (more: Record<string, JsonValue | undefined>) => {
      const event = readEvent(message(version, { ...changes, ...more }), version)
      assert.ok(event.ok)
      return event.value.redacts
    }
    assert.equal(redacts({}), Number(version.id) >= 11 ? '$content' : '$top')
    assert.equal(redacts({ type: 'm.room.message' }), undefined)
    assert.equal(redacts({ redacts: 1, content: { redacts: null } }), undefined)
    assert.equal(redacts({ redacts: undefined, content: {} }), undefined)
  }
})

test('no object makes it throw, and what is read can be stored', () => {
  fc.assert(
    fc.property(anyEventJson, anyVersion, (json, version) => {
      const event = readEvent(json, version)
      if (event.ok) assert.deepEqual(storedEvent(json, version, event.value.eventId), event.value)
      else assert.ok(event.reason.length < 200)
    }),
    { numRuns: 500 },
  )
})
