import type { receiptsEndpoints } from '../../shared/endpoints/client/receipts.ts'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { FULLY_READ, type FullyRead } from '../receipts/fully-read.ts'
import type { Receipts } from '../receipts/receipts.ts'
import { isInThread, isReceivable, type ReceivableDeps } from '../receipts/receivable.ts'
import type { Queries } from '../storage/db.ts'

export interface ReceiptsHandlersDeps extends ReceivableDeps {
  readonly db: Queries
  readonly receipts: Pick<Receipts, 'add'>
  readonly fullyRead: FullyRead
}

/** Kinds of receipts; the fully read marker besides. */
export const RECEIPT_TYPES: readonly string[] = ['m.read', 'm.read.private']

/** client-server-api, "Receipts". */
export const receiptsHandlers = (deps: ReceiptsHandlersDeps): Handlers<typeof receiptsEndpoints> => ({
  async postReceipt(request) {
    const { userId } = request.requester
    const { receiptType } = request.params
    const [roomId, eventId] = [request.params.roomId as RoomId, request.params.eventId as EventId]
    if (!isRoomId(roomId) || !eventId.startsWith('$') || eventId.includes('\0'))
      throw new MatrixError('M_UNKNOWN', 'A valid room ID and event ID must be specified')
    if (!RECEIPT_TYPES.includes(receiptType) && receiptType !== FULLY_READ)
      throw new MatrixError('M_UNKNOWN', `Receipt type must be ${[...RECEIPT_TYPES, FULLY_READ].join(', ')}`)

    const threadId = property(await request.json(), 'thread_id')
    if (threadId !== undefined) {
      if (typeof threadId !== 'string' || threadId === '') throw invalid('thread_id field must be a non-empty string')
      if (receiptType === FULLY_READ) throw invalid(`thread_id is not compatible with ${FULLY_READ} receipts.`)
      if (!(await isInThread(deps.db, eventId, threadId)))
        throw invalid(`event_id ${eventId} is not related to thread ${threadId}`)
    }
    if (receiptType === FULLY_READ) await deps.fullyRead.set(userId, roomId, eventId)
    else if (await isReceivable(deps, userId, roomId, eventId))
      await deps.receipts.add({ roomId, receiptType, userId, eventId, threadId: threadId ?? null })
    return {}
  },
})

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message)
