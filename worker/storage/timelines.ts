/**
 * The order of events in rooms: by stream (as they came to us) for what is new, by topology (as they came about) for
 * history. Only places are selected; the events themselves are in `events.ts`, and in caches.
 *
 * Rejected events and outliers are in no timeline. Soft-failed ones are: their `internalMetadata` says so.
 */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface EventPlace {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly streamOrdering: number
  readonly topologicalOrdering: number
  /** The writer by whose clock `streamOrdering` counts; `master` where it was not noted. */
  readonly instanceName: string
}

const COLUMNS = `e.event_id as "eventId", e.room_id as "roomId", e.stream_ordering as "streamOrdering",
  e.topological_ordering as "topologicalOrdering", coalesce(e.instance_name, 'master') as "instanceName"`

/**
 * The last events of each of these rooms after `from`, up to and including `to`: at most `limit` of a room, newest first.
 * With several writers `from` and `to` are the least and the greatest position: the caller drops what is outside of its
 * token's vector, by `instanceName`. A room without any is not there. One statement for all rooms.
 */
export const selectRecentEvents = (
  db: Queries,
  rooms: readonly { readonly roomId: RoomId; readonly from: number; readonly to?: number | undefined }[],
  to: number,
  limit: number,
) =>
  db.rows<EventPlace>(
    `select e.* from unnest($1::text[], $2::bigint[], $5::bigint[]) as r (room_id, after, up_to)
     cross join lateral (
       select ${COLUMNS} from events e
       where e.room_id = r.room_id and e.stream_ordering > r.after and e.stream_ordering <= least($3, r.up_to)
         and not e.outlier and e.rejection_reason is null
       order by e.stream_ordering desc limit $4
     ) as e
     order by "roomId", "streamOrdering" desc`,
    [rooms.map(({ roomId }) => roomId), rooms.map(({ from }) => from), to, limit, rooms.map((room) => room.to ?? to)],
  )

/** A place between events: after the one of that depth and stream position. */
export interface TopologicalPlace {
  readonly topologicalOrdering: number
  readonly streamOrdering: number
}

/**
 * A page of a room's history. `backwards`: up to and including `from`, newest first; `forwards`: after it, oldest first.
 * With `to`, not beyond it.
 */
export function selectHistory(
  db: Queries,
  roomId: RoomId,
  direction: 'backwards' | 'forwards',
  from: TopologicalPlace,
  limit: number,
  to?: TopologicalPlace,
): Promise<EventPlace[]> {
  // Two texts, as an index is read in one direction or the other.
  const page =
    direction === 'backwards'
      ? `(e.topological_ordering, e.stream_ordering) <= ($2, $3)
           and ($4::bigint is null or (e.topological_ordering, e.stream_ordering) > ($4, $5::bigint))
         order by e.topological_ordering desc, e.stream_ordering desc`
      : `(e.topological_ordering, e.stream_ordering) > ($2, $3)
           and ($4::bigint is null or (e.topological_ordering, e.stream_ordering) <= ($4, $5::bigint))
         order by e.topological_ordering, e.stream_ordering`
  return db.rows<EventPlace>(
    `select ${COLUMNS} from events e
     where e.room_id = $1 and not e.outlier and e.rejection_reason is null and ${page} limit $6`,
    [roomId, from.topologicalOrdering, from.streamOrdering, to?.topologicalOrdering, to?.streamOrdering, limit],
  )
}

/** Where these events are. Outliers have no place in a room; they are left out. */
export const selectPlaces = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<EventPlace>(`select ${COLUMNS} from events e where e.event_id = any($1) and not e.outlier`, [eventIds])

/** The last event of each of these rooms, up to and including `to`. */
export const selectLastEvents = (db: Queries, roomIds: readonly RoomId[], to: number) =>
  selectRecentEvents(
    db,
    roomIds.map((roomId) => ({ roomId, from: Number.MIN_SAFE_INTEGER })),
    to,
    1,
  )
