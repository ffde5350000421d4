/**
 * Messages, names and topics by words, in the rooms that a user is in (client-server-api, "Server Side Search"). All that is
 * told of goes through the visibility function: how many were found, and which words, too.
 */

import type { EventFilter } from '../../../shared/matrix/filter/event-filter.ts'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { Queries } from '../../storage/db.ts'
import { selectRelatedBy } from '../../storage/relations.ts'
import { MARKS, type MatchRow, selectHeadlines, selectMatches } from '../../storage/search.ts'
import type { EventStore } from '../event-store.ts'
import type { Visibility, VisibleEvent } from '../visibility.ts'

/** Newest first, a place behind a match. */
export interface MatchPlace {
  readonly originServerTs: number
  readonly streamOrdering: number
}

export interface SearchQuery {
  /** The user is in all of them. */
  readonly roomIds: readonly RoomId[]
  readonly words: string
  /** `content.body`, `content.name`, `content.topic`. */
  readonly keys: readonly string[]
  readonly order: 'rank' | 'recent'
  readonly filter: EventFilter
  readonly limit: number
  /** By `recent`: on from there. */
  readonly after: MatchPlace | undefined
}

export interface Match extends MatchPlace {
  readonly event: VisibleEvent
  readonly rank: number
}

export interface Found {
  readonly matches: readonly Match[]
  /** Of those that were looked at: no more than {@link MAX_MATCHES}. */
  readonly count: number
  /** Undefined: there is no more, or the order is `rank`. */
  readonly next: MatchPlace | undefined
  /** Words of the matches, in lower case. */
  readonly highlights: readonly string[]
}

export type Search = (userId: UserId, query: SearchQuery) => Promise<Found>

export interface SearchDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Pick<Visibility, 'filter'>
}

/** So many matches are looked at at once, whether the user may see them. */
export const MAX_MATCHES = 500
/** Of a text, in which words are looked for: as much as most messages have. */
const MAX_HEADLINE = 10_000

export function makeSearch({ db, events: store, visibility }: SearchDeps): Search {
  /** Events are redacted where they are; what was found in what was taken is found no more. */
  const visibleOf = async (userId: UserId, rows: readonly MatchRow[], filter: EventFilter): Promise<Match[]> => {
    const known = await store.get(rows.map(({ eventId }) => eventId))
    let wanted = rows.flatMap(({ eventId }) => known.get(eventId) ?? [])
    wanted = wanted.filter(
      ({ event, redactedBecause, isRejected }) => !isRejected && redactedBecause === undefined && filter.passes(event),
    )
    const { relatedBy } = filter
    if (wanted.length > 0 && (relatedBy?.senders?.length || relatedBy?.relTypes?.length)) {
      const ids = wanted.map(({ event }) => event.eventId)
      const related = await selectRelatedBy(db, ids, relatedBy.senders, relatedBy.relTypes)
      wanted = wanted.filter(({ event }) => related.has(event.eventId))
    }
    const visible = new Map<EventId, VisibleEvent>()
    // Of who is erased nothing is left that could have been found.
    for (const event of await visibility.filter(userId, wanted))
      if (!event.isPruned) visible.set(event.known.event.eventId, event)
    return rows.flatMap(({ eventId, rank, originServerTs, streamOrdering }) => {
      const event = visible.get(eventId)
      return event === undefined ? [] : [{ event, rank, originServerTs, streamOrdering }]
    })
  }

  const highlightsOf = async (words: string, matches: readonly Match[]): Promise<readonly string[]> => {
    const texts = matches.map(({ event }) => {
      const { body, name, topic } = event.known.event.content
      const text = [body, name, topic].filter((value) => typeof value === 'string').join(' ')
      return text.slice(0, MAX_HEADLINE).replaceAll(/[\0\uE000\uE001]/g, ' ')
    })
    const found = new Set<string>()
    for (const headline of texts.length === 0 ? [] : await selectHeadlines(db, words, texts))
      for (const part of headline.split(MARKS.start).slice(1)) found.add(part.split(MARKS.end, 1)[0]!.toLowerCase())
    return [...found]
  }

  return async (userId, { roomIds, words, keys, order, filter, limit, after }) => {
    const look = async (before: MatchPlace | undefined) => {
      const rows = await selectMatches(db, { roomIds, words, keys, order, before, limit: MAX_MATCHES })
      const isFull = rows.length === MAX_MATCHES
      return { matches: await visibleOf(userId, rows, filter), last: isFull ? rows.at(-1) : undefined }
    }
    const first = await look(undefined)
    const isWithin = after === undefined || first.last === undefined || !isBehind(first.last, after)
    const { matches: all, last } = isWithin ? first : await look(after)
    const rest = after === undefined || order === 'rank' ? all : all.filter((match) => isBehind(after, match))
    const matches = rest.slice(0, limit)
    const next = matches.length === limit ? matches.at(-1) : last
    return {
      matches,
      count: first.matches.length,
      next: order === 'recent' && next !== undefined ? next : undefined,
      highlights: await highlightsOf(words, matches),
    }
  }
}

/** Whether `match` comes after `place`, or is there. */
const isBehind = (place: MatchPlace, match: MatchPlace): boolean =>
  match.originServerTs < place.originServerTs ||
  (match.originServerTs === place.originServerTs && match.streamOrdering < place.streamOrdering)
