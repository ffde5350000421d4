/** Push actions: one row for each event and each of our users whom it notifies. How many there are is asked in `unread-counts.ts`. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface PushActionRow {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly streamOrdering: number
  readonly topologicalOrdering: number
  readonly userId: UserId
  /** JSON, or '' for the actions that are most frequent: `PushAction` of `worker/rooms/push-actions.ts`. */
  readonly actions: string
  readonly notifies: boolean
  readonly highlights: boolean
  readonly isUnread: boolean
  /** The thread's root, or `main`. */
  readonly threadId: string
}

/** Of events that are made in this transaction: nothing stops a row from being there twice. */
export async function insertPushActions(tx: Queries, rows: readonly PushActionRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx.run(
    `insert into event_push_actions (event_id, room_id, stream_ordering, topological_ordering, user_id, actions, notif,
       highlight, unread, thread_id)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::smallint[],
       $8::smallint[], $9::smallint[], $10::text[])`,
    [
      rows.map(({ eventId }) => eventId),
      rows.map(({ roomId }) => roomId),
      rows.map(({ streamOrdering }) => streamOrdering),
      rows.map(({ topologicalOrdering }) => topologicalOrdering),
      rows.map(({ userId }) => userId),
      rows.map(({ actions }) => actions),
      rows.map(({ notifies }) => (notifies ? 1 : 0)),
      rows.map(({ highlights }) => (highlights ? 1 : 0)),
      rows.map(({ isUnread }) => (isUnread ? 1 : 0)),
      rows.map(({ threadId }) => threadId),
    ],
  )
}

export interface UserActionRow {
  readonly eventId: EventId
  readonly streamOrdering: number
  readonly userId: UserId
  readonly notifies: boolean
  readonly highlights: boolean
  /** The thread's root, or `main`. */
  readonly threadId: string
}

/** What events, each with its room, do to these users. */
export const selectPushActions = (
  db: Queries,
  events: readonly { readonly roomId: RoomId; readonly eventId: EventId }[],
  userIds: readonly UserId[],
): Promise<UserActionRow[]> =>
  db.rows<UserActionRow>(
    `select a.event_id as "eventId", a.stream_ordering as "streamOrdering", a.user_id as "userId",
       coalesce(a.notif = 1, false) as notifies, coalesce(a.highlight = 1, false) as highlights, a.thread_id as "threadId"
     from unnest($1::text[], $2::text[]) as e (room_id, event_id) join event_push_actions a using (room_id, event_id)
     where a.user_id = any($3)`,
    [events.map(({ roomId }) => roomId), events.map(({ eventId }) => eventId), userIds],
  )

/** Of events that are redacted: they notify nobody any more. */
export async function deletePushActions(tx: Queries, roomId: RoomId, eventIds: readonly EventId[]): Promise<void> {
  if (eventIds.length === 0) return
  await tx.run('delete from event_push_actions where room_id = $1 and event_id = any($2)', [roomId, eventIds])
}

export interface NotificationRow {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly streamOrdering: number
  /** JSON, or '' as in {@link PushActionRow}. */
  readonly actions: string
  readonly highlights: boolean
  readonly profileTag: string | null
  /** Milliseconds since 1970. */
  readonly receivedTs: number
  /** The user has a receipt, of the room or of its thread, for the event or a later one. */
  readonly isRead: boolean
}

/** What notified a user, the newest first: before that position of the stream `events`. */
export const selectNotifications = (
  db: Queries,
  userId: UserId,
  {
    before,
    limit,
    onlyHighlights,
  }: { readonly before: number | undefined; readonly limit: number; readonly onlyHighlights: boolean },
) =>
  db.rows<NotificationRow>(
    `select a.event_id as "eventId", a.room_id as "roomId", a.stream_ordering as "streamOrdering", a.actions,
       coalesce(a.highlight = 1, false) as highlights, a.profile_tag as "profileTag",
       coalesce(e.received_ts, 0) as "receivedTs",
       exists (
         select from receipts_linearized r join events read on read.event_id = r.event_id
         where r.user_id = a.user_id and r.room_id = a.room_id and r.receipt_type in ('m.read', 'm.read.private')
           and (r.thread_id is null or r.thread_id = a.thread_id)
           and (read.topological_ordering, read.stream_ordering) >= (a.topological_ordering, a.stream_ordering)
       ) as "isRead"
     from event_push_actions a join events e on e.event_id = a.event_id
     where a.user_id = $1 and a.notif = 1 and ($3::bigint is null or a.stream_ordering < $3)
       and (not $4 or a.highlight = 1)
     order by a.stream_ordering desc limit $2`,
    [userId, limit, before ?? null, onlyHighlights],
  )
