import type { searchEndpoints } from '../../shared/endpoints/client/search.ts'
import { type EventFilter, passAll } from '../../shared/matrix/filter/event-filter.ts'
import { readRoomEventFilter } from '../../shared/matrix/filter/filter.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Contexts } from '../rooms/search/contexts.ts'
import { predecessorsOf } from '../rooms/search/predecessors.ts'
import { type Found, MAX_MATCHES, type Match, type Search } from '../rooms/search/search.ts'
import type { StateStore } from '../rooms/state-store.ts'
import { asState, type VisibleEvent } from '../rooms/visibility.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { type HistoricToken, printStreamToken } from '../streams/tokens.ts'
import { eventIdsOf, eventsInOrder, readerOf } from './event-answers.ts'
import { type AskedSearch, type Batch, printBatch, readBatch, readSearch, WHOLE } from './search-request.ts'

export interface SearchHandlerDeps {
  /** `enable_search`. */
  readonly isEnabled: boolean
  readonly streams: Pick<LiveStreams, 'instances' | 'now'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  readonly events: Pick<EventStore, 'get'>
  readonly state: Pick<StateStore, 'current' | 'currentEvent'>
  readonly search: Search
  readonly contexts: Contexts
  readonly printer: EventPrinter
}

const DEFAULT_LIMIT = 10
/** Of an answer. NOTSPEC: Synapse has no bound. */
const MAX_CONTEXT_EVENTS = 5_000
const MAX_STATE_ROOMS = 50

/** client-server-api, "Server Side Search". */
export const searchHandlers = (deps: SearchHandlerDeps): Handlers<typeof searchEndpoints> => ({
  async search(request) {
    const { requester, query } = request
    const body = await request.json()
    if (!deps.isEnabled) throw new MatrixError('M_UNKNOWN', 'Search is disabled on this homeserver')
    const batch = readBatch(queryString(query, 'next_batch'))
    const asked = readSearch(body)
    const { roomIds, filter } = await roomsFor(deps, requester.userId, asked.filter, batch)
    const limit = Math.min(filter.limit ?? DEFAULT_LIMIT, MAX_MATCHES)
    const found: Found =
      roomIds.length === 0
        ? { matches: [], count: 0, next: undefined, highlights: [] }
        : await deps.search(requester.userId, { ...asked, roomIds, filter, limit, after: batch?.place })

    const events = found.matches.map(({ event }) => event)
    const share = Math.floor(MAX_CONTEXT_EVENTS / Math.max(1, 2 * events.length))
    const contexts = asked.context && {
      ...asked.context,
      of: await deps.contexts(requester.userId, events, {
        before: Math.min(asked.context.before, share),
        after: Math.min(asked.context.after, share),
        withMembers: asked.context.withProfiles,
      }),
    }
    const states = asked.withState ? await statesOf(deps, events) : undefined

    // All at once: what relates to them is read once.
    const all: VisibleEvent[] = [...events]
    const at = new Map<VisibleEvent, number>()
    for (const { before, after } of contexts?.of.values() ?? []) all.push(...before, ...after)
    for (const list of states?.values() ?? []) all.push(...list)
    for (const [i, event] of all.entries()) at.set(event, i)
    const texts = await deps.printer.print(all, readerOf(requester), { withRoomId: true, now: Date.now() })
    const textOf = (event: VisibleEvent): JsonText => texts[at.get(event)!]!
    const now = deps.streams.now()
    const token = (room: HistoricToken) => jsonTextOf(printStreamToken({ ...now, room }, deps.streams.instances))

    const results = found.matches.map(({ event, rank }) => {
      const context = contexts?.of.get(event.known.event.eventId)
      const profiles = context?.members.map(({ event: { stateKey, content } }) => [
        stateKey!,
        { displayname: content.displayname ?? null, avatar_url: content.avatar_url ?? null },
      ])
      return objectText({
        rank: jsonTextOf(rank),
        result: textOf(event),
        context: objectText(
          context === undefined
            ? {}
            : {
                events_before: arrayText(context.before.map(textOf)),
                events_after: arrayText(context.after.map(textOf)),
                start: token(context.start),
                end: token(context.end),
                profile_info: contexts!.withProfiles ? jsonTextOf(Object.fromEntries(profiles!)) : undefined,
              },
        ),
      })
    })
    const groups = groupsOf(asked, found)
    return jsonText(
      objectText({
        search_categories: objectText({
          room_events: objectText({
            results: arrayText(results),
            count: jsonTextOf(found.count),
            highlights: jsonTextOf(found.highlights),
            state:
              states === undefined || states.size === 0
                ? undefined
                : objectText(Object.fromEntries([...states].map(([id, list]) => [id, arrayText(list.map(textOf))]))),
            groups: groups && jsonTextOf(groups),
            next_batch: found.next && jsonTextOf(printBatch(batch ?? WHOLE, found.next)),
          }),
        }),
      }),
    )
  },
})

