import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyId, ServerName } from '../../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { publicKeyOf } from '../../../../shared/matrix/signing/ed25519.ts'
import { isValidAt, readServerKeys } from '../../../../shared/matrix/signing/server-keys.ts'
import { signJson } from '../../../../shared/matrix/signing/sign.ts'
import { signingKey, vectorKey } from './keys.ts'

const server = 'example.org' as ServerName
const fetched = 1_700_000_000_000
const day = 86_400_000
const old = signingKey(2, 'ed25519:old')

const published: JsonObject = {
  server_name: server,
  valid_until_ts: fetched + day,
  verify_keys: { 'ed25519:1': { key: publicKeyOf(vectorKey.verifyKey) }, 'other:1': { key: 'x' } },
  old_verify_keys: { 'ed25519:old': { key: publicKeyOf(old.verifyKey), expired_ts: fetched - 5 * day } },
}
const signed = signJson(published, server, vectorKey)

test('published keys are read with the times to which they are valid', () => {
  const keys = readServerKeys(signed, server, fetched)
  assert.ok(keys.ok)
  assert.deepEqual([...keys.value.keys.keys()], ['ed25519:1'])
  assert.equal(keys.value.keys.get('ed25519:1' as KeyId)!.validUntilTs, fetched + day)
  assert.equal(keys.value.oldKeys.get('ed25519:old' as KeyId)!.validUntilTs, fetched - 5 * day)
})

test('no key is trusted for more than seven days (rooms/v5, "Signing key validity period")', () => {
  const forever = signJson({ ...published, valid_until_ts: Number.MAX_SAFE_INTEGER }, server, vectorKey)
  const keys = readServerKeys(forever, server, fetched)
  assert.ok(keys.ok)
  assert.equal(keys.value.keys.get('ed25519:1' as KeyId)!.validUntilTs, fetched + 7 * day)
})

test('a key is valid to its last millisecond, and at all times where time has no say', () => {
  const key = { ...vectorKey.verifyKey, validUntilTs: 1000 }
  assert.ok(isValidAt(key, 0) && isValidAt(key, 1000) && isValidAt(key, undefined))
  assert.ok(!isValidAt(key, 1001))
})

test("old keys may be missing, a notary's signature may stand beside the server's", () => {
  const { old_verify_keys, ...rest } = published
  assert.ok(readServerKeys(signJson(rest, server, vectorKey), server, fetched).ok)
  assert.ok(readServerKeys(signJson(signed, 'notary.example', old), server, fetched).ok)
})

const signatures = signed.signatures as Record<string, Record<string, string>>
const wrong: readonly [string, JsonObject][] = [
  ['another server', signJson({ ...published, server_name: 'other.example' }, server, vectorKey)],
  ['not signed', published],
  ['signed by a key that it does not publish', signJson(published, server, signingKey(9, 'ed25519:x'))],
  ['signed by an old key only', signJson(published, server, old)],
  ['changed after it was signed', { ...signed, valid_until_ts: fetched + 2 * day }],
  ['a second signature is wrong', signJson(signed, server, signingKey(9))],
  ['signature without base64', { ...signed, signatures: { [server]: { 'ed25519:1': '?' } } }],
  ['signature is no text', { ...signed, signatures: { [server]: { 'ed25519:1': 1 } } }],
  ['signatures is no object', { ...signed, signatures: [] }],
  ['no valid_until_ts', signJson({ ...published, valid_until_ts: '1' }, server, vectorKey)],
  ['no verify_keys', signJson({ ...published, verify_keys: [] }, server, vectorKey)],
  ['a key of other bytes', signJson({ ...published, verify_keys: { 'ed25519:1': { key: 'AA' } } }, server, vectorKey)],
  ['a key without key', signJson({ ...published, verify_keys: { 'ed25519:1': {} } }, server, vectorKey)],
  [
    'an old key without its end',
    signJson(
      { ...published, old_verify_keys: { 'ed25519:o': { key: publicKeyOf(old.verifyKey) } } },
      server,
      vectorKey,
    ),
  ],
]

test('malformed, unsigned and forged answers are refused', () => {
  assert.ok(signatures[server])
  for (const [name, json] of wrong) assert.ok(!readServerKeys(json, server, fetched).ok, name)
})
