/** What is found by words (`event_search`). The words are parameters that Postgres reads by itself: `websearch_to_tsquery`. */

import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { Param, Queries } from './db.ts'

export interface MatchRow {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly rank: number
  /** Milliseconds since 1970 by the sender's server's clock. */
  readonly originServerTs: number
  readonly streamOrdering: number
}

export interface MatchesQuery {
  readonly roomIds: readonly RoomId[]
  /** As people type them: `"a phrase" or -without`. */
  readonly words: string
  /** `content.body`, `content.name`, `content.topic`. */
  readonly keys: readonly string[]
  readonly order: 'rank' | 'recent'
  /** Those that come after this one, newest first. */
  readonly before?: { readonly originServerTs: number; readonly streamOrdering: number } | undefined
  readonly limit: number
}

/** The best matches, or the newest. */
export function selectMatches(db: Queries, query: MatchesQuery): Promise<MatchRow[]> {
  const { roomIds, words, keys, order, before, limit } = query
  const params: Param[] = [words, roomIds, keys, limit]
  if (before !== undefined) params.push(before.originServerTs, before.streamOrdering)
  const newest = 'origin_server_ts desc nulls last, stream_ordering desc nulls last'
  return db.rows<MatchRow>(
    `select event_id as "eventId", room_id as "roomId",
       ts_rank_cd(vector, websearch_to_tsquery('english', $1)) as rank,
       coalesce(origin_server_ts, 0) as "originServerTs", coalesce(stream_ordering, 0) as "streamOrdering"
     from event_search
     where vector @@ websearch_to_tsquery('english', $1) and room_id = any($2) and key = any($3)
       ${before === undefined ? '' : 'and (origin_server_ts, stream_ordering) < ($5, $6)'}
     order by ${order === 'rank' ? `rank desc, ${newest}` : newest} limit $4`,
    params,
  )
}

/** The marks that {@link selectHeadlines} puts around words: texts must not hold them. */
export const MARKS = { start: '\uE000', end: '\uE001' } as const

/** Excerpts of these texts, with what was searched for between {@link MARKS}. */
export async function selectHeadlines(
  db: Queries,
  words: string,
  texts: readonly string[],
): Promise<readonly string[]> {
  const rows = await db.rows<{ readonly headline: string }>(
    `select ts_headline('english', t.text, websearch_to_tsquery('english', $1), $3) as headline
     from unnest($2::text[]) as t (text)`,
    [words, texts, `StartSel=${MARKS.start}, StopSel=${MARKS.end}, MaxFragments=50`],
  )
  return rows.map(({ headline }) => headline)
}

export interface Anchor {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly topologicalOrdering: number
  readonly streamOrdering: number
}
export interface AroundRow {
  readonly anchorId: EventId
  readonly eventId: EventId
  readonly topologicalOrdering: number
  readonly streamOrdering: number
}

/** Of each of these events, those next to it in its room: at most `limit`, the nearest first. One statement for all. */
export const selectAround = (
  db: Queries,
  anchors: readonly Anchor[],
  direction: 'before' | 'after',
  limit: number,
): Promise<AroundRow[]> => {
  const [operator, order] = direction === 'before' ? ['<', ' desc'] : ['>', '']
  return db.rows<AroundRow>(
    `select a.event_id as "anchorId", e.* from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
       as a (event_id, room_id, topological_ordering, stream_ordering)
     cross join lateral (
       select e.event_id as "eventId", e.topological_ordering as "topologicalOrdering",
         e.stream_ordering as "streamOrdering"
       from events e
       where e.room_id = a.room_id and not e.outlier and e.rejection_reason is null
         and (e.topological_ordering, e.stream_ordering) ${operator} (a.topological_ordering, a.stream_ordering)
       order by e.topological_ordering${order}, e.stream_ordering${order} limit $5
     ) as e`,
    [
      anchors.map(({ eventId }) => eventId),
      anchors.map(({ roomId }) => roomId),
      anchors.map(({ topologicalOrdering }) => topologicalOrdering),
      anchors.map(({ streamOrdering }) => streamOrdering),
      limit,
    ],
  )
}
