/** The state of rooms now, at their forward extremities, and its changes in the order of the stream. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'
import type { StateEntry, StateFilter } from './state-groups.ts'

export interface CurrentStateEntry extends StateEntry {
  readonly roomId: RoomId
}

const COLUMNS = 's.room_id as "roomId", s.type, s.state_key as "stateKey", s.event_id as "eventId"'

/** The current state of these rooms: all of it, or what any of the filters wants. */
export async function selectCurrentState(
  db: Queries,
  roomIds: readonly RoomId[],
  filters?: readonly StateFilter[],
): Promise<readonly CurrentStateEntry[]> {
  if (filters === undefined)
    return db.rows<CurrentStateEntry>(`select ${COLUMNS} from current_state_events s where s.room_id = any($1)`, [
      roomIds,
    ])
  return db.rows<CurrentStateEntry>(
    `select ${COLUMNS} from unnest($2::text[], $3::text[]) as f (type, state_key)
     join current_state_events s on s.type = f.type and (f.state_key is null or s.state_key = f.state_key)
     where s.room_id = any($1)`,
    [roomIds, filters.map(({ type }) => type), filters.map(({ stateKey }) => stateKey)],
  )
}

/** An entry that is another event from now on. */
export interface StateChange {
  /** Position at which the change is to be seen. */
  readonly streamId: number
  readonly type: string
  readonly stateKey: string
  /** Null: there is none any longer (the state was reset). */
  readonly eventId: EventId | null
  /** Of `m.room.member`. */
  readonly membership: string | null
  readonly eventStreamOrdering: number | null
}

/**
 * Changes a room's current state, and notes the changes for who follows them, in that writer's name. In the transaction
 * that stores the events. Each entry at most once in `changes`.
 */
export async function updateCurrentState(
  tx: Queries,
  roomId: RoomId,
  instanceName: string,
  changes: readonly StateChange[],
): Promise<void> {
  if (changes.length === 0) return
  const [types, keys] = [changes.map(({ type }) => type), changes.map(({ stateKey }) => stateKey)]
  const eventIds = changes.map(({ eventId }) => eventId)
  const kept = changes.filter(({ eventId }) => eventId !== null)
  await Promise.all([
    tx.run(
      `insert into current_state_delta_stream (stream_id, instance_name, room_id, type, state_key, event_id,
         prev_event_id)
       select c.stream_id, $2::text, $1::text, c.type, c.state_key, c.event_id, s.event_id
       from unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) as c (stream_id, type, state_key, event_id)
       left join current_state_events s on s.room_id = $1 and s.type = c.type and s.state_key = c.state_key`,
      [roomId, instanceName, changes.map(({ streamId }) => streamId), types, keys, eventIds],
    ),
    // All of them: an event ID is there once, and may move from one entry to another only if none has it in between.
    tx.run(
      `delete from current_state_events s using unnest($2::text[], $3::text[]) as c (type, state_key)
       where s.room_id = $1 and s.type = c.type and s.state_key = c.state_key`,
      [roomId, types, keys],
    ),
    tx.run(
      `insert into current_state_events (room_id, type, state_key, event_id, membership, event_stream_ordering)
       select $1, c.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) as c`,
      [
        roomId,
        kept.map(({ type }) => type),
        kept.map(({ stateKey }) => stateKey),
        kept.map(({ eventId }) => eventId),
        kept.map(({ membership }) => membership),
        kept.map(({ eventStreamOrdering }) => eventStreamOrdering),
      ],
    ),
  ])
}

export interface StateDelta {
  readonly streamId: number
  readonly instanceName: string
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string
  readonly eventId: EventId | null
  readonly prevEventId: EventId | null
}

const DELTA = `stream_id as "streamId", coalesce(instance_name, 'master') as "instanceName", room_id as "roomId", type,
  state_key as "stateKey", event_id as "eventId", prev_event_id as "prevEventId"`

/** Changes of all rooms after `from`, up to and including `to`, oldest first, at most `limit`. */
export const selectStateDeltas = (db: Queries, from: number, to: number, limit: number) =>
  db.rows<StateDelta>(
    `select ${DELTA} from current_state_delta_stream where stream_id > $1 and stream_id <= $2
     order by stream_id limit $3`,
    [from, to, limit],
  )

/** Changes of these rooms after `from`, up to and including `to`, oldest first. */
export const selectStateDeltasOfRooms = (db: Queries, roomIds: readonly RoomId[], from: number, to: number) =>
  db.rows<StateDelta>(
    `select ${DELTA} from current_state_delta_stream
     where room_id = any($1) and stream_id > $2 and stream_id <= $3 order by stream_id`,
    [roomIds, from, to],
  )
