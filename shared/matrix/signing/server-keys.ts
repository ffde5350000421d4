import type { KeyId, ServerName } from '../ids.ts'
import { signedText } from '../json/signed-text.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import { isEd25519, readVerifyKey, type VerifyKey } from './ed25519.ts'
import { holds, signaturesOf } from './signatures.ts'

/** A key of a server and how long it was, or is, known to be valid: milliseconds since 1970, inclusive. */
export interface KnownKey extends VerifyKey {
  readonly validUntilTs: number
}

/** What a server publishes of its keys, checked. Those it no longer uses are in `oldKeys`, and good for events only. */
export interface ServerKeys {
  readonly serverName: ServerName
  readonly keys: ReadonlyMap<KeyId, KnownKey>
  readonly oldKeys: ReadonlyMap<KeyId, KnownKey>
}

/** Keys are trusted for no longer than this after they were fetched, so that a stolen one can be revoked. */
const maxTrustMs = 7 * 24 * 60 * 60 * 1000

/**
 * The answer of `/_matrix/key/v2/server`, or an entry of `/query`, that was fetched at `fetchedTs`: server-server-api,
 * "Publishing Keys". Refused unless one of its own keys signed it, and no signature of them is wrong; of a notary's signature
 * on it nothing is said. `serverName` is whose keys were asked for.
 *
 * `validUntilTs` is the lesser of what the server says and seven days from the fetch (rooms/v5, "Signing key validity
 * period"); of an old key it is when it was retired.
 */
export function readServerKeys(json: JsonObject, serverName: ServerName, fetchedTs: number): Result<ServerKeys> {
  if (json.server_name !== serverName) return refused('server_name is another server')
  if (!isTimestamp(json.valid_until_ts)) return refused('valid_until_ts is not a timestamp')
  const validUntilTs = Math.min(json.valid_until_ts, fetchedTs + maxTrustMs)

  const keys = readKeys(json.verify_keys, 'verify_keys', () => validUntilTs)
  if (!keys.ok) return keys
  const oldKeys = readKeys(json.old_verify_keys ?? {}, 'old_verify_keys', (key) => key.expired_ts)
  if (!oldKeys.ok) return oldKeys

  const signatures = signaturesOf(json, serverName, (keyId) => keys.value.get(keyId), signedText(json))
  if (!signatures.ok) return signatures
  if (!signatures.value.every(holds)) return refused('a signature of the server itself is wrong')
  return accepted({ serverName, keys: keys.value, oldKeys: oldKeys.value })
}

/** Keys of other algorithms are passed over; a malformed one spoils the whole. */
function readKeys(
  json: JsonValue | undefined,
  name: string,
  validUntil: (key: JsonObject) => JsonValue | undefined,
): Result<Map<KeyId, KnownKey>> {
  if (!isObject(json)) return refused(`${name} is not an object`)
  const keys = new Map<KeyId, KnownKey>()
  for (const keyId of Object.keys(json)) {
    if (!isEd25519(keyId)) continue
    const entry = json[keyId]
    if (!isObject(entry) || typeof entry.key !== 'string') return refused(`${name}: ${keyId} has no key`)
    const validUntilTs = validUntil(entry)
    if (!isTimestamp(validUntilTs)) return refused(`${name}: ${keyId} has no expired_ts`)
    const key = readVerifyKey(keyId as KeyId, entry.key)
    if (!key.ok) return refused(`${name}: ${key.reason}`)
    keys.set(keyId as KeyId, { ...key.value, validUntilTs })
  }
  return accepted(keys)
}

const isTimestamp = (value: JsonValue | undefined): value is number => Number.isSafeInteger(value)

/**
 * Whether a signature made at `ts` with this key counts: rooms/v5, "Signing key validity period". Undefined where time has no
 * say, as in events of room versions 1 to 4.
 *
 * NOTSPEC: server-server-api passes over signatures of keys that had expired before the event in every version. Synapse
 * does not in versions 1 to 4, and those rooms hold events that no other signature saves.
 */
export const isValidAt = (key: KnownKey, ts: number | undefined): boolean => ts === undefined || ts <= key.validUntilTs
