/** As much of rooms as is told to those who may not read them. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface RoomHead {
  readonly roomId: RoomId
  /** Null in rooms of which only an invitation was seen. */
  readonly roomVersion: string | null
  /** A user of ours is in it. */
  readonly isHere: boolean
  readonly joinedMembers: number
}

/** Of rooms that are known. Members are counted where `room_stats_current` is behind. */
export const selectRoomHeads = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<RoomHead>(
    `select r.room_id as "roomId", r.room_version as "roomVersion",
       exists (select from local_current_membership m where m.room_id = r.room_id and m.membership = 'join') as "isHere",
       case when c.completed_delta_stream_id >= coalesce(
           (select max(stream_id) from current_state_delta_stream d where d.room_id = r.room_id), 0)
         then c.joined_members
         else (select count(*) from current_state_events s
           where s.room_id = r.room_id and s.type = 'm.room.member' and s.membership = 'join')
       end as "joinedMembers"
     from rooms r left join room_stats_current c using (room_id) where r.room_id = any($1)`,
    [roomIds],
  )

/** Those of these rooms that a user of any server is in, by ID. */
export async function selectJoinedAmong(
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select room_id as "roomId" from current_state_events
     where type = 'm.room.member' and state_key = $1 and membership = 'join' and room_id = any($2) order by room_id`,
    [userId, roomIds],
  )
  return rows.map(({ roomId }) => roomId)
}
