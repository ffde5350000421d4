/** What devices leave here for others to encrypt to them (client-server-api, "Uploading keys"). */

import type { UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { DeviceChanges, Stale } from '../devices/device-changes.ts'
import type { Queries } from '../storage/db.ts'
import { selectDeviceKeyCounts } from '../storage/device-key-counts.ts'
import { haveKeysSince, upsertDeviceKeys } from '../storage/device-keys.ts'
import { insertDevice, lockDevice } from '../storage/devices.ts'
import { insertOneTimeKeys, type StoredKey, selectOneTimeKeys, upsertFallbackKeys } from '../storage/one-time-keys.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

export interface KeyUpload {
  readonly deviceKeys: JsonObject | undefined
  /** By `algorithm:id`. */
  readonly oneTimeKeys: JsonObject
  readonly fallbackKeys: JsonObject
}

/** One-time keys by algorithm, those from before among them. */
export type KeyCounts = Readonly<Record<string, number>>

/** All of it, or nothing. Throws M_UNKNOWN for a one-time key that is another's ID, M_TOO_LARGE for too many. */
export type UploadKeys = (userId: UserId, deviceId: string, upload: KeyUpload) => Promise<KeyCounts>

export interface UploadKeysDeps {
  readonly changes: Pick<DeviceChanges, 'change' | 'isAtomic'>
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Of an algorithm and a device: clients keep 50, and forget the oldest of more than 5,000 (Synapse's limit). */
const MAX_ONE_TIME_KEYS = 500
/** So long a client may take to send a request again that nobody answered. */
const REPEATED_MS = 10 * 60_000

export function makeUploadKeys({ changes, caches, now }: UploadKeysDeps): UploadKeys {
  return async (userId, deviceId, upload) => {
    const work = async (tx: Queries, stale: Stale) => {
      // Also keeps apart what comes twice at the same time.
      if (!(await lockDevice(tx, userId, deviceId))) await insertDevice(tx, userId, deviceId, null)
      const isChanged = await storeKeys(tx, stale, userId, deviceId, upload, now())
      const { oneTimeKeys } = await selectDeviceKeyCounts(tx, userId, deviceId)
      // The process that stored the same keys just now may have been killed before it told of them.
      const isTold =
        !isChanged && (changes.isAtomic || !(await haveKeysSince(tx, userId, deviceId, now() - REPEATED_MS)))
      return { result: { signed_curve25519: 0, ...oneTimeKeys }, deviceIds: isTold ? [] : [deviceId] }
    }
    if (upload.deviceKeys !== undefined) return changes.change('upload keys', userId, 1, work)
    return (await caches.transaction('upload keys', work)).result
  }
}

/** Whether the device has other keys now. In one transaction that holds the device. */
export async function storeKeys(
  tx: Queries,
  stale: Stale,
  userId: UserId,
  deviceId: string,
  { deviceKeys, oneTimeKeys, fallbackKeys }: KeyUpload,
  nowMs: number,
): Promise<boolean> {
  const isChanged =
    deviceKeys !== undefined && (await upsertDeviceKeys(tx, userId, deviceId, canonicalJson(deviceKeys), nowMs))
  const fresh = await newKeys(tx, userId, deviceId, oneTimeKeys)
  if (fresh.length > 0) {
    await insertOneTimeKeys(tx, userId, deviceId, fresh, nowMs)
    stale('count_e2e_one_time_keys', [userId, deviceId])
  }
  // Of an algorithm the last counts.
  const fallbacks = new Map(storedKeys(fallbackKeys).map((key) => [key.algorithm, key]))
  if (fallbacks.size > 0) {
    await upsertFallbackKeys(tx, userId, deviceId, [...fallbacks.values()])
    stale('get_e2e_unused_fallback_key_types', [userId, deviceId])
  }
  return isChanged
}

async function newKeys(
  tx: Queries,
  userId: UserId,
  deviceId: string,
  oneTimeKeys: JsonObject,
): Promise<readonly StoredKey[]> {
  const keys = storedKeys(oneTimeKeys)
  if (keys.length === 0) return []
  const known = new Map(
    (
      await selectOneTimeKeys(
        tx,
        userId,
        deviceId,
        keys.map(({ keyId }) => keyId),
      )
    ).map((row) => [nameOf(row), row.key]),
  )
  const fresh: StoredKey[] = []
  for (const key of keys) {
    const there = known.get(nameOf(key))
    if (there === undefined) fresh.push(key)
    else if (!isSameKey(there, key.key))
      throw new MatrixError(
        'M_UNKNOWN',
        `One time key ${nameOf(key)} already exists. Old key: ${there}; new key: ${key.key}`,
      )
  }
  if (fresh.length === 0) return []
  const { oneTimeKeys: counts } = await selectDeviceKeyCounts(tx, userId, deviceId)
  for (const [algorithm, { length }] of Map.groupBy(fresh, (key) => key.algorithm)) {
    const total = (Object.hasOwn(counts, algorithm) ? counts[algorithm]! : 0) + length
    if (total > MAX_ONE_TIME_KEYS)
      throw new MatrixError(
        'M_TOO_LARGE',
        `Uploading ${length} more ${algorithm} one-time keys would leave the device holding ${total}, over the limit of ${MAX_ONE_TIME_KEYS}`,
        {},
        400,
      )
  }
  return fresh
}

const nameOf = ({ algorithm, keyId }: Pick<StoredKey, 'algorithm' | 'keyId'>): string => `${algorithm}:${keyId}`

function storedKeys(keys: JsonObject): readonly StoredKey[] {
  return Object.entries(keys).map(([name, key]) => {
    const colon = name.indexOf(':')
    return { algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), key: canonicalJson(key!) }
  })
}

/** Signatures may differ: they may have been made twice. */
function isSameKey(one: string, other: string): boolean {
  if (one === other) return true
  const [a, b] = [unsigned(one), unsigned(other)]
  return a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b)
}

function unsigned(text: string): JsonValue | undefined {
  const key = parseJson(text)
  if (!key.ok || !isObject(key.value)) return undefined
  const { signatures: _, ...rest } = key.value
  return rest
}
