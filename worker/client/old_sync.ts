import type { oldSyncEndpoints } from '../../shared/endpoints/client/old_sync.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import { type Query, queryBoolean, queryInteger, queryOneOf, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships, OwnMembership } from '../rooms/memberships.ts'
import { type CheckReadingAccess, type IsWorldReadable, isPeeking } from '../rooms/reading-access.ts'
import { asState, type Visibility } from '../rooms/visibility.ts'
import { isRoomBlocked } from '../storage/blocked-rooms.ts'
import type { Queries } from '../storage/db.ts'
import { selectRooms } from '../storage/rooms.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { printStreamToken, type RoomToken, type StreamToken } from '../streams/tokens.ts'
import type { EventStream, StreamRequest } from '../sync/event-stream.ts'
import type { PresenceEvents } from '../sync/presence-events.ts'
import { messagesText, type Snapshots, type Standing } from '../sync/snapshots.ts'
import { eventNotFound, readerOf } from './event-answers.ts'
import { queryToken } from './query-tokens.ts'
import type { SyncHandlerDeps } from './sync.ts'

export interface OldSyncDeps extends Pick<SyncHandlerDeps, 'beginSync'> {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'instances' | 'now'>
  readonly memberships: Pick<Memberships, 'of' | 'ofUser'>
  readonly checkAccess: CheckReadingAccess
  readonly isWorldReadable: IsWorldReadable
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Visibility
  readonly printer: EventPrinter
  readonly snapshots: Snapshots
  readonly eventStream: EventStream
  readonly presenceEvents: PresenceEvents
}

export const DEFAULT_LIMIT = 10
export const MAX_LIMIT = 1000
const DEFAULT_TIMEOUT_MS = 30_000
/** Who waits at all waits as long. */
const MIN_TIMEOUT_MS = 500

export interface OldPage {
  readonly from: StreamToken | undefined
  readonly limit: number
}

/** What requests of old may say of a page; a direction and an end are read, and mean nothing. Throws as Synapse does. */
export async function oldPage(streams: Pick<LiveStreams, 'instances'>, query: Query): Promise<OldPage> {
  queryOneOf(query, 'dir', ['b', 'f'])
  const from = await queryToken(streams, query, 'from')
  await queryToken(streams, query, 'to')
  return { from, limit: Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT) }
}

