import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyId, ServerName } from '../../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'
import { publicKeyOf, readSigningKey, readVerifyKey, seedOf } from '../../../../shared/matrix/signing/ed25519.ts'
import { printKeyFile, readKeyFile } from '../../../../shared/matrix/signing/key-file.ts'
import { countersignEvent, signEvent, signJson } from '../../../../shared/matrix/signing/sign.ts'
import { signingKey, vectorKey, vectorSeed } from './keys.ts'

const domain = 'domain' as ServerName

test('appendices, "JSON Signing"', () => {
  assert.deepEqual(signJson({}, domain, vectorKey), {
    signatures: {
      domain: {
        'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ',
      },
    },
  })
  assert.deepEqual(signJson({ one: 1, two: 'Two' }, domain, vectorKey), {
    one: 1,
    signatures: {
      domain: {
        'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw',
      },
    },
    two: 'Two',
  })
})

test('appendices, "Event Signing": a minimal event', () => {
  const event = {
    room_id: '!x:domain',
    sender: '@a:domain',
    origin: 'domain',
    origin_server_ts: 1000000,
    signatures: {},
    hashes: {},
    type: 'X',
    content: {},
    prev_events: [],
    auth_events: [],
    depth: 3,
    unsigned: { age_ts: 1000000 },
  }
  assert.deepEqual(signEvent(event, roomVersions[1], domain, vectorKey), {
    ...event,
    hashes: { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' },
    signatures: {
      domain: {
        'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      },
    },
  })
})

test('appendices, "Event Signing": an event with content to be redacted', () => {
  const event = {
    content: { body: 'Here is the message content' },
    event_id: '$0:domain',
    origin: 'domain',
    origin_server_ts: 1000000,
    type: 'm.room.message',
    room_id: '!r:domain',
    sender: '@u:domain',
    signatures: {},
    unsigned: { age_ts: 1000000 },
  }
  assert.deepEqual(signEvent(event, roomVersions[1], domain, vectorKey), {
    ...event,
    hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
    signatures: {
      domain: {
        'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
      },
    },
  })
})

test('signing adds to the signatures that are there', () => {
  const other = signingKey(2, 'ed25519:other')
  const once = signJson({ a: 1, unsigned: { b: 2 } }, domain, vectorKey)
  const twice = signJson(signJson(once, domain, other), 'else', other)
  assert.deepEqual(Object.keys((twice.signatures as { domain: object }).domain), ['ed25519:1', 'ed25519:other'])
  assert.deepEqual(Object.keys(twice.signatures as object), ['domain', 'else'])
  assert.deepEqual(twice.unsigned, { b: 2 })
  // A server may be called anything.
  const proto = signJson({}, '__proto__', vectorKey)
  assert.deepEqual(Object.keys(proto.signatures as object), ['__proto__'])
})

test("a second server's signature leaves hash and first signature as they are", () => {
  const event = { type: 'm.room.member', content: { membership: 'invite', reason: 'x' }, sender: '@a:domain', depth: 1 }
  const invited = 'invited' as ServerName
  for (const version of Object.values(roomVersions)) {
    const signed = signEvent(event, version, domain, vectorKey)
    const both = countersignEvent(signed, version, invited, signingKey(3))
    assert.deepEqual(both.hashes, signed.hashes)
    const { domain: first, invited: second } = both.signatures as { domain: unknown; invited: unknown }
    assert.deepEqual(first, (signed.signatures as { domain: unknown }).domain)
    assert.ok(second)
  }
})

test("Synapse's signing.key is read, and printed as it was", () => {
  const seeds = [3, 7].map((byte) => Buffer.alloc(32, byte).toString('base64').replace('=', ''))
  const text = `ed25519 a_AbCd ${seeds[0]}\ned25519 2 ${seeds[1]}\n`
  const keys = readKeyFile(text)
  assert.ok(keys.ok)
  assert.deepEqual(
    keys.value.map(({ keyId }) => keyId),
    ['ed25519:a_AbCd', 'ed25519:2'],
  )
  assert.equal(printKeyFile(keys.value), text)
  assert.equal(seedOf(keys.value[0]!), seeds[0])
  assert.ok(readKeyFile(`\n  ed25519\ta_AbCd  ${vectorSeed}=\r\n`).ok)
})

test('a bad key file is refused with its line, and without the seed', () => {
  const secret = 'c2VjcmV0'
  for (const text of [
    '',
    '\n',
    `ed25519 a ${secret}`,
    `ed25519 ${secret}`,
    `rsa a ${vectorSeed}`,
    `ed25519 a ${secret}!`,
  ]) {
    const keys = readKeyFile(text)
    assert.ok(!keys.ok, text)
    assert.doesNotMatch(keys.reason, /c2Vj|YJDB/)
    if (text.trim() !== '') assert.match(keys.reason, /^line 1: /)
  }
})

test('a public key is what its seed gives', () => {
  const published = publicKeyOf(vectorKey.verifyKey)
  const key = readVerifyKey('ed25519:1' as KeyId, published)
  assert.ok(key.ok)
  assert.equal(publicKeyOf(key.value), published)
  assert.ok(vectorKey.verifyKey.publicKey.equals(key.value.publicKey))
})

test('keys that are none are refused', () => {
  const ed25519 = 'ed25519:1' as KeyId
  for (const text of ['', 'AAAA', `${vectorSeed}AAAA`, '!'.repeat(43)]) {
    assert.ok(!readVerifyKey(ed25519, text).ok, text)
    assert.ok(!readSigningKey(ed25519, text).ok, text)
  }
  assert.ok(!readSigningKey('curve25519:1' as KeyId, vectorSeed).ok)
  assert.ok(!readVerifyKey('curve25519:1' as KeyId, vectorSeed).ok)
})

test('public keys of small order are refused: one signature under them fits many messages', () => {
  const identity = Buffer.alloc(32)
  identity[0] = 1
  for (const sign of [0, 0x80]) {
    identity[31] = sign
    const key = readVerifyKey('ed25519:1' as KeyId, identity.toString('base64'))
    assert.deepEqual(key, { ok: false, reason: 'ed25519:1 is a point of small order' })
  }
})
