/** Room keys that clients leave here, encrypted, for when they lose their devices (client-server-api, "Server-side key backups"). */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { jsonTextOf } from '../json-text.ts'
import type { Db } from '../storage/db.ts'
import {
  type BackupPart,
  type BackupVersion,
  countRoomKeys,
  deleteBackupVersion,
  deleteRoomKeys,
  insertBackupVersion,
  lockBackupVersion,
  type RoomKeyRow,
  selectBackupVersion,
  selectRoomKeys,
  updateBackupAuthData,
  updateBackupEtag,
  upsertBetterRoomKeys,
} from '../storage/key-backup.ts'
import { insertAtNextId } from '../storage/next-id.ts'

export interface BackupState {
  /** Changes whenever keys do. */
  readonly etag: string
  readonly count: number
}

export interface BackupInfo extends BackupState {
  readonly version: string
  readonly algorithm: string
  /** JSON. */
  readonly authData: string
}

/** A room, or a session in a room. */
export type Part = Omit<BackupPart, 'version'>

export interface Backups {
  /** The version: from now on the only one that is written to. */
  readonly create: (userId: UserId, algorithm: string, authData: JsonValue) => Promise<string>
  /** Undefined `version`: the current one. Throws M_NOT_FOUND. */
  readonly info: (userId: UserId, version: string | undefined) => Promise<BackupInfo>
  /** Throws M_NOT_FOUND, M_INVALID_PARAM for another algorithm. Undefined: as it was. */
  readonly update: (
    userId: UserId,
    version: string,
    algorithm: string,
    authData: JsonValue | undefined,
  ) => Promise<void>
  /** With all keys in it. Throws M_NOT_FOUND. */
  readonly remove: (userId: UserId, version: string) => Promise<void>
  /** Keys that are new or better. Throws M_NOT_FOUND, M_WRONG_ROOM_KEYS_VERSION for another version than the current one. */
  readonly putKeys: (userId: UserId, version: string, keys: readonly RoomKeyRow[]) => Promise<BackupState>
  readonly keys: (userId: UserId, version: string, part: Part) => Promise<readonly RoomKeyRow[]>
  readonly removeKeys: (userId: UserId, version: string, part: Part) => Promise<BackupState>
}

const unknownVersion = () => new MatrixError('M_NOT_FOUND', 'Unknown backup version')

export function makeBackups({ db }: { readonly db: Db }): Backups {
  async function found(userId: UserId, version: string | undefined): Promise<BackupVersion> {
    const number = version === undefined ? undefined : numberOf(version)
    const row =
      version !== undefined && number === undefined ? undefined : await selectBackupVersion(db, userId, number)
    if (row === undefined) throw unknownVersion()
    return row
  }
  const numbered = (version: string): number => {
    const number = numberOf(version)
    if (number === undefined) throw unknownVersion()
    return number
  }

  return {
    create: async (userId, algorithm, authData) =>
      String(await insertAtNextId(() => insertBackupVersion(db, userId, algorithm, jsonTextOf(authData)))),

    async info(userId, version) {
      const row = await found(userId, version)
      return {
        version: String(row.version),
        algorithm: row.algorithm,
        authData: row.authData,
        etag: String(row.etag),
        count: await countRoomKeys(db, userId, row.version),
      }
    },

    async update(userId, version, algorithm, authData) {
      const row = await found(userId, version)
      if (row.algorithm !== algorithm) throw new MatrixError('M_INVALID_PARAM', 'Algorithm does not match')
      if (authData !== undefined) await updateBackupAuthData(db, userId, row.version, jsonTextOf(authData))
    },

    async remove(userId, version) {
      const number = numbered(version)
      await db.transaction(
        'read committed',
        async (tx) => {
          // Who uploads holds it.
          await lockBackupVersion(tx, userId, number)
          const [, removed] = await deleteBackupVersion(tx, userId, number)
          if (removed === 0) throw unknownVersion()
        },
        'remove backup',
      )
    },

    async putKeys(userId, version, keys) {
      const notFound = () => new MatrixError('M_NOT_FOUND', `Version '${version}' not found`)
      const number = numberOf(version)
      const current = await selectBackupVersion(db, userId, undefined)
      if (current === undefined || number === undefined) throw notFound()
      if (current.version !== number) {
        if ((await selectBackupVersion(db, userId, number)) === undefined) throw notFound()
        throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'Wrong room_keys version', {
          current_version: String(current.version),
        })
      }
      return db.transaction(
        'read committed',
        async (tx) => {
          const locked = await lockBackupVersion(tx, userId, number)
          if (locked === undefined) throw notFound()
          const isChanged = keys.length > 0 && (await upsertBetterRoomKeys(tx, userId, number, keys)) > 0
          const etag = isChanged ? locked.etag + 1 : locked.etag
          if (isChanged) await updateBackupEtag(tx, userId, number, etag)
          return { etag: String(etag), count: await countRoomKeys(tx, userId, number) }
        },
        'put room keys',
      )
    },

    async keys(userId, version, part) {
      const { version: number } = await found(userId, version)
      return selectRoomKeys(db, userId, { ...part, version: number })
    },

    async removeKeys(userId, version, part) {
      const number = numbered(version)
      return db.transaction(
        'read committed',
        async (tx) => {
          const locked = await lockBackupVersion(tx, userId, number)
          if (locked === undefined) throw unknownVersion()
          await deleteRoomKeys(tx, userId, { ...part, version: number })
          const etag = locked.etag + 1
          await updateBackupEtag(tx, userId, number, etag)
          return { etag: String(etag), count: await countRoomKeys(tx, userId, number) }
        },
        'remove room keys',
      )
    },
  }
}

/** Versions are strings to clients, and those that are no number were never given out. */
function numberOf(version: string): number | undefined {
  const number = /^\d{1,16}$/.test(version) ? Number(version) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}
