/** Keys as clients are told them: with the signatures that were made on them since they were uploaded. */

import type { KeyId, UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject, property } from '../../shared/matrix/json/value.ts'
import { accepted, type Result, refused } from '../../shared/matrix/result.ts'
import { readVerifyKey, type VerifyKey } from '../../shared/matrix/signing/ed25519.ts'
import { type CrossSigningUsage, selectCrossSigningKeys } from '../storage/cross-signing.ts'
import type { Queries } from '../storage/db.ts'
import { type KeySignature, selectDeviceKeys, selectKeySignatures } from '../storage/device-keys.ts'

export interface WantedKeys {
  /** Of whom all devices are wanted. */
  readonly users: readonly UserId[]
  readonly devices: readonly { readonly userId: UserId; readonly deviceId: string }[]
  /** Whose cross-signing keys are wanted. */
  readonly crossSigning: readonly UserId[]
  /** Whose signatures on others' keys are told: nobody else's business. */
  readonly reader: UserId
}

export interface SignedKeys {
  readonly devices: readonly { readonly userId: UserId; readonly deviceId: string; readonly keys: JsonObject }[]
  readonly crossSigning: readonly {
    readonly userId: UserId
    readonly usage: CrossSigningUsage
    readonly key: JsonObject
  }[]
}

/** The names of devices are under `unsigned`. In three statements, for any number of users. */
export async function loadSignedKeys(db: Queries, wanted: WantedKeys): Promise<SignedKeys> {
  const { users, devices, reader } = wanted
  const [deviceRows, crossSigningRows] = await Promise.all([
    users.length + devices.length === 0 ? [] : selectDeviceKeys(db, users, devices),
    wanted.crossSigning.length === 0 ? [] : selectCrossSigningKeys(db, wanted.crossSigning),
  ])
  const ofDevices = deviceRows.map((row) => ({ ...row, keys: jsonOf(row.keys) }))
  const crossSigning = crossSigningRows.map((row) => ({ ...row, key: jsonOf(row.key) }))
  const targets = [
    ...ofDevices.map(({ userId, deviceId }) => ({ userId, deviceId })),
    ...crossSigning.flatMap(({ userId, key }) => {
      const deviceId = publicPartOf(key)
      return deviceId === undefined ? [] : [{ userId, deviceId }]
    }),
  ]
  const signatures = targets.length === 0 ? [] : await selectKeySignatures(db, targets, reader)
  const onKey = Map.groupBy(signatures, ({ targetUserId, targetDeviceId }) => keyOf(targetUserId, targetDeviceId))
  return {
    devices: ofDevices.map(({ userId, deviceId, displayName, keys }) => {
      const own = (onKey.get(keyOf(userId, deviceId)) ?? []).filter((signature) => signature.userId === userId)
      const unsigned = displayName === null ? {} : { device_display_name: displayName }
      return { userId, deviceId, keys: { ...withSignatures(keys, own), unsigned } }
    }),
    crossSigning: crossSigning.map(({ userId, usage, key }) => {
      const all = onKey.get(keyOf(userId, publicPartOf(key) ?? '')) ?? []
      // Which of their devices a user trusts is told to the user alone.
      const told = all.filter((signature) => signature.userId === reader)
      return { userId, usage, key: withSignatures(key, told) }
    }),
  }
}

const keyOf = (userId: string, deviceId: string): string => JSON.stringify([userId, deviceId])

function jsonOf(text: string): JsonObject {
  const json = parseJson(text)
  return json.ok && isObject(json.value) ? json.value : {}
}

function withSignatures(key: JsonObject, added: readonly KeySignature[]): JsonObject {
  if (added.length === 0) return key
  let signatures: JsonObject = isObject(key.signatures) ? key.signatures : {}
  for (const { userId, keyId, signature } of added) {
    const ofUser = property(signatures, userId)
    signatures = { ...signatures, [userId]: { ...(isObject(ofUser) ? ofUser : {}), [keyId]: signature } }
  }
  return { ...key, signatures }
}

/** What names a cross-signing key where devices are named by their IDs. */
function publicPartOf(key: JsonObject): string | undefined {
  const part = isObject(key.keys) ? Object.values(key.keys)[0] : undefined
  return typeof part === 'string' ? part : undefined
}

/** The one key of a cross-signing key; its ID is `ed25519:` and {@link CrossSigningKey.name}. */
export interface CrossSigningKey {
  readonly keyId: KeyId
  /** As devices are named by their IDs. */
  readonly name: string
  readonly verifyKey: VerifyKey
}

export function readCrossSigningKey(key: JsonObject): Result<CrossSigningKey> {
  const entries = isObject(key.keys) ? Object.entries(key.keys) : []
  if (entries.length !== 1) return refused('not one key')
  const [keyId, text] = entries[0] as [KeyId, unknown]
  if (typeof text !== 'string') return refused('not a key')
  const verifyKey = readVerifyKey(keyId, text)
  return verifyKey.ok
    ? accepted({ keyId, name: keyId.slice(keyId.indexOf(':') + 1), verifyKey: verifyKey.value })
    : verifyKey
}