/** Deprecated since r0.0.0, and served: client-server-api, "GET /events", "GET /initialSync", "GET /events/{eventId}". */
export function oldSyncHandlers(deps: OldSyncDeps): Handlers<typeof oldSyncEndpoints> {
  const { db, streams, memberships, events, visibility, printer, snapshots } = deps
  const print = (token: StreamToken): string => printStreamToken(token, streams.instances)

  /** Throws M_FORBIDDEN for a room that is not theirs to look at. */
  const roomOf = async ({ query, requester }: RequestOf<typeof oldSyncEndpoints.getEvents>) => {
    const roomId = queryString(query, 'room_id') as RoomId | undefined
    if (requester.isGuest && roomId === undefined)
      throw new MatrixError('M_UNKNOWN', 'Guest users must specify room_id param')
    if (roomId === undefined || roomId === '') return undefined
    if (await isRoomBlocked(db, roomId))
      throw new MatrixError('M_FORBIDDEN', 'This room has been blocked on this server')
    const own = await memberships.of(requester.userId, roomId)
    if (own?.membership === 'join') return { roomId, isPeeking: false }
    if (!(await deps.isWorldReadable(roomId))) throw new MatrixError('M_FORBIDDEN', 'Non-joined access not allowed')
    return { roomId, isPeeking: true }
  }

  return {
    async getEvents(request) {
      const { query, requester } = request
      const timeout = queryString(query, 'timeout')
      if (timeout !== undefined && !/^\s*[+-]?\d{1,15}\s*$/.test(timeout))
        throw new MatrixError('M_UNKNOWN', 'timeout must be in milliseconds.')
      const asked = timeout === undefined ? DEFAULT_TIMEOUT_MS : Math.max(0, Number(timeout))
      const { from, limit } = await oldPage(streams, query)
      const stream: StreamRequest = {
        reader: readerOf(requester),
        from,
        room: await roomOf(request),
        limit: limit || DEFAULT_LIMIT,
        format: formatOf(query),
      }
      const wait = { timeoutMs: asked === 0 ? 0 : Math.max(asked, MIN_TIMEOUT_MS), signal: request.waitSignal }
      // Who looks at a room is not there for others.
      const end = requester.isGuest ? undefined : deps.beginSync(requester, 'online')
      const answer = await deps.eventStream(stream, wait).finally(end)
      return jsonText(
        objectText({
          chunk: arrayText(answer.events),
          start: jsonTextOf(print(answer.start)),
          end: jsonTextOf(print(answer.end)),
        }),
      )
    },

    async initialSync({ query, requester }) {
      const { userId } = requester
      const { limit } = await oldPage(streams, query)
      const withLeft = queryBoolean(query, 'archived') ?? false
      const format = formatOf(query)
      const now = streams.now()
      const own = [...(await memberships.ofUser(userId)).values()].filter(
        ({ membership, isForgotten }) =>
          membership === 'join' || membership === 'invite' || (withLeft && membership === 'leave' && !isForgotten),
      )
      const joined = own.flatMap(({ membership, roomId }) => (membership === 'join' ? roomId : []))
      const invitations = own.filter(({ membership }) => membership === 'invite')
      const [found, listed, receipts, accountData, presence, invites] = await Promise.all([
        snapshots.ofRooms(readerOf(requester), own.flatMap(standingOf), now, { limit, format }),
        selectRooms(
          db,
          own.map(({ roomId }) => roomId),
        ),
        snapshots.receipts(userId, joined, now),
        snapshots.accountData(userId),
        deps.presenceEvents.ofThoseWith(userId),
        printInvites(invitations, readerOf(requester), format),
      ])
      const isPublic = new Map(listed.map((room) => [room.roomId, room.isPublic]))
      const token = (room: RoomToken): string => print({ ...now, room })
      const rooms = own.map(({ roomId, membership, sender, eventId }) => {
        const snapshot = found.get(roomId)
        return objectText({
          room_id: jsonTextOf(roomId),
          membership: jsonTextOf(membership),
          visibility: jsonTextOf(isPublic.get(roomId) ? 'public' : 'private'),
          ...(membership === 'invite' && { inviter: jsonTextOf(sender), invite: invites.get(eventId) }),
          ...(snapshot !== undefined && {
            messages: messagesText(snapshot.messages, token(snapshot.start), token(snapshot.end)),
            state: arrayText(snapshot.state),
            account_data: arrayText(accountData.byRoom.get(roomId) ?? []),
          }),
        })
      })
      return jsonText(
        objectText({
          rooms: arrayText(rooms),
          presence: arrayText(presence),
          account_data: arrayText(accountData.global),
          receipts: arrayText(receipts),
          end: jsonTextOf(print(now)),
        }),
      )
    },

    async getOneEvent({ params, requester }) {
      const eventId = params.eventId as EventId
      const known = (await events.get([eventId])).get(eventId)
      if (known === undefined || known.isRejected) throw eventNotFound()
      const own = await memberships.of(requester.userId, known.event.roomId)
      const visible = await visibility.filter(requester.userId, [known], { isPeeking: isPeeking(own) })
      if (visible.length === 0) throw new MatrixError('M_FORBIDDEN', "You don't have permission to access that event.")
      const options = { withRoomId: true, withRelations: false, now: Date.now() }
      const [text] = await printer.print(visible, readerOf(requester), options)
      return jsonText(text!)
    },
  }

  async function printInvites(
    invitations: readonly OwnMembership[],
    reader: ReturnType<typeof readerOf>,
    format: 'client' | 'federation',
  ): Promise<ReadonlyMap<EventId, JsonText>> {
    const known = [...(await events.get(invitations.map(({ eventId }) => eventId))).values()]
    const options = { withRoomId: true, withRelations: false, format, now: Date.now() }
    const texts = await printer.print(known.map(asState), reader, options)
    return new Map(known.map(({ event }, i) => [event.eventId, texts[i]!]))
  }
}

/** `raw`: events as servers have them. */
const formatOf = (query: Query): 'client' | 'federation' => (query.has('raw') ? 'federation' : 'client')

const standingOf = ({ roomId, membership, eventId }: OwnMembership): Standing[] => {
  if (membership === 'join') return [{ roomId, as: 'member' }]
  return membership === 'leave' ? [{ roomId, as: 'former member', leaveEventId: eventId }] : []
}
