/** Who is in which room: every membership event, the current ones, and those of our own users wherever they are. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban'

export interface NewMembership {
  readonly eventId: EventId
  readonly roomId: RoomId
  /** Whose membership it is. */
  readonly userId: UserId
  readonly sender: UserId
  readonly membership: Membership
  readonly displayName: unknown
  readonly avatarUrl: unknown
  readonly eventStreamOrdering: number
}

/** Membership events that are being stored. Names are those of their contents: anything but a storable string is null. */
export const insertMemberships = (tx: Queries, memberships: readonly NewMembership[]) =>
  tx.run(
    `insert into room_memberships (event_id, room_id, user_id, sender, membership, display_name, avatar_url,
       event_stream_ordering)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::bigint[])`,
    [
      memberships.map(({ eventId }) => eventId),
      memberships.map(({ roomId }) => roomId),
      memberships.map(({ userId }) => userId),
      memberships.map(({ sender }) => sender),
      memberships.map(({ membership }) => membership),
      memberships.map(({ displayName }) => storable(displayName)),
      memberships.map(({ avatarUrl }) => storable(avatarUrl)),
      memberships.map(({ eventStreamOrdering }) => eventStreamOrdering),
    ],
  )

/** Postgres has no NUL in text. */
const storable = (value: unknown): string | null => (typeof value === 'string' && !value.includes('\0') ? value : null)

export interface LocalMembership {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly eventId: EventId
  readonly membership: Membership
  readonly eventStreamOrdering: number
}

/** The membership of our users from now on, in rooms and outside of them (an invitation that was declined). */
export const upsertLocalMemberships = (tx: Queries, memberships: readonly LocalMembership[]) =>
  tx.run(
    `insert into local_current_membership (room_id, user_id, event_id, membership, event_stream_ordering)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
     on conflict (user_id, room_id) do update
     set event_id = excluded.event_id, membership = excluded.membership,
       event_stream_ordering = excluded.event_stream_ordering`,
    [
      memberships.map(({ roomId }) => roomId),
      memberships.map(({ userId }) => userId),
      memberships.map(({ eventId }) => eventId),
      memberships.map(({ membership }) => membership),
      memberships.map(({ eventStreamOrdering }) => eventStreamOrdering),
    ],
  )

/** Our users who have no membership in the room any longer, not even as having left: it was reset. */
export const deleteLocalMemberships = (tx: Queries, roomId: RoomId, userIds: readonly UserId[]) =>
  tx.run('delete from local_current_membership where room_id = $1 and user_id = any($2)', [roomId, userIds])

export interface RoomForUser extends LocalMembership {
  readonly sender: UserId
  readonly roomVersion: string | null
  /** The writer by whose clock `eventStreamOrdering` counts. */
  readonly instanceName: string
  /** The user does not want to hear of it any longer. */
  readonly isForgotten: boolean
}

const ROOMS_OF_USER = `select c.room_id as "roomId", c.user_id as "userId", c.event_id as "eventId", c.membership, e.sender,
    e.stream_ordering as "eventStreamOrdering", coalesce(e.instance_name, 'master') as "instanceName",
    r.room_version as "roomVersion",
    exists (
      select from room_memberships f
      where f.user_id = c.user_id and f.room_id = c.room_id and f.forgotten = 1
    ) and not exists (
      select from room_memberships f
      where f.user_id = c.user_id and f.room_id = c.room_id and f.forgotten = 0
    ) as "isForgotten"
  from local_current_membership c
  join events e on e.event_id = c.event_id
  left join rooms r on r.room_id = c.room_id
  where c.user_id = $1`

/** The rooms of one of our users, with any of these memberships. */
export const selectRoomsOfUser = (db: Queries, userId: UserId, memberships: readonly Membership[]) =>
  db.rows<RoomForUser>(`${ROOMS_OF_USER} and c.membership = any($2) order by c.room_id`, [userId, memberships])

/** All memberships of one of our users, or those in these rooms, as far as there are any. */
export const selectMembershipsOfUser = (db: Queries, userId: UserId, roomIds?: readonly RoomId[]) =>
  roomIds === undefined
    ? db.rows<RoomForUser>(ROOMS_OF_USER, [userId])
    : db.rows<RoomForUser>(`${ROOMS_OF_USER} and c.room_id = any($2)`, [userId, roomIds])

