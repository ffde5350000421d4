/**
 * Push actions that nobody needs one by one any more become counts (`event_push_summary`). Each function is a transaction, or
 * runs in one; whenever the process ends, what was done is whole. One process does this.
 *
 * A summary counts what comes after the receipt that it names, up to `event_push_summary_stream_ordering`.
 */

import type { Db, Transaction } from './db.ts'

/** For one to come after the other, should two processes do this. */
async function lockedPosition(tx: Transaction): Promise<number> {
  const row = await tx.one<{ readonly position: number }>(
    'select stream_ordering as position from event_push_summary_stream_ordering for update',
  )
  return row?.position ?? 0
}

/** Where reading of a thread ends: the last receipt of the room, or else the membership, and that of the thread. */
const READ_UP_TO = `lateral (
    select greatest(
      coalesce(
        max(r.event_stream_ordering) filter (where r.thread_id is null),
        (select coalesce(m.event_stream_ordering, e.stream_ordering)
         from local_current_membership m left join events e using (event_id)
         where m.user_id = k.user_id and m.room_id = k.room_id),
        0),
      max(r.event_stream_ordering) filter (where r.thread_id = k.thread_id)) as position
    from receipts_linearized r
    where r.user_id = k.user_id and r.room_id = k.room_id and r.receipt_type in ('m.read', 'm.read.private')
      and (r.thread_id is null or r.thread_id = k.thread_id)
  ) as read`

/**
 * Receipts that came since last time, up to position `upTo` of their stream, at most `limit`: summaries start anew after
 * them, and what they have read is deleted but for highlights. How many receipts there were.
 */
export const takeReceipts = (db: Db, upTo: number, limit: number): Promise<number> =>
  db.transaction(
    'read committed',
    async (tx) => {
      const rotated = await lockedPosition(tx)
      const taken = await tx.one<{ readonly from: number; readonly to: number | null; readonly count: number }>(
        `select l.stream_id as "from", r.to, r.count
         from event_push_summary_last_receipt_stream_id l, lateral (
           select max(stream_id) as to, count(*) as count from (
             select stream_id from receipts_linearized where stream_id > l.stream_id and stream_id <= $1
             order by stream_id limit $2
           ) as next
         ) r`,
        [upTo, limit],
      )
      if (taken === undefined || taken.to === null) return 0
      const { from, to, count } = taken
      await tx.run(
        `${TOUCHED} insert into event_push_summary as s
           (user_id, room_id, thread_id, notif_count, unread_count, stream_ordering, last_receipt_stream_ordering)
         select t.user_id, t.room_id, t.thread_id, counted.notifications, counted.unread, $3, t.position
         from touched t, lateral (
           select count(*) filter (where notif = 1) as notifications, count(*) filter (where unread = 1) as unread
           from event_push_actions a
           where a.user_id = t.user_id and a.room_id = t.room_id and a.thread_id = t.thread_id
             and a.stream_ordering > t.position and a.stream_ordering <= $3
         ) counted
         on conflict (user_id, room_id, thread_id) do update
         set notif_count = excluded.notif_count, unread_count = excluded.unread_count,
           stream_ordering = excluded.stream_ordering,
           last_receipt_stream_ordering = excluded.last_receipt_stream_ordering
         where s.last_receipt_stream_ordering is distinct from excluded.last_receipt_stream_ordering`,
        [from, to, rotated],
      )
      await tx.run(
        `${TOUCHED} delete from event_push_actions a using touched t
         where a.user_id = t.user_id and a.room_id = t.room_id and a.thread_id = t.thread_id
           and a.stream_ordering <= t.position and a.highlight = 0`,
        [from, to],
      )
      await tx.run('update event_push_summary_last_receipt_stream_id set stream_id = $1', [to])
      return count
    },
    'take_receipts',
  )

