/**
 * What lists of rooms are made of: `sliding_sync_joined_rooms` has a row for each room of ours, `sliding_sync_membership_snapshots`
 * one for each membership of our users, with what the room was when they came by it. Written in the transaction that stores
 * the events.
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'
import type { Membership } from './memberships.ts'

/** What of a room's state lists are filtered by. */
export interface RoomFacts {
  readonly roomType: string | null
  readonly roomName: string | null
  readonly isEncrypted: boolean
  /** The room that took its place. */
  readonly successor: string | null
}

/** Events that bring a room up in lists (MSC4186, `bump_stamp`). */
export const BUMP_TYPES: readonly string[] = [
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'm.beacon_info',
]

export interface JoinedRoom {
  readonly roomId: RoomId
  readonly facts: RoomFacts
}

/**
 * Facts of rooms that we are in, and where each of them ends. After the events were stored: a room that has no row yet gets
 * one from them.
 */
export const upsertJoinedRooms = (tx: Queries, rooms: readonly JoinedRoom[]) =>
  tx.run(
    `insert into sliding_sync_joined_rooms (room_id, event_stream_ordering, bump_stamp, room_type, room_name, is_encrypted,
       tombstone_successor_room_id)
     select r.room_id, last.stream_ordering, bump.stream_ordering, r.type, r.name, r.encrypted, r.successor
     from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[])
       as r (room_id, type, name, encrypted, successor)
     cross join lateral (
       select e.stream_ordering from events e where e.room_id = r.room_id order by e.stream_ordering desc limit 1
     ) as last
     left join lateral (
       select e.stream_ordering from events e
       where e.room_id = r.room_id and e.type = any($6) and e.stream_ordering > 0 and not e.outlier
       order by e.stream_ordering desc limit 1
     ) as bump on true
     on conflict (room_id) do update
     set room_type = excluded.room_type, room_name = excluded.room_name, is_encrypted = excluded.is_encrypted,
       tombstone_successor_room_id = excluded.tombstone_successor_room_id`,
    [
      rooms.map(({ roomId }) => roomId),
      rooms.map(({ facts }) => facts.roomType),
      rooms.map(({ facts }) => facts.roomName),
      rooms.map(({ facts }) => facts.isEncrypted),
      rooms.map(({ facts }) => facts.successor),
      BUMP_TYPES,
    ],
  )

export interface MembershipSnapshot {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly sender: UserId
  readonly eventId: EventId
  readonly membership: Membership
  readonly eventStreamOrdering: number
  readonly instanceName: string
  /** Undefined: nothing is known of the room, as of one where only an invitation came from. */
  readonly facts: RoomFacts | undefined
}

/** Memberships of our users from now on. Who comes back to a room that they forgot remembers it. */
export const upsertMembershipSnapshots = (tx: Queries, snapshots: readonly MembershipSnapshot[]) =>
  tx.run(
    `insert into sliding_sync_membership_snapshots (room_id, user_id, sender, membership_event_id, membership, forgotten,
       event_stream_ordering, event_instance_name, has_known_state, room_type, room_name, is_encrypted,
       tombstone_successor_room_id)
     select s.room_id, s.user_id, s.sender, s.event_id, s.membership, 0, s.position, s.instance, s.known, s.type, s.name,
       s.encrypted, s.successor
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::boolean[],
       $9::text[], $10::text[], $11::boolean[], $12::text[])
       as s (room_id, user_id, sender, event_id, membership, position, instance, known, type, name, encrypted, successor)
     on conflict (room_id, user_id) do update
     set sender = excluded.sender, membership_event_id = excluded.membership_event_id,
       membership = excluded.membership, forgotten = 0, event_stream_ordering = excluded.event_stream_ordering,
       event_instance_name = excluded.event_instance_name, has_known_state = excluded.has_known_state,
       room_type = excluded.room_type, room_name = excluded.room_name, is_encrypted = excluded.is_encrypted,
       tombstone_successor_room_id = excluded.tombstone_successor_room_id`,
    snapshotParams(snapshots),
  )

/** The same of memberships from before, which may have been written meanwhile: those that are there stay. */
export const fillMembershipSnapshots = (tx: Queries, snapshots: readonly MembershipSnapshot[]) =>
  tx.run(
    `insert into sliding_sync_membership_snapshots (room_id, user_id, sender, membership_event_id, membership, forgotten,
       event_stream_ordering, event_instance_name, has_known_state, room_type, room_name, is_encrypted,
       tombstone_successor_room_id)
     select s.room_id, s.user_id, s.sender, s.event_id, s.membership,
       coalesce((select min(m.forgotten) from room_memberships m where m.room_id = s.room_id and m.user_id = s.user_id), 0),
       s.position, s.instance, s.known, s.type, s.name, s.encrypted, s.successor
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::boolean[],
       $9::text[], $10::text[], $11::boolean[], $12::text[])
       as s (room_id, user_id, sender, event_id, membership, position, instance, known, type, name, encrypted, successor)
     join local_current_membership c on c.room_id = s.room_id and c.user_id = s.user_id and c.event_id = s.event_id
     on conflict do nothing`,
    snapshotParams(snapshots),
  )

