/** Profiles of this server's users. Those of others are asked for, and not kept. */

import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ProfileRow {
  readonly userId: UserId
  readonly displayName: string | null
  readonly avatarUrl: string | null
  /** Other fields: a JSON object, as text. */
  readonly fields: string | null
}

const COLUMNS = 'full_user_id as "userId", displayname as "displayName", avatar_url as "avatarUrl", fields'

export const selectProfile = (db: Queries, userId: UserId) =>
  db.one<ProfileRow>(`select ${COLUMNS} from profiles where full_user_id = $1`, [userId])

export const selectProfiles = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<ProfileRow>(`select ${COLUMNS} from profiles where full_user_id = any($1)`, [userIds])

/** For a user who is new. One who has a profile keeps it. */
export const insertProfile = (db: Queries, userId: UserId, displayName: string | null) =>
  db.run(
    `insert into profiles (user_id, full_user_id, displayname) values ($1, $2, $3)
     on conflict (user_id) do nothing`,
    [localpartOf(userId), userId, displayName],
  )

/** Null removes it. */
export const updateDisplayName = (db: Queries, userId: UserId, displayName: string | null) =>
  db.run(
    `insert into profiles (user_id, full_user_id, displayname) values ($1, $2, $3)
     on conflict (user_id) do update set displayname = excluded.displayname`,
    [localpartOf(userId), userId, displayName],
  )

/** Null removes it. */
export const updateAvatarUrl = (db: Queries, userId: UserId, avatarUrl: string | null) =>
  db.run(
    `insert into profiles (user_id, full_user_id, avatar_url) values ($1, $2, $3)
     on conflict (user_id) do update set avatar_url = excluded.avatar_url`,
    [localpartOf(userId), userId, avatarUrl],
  )

/** A field that is neither of the above; `valueJson` is any JSON, as text. */
export const updateProfileField = (db: Queries, userId: UserId, field: string, valueJson: string) =>
  db.run(
    `insert into profiles (user_id, full_user_id, fields) values ($1, $2, jsonb_build_object($3::text, $4::jsonb))
     on conflict (user_id) do update set fields = coalesce(profiles.fields, '{}'::jsonb) || excluded.fields`,
    [localpartOf(userId), userId, field, valueJson],
  )

export const deleteProfileField = (db: Queries, userId: UserId, field: string) =>
  db.run('update profiles set fields = fields - $2::text where full_user_id = $1', [userId, field])
