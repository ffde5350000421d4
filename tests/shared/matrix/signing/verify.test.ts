import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ServerName } from '../../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { redactEvent } from '../../../../shared/matrix/redact.ts'
import { type RoomVersion, roomVersions } from '../../../../shared/matrix/room-version.ts'
import { countersignEvent, signEvent, signJson } from '../../../../shared/matrix/signing/sign.ts'
import { requiredSignatures, verifyEvent, verifyEvents, verifyJson } from '../../../../shared/matrix/signing/verify.ts'
import { anyEventJson, anyVersion } from '../events/arbitrary.ts'
import { keysOf, signingKey, vectorKey } from './keys.ts'

const versions = Object.values(roomVersions)
const a = 'a.example' as ServerName
const b = 'b.example' as ServerName
const keyA = vectorKey
const keyB = signingKey(2)
const known = keysOf({ [a]: [keyA], [b]: [keyB] })

const message: JsonObject = {
  auth_events: [],
  content: { body: 'Hello' },
  depth: 5,
  event_id: '$e:a.example',
  origin_server_ts: 1000,
  prev_events: [],
  room_id: '!r:a.example',
  sender: '@u:a.example',
  type: 'm.room.message',
}
const member = (content: JsonObject): JsonObject => ({
  ...message,
  type: 'm.room.member',
  state_key: '@v:b.example',
  content,
})

test('JSON is verified as the appendices, "Checking for a Signature", say', () => {
  const keyOf = (keyId: string) => [keyA, keyB].map((key) => key.verifyKey).find((key) => key.keyId === keyId)
  const signed = signJson({ x: 1, unsigned: { y: 2 } }, a, keyA)
  assert.ok(verifyJson(signed, a, keyOf).ok)
  assert.ok(verifyJson({ ...signed, unsigned: { z: 3 } }, a, keyOf).ok)
  assert.ok(!verifyJson({ ...signed, x: 2 }, a, keyOf).ok)
  assert.ok(!verifyJson(signed, b, keyOf).ok, 'not signed by that entity')
  assert.ok(!verifyJson(signed, 'constructor', keyOf).ok)
  assert.ok(!verifyJson(signed, a, () => undefined).ok, 'key unknown')
  assert.ok(!verifyJson({ ...signed, signatures: { [a]: { 'rsa:1': 'AAAA' } } }, a, keyOf).ok, 'algorithm unknown')
})

test('a signed event verifies, whole and redacted, in every room version', () => {
  for (const version of versions) {
    const event = signEvent(message, version, a, keyA)
    assert.deepEqual(verifyEvent(event, version, known), { ok: true, value: { json: event, isRedacted: false } })
    const redacted = redactEvent(event, version)
    assert.deepEqual(verifyEvent(redacted, version, known), { ok: true, value: { json: redacted, isRedacted: true } })
  }
})

test('an event whose content is not what was hashed is used redacted', () => {
  for (const version of versions) {
    const event = signEvent(message, version, a, keyA)
    const changed = { ...event, content: { body: 'Other' }, added: 1 }
    assert.deepEqual(verifyEvent(changed, version, known), {
      ok: true,
      value: { json: redactEvent(event, version), isRedacted: true },
    })
  }
})

test('an event of which more was changed, or that is not signed, is refused', () => {
  for (const version of versions) {
    const event = signEvent(message, version, a, keyA)
    assert.ok(!verifyEvent({ ...event, depth: 6 }, version, known).ok)
    assert.ok(!verifyEvent({ ...event, sender: '@u:b.example' }, version, known).ok)
    assert.ok(!verifyEvent({ ...event, hashes: { sha256: 'x' } }, version, known).ok)
    assert.ok(!verifyEvent({ ...event, signatures: {} }, version, known).ok)
    assert.ok(!verifyEvent(signEvent(message, version, a, keyB), version, known).ok, 'by a key not its own')
  }
})

test('all signatures with known keys must hold, others do not count', () => {
  const version = roomVersions[10]
  const event = signEvent(message, version, a, keyA)
  const second = signingKey(5, 'ed25519:second')
  const forged = { ...event, signatures: { [a]: { ...own(event), 'ed25519:second': own(event)['ed25519:1']! } } }
  assert.ok(verifyEvent(forged, version, known).ok, 'with a key nobody knows')
  assert.ok(!verifyEvent(forged, version, keysOf({ [a]: [keyA, second] })).ok)
  const both = countersignEvent(event, version, a, second)
  assert.ok(verifyEvent(both, version, keysOf({ [a]: [keyA, second] })).ok)
  assert.ok(verifyEvent(both, version, keysOf({ [a]: [second] })).ok)
})