/** The rooms in which these users of ours are joined. */
export const selectJoinedRooms = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<{ readonly userId: UserId; readonly roomId: RoomId }>(
    `select user_id as "userId", room_id as "roomId" from local_current_membership
     where user_id = any($1) and membership = 'join'`,
    [userIds],
  )

/** The current membership of one of our users, and the event of it. */
export const selectLocalMembership = (db: Queries, userId: UserId, roomId: RoomId) =>
  db.one<LocalMembership>(
    `select room_id as "roomId", user_id as "userId", event_id as "eventId", membership,
       event_stream_ordering as "eventStreamOrdering"
     from local_current_membership where user_id = $1 and room_id = $2`,
    [userId, roomId],
  )

export interface MembershipChange {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly membership: Membership
  readonly streamOrdering: number
  /** The writer by whose clock `streamOrdering` counts. */
  readonly instanceName: string
}

/**
 * One of our users' membership events in these rooms after `from`, up to and including `to`, and the last one before them,
 * oldest first. With several writers these are the least and the greatest position.
 */
export const selectMembershipChanges = (
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
  from: number,
  to: number,
) =>
  db.rows<MembershipChange>(
    `select r.room_id as "roomId", m.* from unnest($2::text[]) as r (room_id)
     cross join lateral (
       (select ${CHANGE} where ${CHANGE_IN} and e.stream_ordering > $3 and e.stream_ordering <= $4)
       union all
       (select ${CHANGE} where ${CHANGE_IN} and e.stream_ordering <= $3 order by e.stream_ordering desc limit 1)
     ) as m
     order by r.room_id, "streamOrdering"`,
    [userId, roomIds, from, to],
  )
const CHANGE = `m.event_id as "eventId", m.membership, e.stream_ordering as "streamOrdering",
  coalesce(e.instance_name, 'master') as "instanceName"
  from room_memberships m join events e on e.event_id = m.event_id`
const CHANGE_IN = 'm.user_id = $1 and m.room_id = r.room_id and e.rejection_reason is null'

