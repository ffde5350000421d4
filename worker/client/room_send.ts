import type { roomSendEndpoints } from '../../shared/endpoints/client/room_send.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Query } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'
import type { Transactions } from '../http/transactions.ts'
import type { AddDelayedEvent } from '../rooms/delayed-events/delayed-events.ts'
import type { SendEvent } from '../rooms/send-event.ts'
import { delayIn, timestampIn } from './event-request.ts'
import { givenRoomId, givenText } from './given-ids.ts'

export interface RoomSendDeps {
  readonly sendEvent: SendEvent
  readonly addDelayed: AddDelayedEvent
  readonly transactions: Pick<Transactions, 'once'>
}

interface SendRequest {
  readonly params: { readonly roomId: string; readonly eventType: string; readonly txnId?: string }
  readonly requester: Requester
  readonly query: Query
  json(): Promise<JsonObject>
}

/** Client-server-api, "`PUT …/rooms/{roomId}/send/{eventType}/{txnId}`". */
export function roomSendHandlers({
  sendEvent,
  addDelayed,
  transactions,
}: RoomSendDeps): Handlers<typeof roomSendEndpoints> {
  async function send(request: SendRequest): Promise<object> {
    const { params, requester, query } = request
    const content = await request.json()
    const originServerTs = timestampIn(query, requester)
    const { eventType: type, txnId } = params
    const delayMs = delayIn(query)
    if (delayMs !== undefined) {
      const delayed = { type, content, originServerTs }
      return { delay_id: await addDelayed(requester, givenRoomId(params.roomId), delayed, delayMs) }
    }
    const eventId = await sendEvent(
      requester,
      givenRoomId(params.roomId),
      { type, content, originServerTs },
      txnId === undefined ? undefined : givenText('txnId', txnId),
    )
    return { event_id: eventId }
  }

  return {
    // A device's transaction IDs are kept with its events, for all processes; those of delayed events in this one.
    sendMessage: (request) =>
      request.requester.deviceId === undefined || delayIn(request.query) !== undefined
        ? transactions.once(request.path, request.requester, () => send(request))
        : send(request),
    sendMessageWithoutTxn: send,
  }
}
