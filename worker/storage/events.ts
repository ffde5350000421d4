/**
 * Events. `events` has what is selected by; the event itself is in `event_json`, as text that was made once and is given
 * out as it is. All inserts are of many at once, one statement a table.
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface NewEvent {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  /** Null: no state event. */
  readonly stateKey: string | null
  readonly sender: UserId
  readonly depth: number
  readonly originServerTs: number
  readonly receivedTs: number
  /** Negative when it was backfilled. */
  readonly streamOrdering: number
  /** Its place in the graph: its depth, at present. */
  readonly topologicalOrdering: number
  /** The writer whose `streamOrdering` it is. */
  readonly instanceName: string
  readonly isOutlier: boolean
  /** `content.url` is a string: found by a search for files. */
  readonly containsUrl: boolean
  readonly rejectionReason: string | null
  /** JSON as text: what no other server sees (`soft_failed`, `device_id`, `txn_id` …). */
  readonly internalMetadata: string
  /** The event as it goes to other servers, without `unsigned.age`. */
  readonly json: string
  /** Of the event ID: 1 in room versions 1 and 2, 2 in version 3, 3 from 4 on, 4 from 12 on. */
  readonly formatVersion: number
  readonly prevEventIds: readonly EventId[]
  readonly authEventIds: readonly EventId[]
  /** By what it is found when somebody searches. */
  readonly searched?: SearchedText | undefined
}

export interface SearchedText {
  readonly key: 'content.body' | 'content.name' | 'content.topic'
  readonly text: string
}

/** Where a room ends, and the last event that brings it up in lists of rooms; null: none of these. */
export interface RoomActivity {
  readonly roomId: RoomId
  readonly last: number
  readonly bumpStamp: number | null
}

/**
 * Stores events that are new, with their edges. In one transaction; the caller writes what follows from them (state,
 * extremities, memberships). An event that is there already is a unique violation. `activity`: what they change of the
 * room's row for lists, in the same statement, as every message changes it.
 */
export async function insertEvents(tx: Queries, events: readonly NewEvent[], activity?: RoomActivity): Promise<void> {
  const state = events.filter(({ stateKey }) => stateKey !== null)
  const rejected = events.filter(({ rejectionReason }) => rejectionReason !== null)
  const edges = events.flatMap(({ eventId, prevEventIds }) => prevEventIds.map((prev) => [eventId, prev] as const))
  const authEdges = state.flatMap((event) =>
    event.authEventIds.map((auth) => [event.eventId, event.roomId, auth] as const),
  )
  const statements = [
    tx.run(
      `with active as (
         update sliding_sync_joined_rooms
         set event_stream_ordering = greatest(event_stream_ordering, $16), bump_stamp = greatest(bump_stamp, $17)
         where room_id = $15
       )
       insert into events (event_id, room_id, type, state_key, sender, depth, origin_server_ts, received_ts,
         stream_ordering, topological_ordering, instance_name, outlier, contains_url, rejection_reason, processed)
       select t.*, true from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::boolean[], $13::boolean[],
         $14::text[]) as t`,
      [
        events.map(({ eventId }) => eventId),
        events.map(({ roomId }) => roomId),
        events.map(({ type }) => type),
        events.map(({ stateKey }) => stateKey),
        events.map(({ sender }) => sender),
        events.map(({ depth }) => depth),
        events.map(({ originServerTs }) => originServerTs),
        events.map(({ receivedTs }) => receivedTs),
        events.map(({ streamOrdering }) => streamOrdering),
        events.map(({ topologicalOrdering }) => topologicalOrdering),
        events.map(({ instanceName }) => instanceName),
        events.map(({ isOutlier }) => isOutlier),
        events.map(({ containsUrl }) => containsUrl),
        events.map(({ rejectionReason }) => rejectionReason),
        activity?.roomId ?? null,
        activity?.last ?? null,
        activity?.bumpStamp ?? null,
      ],
    ),
    insertJson(tx, events),
  ]
  // An event of the same edge twice is one edge.
  if (edges.length > 0)
    statements.push(
      tx.run(
        `insert into event_edges (event_id, prev_event_id) select * from unnest($1::text[], $2::text[])
         on conflict (event_id, prev_event_id) do nothing`,
        [edges.map(([event]) => event), edges.map(([, prev]) => prev)],
      ),
    )
  if (state.length > 0)
    statements.push(
      tx.run(
        `insert into state_events (event_id, room_id, type, state_key)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])`,
        [
          state.map(({ eventId }) => eventId),
          state.map(({ roomId }) => roomId),
          state.map(({ type }) => type),
          state.map(({ stateKey }) => stateKey),
        ],
      ),
    )
  // Only of state events: others are in nobody's auth chain.
  if (authEdges.length > 0)
    statements.push(
      tx.run(
        `insert into event_auth (event_id, room_id, auth_id) select * from unnest($1::text[], $2::text[], $3::text[])`,
        [authEdges.map(([event]) => event), authEdges.map(([, room]) => room), authEdges.map(([, , auth]) => auth)],
      ),
    )
  if (rejected.length > 0)
    statements.push(
      tx.run(
        `insert into rejections (event_id, reason, last_check) select *, $3::text from unnest($1::text[], $2::text[])
         on conflict (event_id) do nothing`,
        [
          rejected.map(({ eventId }) => eventId),
          rejected.map(({ rejectionReason }) => rejectionReason),
          String(rejected[0]!.receivedTs),
        ],
      ),
    )
  await Promise.all(statements)
}

