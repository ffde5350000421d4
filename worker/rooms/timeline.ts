/** Pages of a room's history, as `/messages` and `/context` give them: in the order of the graph, not of arrival. */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import {
  type EventPlace,
  type HistoryFilter,
  type Place,
  selectHistory,
  selectMaxDepth,
  selectRecentEvents,
} from '../storage/timelines.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { type HistoricToken, isHistoric, type RoomToken } from '../streams/tokens.ts'
import { isBetween, type MultiWriterToken, maxPosition, tokenAt } from '../streams/vector-clock.ts'
import type { EventStore, KnownEvent } from './event-store.ts'

export type Direction = 'backwards' | 'forwards'

export interface PageOptions {
  readonly direction: Direction
  /** Undefined: backwards from now, forwards from the beginning. */
  readonly from?: RoomToken | undefined
  readonly to?: RoomToken | undefined
  readonly limit: number
  /** What of it can be asked of the database is; the caller still passes events through it. */
  readonly filter?: EventFilter | undefined
}

export interface Page {
  /** Backwards: newest first. */
  readonly events: readonly KnownEvent[]
  /** Where the page begins. */
  readonly start: RoomToken
  /** Where the next one does. */
  readonly next: RoomToken
  /** There is more. */
  readonly isLimited: boolean
}

export interface Timeline {
  readonly page: (roomId: RoomId, options: PageOptions) => Promise<Page>
  /** The room's last event at or before that place, by order of arrival unless the token is one of history. */
  readonly lastBefore: (roomId: RoomId, token: RoomToken) => Promise<EventId | undefined>
}

export interface TimelineDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly streams: Pick<LiveStreams, 'now'>
}

/** After an event, where a page forwards goes on. */
export const placeOf = ({
  topologicalOrdering,
  streamOrdering,
}: Pick<EventPlace, 'topologicalOrdering' | 'streamOrdering'>): HistoricToken => ({
  depth: topologicalOrdering,
  stream: streamOrdering,
})

const BEGINNING = tokenAt(0)

export function makeTimeline({ db, events: store, streams }: TimelineDeps): Timeline {
  const eventsAt = async (places: readonly EventPlace[]): Promise<readonly KnownEvent[]> => {
    const found = await store.get(places.map(({ eventId }) => eventId))
    return places.flatMap(({ eventId }) => {
      const known = found.get(eventId)
      return known === undefined || known.isRejected ? [] : [known]
    })
  }

  /** The token of clients that begin now, of history: as a page begins with it, the other direction can go on from there. */
  const endOf = async (
    roomId: RoomId,
    now: MultiWriterToken,
    first: EventPlace | undefined,
  ): Promise<HistoricToken> => ({
    depth: first?.topologicalOrdering ?? (await selectMaxDepth(db, roomId)),
    stream: maxPosition(now),
  })

  return {
    async page(roomId, { direction, from, to, limit, filter }) {
      const now = streams.now().room as MultiWriterToken
      const isBackwards = direction === 'backwards'
      const begin = from ?? (isBackwards ? now : BEGINNING)
      if (limit === 0 || filter?.passesNothing === true || filter?.passesRoom(roomId) === false) {
        const start = from === undefined && isBackwards ? await endOf(roomId, now, undefined) : begin
        return { events: [], start, next: to ?? start, isLimited: limit === 0 }
      }
      const asked = filter === undefined ? undefined : historyFilter(filter)
      const fetched = await selectHistory(
        db,
        roomId,
        direction,
        placeFor(begin, isBackwards),
        limit + 1,
        to === undefined ? undefined : placeFor(to, !isBackwards),
        asked,
      )
      // Without a filter the first row is the room's last.
      const start =
        from === undefined && isBackwards
          ? await endOf(roomId, now, asked === undefined ? fetched[0] : undefined)
          : begin
      const [lower, upper] = isBackwards ? [to, begin] : [begin, to]
      const rows: EventPlace[] = []
      let passed: EventPlace | undefined
      let hasMore = fetched.length > limit
      for (const row of fetched) {
        // Stored, but not announced yet, or after one that is not. Who went on from behind it would never see it.
        if (!isBackwards && !isBetween(undefined, now, row.instanceName, row.streamOrdering)) {
          hasMore = false
          break
        }
        if (rows.length === limit) break
        passed = row
        if (isWithin(lower, upper, row)) rows.push(row)
      }
      const events = await eventsAt(rows)
      return { events, start, next: nextAfter(passed, isBackwards) ?? to ?? start, isLimited: hasMore }
    },

    async lastBefore(roomId, token) {
      if (isHistoric(token)) {
        const [place] = await selectHistory(db, roomId, 'backwards', placeFor(token, true), 1)
        return place?.eventId
      }
      const from = Number.MIN_SAFE_INTEGER
      // Those that are ahead of the token are few: what several writers wrote at one moment.
      for (let limit = token.ahead.size === 0 ? 1 : 20; ; limit *= 10) {
        const rows = await selectRecentEvents(db, [{ roomId, from }], maxPosition(token), limit)
        const last = rows.find((row) => isBetween(undefined, token, row.instanceName, row.streamOrdering))
        if (last !== undefined || rows.length < limit) return last?.eventId
      }
    },
  }
}

/** As a bound of the database's: `isUpper`, where events are before it. */
export const placeFor = (token: RoomToken, isUpper: boolean): Place =>
  isHistoric(token)
    ? { topologicalOrdering: token.depth, streamOrdering: token.stream }
    : { streamOrdering: isUpper ? maxPosition(token) : token.stream }

/** What the bounds of the database leave open: who wrote it, of tokens that tell writers apart. */
export function isWithin(lower: RoomToken | undefined, upper: RoomToken | undefined, row: EventPlace): boolean {
  const clock = (token: RoomToken | undefined) => (token === undefined || isHistoric(token) ? undefined : token)
  return isBetween(clock(lower), clock(upper), row.instanceName, row.streamOrdering)
}

/** Tokens are between events: backwards the next page begins with what is before the last of this one. */
function nextAfter(last: EventPlace | undefined, isBackwards: boolean): HistoricToken | undefined {
  if (last === undefined) return undefined
  const { depth, stream } = placeOf(last)
  return { depth, stream: isBackwards ? stream - 1 : stream }
}

/** Undefined: it leaves nothing out, as one that only asks for members to be loaded lazily. */
function historyFilter({ types, senders, containsUrl, relatedBy }: EventFilter): HistoryFilter | undefined {
  const some = (list: readonly string[] | undefined) => (list === undefined || list.length === 0 ? undefined : list)
  const related = { types: some(relatedBy?.relTypes), senders: some(relatedBy?.senders) }
  const filter = {
    types: types.include,
    notTypes: some(types.exclude),
    senders: senders.include,
    notSenders: some(senders.exclude),
    containsUrl,
    relatedBy: related.types === undefined && related.senders === undefined ? undefined : related,
  }
  return Object.values(filter).every((value) => value === undefined) ? undefined : filter
}
