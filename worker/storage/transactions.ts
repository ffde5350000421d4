/** Which event a client's transaction ID became, so that a request that is sent again makes no second one. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ClientTransaction {
  readonly userId: UserId
  readonly deviceId: string
  readonly roomId: RoomId
  readonly txnId: string
}

/** The event, also if another process made it. Undefined for a transaction ID that is new. */
export async function selectEventOfTransaction(
  db: Queries,
  { userId, deviceId, roomId, txnId }: ClientTransaction,
): Promise<EventId | undefined> {
  const row = await db.one<{ eventId: EventId }>(
    `select event_id as "eventId" from event_txn_id_device_id
     where user_id = $1 and device_id = $2 and room_id = $3 and txn_id = $4`,
    [userId, deviceId, roomId, txnId],
  )
  return row?.eventId
}

/** Of these transaction IDs, those that are known, with the events that they became and their places. */
export const selectEventsOfTransactions = (db: Queries, transactions: readonly ClientTransaction[]) =>
  db.rows<ClientTransaction & { readonly eventId: EventId; readonly streamOrdering: number }>(
    `select x.event_id as "eventId", x.room_id as "roomId", x.user_id as "userId", x.device_id as "deviceId",
       x.txn_id as "txnId", e.stream_ordering as "streamOrdering"
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as t (user_id, device_id, room_id, txn_id)
     join event_txn_id_device_id x using (user_id, device_id, room_id, txn_id)
     join events e on e.event_id = x.event_id`,
    [
      transactions.map(({ userId }) => userId),
      transactions.map(({ deviceId }) => deviceId),
      transactions.map(({ roomId }) => roomId),
      transactions.map(({ txnId }) => txnId),
    ],
  )

/** The event IDs of events that came with a transaction ID, for who sent them: device and transaction ID. */
export const selectTransactionsOfEvents = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<ClientTransaction & { readonly eventId: EventId }>(
    `select event_id as "eventId", room_id as "roomId", user_id as "userId", device_id as "deviceId", txn_id as "txnId"
     from event_txn_id_device_id where event_id = any($1)`,
    [eventIds],
  )

/**
 * Beside the events, in their transaction: if one of the transaction IDs is taken (the same request, on two processes at
 * once), it is a unique violation of `event_txn_id_device_id_txn_id2`, and neither event is stored. Those of devices that
 * were deleted meanwhile are left out: nobody can ask with them again.
 */
export const insertTransactions = (
  tx: Queries,
  transactions: readonly (ClientTransaction & { readonly eventId: EventId })[],
  nowMs: number,
) =>
  tx.run(
    `insert into event_txn_id_device_id (event_id, room_id, user_id, device_id, txn_id, inserted_ts)
     select t.*, $6::bigint
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
       as t (event_id, room_id, user_id, device_id, txn_id)
     join devices d on d.user_id = t.user_id and d.device_id = t.device_id`,
    [
      transactions.map(({ eventId }) => eventId),
      transactions.map(({ roomId }) => roomId),
      transactions.map(({ userId }) => userId),
      transactions.map(({ deviceId }) => deviceId),
      transactions.map(({ txnId }) => txnId),
      nowMs,
    ],
  )

/** Those older than `beforeMs`: a client that asks again after a day gets a second event. */
export const deleteOldTransactions = (db: Queries, beforeMs: number) =>
  db.run('delete from event_txn_id_device_id where inserted_ts < $1', [beforeMs])
