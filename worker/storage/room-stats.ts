/** What is counted of rooms and users, and rooms' names and kinds in columns: what the room directory is made of. */

import type { RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Up to where the stream `events` is counted. */
export const selectStatsPosition = async (db: Queries): Promise<number> =>
  (await db.one<{ id: number }>('select stream_id as id from stats_incremental_position'))?.id ?? 0

export const updateStatsPosition = (db: Queries, position: number) =>
  db.run(
    `insert into stats_incremental_position (stream_id) values ($1)
     on conflict (lock) do update set stream_id = excluded.stream_id`,
    [position],
  )

/** Up to where each room is counted already. Rooms that never were are left out. */
export const selectCountedUpTo = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<{ readonly roomId: RoomId; readonly position: number }>(
    `select room_id as "roomId", completed_delta_stream_id as position from room_stats_current where room_id = any($1)`,
    [roomIds],
  )

/** Rooms after that ID, in order, that were never counted. */
export async function selectUncountedRooms(db: Queries, after: string, limit: number): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select room_id as "roomId" from rooms r
     where room_id > $1 and not exists (select from room_stats_current c where c.room_id = r.room_id)
     order by room_id limit $2`,
    [after, limit],
  )
  return rows.map(({ roomId }) => roomId)
}

/**
 * Counts rooms anew, as they are at this moment, with how far that is. It may be done as often as one likes, and a Synapse that
 * goes on from there counts nothing twice.
 */
export const countRooms = (db: Queries, roomIds: readonly RoomId[], serverName: ServerName) =>
  db.run(
    `insert into room_stats_current (room_id, current_state_events, joined_members, invited_members, knocked_members,
       left_members, banned_members, local_users_in_room, completed_delta_stream_id)
     select s.room_id, count(*),
       count(*) filter (where s.membership = 'join'), count(*) filter (where s.membership = 'invite'),
       count(*) filter (where s.membership = 'knock'), count(*) filter (where s.membership = 'leave'),
       count(*) filter (where s.membership = 'ban'),
       count(*) filter (where s.membership = 'join' and right(s.state_key, length($2)) = $2),
       coalesce((select max(stream_id) from current_state_delta_stream d where d.room_id = s.room_id), 0)
     from current_state_events s where s.room_id = any($1) group by s.room_id
     on conflict (room_id) do update set
       current_state_events = excluded.current_state_events, joined_members = excluded.joined_members,
       invited_members = excluded.invited_members, knocked_members = excluded.knocked_members,
       left_members = excluded.left_members, banned_members = excluded.banned_members,
       local_users_in_room = excluded.local_users_in_room,
       completed_delta_stream_id = excluded.completed_delta_stream_id`,
    [roomIds, `:${serverName}`],
  )

/** Counts the rooms that users of ours are in, anew. `position`: up to where they are counted with that, at least. */
export const countRoomsOfUsers = (db: Queries, userIds: readonly UserId[], position: number) =>
  db.run(
    `insert into user_stats_current (user_id, joined_rooms, completed_delta_stream_id)
     select u.id, (select count(*) from local_current_membership m where m.user_id = u.id and m.membership = 'join'), $2
     from unnest($1::text[]) as u (id)
     on conflict (user_id) do update set joined_rooms = excluded.joined_rooms,
       completed_delta_stream_id = excluded.completed_delta_stream_id`,
    [userIds, position],
  )

/** State of a room that the directory shows or searches. Null: there is none, or it is no text that Postgres can hold. */
export interface RoomStateRow {
  readonly roomId: RoomId
  readonly name: string | null
  readonly topic: string | null
  readonly canonicalAlias: string | null
  readonly avatar: string | null
  readonly joinRules: string | null
  readonly historyVisibility: string | null
  readonly guestAccess: string | null
  readonly encryption: string | null
  readonly roomType: string | null
  readonly isFederatable: boolean
}

export const upsertRoomStates = (db: Queries, rows: readonly RoomStateRow[]) =>
  db.run(
    `insert into room_stats_state (room_id, name, topic, canonical_alias, avatar, join_rules, history_visibility,
       guest_access, encryption, room_type, is_federatable)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::text[], $10::text[], $11::boolean[])
     on conflict (room_id) do update set
       name = excluded.name, topic = excluded.topic, canonical_alias = excluded.canonical_alias, avatar = excluded.avatar,
       join_rules = excluded.join_rules, history_visibility = excluded.history_visibility,
       guest_access = excluded.guest_access, encryption = excluded.encryption, room_type = excluded.room_type,
       is_federatable = excluded.is_federatable`,
    [
      rows.map(({ roomId }) => roomId),
      rows.map(({ name }) => name),
      rows.map(({ topic }) => topic),
      rows.map(({ canonicalAlias }) => canonicalAlias),
      rows.map(({ avatar }) => avatar),
      rows.map(({ joinRules }) => joinRules),
      rows.map(({ historyVisibility }) => historyVisibility),
      rows.map(({ guestAccess }) => guestAccess),
      rows.map(({ encryption }) => encryption),
      rows.map(({ roomType }) => roomType),
      rows.map(({ isFederatable }) => isFederatable),
    ],
  )
