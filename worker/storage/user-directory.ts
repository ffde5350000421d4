/**
 * The user directory: whom users of ours find. `user_directory` has names, `user_directory_search` the words to find them by,
 * `users_in_public_rooms` who may be found by all, `users_who_share_private_rooms` (one of our users, another) by whom else.
 */

import { localpartOf, type RoomId, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Up to where the stream `events` is in the directory. Null: it was never filled. */
export const selectDirectoryPosition = async (db: Queries): Promise<number | null> =>
  (await db.one<{ id: number | null }>('select stream_id as id from user_directory_stream_pos'))?.id ?? null

export const updateDirectoryPosition = (db: Queries, position: number) =>
  db.run(
    `insert into user_directory_stream_pos (stream_id) values ($1)
     on conflict (lock) do update set stream_id = excluded.stream_id`,
    [position],
  )

export interface DirectoryProfile {
  readonly userId: UserId
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

/**
 * As names are indexed and looked for: in lower case, and in one form where Unicode has several that look alike (NFKC).
 * Synapse's, as both write the same index.
 */
export const indexedText = (text: string): string => text.toLowerCase().normalize('NFKC')

/** Makes these users known by these names; a profile of another server's is fresh with that. */
export async function upsertDirectoryProfiles(tx: Queries, profiles: readonly DirectoryProfile[]): Promise<void> {
  const userIds = profiles.map(({ userId }) => userId)
  await Promise.all([
    tx.run(
      `insert into user_directory (user_id, display_name, avatar_url)
       select * from unnest($1::text[], $2::text[], $3::text[])
       on conflict (user_id) do update set display_name = excluded.display_name, avatar_url = excluded.avatar_url`,
      [userIds, profiles.map(({ displayName }) => displayName), profiles.map(({ avatarUrl }) => avatarUrl)],
    ),
    // What is rather meant by a word has a greater weight: the localpart, the name, the server.
    tx.run(
      `insert into user_directory_search (user_id, vector)
       select user_id, setweight(to_tsvector('simple', localpart), 'A') || setweight(to_tsvector('simple', server), 'D')
         || setweight(to_tsvector('simple', display_name), 'B')
       from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as p (user_id, localpart, server, display_name)
       on conflict (user_id) do update set vector = excluded.vector`,
      [
        userIds,
        userIds.map(localpartOf),
        userIds.map((userId) => serverNameOf(userId)),
        profiles.map(({ displayName }) => indexedText(displayName ?? '')),
      ],
    ),
    tx.run('delete from user_directory_stale_remote_users where user_id = any($1)', [userIds]),
  ])
}

/** Nobody finds them any more. */
export const deleteFromDirectory = (tx: Queries, userIds: readonly UserId[]) =>
  Promise.all(
    [
      'delete from user_directory where user_id = any($1)',
      'delete from user_directory_search where user_id = any($1)',
      'delete from users_in_public_rooms where user_id = any($1)',
      'delete from users_who_share_private_rooms where user_id = any($1)',
      'delete from users_who_share_private_rooms where other_user_id = any($1)',
    ].map((sql) => tx.run(sql, [userIds])),
  )

/** Of `users`: whoever is not gone, no guest, no support, and nobody that an appservice brought. */
const LISTED = `u.deactivated = 0 and u.is_guest = 0 and u.user_type is distinct from 'support' and u.appservice_id is null`

/** Those of these users of ours whom others may find. */
export async function selectListedUsers(db: Queries, userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
  const rows = await db.rows<{ userId: UserId }>(
    `select name as "userId" from users u where name = any($1) and ${LISTED}`,
    [userIds],
  )
  return new Set(rows.map(({ userId }) => userId))
}

/** Profiles of those of these users of ours whom others may find. */
export const selectListedProfiles = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<DirectoryProfile>(
    `select u.name as "userId", p.displayname as "displayName", p.avatar_url as "avatarUrl"
     from users u left join profiles p on p.full_user_id = u.name where u.name = any($1) and ${LISTED}`,
    [userIds],
  )

/** Takes over the profile of a user of ours, or takes them out, as they are now. In the transaction that changes them. */
export async function refreshDirectoryUser(tx: Queries, userId: UserId): Promise<void> {
  const profiles = await selectListedProfiles(tx, [userId])
  if (profiles.length > 0) await upsertDirectoryProfiles(tx, profiles)
  else await deleteFromDirectory(tx, [userId])
}

/** Users of ours after that ID, in order, whom the directory has wrong: it lacks them, has them still, or under another name. */
export async function selectMisfiledUsers(db: Queries, after: string, limit: number): Promise<readonly UserId[]> {
  const rows = await db.rows<{ userId: UserId }>(
    `select u.name as "userId" from users u
     left join profiles p on p.full_user_id = u.name
     left join user_directory d on d.user_id = u.name
     where u.name > $1 and case when ${LISTED}
       then d.user_id is null or d.display_name is distinct from p.displayname or d.avatar_url is distinct from p.avatar_url
       else d.user_id is not null end
     order by u.name limit $2`,
    [after, limit],
  )
  return rows.map(({ userId }) => userId)
}

/** Rooms after that ID, in order, that users of ours are in. */
export async function selectRoomsOfLocals(db: Queries, after: string, limit: number): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select distinct room_id as "roomId" from local_current_membership
     where room_id > $1 and membership = 'join' order by room_id limit $2`,
    [after, limit],
  )
  return rows.map(({ roomId }) => roomId)
}

/** The room is public: exactly these are found because of it, by all. */
export async function setUsersOfPublicRoom(tx: Queries, roomId: RoomId, userIds: readonly UserId[]): Promise<void> {
  await Promise.all([
    tx.run('delete from users_who_share_private_rooms where room_id = $1', [roomId]),
    tx.run('delete from users_in_public_rooms where room_id = $1 and user_id <> all($2)', [roomId, userIds]),
    addUsersOfPublicRoom(tx, roomId, userIds),
  ])
}

export const addUsersOfPublicRoom = (tx: Queries, roomId: RoomId, userIds: readonly UserId[]) =>
  tx.run(
    `insert into users_in_public_rooms (user_id, room_id) select u, $1 from unnest($2::text[]) as u
     on conflict (user_id, room_id) do nothing`,
    [roomId, userIds],
  )

/** The room is private: exactly `userIds` are found because of it, by those of them who are `locals`. */
export async function setUsersOfPrivateRoom(
  tx: Queries,
  roomId: RoomId,
  userIds: readonly UserId[],
  locals: readonly UserId[],
): Promise<void> {
  await Promise.all([
    tx.run('delete from users_in_public_rooms where room_id = $1', [roomId]),
    tx.run(
      `delete from users_who_share_private_rooms
       where room_id = $1 and (user_id <> all($2) or other_user_id <> all($3))`,
      [roomId, locals, userIds],
    ),
    addPairsOfPrivateRoom(tx, roomId, locals, userIds),
  ])
}

/** Pairs written with one statement, at most, but for a single user's. */
const MAX_PAIRS = 10_000

/** Each of `finders`, who are ours, finds each of `found`, but not themselves. */
export async function addPairsOfPrivateRoom(
  tx: Queries,
  roomId: RoomId,
  finders: readonly UserId[],
  found: readonly UserId[],
): Promise<void> {
  const step = Math.max(1, Math.floor(MAX_PAIRS / Math.max(1, found.length)))
  for (let i = 0; i < finders.length; i += step)
    await tx.run(
      `insert into users_who_share_private_rooms (user_id, other_user_id, room_id)
       select f, o, $1 from unnest($2::text[]) as f cross join unnest($3::text[]) as o where f <> o
       on conflict (user_id, other_user_id, room_id) do nothing`,
      [roomId, finders.slice(i, i + step), found],
    )
}

/** Those of these users who are found because of that private room. */
export async function selectPairedInRoom(
  db: Queries,
  roomId: RoomId,
  userIds: readonly UserId[],
): Promise<ReadonlySet<UserId>> {
  const rows = await db.rows<{ userId: UserId }>(
    `select u as "userId" from unnest($2::text[]) as u
     where exists (select from users_who_share_private_rooms s where s.other_user_id = u and s.room_id = $1)`,
    [roomId, userIds],
  )
  return new Set(rows.map(({ userId }) => userId))
}

/** These users are not found because of that room any longer, nor find others. */
export const deleteUsersOfRoom = (tx: Queries, roomId: RoomId, userIds: readonly UserId[]) =>
  Promise.all(
    [
      'delete from users_in_public_rooms where room_id = $1 and user_id = any($2)',
      'delete from users_who_share_private_rooms where room_id = $1 and user_id = any($2)',
      'delete from users_who_share_private_rooms where room_id = $1 and other_user_id = any($2)',
    ].map((sql) => tx.run(sql, [roomId, userIds])),
  )

/** Those of these users whom nobody finds because of a room. */
export async function selectUsersOfNoRoom(db: Queries, userIds: readonly UserId[]): Promise<readonly UserId[]> {
  const rows = await db.rows<{ userId: UserId }>(
    `select u as "userId" from unnest($1::text[]) as u
     where not exists (select from users_in_public_rooms p where p.user_id = u)
       and not exists (select from users_who_share_private_rooms s where s.other_user_id = u)`,
    [userIds],
  )
  return rows.map(({ userId }) => userId)
}

/** Users of rooms whom others find because of them. */
export async function selectFoundInRoom(db: Queries, roomId: RoomId): Promise<readonly UserId[]> {
  const rows = await db.rows<{ userId: UserId }>(
    `select user_id as "userId" from users_in_public_rooms where room_id = $1
     union select other_user_id from users_who_share_private_rooms where room_id = $1`,
    [roomId],
  )
  return rows.map(({ userId }) => userId)
}

/** Profiles of other servers' users that are to be asked for, from that time on. */
export const upsertStaleUsers = (tx: Queries, userIds: readonly UserId[], nextTryAtMs: number) =>
  tx.run(
    `insert into user_directory_stale_remote_users (user_id, user_server_name, next_try_at_ts, retry_counter)
     select u, server, $3, 0 from unnest($1::text[], $2::text[]) as s (u, server)
     on conflict (user_id) do update set next_try_at_ts = excluded.next_try_at_ts, retry_counter = 0`,
    [userIds, userIds.map((userId) => serverNameOf(userId)), nextTryAtMs],
  )

export interface UserSearch {
  readonly searcher: UserId
  /** Queries of Postgres (`to_tsquery`): who is found, and what counts for how well they match. */
  readonly query: string
  readonly exact: string
  readonly prefix: string
  readonly limit: number
  /** Also those with whom the searcher shares nothing. */
  readonly all: boolean
  readonly showsLocked: boolean
  readonly onlyLocals: boolean
  /** Whose IDs end like this come first. */
  readonly preferredSuffix?: string | undefined
}

/** Users that more match than this are looked through for. */
const MAX_MATCHES = 10_000

/**
 * The best first. Whole words count three times as much as beginnings, where they are found as the vector's weights say; who
 * has a name and a picture is rather meant.
 */
export const searchUsers = (db: Queries, search: UserSearch) =>
  db.rows<DirectoryProfile>(
    `with matching as (
       select user_id, vector from user_directory_search where vector @@ to_tsquery('simple', $1) limit ${MAX_MATCHES}
     )
     select d.user_id as "userId", d.display_name as "displayName", d.avatar_url as "avatarUrl"
     from matching m join user_directory d on d.user_id = m.user_id left join users u on u.name = m.user_id
     where case when $5 then m.user_id <> $4 else
         exists (select from users_in_public_rooms p where p.user_id = m.user_id)
         or exists (select from users_who_share_private_rooms s where s.user_id = $4 and s.other_user_id = m.user_id) end
       and ($6 or u.locked is not true)
       and (not $7 or u.name is not null)
     order by (case when d.display_name is null then 1.0 else 1.2 end) * (case when d.avatar_url is null then 1.0 else 1.2 end)
         * (3 * ts_rank_cd('{0.1, 0.1, 0.9, 1.0}', m.vector, to_tsquery('simple', $2), 8)
            + ts_rank_cd('{0.1, 0.1, 0.9, 1.0}', m.vector, to_tsquery('simple', $3), 8))
         * (case when right(d.user_id, length($8)) = $8 then 2.0 else 1.0 end) desc,
       d.display_name is null, d.avatar_url is null, d.user_id
     limit $9`,
    [
      search.query,
      search.exact,
      search.prefix,
      search.searcher,
      search.all,
      search.showsLocked,
      search.onlyLocals,
      search.preferredSuffix ?? null,
      search.limit,
    ],
  )
