/** What users report to the admins: events, rooms, users. Text is theirs. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'
import { insertAtNextId } from './next-id.ts'

interface Report {
  readonly reporter: UserId
  /** Milliseconds since 1970. */
  readonly receivedTs: number
}

export interface EventReport extends Report {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly reason: string | null
  /** The body of the request, as JSON. */
  readonly content: string
}

/** The report's ID. */
export const insertEventReport = (db: Queries, report: EventReport): Promise<number> =>
  insertAtNextId(() =>
    db.one<{ id: number }>(
      `insert into event_reports (id, received_ts, room_id, event_id, user_id, reason, content)
       select coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6 from event_reports
       on conflict (id) do nothing returning id`,
      [report.receivedTs, report.roomId, report.eventId, report.reporter, report.reason, report.content],
    ),
  )

export const insertRoomReport = (
  db: Queries,
  { roomId, reporter, reason, receivedTs }: Report & { readonly roomId: RoomId; readonly reason: string },
): Promise<number> =>
  insertAtNextId(() =>
    db.one<{ id: number }>(
      `insert into room_reports (id, received_ts, room_id, user_id, reason)
       select coalesce(max(id), 0) + 1, $1, $2, $3, $4 from room_reports
       on conflict (id) do nothing returning id`,
      [receivedTs, roomId, reporter, reason],
    ),
  )

export const insertUserReport = (
  db: Queries,
  { target, reporter, reason, receivedTs }: Report & { readonly target: UserId; readonly reason: string },
): Promise<number> =>
  insertAtNextId(() =>
    db.one<{ id: number }>(
      `insert into user_reports (id, received_ts, target_user_id, user_id, reason)
       select coalesce(max(id), 0) + 1, $1, $2, $3, $4 from user_reports
       on conflict (id) do nothing returning id`,
      [receivedTs, target, reporter, reason],
    ),
  )
