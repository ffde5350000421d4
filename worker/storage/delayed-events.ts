/** Events that are to be sent later (MSC4140). A row that is processed is being sent, and is deleted after that. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Db, Queries } from './db.ts'

export interface NewDelayedEvent {
  readonly delayId: string
  /** Of its user, who is this server's. */
  readonly localpart: string
  readonly deviceId: string | null
  readonly roomId: RoomId
  readonly type: string
  /** Null: not a state event. */
  readonly stateKey: string | null
  /** JSON. */
  readonly content: string
  /** Milliseconds since 1970, as an appservice said it. */
  readonly originServerTs: number | null
  readonly delayMs: number
  /** Milliseconds since 1970. */
  readonly sendTs: number
}

export type DelayedEventRow = NewDelayedEvent

const COLUMNS = `delay_id as "delayId", user_localpart as localpart, device_id as "deviceId", room_id as "roomId",
  event_type as type, state_key as "stateKey", content, origin_server_ts as "originServerTs", delay as "delayMs",
  send_ts as "sendTs"`

export type Inserted =
  | { readonly isFull: false }
  /** When there will be fewer than the limit, as far as is known. */
  | { readonly isFull: true; readonly freeAtTs: number }

/** Of at most `limit`, at least one, of the user. Several processes at once may make it a few more. */
export const insertDelayedEvent = (db: Db, event: NewDelayedEvent, limit: number): Promise<Inserted> =>
  db.transaction(
    'read committed',
    async (tx) => {
      const [, row] = await Promise.all([
        // Changes of state from before the first of them are no concern of theirs.
        tx.run(
          `update delayed_events_stream_pos set stream_id = newest.id
           from (select coalesce(max(stream_id), 0) as id from current_state_delta_stream) as newest
           where stream_id < newest.id and not exists (select from delayed_events)`,
        ),
        tx.one<{ readonly count: number; readonly inserted: number }>(
          `with counted as (select count(*) as count from delayed_events where user_localpart = $2), made as (
             insert into delayed_events (delay_id, user_localpart, device_id, room_id, event_type, state_key, content,
               origin_server_ts, delay, send_ts)
             select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from counted where count < $11
             returning 1
           )
           select count, (select count(*) from made) as inserted from counted`,
          [
            event.delayId,
            event.localpart,
            event.deviceId,
            event.roomId,
            event.type,
            event.stateKey,
            event.content,
            event.originServerTs,
            event.delayMs,
            event.sendTs,
            limit,
          ],
        ),
      ])
      const { count, inserted } = row!
      if (inserted === 1) return { isFull: false }
      const free = await tx.one<{ readonly at: number | null }>(
        `select max(send_ts) as at from (
           select send_ts from delayed_events where user_localpart = $1 order by send_ts limit $2
         ) as first`,
        [event.localpart, count - limit + 1],
      )
      return { isFull: true, freeAtTs: free?.at ?? event.sendTs }
    },
    'add_delayed_event',
  )

/** When the next one is to be sent, in milliseconds since 1970. */
export async function selectNextSendTs(db: Queries): Promise<number | undefined> {
  const row = await db.one<{ readonly next: number | null }>(
    'select min(send_ts) as next from delayed_events where not is_processed',
  )
  return row?.next ?? undefined
}

/** Those that wait, of one user: the next first. */
export const selectDelayedEvents = (db: Queries, localpart: string) =>
  db.rows<DelayedEventRow>(
    `select ${COLUMNS} from delayed_events where user_localpart = $1 and not is_processed order by send_ts`,
    [localpart],
  )

/** One of them. */
export const selectDelayedEvent = (db: Queries, localpart: string, delayId: string) =>
  db.one<DelayedEventRow>(
    `select ${COLUMNS} from delayed_events where user_localpart = $1 and delay_id = $2 and not is_processed`,
    [localpart, delayId],
  )

/** Its delay begins anew. False if it does not wait. */
export const restartDelayedEvent = async (db: Queries, delayId: string, nowTs: number): Promise<boolean> =>
  (await db.run('update delayed_events set send_ts = $2 + delay where delay_id = $1 and not is_processed', [
    delayId,
    nowTs,
  ])) === 1

/** False if it does not wait. */
export const deleteDelayedEvent = async (db: Queries, delayId: string): Promise<boolean> =>
  (await db.run('delete from delayed_events where delay_id = $1 and not is_processed', [delayId])) === 1

/** All that wait, of one user. */
export const deleteDelayedEventsOf = (db: Queries, localpart: string) =>
  db.run('delete from delayed_events where user_localpart = $1 and not is_processed', [localpart])

/** It is processed from now on. Undefined if it does not wait. */
export const takeDelayedEvent = (db: Queries, delayId: string) =>
  db.one<DelayedEventRow>(
    `update delayed_events set is_processed = true where delay_id = $1 and not is_processed returning ${COLUMNS}`,
    [delayId],
  )

/** At most `limit` that were to be sent by now are processed from now on: the earliest first. */
export const takeDueEvents = (db: Queries, nowTs: number, limit: number) =>
  db.rows<DelayedEventRow>(
    `with due as (
       select delay_id as id from delayed_events where send_ts <= $1 and not is_processed order by send_ts limit $2
     ), taken as (
       update delayed_events d set is_processed = true from due where d.delay_id = due.id and not d.is_processed
       returning d.*
     )
     select ${COLUMNS} from taken order by send_ts`,
    [nowTs, limit],
  )

/** Those that were being sent when the process ended. */
export const selectProcessed = (db: Queries) =>
  db.rows<DelayedEventRow>(`select ${COLUMNS} from delayed_events where is_processed order by send_ts`)

export const deleteProcessed = (db: Queries, delayId: string) =>
  db.run('delete from delayed_events where delay_id = $1 and is_processed', [delayId])

/** Those that would say once more what was just said. */
export const deleteProcessedOfState = (db: Queries, roomId: RoomId, type: string, stateKey: string) =>
  db.run('delete from delayed_events where room_id = $1 and event_type = $2 and state_key = $3 and is_processed', [
    roomId,
    type,
    stateKey,
  ])

/**
 * Deletes what waits to set state that another user has set, by changes of rooms' states up to position `upTo` that were not
 * looked at before. One statement: a change is looked at once, whenever the process ends.
 */
export const cancelOvertaken = (db: Queries, upTo: number, serverName: string) =>
  db.run(
    `with seen as (select stream_id from delayed_events_stream_pos for update), gone as (
       delete from delayed_events d
       using seen, current_state_delta_stream s join events e on e.event_id = s.event_id
       where s.stream_id > seen.stream_id and s.stream_id <= $1
         and d.room_id = s.room_id and d.event_type = s.type and d.state_key = s.state_key
         and not d.is_processed and e.sender <> '@' || d.user_localpart || ':' || $2
     )
     update delayed_events_stream_pos set stream_id = $1 from seen`,
    [upTo, serverName],
  )
