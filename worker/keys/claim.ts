/** One-time keys for who begins to encrypt to a device (client-server-api, "Claiming one-time keys"). */

import { type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { asJsonText, type JsonText, objectText } from '../json-text.ts'
import {
  type Claim,
  type ClaimedKey,
  markFallbackKeysUsed,
  selectFallbackKeys,
  takeOneTimeKeys,
} from '../storage/one-time-keys.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { type Failures, unreachable } from './remote.ts'

export interface ClaimedKeys {
  /** An object by user, device and `algorithm:id`. */
  readonly oneTimeKeys: JsonText
  /** By server. */
  readonly failures: Failures
}

/** A key of each device, once: its fallback key where it has no other. Who has none is left out. */
export type ClaimKeys = (claims: readonly Claim[]) => Promise<ClaimedKeys>

export interface ClaimKeysDeps {
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly serverName: ServerName
}

export function makeClaimKeys({ caches, serverName }: ClaimKeysDeps): ClaimKeys {
  const claimHere = (claims: readonly Claim[]): Promise<readonly ClaimedKey[]> =>
    caches.transaction('claim keys', async (tx, stale) => {
      const taken = await takeOneTimeKeys(tx, claims)
      for (const [userId, deviceId] of devicesOf(taken)) stale('count_e2e_one_time_keys', [userId, deviceId])
      const found = new Set(taken.map(keyOf))
      const missing = claims.filter((claim) => !found.has(keyOf(claim)))
      if (missing.length === 0) return taken
      const fallbacks = await selectFallbackKeys(tx, missing)
      const unused = fallbacks.filter(({ isUsed }) => !isUsed)
      if (unused.length > 0) {
        await markFallbackKeysUsed(tx, unused)
        for (const [userId, deviceId] of devicesOf(unused))
          stale('get_e2e_unused_fallback_key_types', [userId, deviceId])
      }
      return [...taken, ...fallbacks]
    })

  return async (claims) => {
    const local = claims.filter(({ userId }) => serverNameOf(userId) === serverName)
    const remote = new Set(claims.map(({ userId }) => serverNameOf(userId)))
    remote.delete(serverName)
    const keys = local.length === 0 ? [] : await claimHere(local)
    return { oneTimeKeys: printClaimed(keys), failures: unreachable(remote) }
  }
}

const keyOf = ({ userId, deviceId, algorithm }: Claim): string => JSON.stringify([userId, deviceId, algorithm])

const devicesOf = (keys: readonly Claim[]): Iterable<readonly [UserId, string]> =>
  new Map(
    keys.map(({ userId, deviceId }) => [JSON.stringify([userId, deviceId]), [userId, deviceId] as const]),
  ).values()

function printClaimed(keys: readonly ClaimedKey[]): JsonText {
  const users = [...Map.groupBy(keys, ({ userId }) => userId)].map(([userId, ofUser]) => {
    const devices = [...Map.groupBy(ofUser, ({ deviceId }) => deviceId)].map(([deviceId, ofDevice]) => {
      const named = ofDevice.map(({ algorithm, keyId, key }) => [`${algorithm}:${keyId}`, asJsonText(key)] as const)
      return [deviceId, objectText(Object.fromEntries(named))] as const
    })
    return [userId, objectText(Object.fromEntries(devices))] as const
  })
  return objectText(Object.fromEntries(users))
}
