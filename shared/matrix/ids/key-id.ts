import type { KeyId } from '../ids.ts'
import { accepted, type Result, refused } from '../result.ts'
import { isTooLong, maxIdBytes } from './domain-form.ts'

/**
 * The ID of a key, `algorithm:version` (server-server API, "Publishing Keys"): `ed25519:a_1`.
 *
 * NOTSPEC: the version may have other characters than `A-Z`, `a-z`, `0-9` and `_`, which is what the specification allows servers: Synapse
 * takes any, and IDs of users' keys have a device ID or base64 there.
 */
export function parseKeyId(text: string): Result<KeyId> {
  if (isTooLong(text)) return refused(`key ID is longer than ${maxIdBytes} bytes`)
  return /^[A-Za-z0-9_.-]+:[^\0]+$/.test(text) && text.isWellFormed()
    ? accepted(text as KeyId)
    : refused("key ID is not an algorithm, ':' and a version")
}

export const keyAlgorithm = (keyId: KeyId): string => keyId.slice(0, keyId.indexOf(':'))
