/** Backups of room keys: versions, of which the last that was not deleted is written to, and the keys in them. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface BackupVersion {
  readonly version: number
  readonly algorithm: string
  /** JSON. */
  readonly authData: string
  readonly etag: number
}

const VERSION = 'version, algorithm, auth_data as "authData", coalesce(etag, 0) as etag'

/** Undefined `version`: the current one. Those that were deleted are not there. */
export const selectBackupVersion = (db: Queries, userId: UserId, version: number | undefined) =>
  version === undefined
    ? db.one<BackupVersion>(
        `select ${VERSION} from e2e_room_keys_versions where user_id = $1 and deleted = 0
         order by version desc limit 1`,
        [userId],
      )
    : db.one<BackupVersion>(
        `select ${VERSION} from e2e_room_keys_versions where user_id = $1 and version = $2 and deleted = 0`,
        [userId, version],
      )

/** As {@link selectBackupVersion}; others who write to it wait until the transaction ends. */
export const lockBackupVersion = (tx: Queries, userId: UserId, version: number) =>
  tx.one<BackupVersion>(
    `select ${VERSION} from e2e_room_keys_versions where user_id = $1 and version = $2 and deleted = 0 for update`,
    [userId, version],
  )

/** For `insertAtNextId`: versions of a user are 1, 2 …, and none is given twice. */
export const insertBackupVersion = (db: Queries, userId: UserId, algorithm: string, authData: string) =>
  db.one<{ id: number }>(
    `insert into e2e_room_keys_versions (user_id, version, algorithm, auth_data)
     select $1, coalesce(max(version), 0) + 1, $2, $3 from e2e_room_keys_versions where user_id = $1
     on conflict (user_id, version) do nothing returning version as id`,
    [userId, algorithm, authData],
  )

export const updateBackupAuthData = (tx: Queries, userId: UserId, version: number, authData: string) =>
  tx.run('update e2e_room_keys_versions set auth_data = $3 where user_id = $1 and version = $2', [
    userId,
    version,
    authData,
  ])

export const updateBackupEtag = (tx: Queries, userId: UserId, version: number, etag: number) =>
  tx.run('update e2e_room_keys_versions set etag = $3 where user_id = $1 and version = $2', [userId, version, etag])

export const deleteBackupVersion = (tx: Queries, userId: UserId, version: number) =>
  Promise.all([
    tx.run('delete from e2e_room_keys where user_id = $1 and version = $2', [userId, version]),
    tx.run('update e2e_room_keys_versions set deleted = 1 where user_id = $1 and version = $2', [userId, version]),
  ])

export interface RoomKeyRow {
  readonly roomId: string
  readonly sessionId: string
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
  /** JSON. */
  readonly sessionData: string
}

const ROOM_KEY = `k.room_id as "roomId", k.session_id as "sessionId", k.first_message_index as "firstMessageIndex",
  k.forwarded_count as "forwardedCount", k.is_verified as "isVerified", k.session_data as "sessionData"`

/** What of a version: all of it, a room, or a session in a room. */
export interface BackupPart {
  readonly version: number
  readonly roomId?: string | undefined
  readonly sessionId?: string | undefined
}

const PART = `user_id = $1 and version = $2 and ($3::text is null or room_id = $3)
  and ($4::text is null or session_id = $4)`
const partParams = (userId: UserId, { version, roomId = null, sessionId = null }: PartLike) => [
  userId,
  version,
  roomId,
  sessionId,
]
type PartLike = { readonly version: number; readonly roomId?: string | null; readonly sessionId?: string | null }
const plain = ({ version, roomId, sessionId }: BackupPart): PartLike => ({
  version,
  roomId: roomId ?? null,
  sessionId: sessionId ?? null,
})

export const selectRoomKeys = (db: Queries, userId: UserId, part: BackupPart) =>
  db.rows<RoomKeyRow>(
    `select ${ROOM_KEY} from e2e_room_keys k where ${PART} order by room_id, session_id`,
    partParams(userId, plain(part)),
  )

export const deleteRoomKeys = (tx: Queries, userId: UserId, part: BackupPart) =>
  tx.run(`delete from e2e_room_keys where ${PART}`, partParams(userId, plain(part)))

export const countRoomKeys = async (db: Queries, userId: UserId, version: number): Promise<number> =>
  (await db.one<{ count: number }>('select count(*) as count from e2e_room_keys where user_id = $1 and version = $2', [
    userId,
    version,
  ]))!.count

/**
 * Those that are new, or better than what is there: verified where that is not, or else with an earlier first message, or forwarded
 * less often. How many were. Each session at most once in `keys`.
 */
export const upsertBetterRoomKeys = (tx: Queries, userId: UserId, version: number, keys: readonly RoomKeyRow[]) =>
  tx.run(
    `insert into e2e_room_keys as k (user_id, version, room_id, session_id, first_message_index, forwarded_count,
       is_verified, session_data)
     select $1, $2, n.* from unnest($3::text[], $4::text[], $5::int[], $6::int[], $7::boolean[], $8::text[]) as n
     on conflict (user_id, version, room_id, session_id) do update
     set first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
       is_verified = excluded.is_verified, session_data = excluded.session_data
     where (excluded.is_verified and not k.is_verified) or excluded.first_message_index < k.first_message_index
       or excluded.forwarded_count < k.forwarded_count`,
    [
      userId,
      version,
      keys.map(({ roomId }) => roomId),
      keys.map(({ sessionId }) => sessionId),
      keys.map(({ firstMessageIndex }) => firstMessageIndex),
      keys.map(({ forwardedCount }) => forwardedCount),
      keys.map(({ isVerified }) => isVerified),
      keys.map(({ sessionData }) => sessionData),
    ],
  )

/** All backups of a user who goes. */
export const deleteBackups = (tx: Queries, userId: UserId) =>
  Promise.all([
    tx.run('delete from e2e_room_keys where user_id = $1', [userId]),
    tx.run('delete from e2e_room_keys_versions where user_id = $1', [userId]),
  ])
