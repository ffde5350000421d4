import type { roomsEndpoints } from '../../shared/endpoints/client/rooms.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryOneOf, queryString } from '../http/query.ts'
import { jsonText, type Reply } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import { arrayText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import type { ReadableState } from '../rooms/readable-state.ts'
import { type CheckReadingAccess, isPeeking, type OwnMemberships } from '../rooms/reading-access.ts'
import { asState, type Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectJoinedProfiles } from '../storage/memberships.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken, type RoomToken } from '../streams/tokens.ts'
import { eventIdsOf, eventNotFound, eventsInOrder, readerOf } from './event-answers.ts'

export interface RoomsDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly memberships: OwnMemberships
  readonly checkAccess: CheckReadingAccess
  readonly readableState: ReadableState
  readonly events: EventStore
  readonly visibility: Visibility
  readonly printer: EventPrinter
}

const MEMBERS = { type: 'm.room.member' } as const

/** client-server-api, "Getting events for a room". */
export function roomsHandlers(deps: RoomsDeps): Handlers<typeof roomsEndpoints> {
  const { db, streams, memberships, checkAccess, readableState, events, visibility, printer } = deps

  const printState = (found: readonly KnownEvent[], requester: Requester): Promise<readonly JsonText[]> =>
    printer.print(found.map(asState), readerOf(requester), { withRoomId: true, now: Date.now() })

  const stateEvent = async (
    roomId: string,
    type: string,
    stateKey: string,
    { requester, query }: { readonly requester: Requester; readonly query: Query },
  ): Promise<Reply> => {
    const format = queryOneOf(query, 'format', ['content', 'event'])
    const found = await readableState.now(requester.userId, roomId as RoomId, { type, stateKey })
    const [known] = await eventsInOrder(events, eventIdsOf(found))
    if (known === undefined) throw eventNotFound()
    if (format !== 'event') return jsonText(jsonTextOf(known.event.content))
    const [text] = await printState([known], requester)
    return jsonText(text!)
  }

  const at = async (query: Query): Promise<RoomToken | undefined> => {
    const text = queryString(query, 'at')
    if (text === undefined) return undefined
    const token = await streams.instances.parse(parseStreamToken, text)
    if (!token.ok) throw new MatrixError('M_UNKNOWN', 'Invalid stream token')
    return token.value.room
  }

  return {
    async getOneRoomEvent({ params, requester }) {
      const eventId = params.eventId as EventId
      const roomId = params.roomId as RoomId
      const known = (await events.get([eventId])).get(eventId)
      if (known === undefined || known.isRejected || known.event.roomId !== roomId) throw eventNotFound()
      const own = await memberships.of(requester.userId, roomId)
      const visible = await visibility.filter(requester.userId, [known], { isPeeking: isPeeking(own) })
      // Whether there is such an event is nobody's business who may not see it.
      if (visible.length === 0) throw eventNotFound()
      const [text] = await printer.print(visible, readerOf(requester), { withRoomId: true, now: Date.now() })
      return jsonText(text!)
    },

    getRoomStateWithKey: (request) =>
      stateEvent(request.params.roomId, request.params.eventType, request.params.stateKey, request),

    getRoomStateOfType: (request) => stateEvent(request.params.roomId, request.params.eventType, '', request),

    async getRoomState({ params, requester }) {
      const found = await readableState.now(requester.userId, params.roomId as RoomId)
      return jsonText(arrayText(await printState(await eventsInOrder(events, eventIdsOf(found)), requester)))
    },

    async getMembersByRoom({ params, query, requester }) {
      const roomId = params.roomId as RoomId
      const token = await at(query)
      const members: StateMap =
        token === undefined
          ? await readableState.now(requester.userId, roomId, MEMBERS)
          : await readableState.at(requester.userId, roomId, token, MEMBERS)
      // Empty ones are none, as in Synapse.
      const wanted = queryString(query, 'membership') || undefined
      const unwanted = queryString(query, 'not_membership') || undefined
      const found = (await eventsInOrder(events, eventIdsOf(members))).filter(({ event }) => {
        const { membership } = event.content
        return (wanted === undefined || membership === wanted) && (unwanted === undefined || membership !== unwanted)
      })
      return jsonText(objectText({ chunk: arrayText(await printState(found, requester)) }))
    },

    async getJoinedMembersByRoom({ params, requester }) {
      const roomId = params.roomId as RoomId
      const access = await checkAccess(requester.userId, roomId)
      if (access.as === 'former member')
        throw new MatrixError(
          'M_FORBIDDEN',
          'Getting joined members while not being a current member of the room is forbidden.',
        )
      const profiles = await selectJoinedProfiles(db, [roomId])
      return {
        joined: Object.fromEntries(
          profiles.map(({ userId, displayName, avatarUrl }) => [
            userId,
            { avatar_url: avatarUrl, display_name: displayName },
          ]),
        ),
      }
    },
  }
}
