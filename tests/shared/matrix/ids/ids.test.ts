/** Identifiers: <https://spec.matrix.org/v1.19/appendices/#identifier-grammar>. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isEventId, parseEventId, parseEventIdOf } from '../../../../shared/matrix/ids/event-id.ts'
import { keyAlgorithm, parseKeyId } from '../../../../shared/matrix/ids/key-id.ts'
import { caseKeepingLocalpartFor, localpartFor } from '../../../../shared/matrix/ids/localpart.ts'
import { isRoomAlias, parseRoomAlias } from '../../../../shared/matrix/ids/room-alias.ts'
import { isRoomId, parseRoomId, parseRoomIdOf } from '../../../../shared/matrix/ids/room-id.ts'
import {
  isCompliantUserId,
  isNewLocalpart,
  isUserId,
  parseNewUserId,
  parseUserId,
} from '../../../../shared/matrix/ids/user-id.ts'
import { type EventId, localpartOf, type RoomId, serverNameOf, type UserId } from '../../../../shared/matrix/ids.ts'
import type { Result } from '../../../../shared/matrix/result.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'

const reason = (result: Result<unknown>): string | undefined => (result.ok ? undefined : result.reason)
/** With `bytes` bytes in all. */
const long = (sigil: string, bytes: number): string => `${sigil}${'a'.repeat(bytes - 3)}:b`

test('user IDs that exist are accepted, whatever their localpart', () => {
  for (const userId of ['@alice:example.org', '@A é😀 \t!:b:80', '@:a', '@a:[::1]', '@a@b:c', long('@', 255)]) {
    assert.deepEqual(parseUserId(userId), { ok: true, value: userId })
    assert.ok(isUserId(userId))
  }
  for (const [text, expected] of [
    ['', "user ID does not start with '@'"],
    ['alice:a', "user ID does not start with '@'"],
    ['@alice', "user ID has no ':'"],
    ['@a:', "user ID has no valid server name after ':'"],
    ['@a:b:c', "user ID has no valid server name after ':'"],
    ['@a\0:b', 'user ID holds a NUL'],
    ['@\ud800:b', 'user ID holds a lone surrogate'],
    [long('@', 256), 'user ID is longer than 255 bytes'],
    [`@${'é'.repeat(127)}:b`, 'user ID is longer than 255 bytes'],
  ] as const) {
    assert.equal(reason(parseUserId(text)), expected)
    assert.ok(!isUserId(text))
  }
  assert.ok(parseUserId(`@${'é'.repeat(126)}:b`).ok)
})

test('new user IDs have the characters of the grammar', () => {
  for (const userId of ['@a:b', '@a-z.0_9=/+:b']) assert.ok(parseNewUserId(userId).ok)
  assert.equal(reason(parseNewUserId('@:b')), 'user ID has an empty localpart')
  for (const userId of ['@A:b', '@é:b', '@a b:b', '@a*:b', '@a@b:c'])
    assert.match(reason(parseNewUserId(userId))!, /a-z/)
  assert.equal(reason(parseNewUserId('@a')), "user ID has no ':'")
  assert.ok(isNewLocalpart('a') && !isNewLocalpart('') && !isNewLocalpart('a\n'))
})

test('users whose localpart is not visible ASCII are not told of outside of events', () => {
  for (const userId of ['@a:b', '@A*@!~:b']) assert.ok(isCompliantUserId(userId as UserId))
  for (const userId of ['@:b', '@é:b', '@a b:b', '@a\x7f:b']) assert.ok(!isCompliantUserId(userId as UserId))
})

test('room IDs, with and without domain', () => {
  const hash = '!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM'
  for (const roomId of ['!a:b', '!:b', '! é:b:80', hash]) assert.ok(parseRoomId(roomId).ok && isRoomId(roomId))
  for (const text of ['!a', '#a:b', '!a:b:c', `${hash}A`, hash.slice(0, -1), hash.replace('_', '+'), long('!', 256)])
    assert.ok(!isRoomId(text), text)
  assert.equal(reason(parseRoomId('!a')), "room ID has no ':'")
  assert.ok(parseRoomIdOf(roomVersions['12'], hash).ok)
  assert.equal(reason(parseRoomIdOf(roomVersions['12'], '!a:b')), "room ID is not '!' and 43 characters of base64")
  assert.ok(parseRoomIdOf(roomVersions['11'], '!a:b').ok)
  assert.equal(reason(parseRoomIdOf(roomVersions['11'], hash)), "room ID has no ':'")
})

