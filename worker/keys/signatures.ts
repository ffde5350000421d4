/** Signatures on keys that are here (client-server-api, "Cross-signing": `/keys/signatures/upload`). */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { KeyId, UserId } from '../../shared/matrix/ids.ts'
import { canonicalJsonWithout } from '../../shared/matrix/json/canonical.ts'
import { isObject, type JsonObject, type JsonValue, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { readVerifyKey, type VerifyKey } from '../../shared/matrix/signing/ed25519.ts'
import { verifyJson } from '../../shared/matrix/signing/verify.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import type { CrossSigningUsage } from '../storage/cross-signing.ts'
import type { Db } from '../storage/db.ts'
import { type KeySignature, upsertKeySignatures } from '../storage/device-keys.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { type CrossSigningKey, loadSignedKeys, readCrossSigningKey, type SignedKeys } from './signed-keys.ts'

/** By user and device: what was not stored, and why. */
export type SignatureFailures = JsonObject

/**
 * Signatures of a user: of their self-signing key on their devices, of their devices on their master key, of their user-signing key on
 * others' master keys. Those that are right are stored, whatever the others are. Throws M_INVALID_PARAM for what is no object.
 *
 * @param submitted by user and device (or public part of a master key): the signed key
 */
export type UploadSignatures = (userId: UserId, submitted: JsonObject) => Promise<SignatureFailures>

export interface UploadSignaturesDeps {
  readonly db: Db
  readonly changes: Pick<DeviceChanges, 'change' | 'signed'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
}

type Failure = { readonly status: number; readonly errcode: string; readonly message: string }
type NewSignature = Omit<KeySignature, 'userId'>
interface Checked {
  readonly signatures: readonly NewSignature[]
  readonly failures: JsonObject
}

const failed = (status: number, errcode: string, message: string): Failure => ({
  status,
  errcode,
  message: `${status}: ${message}`,
})
const notFound = (message: string) => failed(404, 'M_NOT_FOUND', message)
const wrongSignature = failed(400, 'M_INVALID_SIGNATURE', 'Invalid signature')
const unknownDevice = notFound('Unknown device')

export function makeUploadSignatures({ db, changes, caches }: UploadSignaturesDeps): UploadSignatures {
  return async (userId, submitted) => {
    const others = Object.entries(submitted).filter(([target]) => target !== userId)
    for (const devices of Object.values(submitted))
      if (!isObject(devices) || !Object.values(devices).every(isObject))
        throw new MatrixError('M_INVALID_PARAM', 'Invalid parameter')
    const own = (property(submitted, userId) ?? {}) as Submitted
    const keys = await loadSignedKeys(db, {
      users: Object.keys(own).length > 0 ? [userId] : [],
      devices: [],
      crossSigning: [userId, ...others.map(([target]) => target).filter(isUserId)],
      reader: userId,
    })
    const self = checkOwn(userId, own, keys)
    const other = checkOthers(userId, others as unknown as readonly (readonly [UserId, Submitted])[], keys)
    const signatures = [...self.signatures, ...other.signatures].map((signature) => ({ ...signature, userId }))
    const devices = [...new Set(self.signatures.map(({ targetDeviceId }) => targetDeviceId))]
    if (signatures.length > 0) {
      const store = async (
        tx: Parameters<typeof upsertKeySignatures>[0],
        stale: (name: string, keys: string[]) => void,
      ) => {
        await upsertKeySignatures(tx, signatures)
        for (const { targetDeviceId } of signatures)
          stale('_get_e2e_cross_signing_signatures_for_device', [JSON.stringify([userId, targetDeviceId])])
        return { result: undefined, deviceIds: devices }
      }
      if (devices.length > 0) await changes.change('upload signatures', userId, devices.length, store)
      else await caches.transaction('upload signatures', store)
      const signed = [...new Set(other.signatures.map(({ targetUserId }) => targetUserId))]
      if (signed.length > 0) await changes.signed(userId, signed)
    }
    return { ...self.failures, ...other.failures }
  }
}

type Submitted = Readonly<Record<string, JsonObject>>

interface OwnKey extends CrossSigningKey {
  readonly json: JsonObject
}

function crossSigningKeyOf(keys: SignedKeys, userId: UserId, usage: CrossSigningUsage): OwnKey | Failure {
  const found = keys.crossSigning.find((row) => row.userId === userId && row.usage === usage)
  const key = found && readCrossSigningKey(found.key)
  return key?.ok ? { ...key.value, json: found!.key } : notFound(`No ${usage} key found for ${userId}`)
}

const isFailure = (value: object): value is Failure => 'errcode' in value

const allFailed = (userId: UserId, devices: readonly string[], failure: Failure): Checked => ({
  signatures: [],
  failures: { [userId]: Object.fromEntries(devices.map((deviceId) => [deviceId, failure])) },
})

/** Of the user's own devices and master key. */
function checkOwn(userId: UserId, submitted: Submitted, keys: SignedKeys): Checked {
  const names = Object.keys(submitted)
  if (names.length === 0) return { signatures: [], failures: {} }
  const selfSigning = crossSigningKeyOf(keys, userId, 'self_signing')
  if (isFailure(selfSigning)) return allFailed(userId, names, selfSigning)
  const master = crossSigningKeyOf(keys, userId, 'master')
  if (isFailure(master)) return allFailed(userId, names, master)
  const devices = new Map(keys.devices.map(({ deviceId, keys: ofDevice }) => [deviceId, ofDevice]))
  if (devices.size === 0) return allFailed(userId, names, notFound('No device keys found'))

  const signatures: NewSignature[] = []
  const failures: [string, Failure][] = []
  for (const [deviceId, signed] of Object.entries(submitted)) {
    const made = signaturesBy(signed, userId)
    const found =
      made === undefined
        ? wrongSignature
        : deviceId === master.name
          ? onMasterKey(userId, made, signed, master, devices)
          : onDevice(userId, deviceId, made, signed, selfSigning, devices)
    if (Array.isArray(found)) signatures.push(...found)
    else failures.push([deviceId, found as Failure])
  }
  return { signatures, failures: failures.length === 0 ? {} : { [userId]: Object.fromEntries(failures) } }
}

const signaturesBy = (signed: JsonObject, userId: UserId): JsonObject | undefined => {
  const made = isObject(signed.signatures) ? property(signed.signatures, userId) : undefined
  return isObject(made) ? made : undefined
}

/** Of the self-signing key. One that is there already is the same. */
function onDevice(
  userId: UserId,
  deviceId: string,
  made: JsonObject,
  signed: JsonObject,
  selfSigning: OwnKey,
  devices: ReadonlyMap<string, JsonObject>,
): NewSignature[] | Failure {
  const signature = property(made, selfSigning.keyId)
  if (signature === undefined) return wrongSignature
  const stored = devices.get(deviceId)
  if (stored === undefined) return unknownDevice
  if (property(signaturesBy(stored, userId) ?? {}, selfSigning.keyId) !== undefined) return []
  return (
    check(userId, selfSigning.keyId, selfSigning.verifyKey, signed, stored) ?? [
      newSignature(selfSigning.keyId, userId, deviceId, signature),
    ]
  )
}

/** Of devices, each with the key that it has here. Of algorithms that are not known nobody can say whether they are right. */
function onMasterKey(
  userId: UserId,
  made: JsonObject,
  signed: JsonObject,
  master: OwnKey,
  devices: ReadonlyMap<string, JsonObject>,
): NewSignature[] | Failure {
  const found: NewSignature[] = []
  for (const [keyId, signature] of Object.entries(made)) {
    if (typeof signature !== 'string') return wrongSignature
    if (keyId.startsWith('ed25519:')) {
      const device = devices.get(keyId.slice('ed25519:'.length))
      const publicKey = isObject(device?.keys) ? property(device.keys, keyId) : undefined
      const verifyKey = typeof publicKey === 'string' ? readVerifyKey(keyId as KeyId, publicKey) : undefined
      if (!verifyKey?.ok) return wrongSignature
      const failure = check(userId, keyId, verifyKey.value, signed, master.json)
      if (failure !== undefined) return failure
    }
    found.push(newSignature(keyId, userId, master.name, signature))
  }
  return found
}

/** Of the user-signing key on others' master keys, and on nothing else. */
function checkOthers(
  userId: UserId,
  submitted: readonly (readonly [target: UserId, Submitted])[],
  keys: SignedKeys,
): Checked {
  if (submitted.length === 0) return { signatures: [], failures: {} }
  const signatures: NewSignature[] = []
  const failures: [UserId, JsonObject][] = []
  const userSigning = crossSigningKeyOf(keys, userId, 'user_signing')
  for (const [target, devices] of submitted) {
    const names = Object.keys(devices)
    const fail = (failed: readonly string[], failure: Failure) =>
      failures.push([target, Object.fromEntries(failed.map((name) => [name, failure]))])
    if (isFailure(userSigning)) {
      fail(names, userSigning)
      continue
    }
    const master = crossSigningKeyOf(keys, target, 'master')
    if (isFailure(master) || !Object.hasOwn(devices, master.name)) {
      fail(names, isFailure(master) ? master : unknownDevice)
      continue
    }
    const failedHere: [string, Failure][] = names
      .filter((name) => name !== master.name)
      .map((name) => [name, unknownDevice])
    const signed = devices[master.name]!
    const isThere = property(signaturesBy(master.json, userId) ?? {}, userSigning.keyId) !== undefined
    const failure = isThere ? undefined : check(userId, userSigning.keyId, userSigning.verifyKey, signed, master.json)
    if (failure !== undefined) failedHere.push([master.name, failure])
    else if (!isThere)
      signatures.push(
        newSignature(
          userSigning.keyId,
          target,
          master.name,
          property(signaturesBy(signed, userId)!, userSigning.keyId),
        ),
      )
    if (failedHere.length > 0) failures.push([target, Object.fromEntries(failedHere)])
  }
  return { signatures, failures: Object.fromEntries(failures) }
}

/** `signature` was verified, or is of an algorithm that is not known: a string. */
const newSignature = (
  keyId: string,
  targetUserId: UserId,
  targetDeviceId: string,
  signature: JsonValue | undefined,
): NewSignature => ({ keyId, targetUserId, targetDeviceId, signature: signature as string })

/** Undefined: what was signed is what is here, and the signature is right. */
function check(
  userId: UserId,
  keyId: string,
  verifyKey: VerifyKey,
  signed: JsonObject,
  stored: JsonObject,
): Failure | undefined {
  const omitted = ['signatures', 'unsigned']
  if (canonicalJsonWithout(signed, omitted) !== canonicalJsonWithout(stored, omitted))
    return failed(400, 'M_UNKNOWN', 'Key does not match')
  const verified = verifyJson(signed, userId, (id) => (id === keyId ? verifyKey : undefined))
  return verified.ok ? undefined : wrongSignature
}