/** What is searched goes with it, so that messages, which are most events, take no statement more. */
function insertJson(tx: Queries, events: readonly NewEvent[]): Promise<number> {
  const columns = [
    events.map(({ eventId }) => eventId),
    events.map(({ roomId }) => roomId),
    events.map(({ internalMetadata }) => internalMetadata),
    events.map(({ json }) => json),
    events.map(({ formatVersion }) => formatVersion),
  ]
  const searched = events.flatMap(({ searched: text, ...event }) => (text === undefined ? [] : [{ ...event, ...text }]))
  if (searched.length === 0)
    return tx.run(
      `insert into event_json (event_id, room_id, internal_metadata, json, format_version)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])`,
      columns,
    )
  return tx.run(
    `with searched as (
       insert into event_search (event_id, room_id, key, vector, stream_ordering, origin_server_ts)
       select s.event_id, s.room_id, s.key, to_tsvector('english', s.value), s.stream_ordering, s.origin_server_ts
       from unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])
         as s (event_id, room_id, key, value, stream_ordering, origin_server_ts)
     )
     insert into event_json (event_id, room_id, internal_metadata, json, format_version)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])`,
    [
      ...columns,
      searched.map(({ eventId }) => eventId),
      searched.map(({ roomId }) => roomId),
      searched.map(({ key }) => key),
      // Postgres has no NUL in text.
      searched.map(({ text }) => text.replaceAll('\0', ' ')),
      searched.map(({ streamOrdering }) => streamOrdering),
      searched.map(({ originServerTs }) => originServerTs),
    ],
  )
}

/** An event as it is kept. */
export interface StoredEvent {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | null
  readonly sender: UserId
  readonly streamOrdering: number
  readonly topologicalOrdering: number
  readonly instanceName: string | null
  readonly isOutlier: boolean
  readonly originServerTs: number
  readonly receivedTs: number
  readonly rejectionReason: string | null
  readonly internalMetadata: string
  readonly json: string
  readonly formatVersion: number | null
  readonly roomVersion: string | null
  /** The state after it. Outliers have none. */
  readonly stateGroup: number | null
  /** Redactions that name it, oldest first. Whether they may redact it is for the caller to say. */
  readonly redactedBy: readonly EventId[]
}

/** Those that are there, in any order. */
export const selectEvents = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<StoredEvent>(
    `select e.event_id as "eventId", e.room_id as "roomId", e.type, e.state_key as "stateKey", e.sender,
       e.stream_ordering as "streamOrdering", e.topological_ordering as "topologicalOrdering",
       e.instance_name as "instanceName", e.outlier as "isOutlier", e.origin_server_ts as "originServerTs",
       e.received_ts as "receivedTs", coalesce(e.rejection_reason, rej.reason) as "rejectionReason",
       j.internal_metadata as "internalMetadata", j.json, j.format_version as "formatVersion",
       r.room_version as "roomVersion", g.state_group as "stateGroup",
       array(select event_id from redactions where redacts = e.event_id order by received_ts) as "redactedBy"
     from events e
     join event_json j on j.event_id = e.event_id
     left join rooms r on r.room_id = e.room_id
     left join rejections rej on rej.event_id = e.event_id
     left join event_to_state_groups g on g.event_id = e.event_id
     where e.event_id = any($1)`,
    [eventIds],
  )

/** Which of these are there. Outliers count, unless they are not to. */
export async function selectKnownEventIds(
  db: Queries,
  eventIds: readonly EventId[],
  { outliers = true }: { readonly outliers?: boolean } = {},
): Promise<ReadonlySet<EventId>> {
  const rows = await db.rows<{ eventId: EventId }>(
    'select event_id as "eventId" from events where event_id = any($1) and ($2 or not outlier)',
    [eventIds, outliers],
  )
  return new Set(rows.map(({ eventId }) => eventId))
}

/** The event JSON of these, as it was stored: what federation gives out of events that are not redacted. */
export const selectEventJson = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<{ readonly eventId: EventId; readonly json: string }>(
    'select event_id as "eventId", json from event_json where event_id = any($1)',
    [eventIds],
  )

/** The edges that lead to these events, from earlier ones. */
export const selectPrevEvents = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<{ readonly eventId: EventId; readonly prevEventId: EventId }>(
    `select event_id as "eventId", prev_event_id as "prevEventId" from event_edges
     where event_id = any($1) and not is_state`,
    [eventIds],
  )

