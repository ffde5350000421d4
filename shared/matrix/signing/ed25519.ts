import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { decodeBase64, encodeBase64 } from '../base64.ts'
import type { KeyId } from '../ids.ts'
import { accepted, type Result, refused } from '../result.ts'

/** A key of a server, to sign with. The `KeyObject` is made once: that takes longer than a signature. */
export interface SigningKey {
  readonly keyId: KeyId
  readonly privateKey: KeyObject
  readonly verifyKey: VerifyKey
}

/** A key of a server, to verify with. */
export interface VerifyKey {
  readonly keyId: KeyId
  readonly publicKey: KeyObject
}

/** RFC 8410: what stands before the 32 raw bytes in DER. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const KEY_BYTES = 32

/**
 * Points of small order, without the sign bit: under such a key one signature fits many messages. OpenSSL lets them
 * pass and libsodium, which Synapse uses, does not; servers must agree on what is signed.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/** The signing key of that 32-byte seed in base64 (appendices, "Signing Details"). */
export function readSigningKey(keyId: KeyId, seedBase64: string): Result<SigningKey> {
  if (!isEd25519(keyId)) return refused(`${keyId} is not an ed25519 key`)
  const seed = decodeBase64(seedBase64)
  if (seed?.length !== KEY_BYTES) return refused(`the seed of ${keyId} is not ${KEY_BYTES} bytes of base64`)
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  return accepted({ keyId, privateKey, verifyKey: { keyId, publicKey: createPublicKey(privateKey) } })
}

/** The key to verify with of that 32-byte public key in base64, as servers publish it. */
export function readVerifyKey(keyId: KeyId, keyBase64: string): Result<VerifyKey> {
  if (!isEd25519(keyId)) return refused(`${keyId} is not an ed25519 key`)
  const raw = decodeBase64(keyBase64)
  if (raw?.length !== KEY_BYTES) return refused(`${keyId} is not ${KEY_BYTES} bytes of base64`)
  if (isOfSmallOrder(raw)) return refused(`${keyId} is a point of small order`)
  return accepted({
    keyId,
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' }),
  })
}

function isOfSmallOrder(raw: Buffer): boolean {
  const y = Buffer.from(raw)
  y[31]! &= 0x7f
  return SMALL_ORDER.has(y.toString('hex'))
}

/** The seed in unpadded base64: a secret. */
export const seedOf = ({ privateKey }: SigningKey): string => encodeBase64(rawOf(privateKey, 'd'))
/** The public key in unpadded base64. */
export const publicKeyOf = ({ publicKey }: VerifyKey): string => encodeBase64(rawOf(publicKey, 'x'))

const rawOf = (key: KeyObject, part: 'd' | 'x'): Buffer =>
  Buffer.from(key.export({ format: 'jwk' })[part]!, 'base64url')

/** Only `ed25519` is defined (appendices, "Signing Details"); signatures of other algorithms are passed over. */
export const isEd25519 = (keyId: string): boolean => keyId.startsWith('ed25519:')

/** Signature of the text's UTF-8 bytes, in unpadded base64. */
export const signText = (text: string, key: SigningKey): string =>
  encodeBase64(sign(null, Buffer.from(text), key.privateKey))
