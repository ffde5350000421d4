/** Receipts: how far users have read, one for each user, room, type and thread. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ReceiptRow {
  readonly streamId: number
  /** The writer by whose clock `streamId` counts. */
  readonly instanceName: string
  readonly roomId: RoomId
  /** `m.read`, `m.read.private` … */
  readonly receiptType: string
  readonly userId: UserId
  readonly eventId: EventId
  /** An event ID, `main`, or null for a receipt of the whole room. */
  readonly threadId: string | null
  /** JSON as text: `{"ts": …}`. */
  readonly data: string
}

const COLUMNS = `r.stream_id as "streamId", coalesce(r.instance_name, 'master') as "instanceName",
  r.room_id as "roomId", r.receipt_type as "receiptType", r.user_id as "userId", r.event_id as "eventId",
  r.thread_id as "threadId", r.data`

/**
 * Receipts in `roomIds` after stream position `from`, up to and including `to`, oldest first. With several writers these
 * are the least and the greatest position: the caller drops what is outside of its token's vector.
 */
export const selectReceipts = (db: Queries, roomIds: readonly RoomId[], from: number, to: number) =>
  db.rows<ReceiptRow>(
    `select ${COLUMNS} from receipts_linearized r
     where r.room_id = any($1) and r.stream_id > $2 and r.stream_id <= $3 order by r.stream_id`,
    [roomIds, from, to],
  )

export interface UserReceipt {
  readonly roomId: RoomId
  readonly threadId: string | null
  readonly eventId: EventId
  /** Null for an event that is not here. */
  readonly eventStreamOrdering: number | null
}

/** A user's receipts of these types in these rooms: from where on to count what is unread. */
export const selectReceiptsOfUser = (
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
  receiptTypes: readonly string[],
) =>
  db.rows<UserReceipt>(
    `select room_id as "roomId", thread_id as "threadId", event_id as "eventId",
       event_stream_ordering as "eventStreamOrdering"
     from receipts_linearized where user_id = $1 and room_id = any($2) and receipt_type = any($3)`,
    [userId, roomIds, receiptTypes],
  )

/**
 * Stores a receipt at a position that was reserved for it; false if the user had one of that kind for the same event or a
 * later one, which stays. A receipt for an event that is not here replaces any, and is replaced by any.
 *
 * `receipts_graph` has the same receipts in another form. In one transaction.
 */
export async function upsertReceipt(tx: Queries, receipt: ReceiptRow): Promise<boolean> {
  const { streamId, instanceName, roomId, receiptType, userId, eventId, threadId, data } = receipt
  const target = threadId === null ? '(room_id, receipt_type, user_id) where thread_id is null' : THREAD_TARGET
  const stored = await tx.run(
    `insert into receipts_linearized as r (stream_id, instance_name, room_id, receipt_type, user_id, event_id, thread_id,
       data, event_stream_ordering)
     values ($1, $2, $3, $4, $5, $6, $7, $8, (select stream_ordering from events where event_id = $6))
     on conflict ${target} do update
     set stream_id = excluded.stream_id, instance_name = excluded.instance_name, event_id = excluded.event_id,
       data = excluded.data, event_stream_ordering = excluded.event_stream_ordering
     where r.event_stream_ordering is null or excluded.event_stream_ordering is null
       or r.event_stream_ordering < excluded.event_stream_ordering`,
    [streamId, instanceName, roomId, receiptType, userId, eventId, threadId, data],
  )
  if (stored === 0) return false
  await tx.run(
    `insert into receipts_graph (room_id, receipt_type, user_id, event_ids, thread_id, data)
     values ($1, $2, $3, $4, $5, $6)
     on conflict ${target} do update set event_ids = excluded.event_ids, data = excluded.data`,
    [roomId, receiptType, userId, JSON.stringify([eventId]), threadId, data],
  )
  return true
}

/** The unique indexes of both tables: one where there is no thread, one with the thread. */
const THREAD_TARGET = '(room_id, receipt_type, user_id, thread_id)'

/** In these rooms, a user's own receipts, and everybody's for these events. */
export const selectReceiptsOfEvents = (
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
  eventIds: readonly EventId[],
) =>
  db.rows<ReceiptRow>(
    `select ${COLUMNS} from receipts_linearized r
     where r.room_id = any($1) and (r.user_id = $2 or r.event_id = any($3)) order by r.stream_id`,
    [roomIds, userId, eventIds],
  )

/** Those of these rooms with receipts after `from`, up to and including `to`. */
export async function selectRoomsWithReceipts(
  db: Queries,
  roomIds: readonly RoomId[],
  from: number,
  to: number,
): Promise<readonly RoomId[]> {
  const rows = await db.rows<{ roomId: RoomId }>(
    `select distinct room_id as "roomId" from receipts_linearized
     where room_id = any($1) and stream_id > $2 and stream_id <= $3`,
    [roomIds, from, to],
  )
  return rows.map(({ roomId }) => roomId)
}