/** Rooms that the user is in; of those that the filter names also what they were before they were upgraded. */
async function roomsFor(
  deps: SearchHandlerDeps,
  userId: UserId,
  json: JsonObject,
  batch: Batch | undefined,
): Promise<{ readonly roomIds: readonly RoomId[]; readonly filter: EventFilter }> {
  const read = (value: JsonObject): EventFilter => {
    if (Object.keys(value).length === 0) return passAll
    const filter = readRoomEventFilter(value)
    if (!filter.ok) throw new MatrixError('M_INVALID_PARAM', filter.reason)
    return filter.value
  }
  let filter = read(json)
  const own = await deps.memberships.ofUser(userId)
  const named = filter.rooms.include
  if (named !== undefined && named.length > 0) {
    // Of others there is nothing to find.
    const known = named.filter((roomId) => own.has(roomId as RoomId)) as RoomId[]
    const older = await predecessorsOf(deps, known)
    filter = read({ ...json, rooms: [...new Set([...named, ...older])] })
  }
  const roomIds: RoomId[] = []
  for (const { roomId, membership } of own.values())
    if (membership === 'join' && filter.passesRoom(roomId) && (batch?.group !== 'room_id' || batch.key === roomId))
      roomIds.push(roomId)
  return { roomIds, filter }
}

/** The current state of the rooms of these events. The user is in them. */
async function statesOf({ state, events }: SearchHandlerDeps, found: readonly VisibleEvent[]) {
  const roomIds = [...new Set(found.map(({ known }) => known.event.roomId))].slice(0, MAX_STATE_ROOMS)
  const maps = await Promise.all(roomIds.map((roomId) => state.current(roomId)))
  const ids = maps.map((map) => eventIdsOf(map))
  const known = new Map((await eventsInOrder(events, ids.flat())).map((event) => [event.event.eventId, event] as const))
  return new Map(
    roomIds.map((roomId, i) => [roomId, ids[i]!.flatMap((id) => known.get(id) ?? []).map(asState)] as const),
  )
}

/** `groups`: as Synapse has them, by sender only where the best come first. */
function groupsOf({ groupBy, order }: AskedSearch, { matches, next }: Found) {
  if (matches.length === 0) return undefined
  const by = (keyOf: (match: Match) => string, isRoom: boolean) =>
    Object.fromEntries(
      [...Map.groupBy(matches, keyOf)].map(([key, of]) => [
        key,
        {
          results: of.map(({ event }) => event.known.event.eventId),
          ...(order === 'rank' && { order: of[0]!.rank }),
          ...(isRoom && next !== undefined && { next_batch: printBatch({ group: 'room_id', key }, next) }),
        },
      ]),
    )
  const rooms = groupBy.includes('room_id') ? by(({ event }) => event.known.event.roomId, true) : undefined
  const senders =
    groupBy.includes('sender') && order === 'rank' ? by(({ event }) => event.known.event.sender, false) : undefined
  return rooms === undefined && senders === undefined
    ? undefined
    : { ...(rooms && { room_id: rooms }), ...(senders && { sender: senders }) }
}
