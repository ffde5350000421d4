/** How many push actions a user has not read: those that are there, and counts of those that are gone (`event_push_summary`). */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface UnreadRow {
  readonly roomId: RoomId
  /** The thread's root, or `main`. */
  readonly threadId: string
  readonly notifications: number
  readonly highlights: number
}

export interface UnreadCountRows {
  /** Of rooms that the user is in, by thread; what has nothing unread has no row. */
  readonly counts: readonly UnreadRow[]
  /** Rooms whose counts are those of this moment, and go beyond the position that was asked for. */
  readonly beyond: ReadonlySet<RoomId>
}

/**
 * Unread is what comes after the user's last receipt of the whole room, or without one after they joined, and after that of
 * the thread. The summary counts what was there up to `event_push_summary_stream_ordering`, and is good for the receipt
 * that it names; with another one all is counted in `event_push_actions`. Highlights stay there until they are read.
 *
 * Counted is up to `upTo`, before which no writer writes any more, or what there is at this moment: so also where the user
 * has read, or the summary counts, beyond it.
 */
export async function selectUnreadCounts(
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
  upTo: number | undefined,
): Promise<UnreadCountRows> {
  const rows = await db.rows<Omit<UnreadRow, 'threadId'> & { readonly threadId: string | null }>(
    `with read as materialized (
       select room_id, thread_id, max(event_stream_ordering) as position from receipts_linearized
       where user_id = $1 and room_id = any($2) and receipt_type in ('m.read', 'm.read.private')
       group by room_id, thread_id
     ), rooms as materialized (
       select room_id, position,
         greatest(position, (select max(read.position) from read where read.room_id = r.room_id), o.stream_ordering)
           > $3 as is_beyond
       from unnest($2::text[]) as r (room_id) cross join event_push_summary_stream_ordering o,
         lateral (select coalesce(
           (select position from read where read.room_id = r.room_id and thread_id is null),
           (select coalesce(m.event_stream_ordering, e.stream_ordering)
            from local_current_membership m left join events e using (event_id)
            where m.user_id = $1 and m.room_id = r.room_id),
           0) as position) p
     ), summary as materialized (
       select s.room_id, s.thread_id, s.notif_count
       from event_push_summary s join rooms r using (room_id) left join read t using (room_id, thread_id),
         lateral (select greatest(r.position, t.position) as position) p
       where s.user_id = $1 and s.notif_count <> 0 and (
         s.last_receipt_stream_ordering = p.position
         or s.last_receipt_stream_ordering is null and s.stream_ordering > p.position)
     ), counted as (
       select room_id, thread_id, notif_count as notifications, 0 as highlights from summary
       union all
       select room_id, a.thread_id,
         count(*) filter (where a.notif = 1 and (s.room_id is null or a.stream_ordering > o.stream_ordering)),
         count(*) filter (where a.highlight = 1)
       from rooms r cross join event_push_summary_stream_ordering o
         join event_push_actions a using (room_id)
         left join read t using (room_id, thread_id) left join summary s using (room_id, thread_id)
       where a.user_id = $1 and a.stream_ordering > r.position
         and a.stream_ordering > coalesce(t.position, 0)
         and (r.is_beyond or a.stream_ordering <= $3)
       group by room_id, a.thread_id
     )
     select room_id as "roomId", thread_id as "threadId", sum(notifications)::bigint as notifications,
       sum(highlights)::bigint as highlights
     from counted group by room_id, thread_id having sum(notifications) > 0 or sum(highlights) > 0
     union all
     select room_id, null, 0, 0 from rooms where is_beyond`,
    [userId, roomIds, upTo ?? THIS_MOMENT],
  )
  const counts: UnreadRow[] = []
  const beyond = new Set<RoomId>()
  for (const row of rows)
    if (row.threadId === null) beyond.add(row.roomId)
    else counts.push(row as UnreadRow)
  return { counts, beyond }
}

/** Before all positions. */
const THIS_MOMENT = -1
