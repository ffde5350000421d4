/** Keys for tests. The first is of the appendices, "Cryptographic Test Vectors". */

import assert from 'node:assert/strict'
import type { KeyId, ServerName } from '../../../../shared/matrix/ids.ts'
import { readSigningKey, type SigningKey } from '../../../../shared/matrix/signing/ed25519.ts'
import type { KeyLookup } from '../../../../shared/matrix/signing/verify.ts'

export const vectorSeed = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'

/** A key of a seed: the base64 of one, or one made of a number. */
export function signingKey(seed: string | number, keyId = 'ed25519:1'): SigningKey {
  const text = typeof seed === 'string' ? seed : Buffer.alloc(32, seed).toString('base64')
  const key = readSigningKey(keyId as KeyId, text)
  assert.ok(key.ok)
  return key.value
}

export const vectorKey = signingKey(vectorSeed)

/** Keys of servers, each known to be valid until then. */
export function keysOf(
  known: Readonly<Record<string, readonly (SigningKey & { validUntilTs?: number })[]>>,
): KeyLookup {
  return (server: ServerName, keyId: KeyId) => {
    const key = known[server]?.find((candidate) => candidate.keyId === keyId)
    return key && { ...key.verifyKey, validUntilTs: key.validUntilTs ?? Number.MAX_SAFE_INTEGER }
  }
}
