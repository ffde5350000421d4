import { namedLevel, userLevel } from '../../shared/matrix/event-auth/power-levels.ts'
import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { CurrentEvents } from './current-events.ts'
import type { KnownEvent } from './event-store.ts'

const forbidden = (message: string) => new MatrixError('M_FORBIDDEN', message)

/**
 * Whether one of our users may redact the event. From rooms/v3 the rules let such an event into the room whoever sends it,
 * and what it does is decided when its target is known; but a client should be told. An event that is not known here may be
 * redacted by those who may redact any. Throws M_FORBIDDEN, M_NOT_FOUND, M_UNKNOWN (400).
 */
export async function checkRedaction(
  current: CurrentEvents,
  roomId: RoomId,
  sender: UserId,
  redacts: EventId,
  target: KnownEvent | undefined,
): Promise<void> {
  if (target !== undefined) {
    const { type } = target.event
    if (type === 'm.room.create') throw forbidden('Redacting create events is not permitted')
    if (target.event.roomId !== roomId)
      throw new MatrixError('M_UNKNOWN', 'Cannot redact event from a different room', {}, 400)
    if (type === 'm.room.server_acl') throw forbidden('Redacting server ACL events is not permitted')
  }
  const [create, levels] = await Promise.all([current(roomId, 'm.room.create'), current(roomId, 'm.room.power_levels')])
  if (create === undefined) throw forbidden('Unknown room')
  const room = { version: create.version, create: create.event, content: levels?.event.content }
  if (userLevel(room, sender) >= namedLevel(room, 'redact')) return
  if (target === undefined) throw new MatrixError('M_NOT_FOUND', `Could not find event ${redacts}`)
  if (target.event.sender !== sender) throw forbidden("You don't have permission to redact events")
}
