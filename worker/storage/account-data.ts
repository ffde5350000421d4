/** Account data, global and of rooms; tags; whom users ignore. Contents are JSON as text. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** The position of a change, and the writer by whose clock it counts. */
export interface Position {
  readonly streamId: number
  readonly instanceName: string
}

export interface AccountDataRow {
  readonly type: string
  readonly content: string
}
export interface RoomAccountDataRow extends AccountDataRow {
  readonly roomId: RoomId
}
export interface RoomTagRow {
  readonly roomId: RoomId
  readonly tag: string
  readonly content: string
}

/** All of a user's, or what changed after position `from`. What was deleted has the content `{}`. */
export const selectGlobalAccountData = (db: Queries, userId: UserId, from?: number) =>
  db.rows<AccountDataRow>(
    `select account_data_type as type, content from account_data
     where user_id = $1 and stream_id > $2 order by stream_id`,
    [userId, from ?? -1],
  )

/** The same of rooms. */
export const selectRoomAccountData = (db: Queries, userId: UserId, from?: number) =>
  db.rows<RoomAccountDataRow>(
    `select room_id as "roomId", account_data_type as type, content from room_account_data
     where user_id = $1 and stream_id > $2 order by stream_id`,
    [userId, from ?? -1],
  )

export async function selectAccountDataOfType(db: Queries, userId: UserId, type: string): Promise<string | undefined> {
  const row = await db.one<{ content: string }>(
    'select content from account_data where user_id = $1 and account_data_type = $2',
    [userId, type],
  )
  return row?.content
}

/** The same of several users; who has none has no row. */
export const selectAccountDataOfTypeOf = (db: Queries, userIds: readonly UserId[], type: string) =>
  db.rows<{ readonly userId: UserId; readonly content: string }>(
    'select user_id as "userId", content from account_data where user_id = any($1) and account_data_type = $2',
    [userIds, type],
  )

export async function selectRoomAccountDataOfType(
  db: Queries,
  userId: UserId,
  roomId: RoomId,
  type: string,
): Promise<string | undefined> {
  const row = await db.one<{ content: string }>(
    'select content from room_account_data where user_id = $1 and room_id = $2 and account_data_type = $3',
    [userId, roomId, type],
  )
  return row?.content
}

/** At a position that was reserved for it. */
export const upsertGlobalAccountData = (
  tx: Queries,
  userId: UserId,
  type: string,
  content: string,
  { streamId, instanceName }: Position,
) =>
  tx.run(
    `insert into account_data (user_id, account_data_type, stream_id, content, instance_name) values ($1, $2, $3, $4, $5)
     on conflict (user_id, account_data_type) do update
     set stream_id = excluded.stream_id, content = excluded.content, instance_name = excluded.instance_name`,
    [userId, type, streamId, content, instanceName],
  )

export const upsertRoomAccountData = (
  tx: Queries,
  userId: UserId,
  roomId: RoomId,
  type: string,
  content: string,
  { streamId, instanceName }: Position,
) =>
  tx.run(
    `insert into room_account_data (user_id, room_id, account_data_type, stream_id, content, instance_name)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (user_id, room_id, account_data_type) do update
     set stream_id = excluded.stream_id, content = excluded.content, instance_name = excluded.instance_name`,
    [userId, roomId, type, streamId, content, instanceName],
  )

/** What is deleted stays as `{}`, so that it is told of. Whether there was any. */
export const clearGlobalAccountData = async (
  tx: Queries,
  userId: UserId,
  type: string,
  { streamId, instanceName }: Position,
): Promise<boolean> =>
  (await tx.run(
    `update account_data set content = '{}', stream_id = $3, instance_name = $4
     where user_id = $1 and account_data_type = $2 and content <> '{}'`,
    [userId, type, streamId, instanceName],
  )) > 0

/** The same of a room. */
export const clearRoomAccountData = async (
  tx: Queries,
  userId: UserId,
  roomId: RoomId,
  type: string,
  { streamId, instanceName }: Position,
): Promise<boolean> =>
  (await tx.run(
    `update room_account_data set content = '{}', stream_id = $4, instance_name = $5
     where user_id = $1 and room_id = $2 and account_data_type = $3 and content <> '{}'`,
    [userId, roomId, type, streamId, instanceName],
  )) > 0

