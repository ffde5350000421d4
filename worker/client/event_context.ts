import type { eventContextEndpoints } from '../../shared/endpoints/client/event_context.ts'
import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import { isPeeking, type OwnMemberships } from '../rooms/reading-access.ts'
import type { StateStore } from '../rooms/state-store.ts'
import { placeOf, type Timeline } from '../rooms/timeline.ts'
import { asState, type Visibility, type VisibleEvent } from '../rooms/visibility.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { printStreamToken, type RoomToken, START } from '../streams/tokens.ts'
import { eventIdsOf, eventNotFound, eventsInOrder, queryFilter, readerOf } from './event-answers.ts'

export interface EventContextDeps {
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly memberships: OwnMemberships
  readonly timeline: Timeline
  readonly events: EventStore
  readonly state: StateStore
  readonly visibility: Visibility
  readonly printer: EventPrinter
}

const DEFAULT_LIMIT = 10
/** NOTSPEC: Synapse has none, and reads as much as it is asked for. */
const MAX_LIMIT = 1000

/** client-server-api, "Event Context". */
export function eventContextHandlers(deps: EventContextDeps): Handlers<typeof eventContextEndpoints> {
  const { streams, memberships, timeline, events, state, visibility, printer } = deps

  /** The state after the last of them, of which lazy-loading clients get who sent these. */
  const stateOf = async (last: KnownEvent, shown: readonly VisibleEvent[], filter: EventFilter | undefined) => {
    if (last.stateGroup === undefined) return []
    const all = (await state.ofGroups([last.stateGroup])).get(last.stateGroup)
    if (all === undefined) return []
    const senders = new Set<string>(shown.map(({ known }) => known.event.sender))
    const isWanted = (type: string, stateKey: string): boolean =>
      filter?.lazyLoadMembers !== true || type !== 'm.room.member' || senders.has(stateKey)
    const found = await eventsInOrder(events, eventIdsOf(all, isWanted))
    return (filter === undefined ? found : found.filter(({ event }) => filter.passes(event))).map(asState)
  }

  return {
    async getEventContext({ params, query, requester }) {
      const roomId = params.roomId as RoomId
      const eventId = params.eventId as EventId
      const userId: UserId = requester.userId
      const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
      const { filter } = queryFilter(query)

      const known = (await events.get([eventId])).get(eventId)
      if (known === undefined || known.isRejected || known.event.roomId !== roomId) throw eventNotFound()
      const options = { isPeeking: isPeeking(await memberships.of(userId, roomId)) }
      const [itself] = await visibility.filter(userId, [known], options)
      if (itself === undefined) throw new MatrixError('M_FORBIDDEN', "You don't have permission to access that event.")

      const place = placeOf(known)
      const limitBefore = Math.floor(limit / 2)
      const [before, after] = await Promise.all([
        // Events of the same depth that came earlier are before it.
        timeline.page(roomId, {
          direction: 'backwards',
          from: { depth: place.depth, stream: place.stream - 1 },
          limit: limitBefore,
          filter,
        }),
        timeline.page(roomId, { direction: 'forwards', from: place, limit: limit - limitBefore, filter }),
      ])
      const wanted = [...before.events, ...after.events].filter(({ event }) => filter?.passes(event) ?? true)
      const around = await visibility.filter(userId, wanted, options)
      const wereBefore = new Set(before.events)
      const eventsBefore = around.filter((visible) => wereBefore.has(visible.known))
      const eventsAfter = around.filter((visible) => !wereBefore.has(visible.known))
      const shown = [...eventsBefore, itself, ...eventsAfter]
      const stateEvents = await stateOf((eventsAfter.at(-1) ?? itself).known, shown, filter)

      const printed = await printer.print([...shown, ...stateEvents], readerOf(requester), {
        withRoomId: true,
        now: Date.now(),
      })
      const print = (room: RoomToken) => jsonTextOf(printStreamToken({ ...START, room }, streams.instances))
      const at = eventsBefore.length
      return jsonText(
        objectText({
          events_before: arrayText(printed.slice(0, at)),
          event: printed[at],
          events_after: arrayText(printed.slice(at + 1, shown.length)),
          state: arrayText(printed.slice(shown.length)),
          start: print(before.next),
          end: print(after.next),
        }),
      )
    },
  }
}
