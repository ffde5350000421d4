import type { redactionEndpoints } from '../../shared/endpoints/client/redaction.ts'
import type { EventId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Requester } from '../http/requester.ts'
import type { CurrentEvents } from '../rooms/current-events.ts'
import { mustAgree } from '../rooms/send-event.ts'
import { givenRoomId, givenText } from './given-ids.ts'
import type { RoomSendDeps } from './room_send.ts'

export interface RedactionDeps extends RoomSendDeps {
  readonly current: CurrentEvents
}

interface RedactRequest {
  readonly params: { readonly roomId: string; readonly eventId: string; readonly txnId?: string }
  readonly requester: Requester
  json(): Promise<JsonObject>
}

/** Client-server-api, "`PUT …/rooms/{roomId}/redact/{eventId}/{txnId}`". */
export function redactionHandlers({
  sendEvent,
  transactions,
  current,
}: RedactionDeps): Handlers<typeof redactionEndpoints> {
  async function redact(request: RedactRequest): Promise<object> {
    const { params, requester } = request
    const content = await request.json()
    const roomId = givenRoomId(params.roomId)
    const redacts = givenText('eventId', params.eventId) as EventId
    const create = await current(roomId, 'm.room.create')
    if (create === undefined) throw new MatrixError('M_NOT_FOUND', `Could not find room_version for ${roomId}`)
    if (create.version.redactsIn === 'content') mustAgree(content, redacts)
    const eventId = await sendEvent(
      requester,
      roomId,
      { type: 'm.room.redaction', content, redacts },
      params.txnId === undefined ? undefined : givenText('txnId', params.txnId),
    )
    return { event_id: eventId }
  }

  return {
    redactEvent: (request) =>
      request.requester.deviceId === undefined
        ? transactions.once(request.path, request.requester, () => redact(request))
        : redact(request),
    redactEventWithoutTxn: redact,
  }
}
