/** Accounts of this server. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface UserRow {
  readonly userId: UserId
  /** bcrypt's. Null: no login by password. */
  readonly passwordHash: string | null
  /** Seconds since 1970. */
  readonly createdAtSeconds: number | null
  readonly isAdmin: boolean
  readonly isGuest: boolean
  readonly isDeactivated: boolean
  readonly isShadowBanned: boolean
  readonly isLocked: boolean
  readonly isSuspended: boolean
  /** Null where nobody is to approve users. */
  readonly isApproved: boolean | null
  readonly appserviceId: string | null
  /** `bot`, `support` …; null for people. */
  readonly userType: string | null
  readonly consentVersion: string | null
}

const COLUMNS = `name as "userId", password_hash as "passwordHash", creation_ts as "createdAtSeconds",
  admin = 1 as "isAdmin", is_guest = 1 as "isGuest", deactivated = 1 as "isDeactivated",
  coalesce(shadow_banned, false) as "isShadowBanned", locked as "isLocked", suspended as "isSuspended",
  approved as "isApproved", appservice_id as "appserviceId", user_type as "userType",
  consent_version as "consentVersion"`

export const selectUser = (db: Queries, userId: UserId) =>
  db.one<UserRow>(`select ${COLUMNS} from users where name = $1`, [userId])

export const selectUsers = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<UserRow>(`select ${COLUMNS} from users where name = any($1)`, [userIds])

/**
 * Those whose ID differs in case only. Old servers have such; a new one with the same letters is not to be made, and a
 * login may mean the only one.
 */
export const selectUsersIgnoringCase = (db: Queries, userId: string) =>
  db.rows<{ readonly userId: UserId; readonly passwordHash: string | null }>(
    'select name as "userId", password_hash as "passwordHash" from users where lower(name) = lower($1)',
    [userId],
  )

export interface NewUser {
  readonly userId: UserId
  readonly passwordHash: string | null
  readonly createdAtMs: number
  readonly isAdmin?: boolean
  readonly isGuest?: boolean
  readonly isShadowBanned?: boolean
  readonly isApproved?: boolean | null
  readonly appserviceId?: string | null
  readonly userType?: string | null
}

/** False if there is a user of that ID. */
export const insertUser = async (db: Queries, user: NewUser): Promise<boolean> =>
  1 ===
  (await db.run(
    `insert into users (name, password_hash, creation_ts, admin, is_guest, shadow_banned, approved, appservice_id,
       user_type)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (name) do nothing`,
    [
      user.userId,
      user.passwordHash,
      Math.floor(user.createdAtMs / 1000),
      user.isAdmin ? 1 : 0,
      user.isGuest ? 1 : 0,
      user.isShadowBanned ?? false,
      user.isApproved,
      user.appserviceId,
      user.userType,
    ],
  ))

/** A guest becomes a user, with a password. False if there is no guest of that ID. */
export const upgradeGuest = async (
  db: Queries,
  userId: UserId,
  passwordHash: string | null,
  nowMs: number,
): Promise<boolean> =>
  (await db.run('update users set password_hash = $2, upgrade_ts = $3, is_guest = 0 where name = $1 and is_guest = 1', [
    userId,
    passwordHash,
    Math.floor(nowMs / 1000),
  ])) === 1

/** A number for a user who registers without a name. Never given twice; whether `@1:…` is free has to be looked at. */
export const nextUserNumber = async (db: Queries): Promise<number> =>
  (await db.one<{ id: number }>("select nextval('user_id_seq') as id"))!.id

/** False if there is no such user. */
export const updatePasswordHash = async (db: Queries, userId: UserId, passwordHash: string | null): Promise<boolean> =>
  (await db.run('update users set password_hash = $2 where name = $1', [userId, passwordHash])) === 1

export const updateAdmin = async (db: Queries, userId: UserId, isAdmin: boolean): Promise<boolean> =>
  (await db.run('update users set admin = $2 where name = $1', [userId, isAdmin ? 1 : 0])) === 1

/** A user who is deactivated has no password either. */
export const updateDeactivated = async (db: Queries, userId: UserId, isDeactivated: boolean): Promise<boolean> =>
  (await db.run(
    `update users set deactivated = $2::smallint, password_hash = case when $2::smallint = 1 then null else password_hash end
     where name = $1`,
    [userId, isDeactivated ? 1 : 0],
  )) === 1

/** What the user agreed to, and when. False if there is no such user. */
export const updateConsentVersion = async (
  db: Queries,
  userId: UserId,
  version: string,
  nowMs: number,
): Promise<boolean> =>
  (await db.run('update users set consent_version = $2, consent_ts = $3 where name = $1', [userId, version, nowMs])) ===
  1

export const updateSuspended = async (db: Queries, userId: UserId, isSuspended: boolean): Promise<boolean> =>
  (await db.run('update users set suspended = $2 where name = $1', [userId, isSuspended])) === 1

export const updateLocked = async (db: Queries, userId: UserId, isLocked: boolean): Promise<boolean> =>
  (await db.run('update users set locked = $2 where name = $1', [userId, isLocked])) === 1

/** Users who are people, as far as is known: neither bots nor the support. At most `limit` are counted. */
export const countPeople = async (db: Queries, limit: number): Promise<number> =>
  (await db.one<{ count: number }>(
    `select count(*) as count from (
       select from users where user_type is null or user_type not in ('bot', 'support') limit $1
     ) as people`,
    [limit],
  ))!.count