test('room aliases', () => {
  for (const alias of ['#a:b', '#é/ :b', long('#', 255)]) assert.ok(parseRoomAlias(alias).ok && isRoomAlias(alias))
  for (const text of ['#a', '!a:b', '#a\0:b', '#\udfff:b', long('#', 256)]) assert.ok(!isRoomAlias(text), text)
})

test('event IDs of each room version', () => {
  const assigned = '$143273582443PhrSn:example.org'
  const base64 = '$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk'
  const base64url = '$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg'
  const accepted = (text: string) =>
    (['1', '2', '3', '4', '12'] as const).filter((version) => parseEventIdOf(roomVersions[version], text).ok)
  assert.deepEqual(accepted(assigned), ['1', '2'])
  assert.deepEqual(accepted(base64), ['3'])
  assert.deepEqual(accepted(base64url), ['4', '12'])
  for (const eventId of [assigned, base64, base64url]) assert.ok(parseEventId(eventId).ok && isEventId(eventId))
  for (const text of ['$a', '$', `${base64}=`, base64url.replace('-', '/'), '!a:b', long('$', 256)]) {
    assert.deepEqual(accepted(text), [], text)
    assert.ok(!isEventId(text), text)
  }
})

test('key IDs', () => {
  for (const keyId of ['ed25519:a_1', 'ed25519:policy_server', 'signed_curve25519:AAAAHQ', 'ed25519:GX/+7 é'])
    assert.deepEqual(parseKeyId(keyId), { ok: true, value: keyId })
  for (const text of ['ed25519', 'ed25519:', ':a', 'é:a', 'ed25519:\0', 'ed25519:\ud800', `a:${'b'.repeat(254)}`])
    assert.ok(!parseKeyId(text).ok, text)
  const keyId = parseKeyId('ed25519:a:b')
  assert.ok(keyId.ok && keyAlgorithm(keyId.value) === 'ed25519')
})

test('the server of an ID is all after the first colon', () => {
  assert.equal(serverNameOf('@a:b:80' as UserId), 'b:80')
  assert.equal(serverNameOf('!a:[::1]' as RoomId), '[::1]')
  assert.equal(serverNameOf('!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM' as RoomId), undefined)
  assert.equal(serverNameOf('$a' as EventId), undefined)
  assert.equal(localpartOf('@a=b:c:80' as UserId), 'a=b')
  assert.equal(localpartOf('@:c' as UserId), '')
})

test('localparts for names of any characters', () => {
  for (const [name, localpart, keepingCase] of [
    ['alice', 'alice', 'alice'],
    ['A', 'a', '_a'],
    ['#', '=23', '=23'],
    ['á', '=c3=a1', '=c3=a1'],
    ['Á_=B', '=c3=81_=3db', '=c3=81__=3d_b'],
    ['a-b./+ ', 'a-b./+=20', 'a-b./+=20'],
    // The Kelvin sign is not ASCII, though its lower case is.
    ['\u212a', '=e2=84=aa', '=e2=84=aa'],
  ] as const) {
    assert.equal(localpartFor(name), localpart)
    assert.equal(caseKeepingLocalpartFor(name), keepingCase)
  }
  const name = fc.string({ unit: 'grapheme', minLength: 1 })
  fc.assert(
    fc.property(name, (text) => isNewLocalpart(localpartFor(text)) && isNewLocalpart(caseKeepingLocalpartFor(text))),
  )
  const unmapped = (localpart: string) =>
    decodeURIComponent(localpart.replace(/_([a-z_])/g, (_, char: string) => char.toUpperCase()).replaceAll('=', '%'))
  fc.assert(fc.property(name, (text) => unmapped(caseKeepingLocalpartFor(text)) === text))
})

test('nothing makes them throw, and parse and is… agree', () => {
  const piece = fc.constantFrom('@', '!', '$', '#', ':', 'a', '.', '[', ']', '\0', '\ud800', 'é', '😀', '_', '8448')
  fc.assert(
    fc.property(fc.string({ unit: piece }), (text) => {
      assert.equal(parseUserId(text).ok, isUserId(text))
      assert.equal(parseRoomId(text).ok, isRoomId(text))
      assert.equal(parseEventId(text).ok, isEventId(text))
      assert.equal(parseRoomAlias(text).ok, isRoomAlias(text))
      assert.equal(typeof parseKeyId(text).ok, 'boolean')
      assert.ok(!parseNewUserId(text).ok || isUserId(text))
    }),
    { numRuns: 1000 },
  )
})
