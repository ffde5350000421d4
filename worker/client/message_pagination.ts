import type { messagePaginationEndpoints } from '../../shared/endpoints/client/message_pagination.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryOneOf } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { CheckReadingAccess, ReadingAccess } from '../rooms/reading-access.ts'
import type { StateStore } from '../rooms/state-store.ts'
import { placeOf, type Timeline } from '../rooms/timeline.ts'
import { asState, type Visibility, type VisibleEvent } from '../rooms/visibility.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { isHistoric, printStreamToken, type RoomToken, START } from '../streams/tokens.ts'
import { positionAt } from '../streams/vector-clock.ts'
import { eventIdsOf, eventsInOrder, queryFilter, readerOf } from './event-answers.ts'
import { queryToken } from './query-tokens.ts'

export interface MessagePaginationDeps {
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly checkAccess: CheckReadingAccess
  readonly timeline: Timeline
  readonly events: EventStore
  readonly state: StateStore
  readonly visibility: Visibility
  readonly printer: EventPrinter
}

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 1000

/** client-server-api, "Syncing": `GET /rooms/{roomId}/messages`. */
export function messagePaginationHandlers(deps: MessagePaginationDeps): Handlers<typeof messagePaginationEndpoints> {
  const { streams, checkAccess, timeline, events, state, visibility, printer } = deps

  /** Who has left pages back from there: what came later they may not see, and it need not be read. */
  const beforeLeaving = async (from: RoomToken | undefined, access: ReadingAccess): Promise<RoomToken | undefined> => {
    if (access.as !== 'former member') return from
    const leave = (await events.get([access.leaveEventId])).get(access.leaveEventId)
    if (leave === undefined || leave.isOutlier) return from
    const isAfter =
      from === undefined ||
      (isHistoric(from)
        ? from.depth > leave.topologicalOrdering
        : positionAt(from, leave.instanceName) > leave.streamOrdering)
    return isAfter ? placeOf(leave) : from
  }

  /** Of lazy-loading clients: who sent these, as they were when the first of them was sent. */
  const sendersOf = async (visible: readonly VisibleEvent[]): Promise<readonly VisibleEvent[]> => {
    const group = visible[0]!.known.stateGroup
    if (group === undefined) return []
    const senders = new Set(visible.map(({ known }) => known.event.sender))
    const wanted = [...senders].map((stateKey) => ({ type: 'm.room.member', stateKey }))
    const members = (await state.some([group], wanted)).get(group)
    return members === undefined ? [] : (await eventsInOrder(events, eventIdsOf(members))).map(asState)
  }

  return {
    async getRoomEvents({ params, query, requester }) {
      const roomId = params.roomId as RoomId
      const { userId } = requester
      const isBackwards = queryOneOf(query, 'dir', ['b', 'f']) === 'b'
      const from = await queryToken(streams, query, 'from')
      const to = await queryToken(streams, query, 'to')
      const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
      const { filter, format } = queryFilter(query)
      const access = await checkAccess(userId, roomId)

      const page = await timeline.page(roomId, {
        direction: isBackwards ? 'backwards' : 'forwards',
        from: isBackwards ? await beforeLeaving(from?.room, access) : from?.room,
        to: to?.room,
        limit,
        filter,
      })
      const wanted = filter === undefined ? page.events : page.events.filter(({ event }) => filter.passes(event))
      const visible = await visibility.filter(userId, wanted, { isPeeking: access.as === 'onlooker' })
      const members = filter?.lazyLoadMembers === true && visible.length > 0 ? await sendersOf(visible) : []

      const options = {
        withRoomId: true,
        format: query.has('raw') ? ('federation' as const) : format,
        now: Date.now(),
      }
      const printed = await printer.print([...visible, ...members], readerOf(requester), options)
      const print = (room: RoomToken) => jsonTextOf(printStreamToken({ ...(from ?? START), room }, streams.instances))
      return jsonText(
        objectText({
          chunk: arrayText(printed.slice(0, visible.length)),
          start: print(page.start),
          // Nothing, and nothing after it: clients need not ask again.
          end: page.events.length === 0 && !page.isLimited ? undefined : print(page.next),
          state: members.length === 0 ? undefined : arrayText(printed.slice(visible.length)),
        }),
      )
    },
  }
}
