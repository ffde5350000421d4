/** Keys by which users vouch for their own devices and for other users (client-server-api, "Cross-signing"). */

import type { UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { verifyJson } from '../../shared/matrix/signing/verify.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import { jsonTextOf } from '../json-text.ts'
import {
  type CrossSigningUsage,
  insertCrossSigningKey,
  lockUser,
  selectCrossSigningKeys,
} from '../storage/cross-signing.ts'
import type { Queries } from '../storage/db.ts'
import { type CrossSigningKey, readCrossSigningKey } from './signed-keys.ts'

/** By usage; those that are absent stay as they are. */
export type CrossSigningUpload = Readonly<Partial<Record<CrossSigningUsage, JsonValue>>>

export interface CrossSigning {
  /**
   * What an upload would do: nothing, as it is what is there; set keys for the first time; or replace them, which a stolen access
   * token should not be enough for.
   */
  readonly compare: (userId: UserId, upload: CrossSigningUpload) => Promise<'same' | 'first' | 'replaces'>
  /** Throws M_MISSING_PARAM, M_INVALID_PARAM, M_INVALID_SIGNATURE. */
  readonly upload: (userId: UserId, upload: CrossSigningUpload) => Promise<void>
}

export interface CrossSigningDeps {
  readonly db: Queries
  readonly changes: Pick<DeviceChanges, 'change' | 'signed'>
  /** This process. */
  readonly instance: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const USAGES = ['master', 'self_signing', 'user_signing'] as const

export function makeCrossSigning({ db, changes, instance, now }: CrossSigningDeps): CrossSigning {
  return {
    async compare(userId, upload) {
      const rows = await selectCrossSigningKeys(db, [userId])
      const isSame = USAGES.every((usage) => {
        const given = upload[usage]
        return given === undefined || isSameJson(rows.find((row) => row.usage === usage)?.key, given)
      })
      if (isSame) return 'same'
      const master = rows.find(({ usage }) => usage === 'master')
      if (master === undefined) return 'first'
      return master.replaceableBeforeMs !== null && now() < master.replaceableBeforeMs ? 'first' : 'replaces'
    },

    async upload(userId, upload) {
      const given = USAGES.flatMap((usage) => {
        const key = upload[usage]
        return key === undefined ? [] : [{ usage, key: checkForm(key, userId, usage) }]
      })
      await changes.change('upload signing keys', userId, 2, async (tx, stale) => {
        await lockUser(tx, userId)
        const master = given.find(({ usage }) => usage === 'master')?.key ?? (await storedMaster(tx, userId))
        for (const { usage, key } of given) if (usage !== 'master') checkSignature(key.json, userId, usage, master.key)
        for (const { usage, key } of given) {
          const row = { userId, usage, key: jsonTextOf(key.json) }
          if (!(await insertCrossSigningKey(tx, instance, row, key.key.name)))
            throw new MatrixError('M_INVALID_PARAM', `Invalid ${usage} key: a device has that ID`)
        }
        if (given.length > 0) stale('_get_bare_e2e_cross_signing_keys', [userId])
        // User-signing keys are nobody else's business.
        const told = given.filter(({ usage }) => usage !== 'user_signing').map(({ key }) => key.key.name)
        return { result: undefined, deviceIds: [...new Set(told)] }
      })
      if (upload.user_signing !== undefined) await changes.signed(userId, [userId])
    },
  }
}

interface ReadKey {
  readonly json: JsonObject
  readonly key: CrossSigningKey
}

function checkForm(json: JsonValue, userId: UserId, usage: CrossSigningUsage): ReadKey {
  const invalid = () => new MatrixError('M_INVALID_PARAM', `Invalid ${usage} key`)
  if (!isObject(json) || json.user_id !== userId) throw invalid()
  if (!Array.isArray(json.usage) || !json.usage.includes(usage)) throw invalid()
  const key = readCrossSigningKey(json)
  if (!key.ok || key.value.name.includes('\0') || !key.value.name.isWellFormed()) throw invalid()
  return { json, key: key.value }
}

async function storedMaster(tx: Queries, userId: UserId): Promise<ReadKey> {
  const row = (await selectCrossSigningKeys(tx, [userId])).find(({ usage }) => usage === 'master')
  const json = row && parseJson(row.key)
  if (!json?.ok || !isObject(json.value)) throw new MatrixError('M_MISSING_PARAM', 'No master key available')
  const key = readCrossSigningKey(json.value)
  if (!key.ok) throw new Error(`the master key of a user cannot be read: ${key.reason}`)
  return { json: json.value, key: key.value }
}

function checkSignature(json: JsonObject, userId: UserId, usage: CrossSigningUsage, master: CrossSigningKey): void {
  const signed = verifyJson(json, userId, (keyId) => (keyId === master.keyId ? master.verifyKey : undefined))
  if (!signed.ok) throw new MatrixError('M_INVALID_SIGNATURE', `Invalid signature on ${usage} key`)
}

function isSameJson(stored: string | undefined, given: JsonValue): boolean {
  const json = stored === undefined ? undefined : parseJson(stored)
  return json?.ok === true && canonicalJson(json.value) === canonicalJson(given)
}
