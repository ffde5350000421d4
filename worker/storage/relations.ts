/** What relates to events (`event_relations`, `threads`), read. Rows are written by `events.ts`. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Param, Queries } from './db.ts'
import { boundOf, COLUMNS, type EventPlace, type Place } from './timelines.ts'

/** Of one event: its edit, one of those that refer to it, or what one user said in its thread. */
export interface RelatedRow {
  readonly targetId: EventId
  readonly relationType: 'm.replace' | 'm.reference' | 'm.thread'
  readonly eventId: EventId
  readonly sender: UserId
  /** In a thread: how many events this sender has there; `eventId` is the last of them. */
  readonly count: number
  /** Milliseconds since 1970 by the sender's server's clock. */
  readonly originServerTs: number
  readonly topologicalOrdering: number
  readonly streamOrdering: number
  /** The last position of anything that relates to the event in these ways. */
  readonly upTo: number
}

/**
 * What is bundled with these events: of each the newest edit (of its type, by its sender), the first `maxReferences` that refer to
 * it, in order, and each sender's part in its thread. Reactions are not read, however many there are.
 */
export const selectRelated = (db: Queries, targetIds: readonly EventId[], maxReferences: number) =>
  db.rows<RelatedRow>(
    `with related as (
       select r.relates_to_id, r.relation_type, c.event_id, c.sender, c.origin_server_ts, c.topological_ordering,
         c.stream_ordering, c.type = p.type and c.sender = p.sender as is_like,
         max(c.stream_ordering) over (partition by r.relates_to_id) as up_to
       from unnest($1::text[]) as t (event_id)
       join event_relations r on r.relates_to_id = t.event_id
         and r.relation_type in ('m.replace', 'm.reference', 'm.thread')
       join events c on c.event_id = r.event_id
       join events p on p.event_id = r.relates_to_id and p.room_id = c.room_id
     ), edits as (
       select distinct on (relates_to_id) *, 1::bigint as count from related
       where relation_type = 'm.replace' and is_like
       order by relates_to_id, origin_server_ts desc, event_id desc
     ), refs as (
       select *, row_number() over (partition by relates_to_id order by topological_ordering, stream_ordering) as count
       from related where relation_type = 'm.reference'
     ), parts as (
       select distinct on (relates_to_id, sender) *, count(*) over (partition by relates_to_id, sender) as count
       from related where relation_type = 'm.thread'
       order by relates_to_id, sender, topological_ordering desc, stream_ordering desc
     )
     select relates_to_id as "targetId", relation_type as "relationType", event_id as "eventId", sender, count,
       origin_server_ts as "originServerTs", topological_ordering as "topologicalOrdering",
       stream_ordering as "streamOrdering", up_to as "upTo"
     from (
       select * from edits union all select * from refs where count <= $2 union all select * from parts
     ) as found
     order by topological_ordering, stream_ordering`,
    [targetIds, maxReferences],
  )

export interface RelationsPage {
  readonly eventId: EventId
  readonly roomId: RoomId
  /** Undefined: any. */
  readonly relationType: string | undefined
  readonly eventType: string | undefined
  /** Edits of what was redacted are not told of. */
  readonly withEdits: boolean
  /** What relates to what relates to it too, to as many steps as Synapse goes. */
  readonly recurse: boolean
  readonly direction: 'backwards' | 'forwards'
  readonly from: Place | undefined
  readonly to: Place | undefined
  readonly limit: number
}

