/** How memberships changed in the current state of rooms: what they were before, and are after. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface MembershipDelta {
  readonly streamId: number
  readonly instanceName: string
  readonly roomId: RoomId
  readonly userId: UserId
  /** Null: there was, or is, none. */
  readonly before: string | null
  readonly after: string | null
}

const DELTA = `d.stream_id as "streamId", coalesce(d.instance_name, 'master') as "instanceName", d.room_id as "roomId",
  d.state_key as "userId", p.membership as before, n.membership as after
  from current_state_delta_stream d
  left join room_memberships n on n.event_id = d.event_id
  left join room_memberships p on p.event_id = d.prev_event_id`

/** All in these rooms after `from`, up to and including `to`, oldest first. */
export const selectMembershipDeltas = (db: Queries, roomIds: readonly RoomId[], from: number, to: number) =>
  db.rows<MembershipDelta>(
    `select ${DELTA}
     where d.room_id = any($1) and d.type = 'm.room.member' and d.stream_id > $2 and d.stream_id <= $3
     order by d.stream_id`,
    [roomIds, from, to],
  )

/** Those at these positions. */
export const selectMembershipDeltasAt = (
  db: Queries,
  places: readonly { readonly position: number; readonly roomId: RoomId; readonly userId: UserId }[],
) =>
  db.rows<MembershipDelta>(
    `select ${DELTA}
     join unnest($1::bigint[], $2::text[], $3::text[]) as a (stream_id, room_id, state_key)
       on a.stream_id = d.stream_id and a.room_id = d.room_id and a.state_key = d.state_key
     where d.type = 'm.room.member' order by d.stream_id`,
    [places.map(({ position }) => position), places.map(({ roomId }) => roomId), places.map(({ userId }) => userId)],
  )
