/** The ends of a room's graph: forward, what the next event follows; backward, what is missing. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ExtremityRow {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly depth: number
  readonly stateGroup: number | null
}

/** Of all these rooms, with the state group after each. */
export const selectForwardExtremities = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<ExtremityRow>(
    `select f.room_id as "roomId", f.event_id as "eventId", e.depth, g.state_group as "stateGroup"
     from event_forward_extremities f
     join events e on e.event_id = f.event_id
     left join event_to_state_groups g on g.event_id = f.event_id
     where f.room_id = any($1) order by f.room_id, f.event_id`,
    [roomIds],
  )

export interface ExtremityChange {
  readonly gone: readonly EventId[]
  readonly added: readonly EventId[]
  /** All of them, after the change. */
  readonly now: readonly EventId[]
  /** As of which they are, so that what they were at an earlier position can be found. */
  readonly streamOrdering: number
}

/**
 * Changes the room's forward extremities, in the transaction that stores the events. Returns what they were before: if
 * that is not what the caller thought, `now` is wrong, and the transaction is not to be committed.
 */
export async function changeForwardExtremities(
  tx: Queries,
  roomId: RoomId,
  { gone, added, now, streamOrdering }: ExtremityChange,
): Promise<readonly EventId[]> {
  const rows = await tx.rows<{ eventId: EventId }>(
    `with gone as (
       delete from event_forward_extremities where room_id = $1 and event_id = any($2)
     ), added as (
       insert into event_forward_extremities (room_id, event_id) select $1, unnest($3::text[])
       on conflict (event_id, room_id) do nothing
     ), noted as (
       insert into stream_ordering_to_exterm (room_id, event_id, stream_ordering) select $1, unnest($4::text[]), $5
     )
     select event_id as "eventId" from event_forward_extremities where room_id = $1`,
    [roomId, gone, added, now, streamOrdering],
  )
  return rows.map(({ eventId }) => eventId)
}

/** The forward extremities that a room had at a stream position. Empty for one before all that was noted. */
export async function selectForwardExtremitiesAt(
  db: Queries,
  roomId: RoomId,
  streamOrdering: number,
): Promise<readonly EventId[]> {
  const rows = await db.rows<{ eventId: EventId }>(
    `select event_id as "eventId" from stream_ordering_to_exterm
     where room_id = $1 and stream_ordering = (
       select max(stream_ordering) from stream_ordering_to_exterm where room_id = $1 and stream_ordering <= $2
     ) order by event_id`,
    [roomId, streamOrdering],
  )
  return rows.map(({ eventId }) => eventId)
}

/** Events that ours follow, and that are not here. */
export async function selectBackwardExtremities(db: Queries, roomId: RoomId): Promise<readonly EventId[]> {
  const rows = await db.rows<{ eventId: EventId }>(
    'select event_id as "eventId" from event_backward_extremities where room_id = $1 order by event_id',
    [roomId],
  )
  return rows.map(({ eventId }) => eventId)
}

/**
 * After events of a room were stored (no outliers): what they follow and is not here, or only as an outlier, is a backward
 * extremity, and they stand behind a gap in the timeline; they themselves are none any longer. In the transaction that
 * stored them.
 */
export async function updateBackwardExtremities(
  tx: Queries,
  roomId: RoomId,
  stored: readonly EventId[],
): Promise<void> {
  await Promise.all([
    tx.run(
      `with missing as (
         select g.event_id, g.prev_event_id from event_edges g
         where g.event_id = any($2) and not g.is_state
           and not exists (select from events e where e.event_id = g.prev_event_id and not e.outlier)
       ), gaps as (
         insert into timeline_gaps (room_id, instance_name, stream_ordering)
         select e.room_id, coalesce(e.instance_name, 'master'), e.stream_ordering from events e
         where e.event_id in (select event_id from missing)
       )
       insert into event_backward_extremities (event_id, room_id)
       select distinct prev_event_id, $1::text from missing
       on conflict (event_id, room_id) do nothing`,
      [roomId, stored],
    ),
    tx.run('delete from event_backward_extremities where room_id = $1 and event_id = any($2)', [roomId, stored]),
  ])
}