/** Events that relate to one, in its room: `backwards` up to and including `from`, newest first; `forwards` after it. */
export function selectRelations(db: Queries, page: RelationsPage): Promise<EventPlace[]> {
  const { eventId, roomId, relationType, eventType, withEdits, recurse, direction, from, to, limit } = page
  const params: Param[] = [eventId, roomId]
  const param = (value: Param): string => `$${params.push(value)}`
  const [after, before, order] = direction === 'backwards' ? ['>', '<=', ' desc'] : ['<=', '>', '']
  const conditions = ['e.room_id = $2', 'e.rejection_reason is null', 'not e.outlier']
  if (relationType !== undefined) conditions.push(`r.relation_type = ${param(relationType)}`)
  if (eventType !== undefined) conditions.push(`e.type = ${param(eventType)}`)
  if (!withEdits) conditions.push("r.relation_type <> 'm.replace'")
  if (from !== undefined) conditions.push(boundOf(before, from, param))
  if (to !== undefined) conditions.push(boundOf(after, to, param))
  const [recursion, related] = recurse
    ? [
        `with recursive r as (
           select event_id, relation_type, 0 as depth from event_relations where relates_to_id = $1
           union all
           select o.event_id, o.relation_type, r.depth + 1
           from r join event_relations o on o.relates_to_id = r.event_id where r.depth <= 3
         )`,
        'r',
      ]
    : ['', 'event_relations r']
  if (!recurse) conditions.push('r.relates_to_id = $1')
  return db.rows<EventPlace>(
    `${recursion} select ${COLUMNS} from ${related} join events e on e.event_id = r.event_id
     where ${conditions.join(' and ')}
     order by e.topological_ordering${order}, e.stream_ordering${order} limit ${param(limit)}`,
    params,
  )
}

export interface ThreadRow {
  readonly threadId: EventId
  /** Of the thread's last event. */
  readonly topologicalOrdering: number
  readonly streamOrdering: number
}

/** Threads of a room, the one with the newest event first; `before`: those that end before that place. */
export const selectThreads = (
  db: Queries,
  roomId: RoomId,
  limit: number,
  before: { readonly topologicalOrdering: number; readonly streamOrdering: number } | undefined,
) =>
  db.rows<ThreadRow>(
    `select thread_id as "threadId", topological_ordering as "topologicalOrdering", stream_ordering as "streamOrdering"
     from threads
     where room_id = $1 ${before === undefined ? '' : 'and (topological_ordering, stream_ordering) < ($3, $4)'}
     order by topological_ordering desc, stream_ordering desc limit $2`,
    before === undefined ? [roomId, limit] : [roomId, limit, before.topologicalOrdering, before.streamOrdering],
  )

/** In which of these threads the user has said something. */
export async function selectThreadsOf(
  db: Queries,
  userId: UserId,
  threadIds: readonly EventId[],
): Promise<ReadonlySet<EventId>> {
  const rows = await db.rows<{ readonly threadId: EventId }>(
    `select t.thread_id as "threadId" from unnest($1::text[]) as t (thread_id)
     where exists (
       select from event_relations r
       join events c on c.event_id = r.event_id
       join events p on p.event_id = r.relates_to_id and p.room_id = c.room_id
       where r.relates_to_id = t.thread_id and r.relation_type = 'm.thread' and c.sender = $2
     )`,
    [threadIds, userId],
  )
  return new Set(rows.map(({ threadId }) => threadId))
}

/** To which of these events somebody of `senders` relates something of `types`; undefined or empty: anybody, anything. */
export async function selectRelatedBy(
  db: Queries,
  eventIds: readonly EventId[],
  senders: readonly string[] | undefined,
  types: readonly string[] | undefined,
): Promise<ReadonlySet<EventId>> {
  const rows = await db.rows<{ readonly eventId: EventId }>(
    `select t.event_id as "eventId" from unnest($1::text[]) as t (event_id)
     where exists (
       select from event_relations r join events c on c.event_id = r.event_id
       where r.relates_to_id = t.event_id and ($2::text[] is null or c.sender = any($2))
         and ($3::text[] is null or r.relation_type = any($3))
     )`,
    [eventIds, senders?.length ? senders : null, types?.length ? types : null],
  )
  return new Set(rows.map(({ eventId }) => eventId))
}

/** Whether anything relates to the event, which need not be known itself. */
export async function isRelatedTo(db: Queries, eventId: EventId): Promise<boolean> {
  const row = await db.one('select 1 as found from event_relations where relates_to_id = $1 limit 1', [eventId])
  return row !== undefined
}

/** Whether the user has annotated the event in that way, with an event of that type that is not redacted. */
export async function hasAnnotated(
  db: Queries,
  eventId: EventId,
  sender: UserId,
  type: string,
  key: string,
): Promise<boolean> {
  const row = await db.one(
    `select 1 as found from event_relations r join events c on c.event_id = r.event_id
     where r.relates_to_id = $1 and r.relation_type = 'm.annotation' and r.aggregation_key = $4
       and c.sender = $2 and c.type = $3
     limit 1`,
    [eventId, sender, type, key],
  )
  return row !== undefined
}
