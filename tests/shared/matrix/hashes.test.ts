import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeBase64, encodeBase64 } from '../../../shared/matrix/base64.ts'
import {
  contentHash,
  contentHashMatches,
  createIdOfRoom,
  eventIdOf,
  referenceHash,
  roomIdOfCreate,
} from '../../../shared/matrix/hashes.ts'
import { redactEvent } from '../../../shared/matrix/redact.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { anyEventJson, anyVersion } from './events/arbitrary.ts'

// Appendices, "Unpadded Base64".
const examples = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' }

test('base64 is written without padding, and read with or without it, in both alphabets', () => {
  for (const [text, encoded] of Object.entries(examples)) {
    assert.equal(encodeBase64(Buffer.from(text)), encoded)
    assert.equal(decodeBase64(encoded)?.toString(), text)
    assert.equal(decodeBase64(Buffer.from(text).toString('base64'))?.toString(), text)
  }
  assert.deepEqual(decodeBase64('-_8'), decodeBase64('+/8='))
  assert.equal(decodeBase64('Zg====')?.toString(), 'f')
  for (const bad of ['Z', 'Zg\n', 'Z!g', 'Zm9v=Zg', 'Zég']) assert.equal(decodeBase64(bad), undefined, bad)
})

test('bytes survive base64', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(decodeBase64(encodeBase64(Buffer.from(bytes))), Buffer.from(bytes))
    }),
  )
})

/** Appendices, "Event Signing": the second example; its content hash is given there. */
const message = {
  content: { body: 'Here is the message content' },
  event_id: '$0:domain',
  hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
  origin: 'domain',
  origin_server_ts: 1000000,
  type: 'm.room.message',
  room_id: '!r:domain',
  sender: '@u:domain',
  signatures: {},
  unsigned: { age_ts: 1000000 },
}

test("the content hash is the specification's example's", () => {
  assert.equal(contentHash(message), message.hashes.sha256)
})

test('a content hash matches by its bytes, whatever its padding and alphabet', () => {
  assert.ok(contentHashMatches(message))
  const sha256 = message.hashes.sha256
  assert.ok(contentHashMatches({ ...message, hashes: { sha256: `${sha256}=` } }))
  assert.ok(contentHashMatches({ ...message, hashes: { sha256: sha256.replaceAll('/', '_') } }))
  for (const hashes of [{}, { sha256: '' }, { sha256: 1 }, { sha256: `x${sha256.slice(1)}` }, { sha256: 'Zg' }, 'x'])
    assert.ok(!contentHashMatches({ ...message, hashes }), JSON.stringify(hashes))
  assert.ok(!contentHashMatches({ ...message, content: { body: 'Other' } }))
  assert.ok(!contentHashMatches({ ...message, added: 1 }))
})

test('what no hash covers changes none', () => {
  fc.assert(
    fc.property(anyEventJson, anyVersion, (json, version) => {
      const { unsigned, signatures, ...hashed } = json
      assert.equal(contentHash(json), contentHash({ ...hashed, hashes: { sha256: 'other' } }))
      assert.equal(referenceHash(json, version), referenceHash(hashed, version))
      assert.equal(referenceHash(json, version), referenceHash(redactEvent(json, version), version))
    }),
  )
})

test('the event ID is assigned, then the reference hash in base64, then in its URL-safe alphabet', () => {
  // Reference hashes with `+` or `/` are common: the first ten such events.
  let found = 0
  for (let depth = 1; found < 10; depth++) {
    const json = { ...message, depth }
    const hash = referenceHash(json, roomVersions[3])
    if (!/[+/]/.test(hash)) continue
    found++
    for (const id of ['1', '2'] as const) assert.equal(eventIdOf(json, roomVersions[id]), '$0:domain')
    assert.equal(eventIdOf(json, roomVersions[3]), `$${hash}`)
    const urlSafe = `$${hash.replaceAll('+', '-').replaceAll('/', '_')}`
    for (const id of ['4', '5', '6', '7', '8', '9', '10'] as const)
      assert.equal(eventIdOf(json, roomVersions[id]), urlSafe)
  }
})

test("a room of version 12 has its create event's hash as its ID", () => {
  const { room_id, event_id, ...json } = { ...message, type: 'm.room.create', state_key: '' }
  const eventId = eventIdOf(json, roomVersions[12])
  const roomId = roomIdOfCreate(eventId)
  assert.match(roomId, /^![A-Za-z0-9_-]{43}$/)
  assert.equal(createIdOfRoom(roomId), eventId)
})
