import type { threadSubscriptionsEndpoints } from '../../shared/endpoints/client/thread_subscriptions.ts'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryOneOf, queryString, requiredString } from '../http/query.ts'
import {
  parseThreadToken,
  printThreadToken,
  type ThreadChanges,
  type ThreadSubscriptions,
} from '../push/thread-subscriptions.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import { isPeeking } from '../rooms/reading-access.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectThreadSubscription, type ThreadName } from '../storage/thread-subscriptions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { parseStreamToken } from '../streams/tokens.ts'

export interface ThreadSubscriptionHandlerDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'current' | 'instances'>
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'of'>
  readonly visibility: Pick<Visibility, 'filter'>
  readonly subscriptions: Pick<ThreadSubscriptions, 'subscribe' | 'unsubscribe'>
  readonly threadChanges: ThreadChanges
}

const MAX_LIMIT = 512
const DEFAULT_LIMIT = 100

/** MSC4306 and MSC4308. */
export const threadSubscriptionsHandlers = (
  deps: ThreadSubscriptionHandlerDeps,
): Handlers<typeof threadSubscriptionsEndpoints> => {
  const { db, streams, subscriptions, threadChanges } = deps

  const positionOf = async (text: string, name: string, isSync: boolean): Promise<number> => {
    const position = parseThreadToken(text)
    if (position !== undefined) return position
    // Where a client of sliding sync has got to.
    const token = isSync ? await streams.instances.parse(parseStreamToken, text.replace(/^\d+\//, '')) : undefined
    if (token?.ok !== true) throw new MatrixError('M_INVALID_PARAM', `\`${name}\` is not a valid token`)
    return token.value.threadSubscriptions
  }

  return {
    async getThreadSubscription({ params, requester: { userId } }) {
      const thread = threadOf(params, userId)
      await readable(deps, thread, thread.rootId, 'No such thread root')
      const row = await selectThreadSubscription(db, thread)
      if (row?.subscribed !== true) throw new MatrixError('M_NOT_FOUND', 'Not subscribed.')
      return { automatic: row.automatic }
    },
    async setThreadSubscription({ params, body, requester: { userId } }) {
      const thread = threadOf(params, userId)
      const { automatic } = body
      if (typeof automatic === 'string' && !automatic.startsWith('$'))
        throw new MatrixError('M_INVALID_PARAM', 'automatic: not an event ID')
      await readable(deps, thread, thread.rootId, 'No such thread root')
      await subscriptions.subscribe(thread, automatic ? await causeOf(deps, thread, automatic) : undefined)
      return {}
    },
    async deleteThreadSubscription({ params, requester: { userId } }) {
      const thread = threadOf(params, userId)
      await readable(deps, thread, thread.rootId, 'No such thread root')
      await subscriptions.unsubscribe(thread)
      return {}
    },
    async listThreadSubscriptions({ query, requester }) {
      const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
      const [from, to] = [queryString(query, 'from'), queryString(query, 'to')]
      requiredString(query, 'dir')
      queryOneOf(query, 'dir', ['b'])
      if (limit === 0) throw new MatrixError('M_INVALID_PARAM', 'limit must be greater than 0')
      const end =
        from === undefined ? streams.current('thread_subscriptions').stream : await positionOf(from, 'from', false)
      const start = to === undefined ? 0 : await positionOf(to, 'to', true)
      const { bySubscription, earliest } = await threadChanges(requester.userId, start, end, limit)
      return { ...bySubscription, ...(earliest?.isCut && { end: printThreadToken(earliest.position - 1) }) }
    },
  }
}

function threadOf(
  { roomId, threadRootId }: { readonly roomId: string; readonly threadRootId: string },
  userId: UserId,
): ThreadName {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', `${roomId} is not a valid room ID`)
  if (!threadRootId.startsWith('$')) throw new MatrixError('M_INVALID_PARAM', 'Invalid event ID')
  return { userId, roomId, rootId: threadRootId as EventId }
}

/** Whether there is such an event is nobody's business who may not see it. Throws M_NOT_FOUND. */
async function readable(
  { events, memberships, visibility }: ThreadSubscriptionHandlerDeps,
  { userId, roomId }: { readonly userId: UserId; readonly roomId: RoomId },
  eventId: EventId,
  refusal: string,
): Promise<KnownEvent> {
  const notFound = () => new MatrixError('M_NOT_FOUND', refusal)
  const known = eventId.includes('\0') ? undefined : (await events.get([eventId])).get(eventId)
  if (known === undefined || known.isRejected || known.event.roomId !== roomId) throw notFound()
  const own = await memberships.of(userId, roomId)
  const visible = await visibility.filter(userId, [known], { isPeeking: isPeeking(own) })
  if (visible.length === 0) throw notFound()
  return known
}

/** The event that makes the user follow the thread: it must be of the thread. */
async function causeOf(deps: ThreadSubscriptionHandlerDeps, thread: ThreadName, eventId: string) {
  const known = await readable(deps, thread, eventId as EventId, 'Automatic subscription event not found')
  const relation = known.event.content['m.relates_to']
  if (!isObject(relation) || relation.rel_type !== 'm.thread' || relation.event_id !== thread.rootId)
    throw new MatrixError(
      'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD',
      'Automatic subscription must use an event in the thread',
      {},
      400,
    )
  return { streamOrdering: known.streamOrdering, depth: known.topologicalOrdering }
}
