import { type KeyObject, verify } from 'node:crypto'
import { decodeBase64 } from '../base64.ts'
import type { KeyId } from '../ids.ts'
import { isObject, type JsonObject, property } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import { isEd25519, type VerifyKey } from './ed25519.ts'

/** A signature to be held against its bytes. */
export interface Signature {
  readonly publicKey: KeyObject
  readonly bytes: Buffer
  readonly signed: Buffer
}

/** Whether it is right. About 110 µs of this thread. */
export const holds = ({ publicKey, bytes, signed }: Signature): boolean => verify(null, signed, publicKey, bytes)

/**
 * The same on libuv's thread pool, about 5 µs of this thread when many are under way, and as many at a time as the pool has
 * threads. A pool of worker threads would have to be fed keys and copies, for the same two cores.
 */
export const holdsLater = ({ publicKey, bytes, signed }: Signature): Promise<boolean> =>
  new Promise((resolve, reject) => {
    verify(null, signed, publicKey, bytes, (error, isRight) => (error ? reject(error) : resolve(isRight)))
  })

/**
 * The signatures of `entity` on `json` that have to hold, at least one: steps 1 to 4 of appendices, "Checking for a
 * Signature". Those of unknown algorithms and keys (`keyOf` undefined) are passed over, all others must hold
 * (server-server-api, "Validating hashes and signatures on received events").
 *
 * @param signedText what they cover: of an event its redacted form, not the object itself
 */
export function signaturesOf(
  json: JsonObject,
  entity: string,
  keyOf: (keyId: KeyId) => VerifyKey | undefined,
  signedText: string,
): Result<readonly Signature[]> {
  const own = isObject(json.signatures) ? property(json.signatures, entity) : undefined
  if (!isObject(own)) return refused(`not signed by ${entity}`)
  const signatures: Signature[] = []
  let signed: Buffer | undefined
  for (const keyId of Object.keys(own)) {
    if (!isEd25519(keyId)) continue
    const key = keyOf(keyId as KeyId)
    if (key === undefined) continue
    const text = own[keyId]
    const bytes = typeof text === 'string' ? decodeBase64(text) : undefined
    if (bytes === undefined) return refused(`the signature of ${entity} with ${keyId} is not base64`)
    signed ??= Buffer.from(signedText)
    signatures.push({ publicKey: key.publicKey, bytes, signed })
  }
  return signatures.length === 0 ? refused(`no signature of ${entity} with a known, valid key`) : accepted(signatures)
}
