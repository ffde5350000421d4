/**
 * Whose devices changed, in the order of the stream `device_lists`, and for which rooms that has still to be told to other servers
 * (`device_lists_changes_in_room`). Of a device only the last change stays in `device_lists_stream`.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** A change of a device at a position that was reserved for it. */
export interface DeviceChange {
  readonly streamId: number
  readonly deviceId: string
}

/**
 * Changes of one of our users' devices, for all rooms that they are in at this moment: to be called when what changed is stored,
 * in the same transaction or after it. Each device at most once in `changes`.
 */
export const insertDeviceChanges = (
  tx: Queries,
  userId: UserId,
  instanceName: string,
  changes: readonly DeviceChange[],
  nowMs: number,
) => {
  const [ids, deviceIds] = [changes.map(({ streamId }) => streamId), changes.map(({ deviceId }) => deviceId)]
  return Promise.all([
    tx.run('delete from device_lists_stream where user_id = $1 and device_id = any($2) and stream_id < $3', [
      userId,
      deviceIds,
      Math.min(...ids),
    ]),
    tx.run(
      `insert into device_lists_stream (stream_id, instance_name, user_id, device_id)
       select c.stream_id, $2, $1, c.device_id from unnest($3::bigint[], $4::text[]) as c (stream_id, device_id)`,
      [userId, instanceName, ids, deviceIds],
    ),
    tx.run(
      `insert into device_lists_changes_in_room (user_id, device_id, room_id, stream_id, instance_name,
         converted_to_destinations, opentracing_context, inserted_ts)
       select $1, c.device_id, m.room_id, c.stream_id, $2, false, '{}', $5
       from unnest($3::bigint[], $4::text[]) as c (stream_id, device_id)
       cross join local_current_membership m
       where m.user_id = $1 and m.membership = 'join'`,
      [userId, instanceName, ids, deviceIds, nowMs],
    ),
  ])
}

/** A user signed keys of these users, which only they are told. */
export const insertUserSignature = (
  db: Queries,
  streamId: number,
  instanceName: string,
  fromUserId: UserId,
  userIds: readonly UserId[],
) =>
  db.run(
    'insert into user_signature_stream (stream_id, instance_name, from_user_id, user_ids) values ($1, $2, $3, $4)',
    [streamId, instanceName, fromUserId, JSON.stringify(userIds)],
  )

export interface UserChange {
  readonly streamId: number
  readonly instanceName: string
  readonly userId: UserId
}

const CHANGE = `stream_id as "streamId", coalesce(instance_name, 'master') as "instanceName", user_id as "userId"`

/**
 * Changes after `from`, up to and including `to`, of users who were in these rooms at the time. Undefined: what is that old is not there
 * any more.
 */
export async function selectDeviceChangesInRooms(
  db: Queries,
  roomIds: readonly RoomId[],
  from: number,
  to: number,
): Promise<readonly UserChange[] | undefined> {
  const [rows, pruned] = await Promise.all([
    db.rows<UserChange>(
      `select distinct ${CHANGE} from device_lists_changes_in_room
       where room_id = any($1) and stream_id > $2 and stream_id <= $3`,
      [roomIds, from, to],
    ),
    // Read after the rows: what was deleted meanwhile is known to be.
    db.one<{ upTo: number }>('select stream_id as "upTo" from device_lists_changes_in_room_max_pruned_stream_id'),
  ])
  return (pruned?.upTo ?? 0) > from ? undefined : rows
}

/** Changes after `from`, up to and including `to`, of users who are in these rooms now, or among `userIds`. */
export const selectDeviceChangesOfMembers = (
  db: Queries,
  roomIds: readonly RoomId[],
  userIds: readonly UserId[],
  from: number,
  to: number,
) =>
  db.rows<UserChange>(
    `select distinct ${CHANGE} from device_lists_stream s
     where stream_id > $3 and stream_id <= $4 and (user_id = any($2) or exists (
       select from current_state_events c
       where c.type = 'm.room.member' and c.state_key = s.user_id and c.membership = 'join' and c.room_id = any($1)
     ))`,
    [roomIds, userIds, from, to],
  )

export interface Signing {
  readonly streamId: number
  readonly instanceName: string
  /** JSON: a list of user IDs. */
  readonly userIds: string
}

/** Whom the user signed after `from`, up to and including `to`. */
export const selectSignings = (db: Queries, userId: UserId, from: number, to: number) =>
  db.rows<Signing>(
    `select stream_id as "streamId", coalesce(instance_name, 'master') as "instanceName", user_ids as "userIds"
     from user_signature_stream where from_user_id = $1 and stream_id > $2 and stream_id <= $3`,
    [userId, from, to],
  )

/** Who of `userIds`, of any server, is joined to any of these rooms. */
export async function selectJoinedToAny(
  db: Queries,
  userIds: readonly UserId[],
  roomIds: readonly RoomId[],
): Promise<readonly UserId[]> {
  const rows = await db.rows<{ userId: UserId }>(
    `select distinct state_key as "userId" from current_state_events
     where type = 'm.room.member' and membership = 'join' and state_key = any($1) and room_id = any($2)`,
    [userIds, roomIds],
  )
  return rows.map(({ userId }) => userId)
}

/** Rooms that a user of any server is joined to, as far as this server knows. */
export async function selectRoomsJoinedBy(db: Queries, userId: UserId): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select room_id as "roomId" from current_state_events
     where type = 'm.room.member' and membership = 'join' and state_key = $1`,
    [userId],
  )
  return rows.map(({ roomId }) => roomId)
}
