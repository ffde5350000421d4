/** Threads that users follow, or follow no longer (MSC4306). Each change has a position in the stream `thread_subscriptions`. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ThreadName {
  readonly userId: UserId
  readonly roomId: RoomId
  /** The event that the thread begins with. */
  readonly rootId: EventId
}

export interface ThreadSubscriptionRow {
  readonly subscribed: boolean
  readonly automatic: boolean
  /** The room's last event when the user unsubscribed; null: they did not. */
  readonly unsubscribedAtStream: number | null
  readonly unsubscribedAtDepth: number | null
}

const ROW = `subscribed, automatic, unsubscribed_at_stream_ordering as "unsubscribedAtStream",
  unsubscribed_at_topological_ordering as "unsubscribedAtDepth"`
const THREAD = 'user_id = $1 and room_id = $2 and event_id = $3'

export const selectThreadSubscription = (db: Queries, { userId, roomId, rootId }: ThreadName) =>
  db.one<ThreadSubscriptionRow>(`select ${ROW} from thread_subscriptions where ${THREAD}`, [userId, roomId, rootId])

/** Whoever else changes it waits. */
export const lockThreadSubscription = (tx: Queries, { userId, roomId, rootId }: ThreadName) =>
  tx.one<ThreadSubscriptionRow>(`select ${ROW} from thread_subscriptions where ${THREAD} for update`, [
    userId,
    roomId,
    rootId,
  ])

export interface ThreadPosition {
  readonly streamId: number
  readonly instanceName: string
}

export const upsertThreadSubscription = (
  tx: Queries,
  { userId, roomId, rootId }: ThreadName,
  automatic: boolean,
  { streamId, instanceName }: ThreadPosition,
) =>
  tx.run(
    `insert into thread_subscriptions (user_id, room_id, event_id, subscribed, automatic, stream_id, instance_name)
     values ($1, $2, $3, true, $4, $5, $6)
     on conflict (room_id, event_id, user_id) do update
     set subscribed = true, automatic = excluded.automatic, stream_id = excluded.stream_id,
       instance_name = excluded.instance_name, unsubscribed_at_stream_ordering = null,
       unsubscribed_at_topological_ordering = null`,
    [userId, roomId, rootId, automatic, streamId, instanceName],
  )

/** As of the room's last event: what came before it subscribes the user to the thread no more. */
export const endThreadSubscription = (
  tx: Queries,
  { userId, roomId, rootId }: ThreadName,
  { streamId, instanceName }: ThreadPosition,
) =>
  tx.run(
    `update thread_subscriptions s
     set subscribed = false, stream_id = $4, instance_name = $5, unsubscribed_at_stream_ordering = e.stream,
       unsubscribed_at_topological_ordering = e.depth
     from (
       select max(stream_ordering) as stream, max(topological_ordering) as depth from events where room_id = $2
     ) as e
     where s.${THREAD.replaceAll(' and ', ' and s.')} and s.subscribed`,
    [userId, roomId, rootId, streamId, instanceName],
  )

export interface ThreadSubscriptionChange {
  readonly streamId: number
  readonly roomId: RoomId
  readonly rootId: EventId
  readonly subscribed: boolean
  readonly automatic: boolean
}

/** The last changes of a user's subscriptions after `from`, up to and including `to`, oldest first. */
export const selectThreadSubscriptionChanges = (db: Queries, userId: UserId, from: number, to: number, limit: number) =>
  db.rows<ThreadSubscriptionChange>(
    `select * from (
       select stream_id as "streamId", room_id as "roomId", event_id as "rootId", subscribed, automatic
       from thread_subscriptions where user_id = $1 and stream_id > $2 and stream_id <= $3
       order by stream_id desc limit $4
     ) as latest order by "streamId"`,
    [userId, from, to, limit],
  )

/** Who follows these threads. */
export const selectThreadSubscribers = (db: Queries, roomId: RoomId, rootId: EventId) =>
  db.rows<{ readonly userId: UserId }>(
    `select user_id as "userId" from thread_subscriptions where room_id = $1 and event_id = $2 and subscribed`,
    [roomId, rootId],
  )
