/** Whether one of our users may redact an event, beyond what the authorisation rules of events say. */

import { namedLevel, userLevel } from '../../../shared/matrix/event-auth/power-levels.ts'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../../shared/matrix/room-version.ts'
import type { StateLookup } from '../../../shared/matrix/state-map.ts'
import type { KnownEvent } from '../event-store.ts'

/**
 * As Synapse: who has not the level to redact may redact only what they sent themselves. Throws otherwise.
 *
 * `target` is not redacted, or it is: that is allowed too.
 */
export function checkRedaction(
  redaction: RoomEvent,
  version: RoomVersion,
  state: StateLookup,
  target: KnownEvent | undefined,
): void {
  const known = target === undefined || target.isRejected ? undefined : target.event
  if (known?.type === 'm.room.create') throw new MatrixError('M_FORBIDDEN', 'Redacting create events is not permitted')
  if (known !== undefined && known.roomId !== redaction.roomId)
    throw new MatrixError('M_UNKNOWN', 'Cannot redact event from a different room', {}, 400)
  if (known?.type === 'm.room.server_acl')
    throw new MatrixError('M_FORBIDDEN', 'Redacting server ACL events is not permitted')
  const create = state('m.room.create', '')
  if (create === undefined) return
  const levels = { version, create, content: state('m.room.power_levels', '')?.content }
  if (userLevel(levels, redaction.sender) >= namedLevel(levels, 'redact')) return
  if (known === undefined) throw new MatrixError('M_NOT_FOUND', `Could not find event ${redaction.redacts}`)
  if (known.sender !== redaction.sender)
    throw new MatrixError('M_FORBIDDEN', "You don't have permission to redact events")
}