/** The threads that receipts at positions after `$1`, up to `$2`, are about, and where reading of them ends. */
const TOUCHED = `with news as (
    select distinct user_id, room_id, thread_id from receipts_linearized
    where stream_id > $1 and stream_id <= $2 and receipt_type in ('m.read', 'm.read.private')
  ), known as (
    select user_id, room_id, s.thread_id from event_push_summary s join news n using (user_id, room_id)
    where n.thread_id is null or n.thread_id = s.thread_id
    union
    select user_id, room_id, a.thread_id from event_push_actions a join news n using (user_id, room_id)
    where n.thread_id is null or n.thread_id = a.thread_id
  ), touched as (
    select k.user_id, k.room_id, k.thread_id, read.position from known k, ${READ_UP_TO}
  )`

/**
 * Adds push actions to the summaries, up to position `upTo` of events, at most those of about `limit`: true if there are
 * none left. They stay where they are.
 */
export const summarise = (db: Db, upTo: number, limit: number): Promise<boolean> =>
  db.transaction(
    'read committed',
    async (tx) => {
      const from = await lockedPosition(tx)
      const next = await tx.one<{ readonly position: number }>(
        `select stream_ordering as position from event_push_actions
         where stream_ordering > $1 and stream_ordering <= $2 order by stream_ordering limit 1 offset $3`,
        [from, upTo, limit],
      )
      const to = next?.position ?? upTo
      if (to <= from) return true
      await tx.run(
        `with k as (
           select user_id, room_id, thread_id, max(stream_ordering) as last from event_push_actions
           where stream_ordering > $1 and stream_ordering <= $2
           group by user_id, room_id, thread_id
         )
         insert into event_push_summary as s
           (user_id, room_id, thread_id, notif_count, unread_count, stream_ordering, last_receipt_stream_ordering)
         select k.user_id, k.room_id, k.thread_id,
           coalesce(kept.notif_count, 0) + counted.notifications, coalesce(kept.unread_count, 0) + counted.unread,
           k.last, read.position
         from k cross join ${READ_UP_TO}
           left join event_push_summary kept
             on kept.user_id = k.user_id and kept.room_id = k.room_id and kept.thread_id = k.thread_id
               and (kept.last_receipt_stream_ordering = read.position
                 or kept.last_receipt_stream_ordering is null and kept.stream_ordering > read.position)
           cross join lateral (
             select count(*) filter (where notif = 1) as notifications, count(*) filter (where unread = 1) as unread
             from event_push_actions a
             where a.user_id = k.user_id and a.room_id = k.room_id and a.thread_id = k.thread_id
               and a.stream_ordering <= $2
               and a.stream_ordering > greatest(read.position, case when kept.user_id is null then 0 else $1 end)
           ) counted
         on conflict (user_id, room_id, thread_id) do update
         set notif_count = excluded.notif_count, unread_count = excluded.unread_count,
           stream_ordering = excluded.stream_ordering,
           last_receipt_stream_ordering = excluded.last_receipt_stream_ordering`,
        [from, to],
      )
      await tx.run('update event_push_summary_stream_ordering set stream_ordering = $1', [to])
      return next === undefined
    },
    'summarise_push_actions',
  )

/**
 * Deletes push actions that are summarised and whose events were received before `receivedBefore` (milliseconds since
 * 1970), but highlights; of about `limit` at most. How many.
 */
export async function deleteSummarised(db: Db, receivedBefore: number, limit: number): Promise<number> {
  return await db.run(
    `delete from event_push_actions a using (
       select distinct oldest.stream_ordering from (
         select stream_ordering from event_push_actions
         where highlight = 0 and stream_ordering <= (select stream_ordering from event_push_summary_stream_ordering)
         order by stream_ordering limit $2
       ) as oldest left join events e using (stream_ordering)
       where coalesce(e.received_ts, 0) < $1
     ) as old
     where a.stream_ordering = old.stream_ordering and a.highlight = 0`,
    [receivedBefore, limit],
  )
}
