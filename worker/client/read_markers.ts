import type { readMarkersEndpoints } from '../../shared/endpoints/client/read_markers.ts'
import type { EventId, RoomId } from '../../shared/matrix/ids.ts'
import { property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { FULLY_READ } from '../receipts/fully-read.ts'
import { isReceivable } from '../receipts/receivable.ts'
import { RECEIPT_TYPES, type ReceiptsHandlersDeps } from './receipts.ts'

/** client-server-api, "Fully read markers". */
export const readMarkersHandlers = (deps: Omit<ReceiptsHandlersDeps, 'db'>): Handlers<typeof readMarkersEndpoints> => ({
  async setReadMarker(request) {
    const { userId } = request.requester
    const roomId = request.params.roomId as RoomId
    const body = await request.json()
    const eventIds = new Map<string, EventId>()
    for (const type of [FULLY_READ, ...RECEIPT_TYPES]) {
      const eventId = property(body, type)
      if (eventId === undefined || eventId === null || eventId === '') continue
      if (typeof eventId !== 'string' || eventId.includes('\0'))
        throw new MatrixError('M_BAD_JSON', `${type}: must be an event ID`)
      eventIds.set(type, eventId as EventId)
    }
    for (const [receiptType, eventId] of eventIds) {
      if (receiptType === FULLY_READ) await deps.fullyRead.set(userId, roomId, eventId)
      else if (await isReceivable(deps, userId, roomId, eventId))
        await deps.receipts.add({ roomId, receiptType, userId, eventId, threadId: null })
    }
    return {}
  },
})