const own = (event: JsonObject): Record<string, string> => (event.signatures as Record<string, never>)[a]!

test('from rooms/v5 a key must be valid at the time of the event', () => {
  for (const version of versions) {
    const event = signEvent(message, version, a, keyA)
    const until = (validUntilTs: number) => verifyEvent(event, version, keysOf({ [a]: [{ ...keyA, validUntilTs }] })).ok
    assert.equal(until(1000), true)
    assert.equal(until(999), Number(version.id) < 5, `version ${version.id}`)
  }
})

test("room versions 1 and 2 ask for the event ID's server too", () => {
  for (const version of versions) {
    const event = signEvent({ ...message, event_id: '$e:b.example' }, version, a, keyA)
    assert.equal(verifyEvent(event, version, known).ok, Number(version.id) > 2)
    assert.ok(verifyEvent(countersignEvent(event, version, b, keyB), version, known).ok)
  }
})

const restricted = { membership: 'join', join_authorised_via_users_server: '@w:b.example' }
/** What an event needs, beside its sender's server, from which version on. */
const required: readonly [string, JsonObject, (version: RoomVersion) => readonly string[]][] = [
  ['a message', message, () => [a]],
  ['an invite needs no signature of the invited', member({ membership: 'invite' }), () => [a]],
  ['a restricted join', member(restricted), ({ id }) => (Number(id) >= 8 ? [a, b] : [a])],
  ['a leave with the key of a restricted join', member({ ...restricted, membership: 'leave' }), () => [a]],
  ['a message with that key', { ...message, content: restricted }, () => [a]],
  [
    'an invite for a third-party invite',
    member({ membership: 'invite', third_party_invite: {} }),
    ({ eventIds }) => (eventIds === 'assigned' ? [a] : []),
  ],
  ['a join that names one', member({ membership: 'join', third_party_invite: {} }), () => [a]],
]

test('which servers must have signed', () => {
  for (const [name, event, servers] of required)
    for (const version of versions)
      assert.deepEqual(
        requiredSignatures(event, version),
        { ok: true, value: servers(version) },
        `${name}, version ${version.id}`,
      )
})

test('an ID without a server is refused where a server is needed', () => {
  assert.ok(!requiredSignatures({ ...message, sender: '@u' }, roomVersions[10]).ok)
  assert.ok(!requiredSignatures({ ...message, event_id: '$e' }, roomVersions[2]).ok)
  assert.ok(requiredSignatures({ ...message, event_id: '$e' }, roomVersions[3]).ok)
  for (const user of ['@w', 1, null]) {
    const join = member({ ...restricted, join_authorised_via_users_server: user })
    assert.ok(!requiredSignatures(join, roomVersions[8]).ok)
    assert.ok(requiredSignatures(join, roomVersions[7]).ok)
  }
})

test('many events are verified on other threads with the same results', async () => {
  const version = roomVersions[11]
  const events = Array.from({ length: 100 }, (_, depth) => {
    const event = signEvent({ ...message, depth }, version, a, keyA)
    if (depth % 7 === 0) return { ...event, signatures: {} }
    if (depth % 5 === 0) return { ...event, depth: depth + 1 }
    return depth % 3 === 0 ? { ...event, content: {} } : event
  })
  const results = await verifyEvents(events, version, known)
  assert.deepEqual(
    results,
    events.map((event) => verifyEvent(event, version, known)),
  )
  assert.equal(results.filter(({ ok }) => ok).length, 68)
  assert.deepEqual(await verifyEvents([], version, known), [])
})

test('no object makes it throw', () => {
  const odd = { toString: 1, valueOf: 1 }
  for (const version of versions)
    verifyEvent(signEvent({ ...message, origin_server_ts: odd }, version, a, keyA), version, known)
  fc.assert(
    fc.property(anyEventJson, anyVersion, (json, version) => {
      verifyEvent(json, version, known)
      verifyJson(json, 'b', () => keyA.verifyKey)
    }),
  )
})
