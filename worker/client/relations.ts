import type { relationsEndpoints } from '../../shared/endpoints/client/relations.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryBoolean, queryInteger, queryOneOf } from '../http/query.ts'
import { jsonText, type Reply } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import { arrayText, jsonTextOf, objectText } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { CheckReadingAccess } from '../rooms/reading-access.ts'
import type { RelationPages } from '../rooms/relations/pages.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { printStreamToken, START } from '../streams/tokens.ts'
import { readerOf } from './event-answers.ts'
import { queryToken } from './query-tokens.ts'

export interface RelationsDeps {
  readonly streams: Pick<LiveStreams, 'instances'>
  readonly checkAccess: CheckReadingAccess
  readonly events: Pick<EventStore, 'get'>
  readonly relationPages: RelationPages
  readonly visibility: Visibility
  readonly printer: EventPrinter
}

const DEFAULT_LIMIT = 5
const MAX_LIMIT = 1000
/** What `recurse` is said to go to, as Synapse says it: it goes two steps further. */
const RECURSION_DEPTH = 3

/** client-server-api, "Relationships API". */
export function relationsHandlers(deps: RelationsDeps): Handlers<typeof relationsEndpoints> {
  const { streams, checkAccess, events, relationPages, visibility, printer } = deps

  interface Request {
    readonly params: { readonly roomId: string; readonly eventId: string }
    readonly query: Query
    readonly path: string
    readonly requester: Requester
  }
  const answer = async (
    { params, query, path, requester }: Request,
    relationType: string | undefined,
    eventType: string | undefined,
  ): Promise<Reply> => {
    const roomId = params.roomId as RoomId
    const eventId = params.eventId as EventId
    const { userId } = requester
    const direction = queryOneOf(query, 'dir', ['b', 'f']) === 'f' ? 'forwards' : 'backwards'
    const [from, to] = [await queryToken(streams, query, 'from'), await queryToken(streams, query, 'to')]
    const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
    const recurse = (queryBoolean(query, 'recurse') || queryBoolean(query, 'org.matrix.msc3981.recurse')) ?? false

    const isPeeking = (await checkAccess(userId, roomId)).as === 'onlooker'
    const target = (await events.get([eventId])).get(eventId)
    if (target === undefined || target.isRejected || target.event.roomId !== roomId)
      throw new MatrixError('M_NOT_FOUND', 'Unknown parent event.')
    const [itself] = await visibility.filter(userId, [target], { isPeeking })
    if (itself === undefined) throw new MatrixError('M_FORBIDDEN', "You don't have permission to access that event.")

    const page = await relationPages.of(target, {
      relationType,
      eventType,
      recurse,
      direction,
      from: from?.room,
      to: to?.room,
      limit,
    })
    const visible = await visibility.filter(userId, page.events, { isPeeking })
    const options = { withRoomId: true, now: Date.now() }
    const reader = readerOf(requester)
    // NOTSPEC: the event as it was before its edits, for clients of before it was stable.
    const isUnstable = path.startsWith('/_matrix/client/unstable/')
    const [printed, original] = await Promise.all([
      printer.print(visible, reader, options),
      isUnstable ? printer.print([itself], reader, { ...options, withRelations: false }) : undefined,
    ])
    return jsonText(
      objectText({
        chunk: arrayText(printed),
        recursion_depth: recurse ? jsonTextOf(RECURSION_DEPTH) : undefined,
        original_event: original?.[0],
        next_batch:
          page.next && jsonTextOf(printStreamToken({ ...(from ?? START), room: page.next }, streams.instances)),
        prev_batch: from && jsonTextOf(printStreamToken(from, streams.instances)),
      }),
    )
  }

  return {
    getRelatingEvents: (request) => answer(request, undefined, undefined),
    getRelatingEventsWithRelType: (request) => answer(request, request.params.relType, undefined),
    getRelatingEventsWithRelTypeAndEventType: (request) =>
      answer(request, request.params.relType, request.params.eventType),
  }
}
