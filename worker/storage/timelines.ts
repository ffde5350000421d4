/**
 * The order of events in rooms: by stream (as they came to us) for what is new, by topology (as they came about) for
 * history. Only places are selected; the events themselves are in `events.ts`, and in caches.
 *
 * Rejected events and outliers are in no timeline. Soft-failed ones are: their `internalMetadata` says so.
 */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Param, Queries } from './db.ts'

export interface EventPlace {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly streamOrdering: number
  readonly topologicalOrdering: number
  /** The writer by whose clock `streamOrdering` counts; `master` where it was not noted. */
  readonly instanceName: string
}

/** Of `events e`. */
export const COLUMNS = `e.event_id as "eventId", e.room_id as "roomId", e.stream_ordering as "streamOrdering",
  e.topological_ordering as "topologicalOrdering", coalesce(e.instance_name, 'master') as "instanceName"`

/**
 * The last events of each of these rooms after `from`, up to and including `to`: at most `limit` of a room, newest first.
 * With several writers `from` and `to` are the least and the greatest position: the caller drops what is outside of its
 * token's vector, by `instanceName`. A room without any is not there. One statement for all rooms.
 */
export const selectRecentEvents = (
  db: Queries,
  rooms: readonly { readonly roomId: RoomId; readonly from: number; readonly to?: number | undefined }[],
  to: number,
  limit: number,
) =>
  db.rows<EventPlace>(
    `select e.* from unnest($1::text[], $2::bigint[], $5::bigint[]) as r (room_id, after, up_to)
     cross join lateral (
       select ${COLUMNS} from events e
       where e.room_id = r.room_id and e.stream_ordering > r.after and e.stream_ordering <= least($3, r.up_to)
         and not e.outlier and e.rejection_reason is null
       order by e.stream_ordering desc limit $4
     ) as e
     order by "roomId", "streamOrdering" desc`,
    [rooms.map(({ roomId }) => roomId), rooms.map(({ from }) => from), to, limit, rooms.map((room) => room.to ?? to)],
  )

/**
 * A place between events: in a room's history after the one of that depth and stream position, without a depth in the
 * order in which events came.
 */
export interface Place {
  readonly topologicalOrdering?: number | undefined
  readonly streamOrdering: number
}

/** What of a page is wanted. Undefined: any. */
export interface HistoryFilter {
  /** `*` is any number of characters. */
  readonly types?: readonly string[] | undefined
  readonly notTypes?: readonly string[] | undefined
  readonly senders?: readonly string[] | undefined
  readonly notSenders?: readonly string[] | undefined
  readonly containsUrl?: boolean | undefined
  /** Only events to which others relate: of these types, by these senders. */
  readonly relatedBy?:
    | { readonly types?: readonly string[] | undefined; readonly senders?: readonly string[] | undefined }
    | undefined
}

/**
 * A page of a room's history. `backwards`: up to and including `from`, newest first; `forwards`: after it, oldest first.
 * With `to`, not beyond it. With several writers a place without a depth is the greatest position of what comes before
 * it, or the least of what comes after: the caller drops what is outside of its token's vector, by `instanceName`.
 */
export function selectHistory(
  db: Queries,
  roomId: RoomId,
  direction: 'backwards' | 'forwards',
  from: Place,
  limit: number,
  to?: Place,
  filter?: HistoryFilter,
): Promise<EventPlace[]> {
  const params: Param[] = [roomId]
  const param = (value: Param): string => `$${params.push(value)}`
  const bound = (operator: string, place: Place): string => boundOf(operator, place, param)
  const [after, before, order] = direction === 'backwards' ? ['>', '<=', ' desc'] : ['<=', '>', '']
  const conditions = [
    bound(before, from),
    ...(to === undefined ? [] : [bound(after, to)]),
    ...(filter === undefined ? [] : filterConditions(filter, param)),
  ]
  return db.rows<EventPlace>(
    `select ${COLUMNS} from events e
     where e.room_id = $1 and not e.outlier and e.rejection_reason is null and ${conditions.join(' and ')}
     order by e.topological_ordering${order}, e.stream_ordering${order} limit ${param(limit)}`,
    params,
  )
}

/** As texts of their own, each with its bounds: an index is read from where they say, in one direction or the other. */
export const boundOf = (
  operator: string,
  { topologicalOrdering, streamOrdering }: Place,
  param: (value: Param) => string,
): string =>
  topologicalOrdering === undefined
    ? `e.stream_ordering ${operator} ${param(streamOrdering)}`
    : `(e.topological_ordering, e.stream_ordering) ${operator} (${param(topologicalOrdering)}, ${param(streamOrdering)})`