/**
 * Whom a user ignores, from the content of `m.ignored_user_list`. With its account data, in one transaction. Those who were
 * added or removed.
 */
export async function replaceIgnoredUsers(
  tx: Queries,
  userId: UserId,
  ignored: readonly UserId[],
): Promise<readonly UserId[]> {
  const changes = await Promise.all([
    tx.rows<{ userId: UserId }>(
      `delete from ignored_users where ignorer_user_id = $1 and not ignored_user_id = any($2)
       returning ignored_user_id as "userId"`,
      [userId, ignored],
    ),
    tx.rows<{ userId: UserId }>(
      `insert into ignored_users (ignorer_user_id, ignored_user_id) select $1, unnest($2::text[])
       on conflict (ignorer_user_id, ignored_user_id) do nothing returning ignored_user_id as "userId"`,
      [userId, ignored],
    ),
  ])
  return changes.flat().map((row) => row.userId)
}

export async function selectIgnoredUsers(db: Queries, userId: UserId): Promise<ReadonlySet<UserId>> {
  const rows = await db.rows<{ userId: UserId }>(
    'select ignored_user_id as "userId" from ignored_users where ignorer_user_id = $1',
    [userId],
  )
  return new Set(rows.map((row) => row.userId))
}

/** Those of our users who ignore that one. */
export async function selectIgnorersOf(db: Queries, ignored: UserId): Promise<ReadonlySet<UserId>> {
  const rows = await db.rows<{ userId: UserId }>(
    'select ignorer_user_id as "userId" from ignored_users where ignored_user_id = $1',
    [ignored],
  )
  return new Set(rows.map((row) => row.userId))
}

/** All of a user's tags. */
export const selectTags = (db: Queries, userId: UserId) =>
  db.rows<RoomTagRow>(
    'select room_id as "roomId", tag, content from room_tags where user_id = $1 order by room_id, tag',
    [userId],
  )

/** A user's tags of one room. */
export const selectTagsOfRoom = (db: Queries, userId: UserId, roomId: RoomId) =>
  db.rows<Omit<RoomTagRow, 'roomId'>>('select tag, content from room_tags where user_id = $1 and room_id = $2', [
    userId,
    roomId,
  ])

/** The tags of the rooms whose tags changed after position `from`. A room without any now has a row without a tag. */
export const selectTagsChangedSince = (db: Queries, userId: UserId, from: number) =>
  db.rows<{ readonly roomId: RoomId; readonly tag: string | null; readonly content: string | null }>(
    `select v.room_id as "roomId", t.tag, t.content
     from room_tags_revisions v left join room_tags t on t.user_id = v.user_id and t.room_id = v.room_id
     where v.user_id = $1 and v.stream_id > $2 order by v.room_id, t.tag`,
    [userId, from],
  )

export async function upsertTag(
  tx: Queries,
  userId: UserId,
  { roomId, tag, content }: RoomTagRow,
  position: Position,
): Promise<void> {
  await Promise.all([
    tx.run(
      `insert into room_tags (user_id, room_id, tag, content) values ($1, $2, $3, $4)
       on conflict (user_id, room_id, tag) do update set content = excluded.content`,
      [userId, roomId, tag, content],
    ),
    noteTagsChanged(tx, userId, roomId, position),
  ])
}

/** Deleting a tag that is not there is a change too. */
export async function deleteTag(
  tx: Queries,
  userId: UserId,
  roomId: RoomId,
  tag: string,
  position: Position,
): Promise<void> {
  await Promise.all([
    tx.run('delete from room_tags where user_id = $1 and room_id = $2 and tag = $3', [userId, roomId, tag]),
    noteTagsChanged(tx, userId, roomId, position),
  ])
}

/** Positions may come out of order: the latest counts. */
const noteTagsChanged = (tx: Queries, userId: UserId, roomId: RoomId, { streamId, instanceName }: Position) =>
  tx.run(
    `insert into room_tags_revisions as r (user_id, room_id, stream_id, instance_name) values ($1, $2, $3, $4)
     on conflict (user_id, room_id) do update
     set stream_id = excluded.stream_id, instance_name = excluded.instance_name where r.stream_id < excluded.stream_id`,
    [userId, roomId, streamId, instanceName],
  )