const snapshotParams = (snapshots: readonly MembershipSnapshot[]) => [
  snapshots.map(({ roomId }) => roomId),
  snapshots.map(({ userId }) => userId),
  snapshots.map(({ sender }) => sender),
  snapshots.map(({ eventId }) => eventId),
  snapshots.map(({ membership }) => membership),
  snapshots.map(({ eventStreamOrdering }) => eventStreamOrdering),
  snapshots.map(({ instanceName }) => instanceName),
  snapshots.map(({ facts }) => facts !== undefined),
  snapshots.map(({ facts }) => facts?.roomType ?? null),
  snapshots.map(({ facts }) => facts?.roomName ?? null),
  snapshots.map(({ facts }) => facts?.isEncrypted ?? false),
  snapshots.map(({ facts }) => facts?.successor ?? null),
]

/** Of our users who have no membership in the room any longer, not even as having left. */
export const deleteMembershipSnapshots = (tx: Queries, roomId: RoomId, userIds: readonly UserId[]) =>
  tx.run('delete from sliding_sync_membership_snapshots where room_id = $1 and user_id = any($2)', [roomId, userIds])

/** Rooms that we are in and that have no row, at most `limit`. */
export async function selectRoomsWithoutRow(db: Queries, limit: number): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select r.room_id as "roomId" from rooms r
     where exists (
       select from current_state_events s where s.room_id = r.room_id and s.type = 'm.room.create' and s.state_key = ''
     ) and not exists (select from sliding_sync_joined_rooms j where j.room_id = r.room_id)
     limit $1`,
    [limit],
  )
  return rows.map(({ roomId }) => roomId)
}

export type MissingSnapshot = Omit<MembershipSnapshot, 'facts'>

/** Memberships of our users that have no snapshot, of rooms that are known, after that place, at most `limit`. */
export const selectMissingSnapshots = (
  db: Queries,
  after: { readonly roomId: string; readonly userId: string },
  limit: number,
) =>
  db.rows<MissingSnapshot>(
    `select c.room_id as "roomId", c.user_id as "userId", e.sender, c.event_id as "eventId", c.membership,
       e.stream_ordering as "eventStreamOrdering", coalesce(e.instance_name, 'master') as "instanceName"
     from local_current_membership c join events e on e.event_id = c.event_id join rooms r on r.room_id = c.room_id
     where (c.room_id, c.user_id) > ($1, $2) and not exists (
       select from sliding_sync_membership_snapshots s where s.room_id = c.room_id and s.user_id = c.user_id
     ) order by c.room_id, c.user_id limit $3`,
    [after.roomId, after.userId, limit],
  )

/** Where rooms end, and the last event that brought them up; null: there was none. */
export interface Activity {
  readonly roomId: RoomId
  readonly last: number
  readonly bumpStamp: number | null
}

/** Of rooms that we are in: those of which nothing was filled in yet are looked up in the events. */
export const selectActivity = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<Activity>(
    `select r.room_id as "roomId", coalesce(j.event_stream_ordering, last.stream_ordering, 0) as last,
       case when j.room_id is null then bump.stream_ordering else j.bump_stamp end as "bumpStamp"
     from unnest($1::text[]) as r (room_id)
     left join sliding_sync_joined_rooms j on j.room_id = r.room_id
     left join lateral (
       select e.stream_ordering from events e
       where e.room_id = r.room_id and j.room_id is null and not e.outlier order by e.stream_ordering desc limit 1
     ) as last on true
     left join lateral (
       select e.stream_ordering from events e
       where e.room_id = r.room_id and j.room_id is null and e.type = any($2) and e.stream_ordering > 0 and not e.outlier
       order by e.stream_ordering desc limit 1
     ) as bump on true`,
    [roomIds, BUMP_TYPES],
  )

export interface RoomFactsRow extends RoomFacts {
  readonly roomId: RoomId
}

/** Of rooms that we are in, as far as they were filled in. */
export const selectJoinedFacts = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<RoomFactsRow>(
    `select room_id as "roomId", room_type as "roomType", room_name as "roomName", is_encrypted as "isEncrypted",
       tombstone_successor_room_id as successor
     from sliding_sync_joined_rooms where room_id = any($1)`,
    [roomIds],
  )

export interface SnapshotFactsRow extends RoomFacts {
  readonly eventId: EventId
  readonly hasKnownState: boolean
}

/** Of rooms as they were at these memberships of a user, as far as they were filled in. */
export const selectSnapshotFacts = (db: Queries, userId: UserId, eventIds: readonly EventId[]) =>
  db.rows<SnapshotFactsRow>(
    `select membership_event_id as "eventId", has_known_state as "hasKnownState", room_type as "roomType",
       room_name as "roomName", is_encrypted as "isEncrypted", tombstone_successor_room_id as successor
     from sliding_sync_membership_snapshots where user_id = $1 and membership_event_id = any($2)`,
    [userId, eventIds],
  )
