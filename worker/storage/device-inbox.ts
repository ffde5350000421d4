/** Messages from device to device: those that wait for our devices, and those that wait to be sent to other servers. */

import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface InboxMessage {
  readonly userId: UserId
  /** Undefined: each device that the user has. */
  readonly deviceId: string | undefined
  /** `{content, type, sender}` as JSON text. */
  readonly message: string
}

export interface InboxPosition {
  readonly streamId: number
  /** The writer by whose clock `streamId` counts. */
  readonly instanceName: string
}

/** Cross-signing keys stand among the devices, hidden: they fetch nothing. */
const STORED = `insert into device_inbox (user_id, device_id, stream_id, message_json, instance_name)
    select d.user_id, d.device_id, $4::bigint, m.message, $5::text
    from unnest($1::text[], $2::text[], $3::text[]) as m (user_id, device_id, message)
    join devices d on d.user_id = m.user_id and (m.device_id is null or d.device_id = m.device_id)
    where d.hidden is not true`

const paramsOf = (messages: readonly InboxMessage[], { streamId, instanceName }: InboxPosition) => [
  messages.map(({ userId }) => userId),
  messages.map(({ deviceId }) => deviceId ?? null),
  messages.map(({ message }) => message),
  streamId,
  instanceName,
]

/** Stores messages for the devices that there are. The users who have any of them. */
export const insertInboxMessages = async (
  db: Queries,
  messages: readonly InboxMessage[],
  position: InboxPosition,
): Promise<readonly UserId[]> => {
  const row = await db.one<{ users: UserId[] }>(
    `with stored as (${STORED} returning user_id)
     select coalesce(array_agg(distinct user_id), '{}') as users from stored`,
    paramsOf(messages, position),
  )
  return row!.users
}

/** A client's request, by which it is known when it comes again. */
export interface InboxTransaction {
  /** This server: other servers' requests stand in the same table. */
  readonly origin: ServerName
  readonly messageId: string
  readonly nowMs: number
}

/**
 * The same, if the transaction was not stored before, which is remembered with it; undefined: it was. In a transaction at
 * `read committed`: of two at once one waits for the other, as the table has no unique index that would refuse it.
 */
export async function insertInboxMessagesOnce(
  tx: Queries,
  messages: readonly InboxMessage[],
  position: InboxPosition,
  { origin, messageId, nowMs }: InboxTransaction,
): Promise<readonly UserId[] | undefined> {
  const [, row] = await Promise.all([
    tx.run('select pg_advisory_xact_lock(hashtextextended($1, 0))', [messageId]),
    tx.one<{ isNew: boolean; users: UserId[] }>(
      `with taken as (
         insert into device_federation_inbox (origin, message_id, received_ts, instance_name)
         select $6::text, $7::text, $8::bigint, $5::text
         where not exists (select from device_federation_inbox where origin = $6 and message_id = $7)
         returning 1
       ), stored as (${STORED} and exists (select from taken) returning user_id)
       select exists (select from taken) as "isNew", (select coalesce(array_agg(distinct user_id), '{}') from stored) as users`,
      [...paramsOf(messages, position), origin, messageId, nowMs],
    ),
  ])
  return row!.isNew ? row!.users : undefined
}

/** Requests of our own clients that came before `beforeMs`: one that comes again is done again. */
export const deleteOldInboxTransactions = (db: Queries, origin: ServerName, beforeMs: number) =>
  db.run('delete from device_federation_inbox where origin = $1 and received_ts < $2', [origin, beforeMs])

export interface OutboxEdu {
  readonly destination: ServerName
  readonly streamId: number
  /** The content of an EDU `m.direct_to_device`, as JSON text. */
  readonly content: string
}

/** Until the destination has them. */
export const insertOutboxEdus = (db: Queries, edus: readonly OutboxEdu[], instanceName: string, nowMs: number) =>
  db.run(
    `insert into device_federation_outbox (destination, stream_id, queued_ts, messages_json, instance_name)
     select e.destination, e.stream_id, $4::bigint, e.content, $5::text
     from unnest($1::text[], $2::bigint[], $3::text[]) as e (destination, stream_id, content)`,
    [
      edus.map(({ destination }) => destination),
      edus.map(({ streamId }) => streamId),
      edus.map(({ content }) => content),
      nowMs,
      instanceName,
    ],
  )

/** Of a device, the first `limit` after `from`, up to and including `upTo`. */
export const selectInboxMessages = (
  db: Queries,
  userId: UserId,
  deviceId: string,
  from: number,
  upTo: number,
  limit: number,
) =>
  db.rows<{ readonly streamId: number; readonly message: string }>(
    `select stream_id as "streamId", message_json as message from device_inbox
     where user_id = $1 and device_id = $2 and stream_id > $3 and stream_id <= $4 order by stream_id limit $5`,
    [userId, deviceId, from, upTo, limit],
  )

/** Of a device, up to and including that position. */
export const deleteInboxMessages = (db: Queries, userId: UserId, deviceId: string, upTo: number) =>
  db.run('delete from device_inbox where user_id = $1 and device_id = $2 and stream_id <= $3', [userId, deviceId, upTo])