/** In which of these rooms one of our users was ever a member. */
export async function selectRoomsEverJoined(
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
): Promise<ReadonlySet<RoomId>> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select distinct m.room_id as "roomId" from room_memberships m join events e on e.event_id = m.event_id
     where m.user_id = $1 and m.room_id = any($2) and m.membership = 'join' and e.rejection_reason is null`,
    [userId, roomIds],
  )
  return new Set(rows.map(({ roomId }) => roomId))
}

/** Users of these rooms, of any server, that have this membership now. */
export const selectMembers = (db: Queries, roomIds: readonly RoomId[], membership: Membership) =>
  db.rows<{ readonly roomId: RoomId; readonly userId: UserId }>(
    `select room_id as "roomId", state_key as "userId" from current_state_events
     where type = 'm.room.member' and room_id = any($1) and membership = $2`,
    [roomIds, membership],
  )

/** Users of a room, of any server, who are joined now: all of them, or who of these. */
export async function selectJoined(db: Queries, roomId: RoomId, among?: readonly UserId[]): Promise<readonly UserId[]> {
  const joined = `select state_key as "userId" from current_state_events
    where room_id = $1 and type = 'm.room.member' and membership = 'join'`
  const rows =
    among === undefined
      ? await db.rows<{ userId: UserId }>(joined, [roomId])
      : await db.rows<{ userId: UserId }>(`${joined} and state_key = any($2)`, [roomId, among])
  return rows.map(({ userId }) => userId)
}

/** The same of users of ours. */
export async function selectJoinedLocals(
  db: Queries,
  roomId: RoomId,
  among?: readonly UserId[],
): Promise<readonly UserId[]> {
  const joined = `select user_id as "userId" from local_current_membership where room_id = $1 and membership = 'join'`
  const rows =
    among === undefined
      ? await db.rows<{ userId: UserId }>(joined, [roomId])
      : await db.rows<{ userId: UserId }>(`${joined} and user_id = any($2)`, [roomId, among])
  return rows.map(({ userId }) => userId)
}

export interface MemberProfile {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

/** Names and pictures of those who are joined, as the rooms know them. */
export const selectJoinedProfiles = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<MemberProfile>(
    `select s.room_id as "roomId", s.state_key as "userId", m.display_name as "displayName", m.avatar_url as "avatarUrl"
     from current_state_events s join room_memberships m on m.event_id = s.event_id
     where s.type = 'm.room.member' and s.room_id = any($1) and s.membership = 'join'`,
    [roomIds],
  )

/** A place in a room's history. */
export interface Departure {
  readonly roomId: RoomId
  readonly topologicalOrdering: number
  readonly streamOrdering: number
}

/** Where the user's last time as a member of these rooms ended. Rooms that they never joined, or did not leave since, are left out. */
export const selectDepartures = (db: Queries, userId: UserId, roomIds: readonly RoomId[]) =>
  db.rows<Departure>(
    `with membership as (
       select m.room_id, m.membership, e.topological_ordering, e.stream_ordering
       from room_memberships m join events e on e.event_id = m.event_id
       where m.user_id = $1 and m.room_id = any($2) and not e.outlier and e.rejection_reason is null
     ), last_join as (
       select distinct on (room_id) * from membership where membership = 'join'
       order by room_id, topological_ordering desc, stream_ordering desc
     )
     select distinct on (m.room_id) m.room_id as "roomId", m.topological_ordering as "topologicalOrdering",
       m.stream_ordering as "streamOrdering"
     from membership m join last_join j on j.room_id = m.room_id
       and (m.topological_ordering, m.stream_ordering) > (j.topological_ordering, j.stream_ordering)
     order by m.room_id, m.topological_ordering, m.stream_ordering`,
    [userId, roomIds],
  )

/** How many have which membership. */
export const selectMemberCounts = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<{ readonly roomId: RoomId; readonly membership: Membership; readonly count: number }>(
    `select room_id as "roomId", membership, count(*) as count from current_state_events
     where type = 'm.room.member' and room_id = any($1) and membership is not null group by room_id, membership`,
    [roomIds],
  )

export interface Hero {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly eventId: EventId
  readonly membership: Membership
}

/**
 * The users by whom a room without a name is called: the first `limit` of each room, members first, then who is invited, then
 * who left, then others; among them by when they came.
 */
export const selectHeroes = (db: Queries, roomIds: readonly RoomId[], limit: number) =>
  db.rows<Hero>(
    `select r.room_id as "roomId", h.* from unnest($1::text[]) as r (room_id)
     cross join lateral (
       select s.state_key as "userId", s.event_id as "eventId", s.membership from current_state_events s
       where s.room_id = r.room_id and s.type = 'm.room.member' and s.membership is not null
       order by case s.membership when 'join' then 1 when 'invite' then 2 when 'leave' then 3 else 4 end,
         s.event_stream_ordering
       limit $2
     ) as h`,
    [roomIds, limit],
  )

/**
 * The user does not want to hear of the room any longer. Whoever comes back has a new membership event, which is not
 * forgotten. A user who is in the room cannot forget it: false.
 */
export const forgetRoom = async (db: Queries, userId: UserId, roomId: RoomId): Promise<boolean> =>
  (await db.run(
    `with snapshot as (
       update sliding_sync_membership_snapshots set forgotten = 1
       where user_id = $1 and room_id = $2 and membership in ('leave', 'ban')
     )
     update room_memberships set forgotten = 1
     where user_id = $1 and room_id = $2 and not exists (
       select from local_current_membership c
       where c.user_id = $1 and c.room_id = $2 and c.membership in ('join', 'invite', 'knock')
     )`,
    [userId, roomId],
  )) > 0

/** The names in these membership events. */
export const selectDisplayNames = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<{ readonly eventId: EventId; readonly displayName: string | null }>(
    'select event_id as "eventId", display_name as "displayName" from room_memberships where event_id = any($1)',
    [eventIds],
  )

/** The events by which users are banned from a room, now. */
export async function selectBans(db: Queries, roomId: RoomId): Promise<readonly EventId[]> {
  const rows = await db.rows<{ eventId: EventId }>(
    `select event_id as "eventId" from current_state_events
     where room_id = $1 and type = 'm.room.member' and membership = 'ban' order by state_key`,
    [roomId],
  )
  return rows.map(({ eventId }) => eventId)
}