function filterConditions(filter: HistoryFilter, param: (value: Param) => string): string[] {
  const { types, notTypes, senders, notSenders, containsUrl, relatedBy } = filter
  const conditions: string[] = []
  if (types !== undefined) conditions.push(isType(types, param))
  if (notTypes !== undefined) conditions.push(`not ${isType(notTypes, param)}`)
  if (senders !== undefined) conditions.push(`e.sender = any(${param(senders)})`)
  if (notSenders !== undefined) conditions.push(`not e.sender = any(${param(notSenders)})`)
  if (containsUrl !== undefined) conditions.push(`coalesce(e.contains_url, false) = ${param(containsUrl)}`)
  if (relatedBy !== undefined) {
    const relates = ['r.relates_to_id = e.event_id']
    if (relatedBy.types !== undefined) relates.push(`r.relation_type = any(${param(relatedBy.types)})`)
    if (relatedBy.senders !== undefined) relates.push(`child.sender = any(${param(relatedBy.senders)})`)
    conditions.push(
      `exists (select from event_relations r join events child on child.event_id = r.event_id where ${relates.join(' and ')})`,
    )
  }
  return conditions
}

function isType(types: readonly string[], param: (value: Param) => string): string {
  if (!types.some((type) => type.includes('*'))) return `e.type = any(${param(types)})`
  const patterns = types.map((type) => type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%'))
  return `e.type like any(${param(patterns)})`
}

/** The greatest depth of an event of the room; 0 in a room without any. */
export async function selectMaxDepth(db: Queries, roomId: RoomId): Promise<number> {
  const row = await db.one<{ depth: number }>(
    `select topological_ordering as depth from events where room_id = $1 and not outlier
     order by topological_ordering desc, stream_ordering desc limit 1`,
    [roomId],
  )
  return row?.depth ?? 0
}

/** Where these events are. Outliers have no place in a room; they are left out. */
export const selectPlaces = (db: Queries, eventIds: readonly EventId[]) =>
  db.rows<EventPlace>(`select ${COLUMNS} from events e where e.event_id = any($1) and not e.outlier`, [eventIds])

/** The last event of each of these rooms, up to and including `to`. */
export const selectLastEvents = (db: Queries, roomIds: readonly RoomId[], to: number) =>
  selectRecentEvents(
    db,
    roomIds.map((roomId) => ({ roomId, from: Number.MIN_SAFE_INTEGER })),
    to,
    1,
  )

export interface TimedPlace extends EventPlace {
  /** Milliseconds since 1970 by the sender's server's clock. */
  readonly originServerTs: number
}

/**
 * Events of a room by the time at which their senders say that they sent them, the nearest first: `forwards` at that time or
 * later, `backwards` at it or earlier. `beyond`: after that one.
 */
export function selectByTime(
  db: Queries,
  roomId: RoomId,
  direction: 'backwards' | 'forwards',
  ts: number,
  limit: number,
  beyond?: TimedPlace,
): Promise<TimedPlace[]> {
  const [operator, order] = direction === 'backwards' ? ['<', ' desc'] : ['>', '']
  const rest =
    beyond === undefined
      ? ''
      : `and (e.origin_server_ts, e.topological_ordering, e.stream_ordering) ${operator} ($4, $5, $6)`
  return db.rows<TimedPlace>(
    `select ${COLUMNS}, e.origin_server_ts as "originServerTs" from events e
     where e.room_id = $1 and e.origin_server_ts ${operator}= $2 and not e.outlier and e.rejection_reason is null ${rest}
     order by e.origin_server_ts${order}, e.topological_ordering${order}, e.stream_ordering${order} limit $3`,
    [
      roomId,
      ts,
      limit,
      ...(beyond === undefined ? [] : [beyond.originServerTs, beyond.topologicalOrdering, beyond.streamOrdering]),
    ],
  )
}

/**
 * Events in the order in which they arrived, after `from` and up to `to`, at most `limit` of each of these rooms; and the
 * memberships of `userId` in any room. As with {@link selectRecentEvents} the caller drops what is outside of its vectors.
 */
export const selectArrivals = (
  db: Queries,
  userId: UserId,
  roomIds: readonly RoomId[],
  from: number,
  to: number,
  limit: number,
) =>
  db.rows<EventPlace>(
    `select e.* from unnest($1::text[]) as r (room_id)
     cross join lateral (
       select ${COLUMNS} from events e
       where e.room_id = r.room_id and e.stream_ordering > $2 and e.stream_ordering <= $3
         and not e.outlier and e.rejection_reason is null
       order by e.stream_ordering limit $4
     ) as e
     union
     select * from (
       select ${COLUMNS} from room_memberships m join events e on e.event_id = m.event_id
       where m.user_id = $5 and m.event_stream_ordering > $2 and m.event_stream_ordering <= $3
         and e.rejection_reason is null
       order by e.stream_ordering limit $4
     ) as own
     order by "streamOrdering" limit $4`,
    [roomIds, from, to, limit, userId],
  )
