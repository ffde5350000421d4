import type { threadsListEndpoints } from '../../shared/endpoints/client/threads_list.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryOneOf, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, jsonTextOf, objectText } from '../json-text.ts'
import { readerOf } from './event-answers.ts'
import type { RelationsDeps } from './relations.ts'

export type ThreadsListDeps = Pick<RelationsDeps, 'checkAccess' | 'relationPages' | 'visibility' | 'printer'>

const DEFAULT_LIMIT = 5
/** NOTSPEC: Synapse has none. */
const MAX_LIMIT = 1000

/** client-server-api, "Querying threads in a room". */
export const threadsListHandlers = (deps: ThreadsListDeps): Handlers<typeof threadsListEndpoints> => ({
  async getThreadRoots({ params, query, requester }) {
    const { checkAccess, relationPages, visibility, printer } = deps
    const roomId = params.roomId as RoomId
    const { userId } = requester
    const limit = Math.min(queryInteger(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT)
    const from = queryString(query, 'from')
    const include = queryOneOf(query, 'include', ['all', 'participated'])
    const before = from === undefined || from === '' ? undefined : readPlace(from)

    const isPeeking = (await checkAccess(userId, roomId)).as === 'onlooker'
    const page = await relationPages.threads(roomId, limit, before, include === 'participated' ? userId : undefined)
    const visible = await visibility.filter(userId, page.roots, { isPeeking })
    const printed = await printer.print(visible, readerOf(requester), { withRoomId: true, now: Date.now() })
    return jsonText(
      objectText({
        chunk: arrayText(printed),
        next_batch: page.next && jsonTextOf(`${page.next.topologicalOrdering}_${page.next.streamOrdering}`),
      }),
    )
  },
})

/** `<depth>_<position>`, Synapse's. */
function readPlace(text: string) {
  const [, depth, position] = /^(-?\d{1,16})_(-?\d{1,16})$/.exec(text) ?? []
  if (depth === undefined || position === undefined) throw new MatrixError('M_UNKNOWN', 'Invalid threads token')
  return { topologicalOrdering: Number(depth), streamOrdering: Number(position) }
}