/** The auth events of these state events. */
export const selectAuthEvents = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<{ readonly eventId: EventId; readonly authEventId: EventId }>(
    'select event_id as "eventId", auth_id as "authEventId" from event_auth where event_id = any($1)',
    [eventIds],
  )

/**
 * These state events and all that they rest on: their auth events, those of them, and so on. Rooms/v12's create events,
 * which nobody names, are not among them.
 */
export async function selectAuthChain(db: Queries, eventIds: readonly EventId[]): Promise<readonly EventId[]> {
  const rows = await db.rows<{ eventId: EventId }>(
    `with recursive chain (event_id) as (
       select unnest($1::text[])
       union
       select a.auth_id from chain c join event_auth a on a.event_id = c.event_id
     )
     select event_id as "eventId" from chain`,
    [eventIds],
  )
  return rows.map(({ eventId }) => eventId)
}

export interface NewRedaction {
  readonly eventId: EventId
  readonly redacts: EventId
  readonly receivedTs: number
  /** The redacted event was not there when it was checked: it has to be checked again when it is read. */
  readonly needsCheck: boolean
}

export const insertRedactions = (tx: Queries, redactions: readonly NewRedaction[]) =>
  tx.run(
    `insert into redactions (event_id, redacts, received_ts, recheck)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[])
     on conflict (event_id) do update
     set redacts = excluded.redacts, received_ts = excluded.received_ts, recheck = excluded.recheck`,
    [
      redactions.map(({ eventId }) => eventId),
      redactions.map(({ redacts }) => redacts),
      redactions.map(({ receivedTs }) => receivedTs),
      redactions.map(({ needsCheck }) => needsCheck),
    ],
  )

export interface Relation {
  readonly eventId: EventId
  readonly relatesTo: EventId
  /** `m.thread`, `m.annotation` … */
  readonly relationType: string
  /** Of annotations: the emoji. */
  readonly aggregationKey: string | null
}

export const insertRelations = (tx: Queries, relations: readonly Relation[]) =>
  tx.run(
    `insert into event_relations (event_id, relates_to_id, relation_type, aggregation_key)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
     on conflict (event_id) do nothing`,
    [
      relations.map(({ eventId }) => eventId),
      relations.map(({ relatesTo }) => relatesTo),
      relations.map(({ relationType }) => relationType),
      relations.map(({ aggregationKey }) => aggregationKey),
    ],
  )

/** Events of threads: the last of each is kept, by topology and then by stream. */
export const updateThreads = (
  tx: Queries,
  roomId: RoomId,
  events: readonly {
    readonly threadId: EventId
    readonly eventId: EventId
    readonly topologicalOrdering: number
    readonly streamOrdering: number
  }[],
) =>
  tx.run(
    `insert into threads as t (room_id, thread_id, latest_event_id, topological_ordering, stream_ordering)
     select distinct on (e.thread_id) $1, e.* from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
       as e (thread_id, event_id, topological_ordering, stream_ordering)
     order by e.thread_id, e.topological_ordering desc, e.stream_ordering desc
     on conflict (room_id, thread_id) do update
     set latest_event_id = excluded.latest_event_id, topological_ordering = excluded.topological_ordering,
       stream_ordering = excluded.stream_ordering
     where t.topological_ordering <= excluded.topological_ordering and t.stream_ordering < excluded.stream_ordering`,
    [
      roomId,
      events.map(({ threadId }) => threadId),
      events.map(({ eventId }) => eventId),
      events.map(({ topologicalOrdering }) => topologicalOrdering),
      events.map(({ streamOrdering }) => streamOrdering),
    ],
  )

/** Of events that are redacted: they relate to nothing any more, and are not the last of their thread. */
export async function deleteRelations(tx: Queries, roomId: RoomId, eventIds: readonly EventId[]): Promise<void> {
  const gone = await tx.rows<{ threadId: EventId }>(
    `with gone as (
       delete from event_relations where event_id = any($1) returning relates_to_id, relation_type
     )
     select distinct relates_to_id as "threadId" from gone where relation_type = 'm.thread'`,
    [eventIds],
  )
  if (gone.length === 0) return
  const threads = gone.map(({ threadId }) => threadId)
  await tx.run('delete from threads where room_id = $1 and thread_id = any($2)', [roomId, threads])
  await tx.run(
    `insert into threads (room_id, thread_id, latest_event_id, topological_ordering, stream_ordering)
     select distinct on (r.relates_to_id) $1, r.relates_to_id, e.event_id, e.topological_ordering, e.stream_ordering
     from event_relations r join events e on e.event_id = r.event_id
     where r.relates_to_id = any($2) and r.relation_type = 'm.thread' and e.room_id = $1
     order by r.relates_to_id, e.topological_ordering desc, e.stream_ordering desc`,
    [roomId, threads],
  )
}
