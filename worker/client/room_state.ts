import type { roomStateEndpoints } from '../../shared/endpoints/client/room_state.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Query } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'
import type { AddDelayedEvent } from '../rooms/delayed-events/delayed-events.ts'
import type { ChangeMembership } from '../rooms/membership.ts'
import type { SendEvent } from '../rooms/send-event.ts'
import { delayIn, timestampIn } from './event-request.ts'
import { givenRoomId, givenUserId } from './given-ids.ts'

export interface RoomStateDeps {
  readonly sendEvent: SendEvent
  readonly changeMembership: ChangeMembership
  readonly addDelayed: AddDelayedEvent
}

interface StateRequest {
  readonly params: { readonly roomId: string; readonly eventType: string; readonly stateKey?: string }
  readonly requester: Requester
  readonly query: Query
  json(): Promise<JsonObject>
}

/** Client-server-api, "`PUT …/rooms/{roomId}/state/{eventType}/{stateKey}`". */
export function roomStateHandlers({
  sendEvent,
  changeMembership,
  addDelayed,
}: RoomStateDeps): Handlers<typeof roomStateEndpoints> {
  async function set(request: StateRequest): Promise<object> {
    const { params, requester, query } = request
    const content = await request.json()
    const originServerTs = timestampIn(query, requester)
    const delayMs = delayIn(query)
    const roomId = givenRoomId(params.roomId)
    const { eventType: type, stateKey = '' } = params
    if (delayMs !== undefined)
      return { delay_id: await addDelayed(requester, roomId, { type, stateKey, content, originServerTs }, delayMs) }
    if (type !== 'm.room.member')
      return { event_id: await sendEvent(requester, roomId, { type, stateKey, content, originServerTs }) }

    // Whatever other ways there are to change it: the same happens.
    const { membership } = content
    if (typeof membership !== 'string')
      throw new MatrixError('M_UNKNOWN', 'Invalid membership (must be a string)', {}, 400)
    const target = givenUserId(stateKey)
    const change = { roomId, target, action: membership, content, originServerTs }
    return { event_id: await changeMembership(requester, change) }
  }

  return { setRoomState: set, setRoomStateWithKey: set }
}
