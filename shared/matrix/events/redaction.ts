import { serverNameOf } from '../ids.ts'
import type { RoomVersion } from '../room-version.ts'
import type { RoomEvent } from './event.ts'

/** Power levels at the redaction: the sender's, and the one that `redact` asks for. */
export interface RedactionLevels {
  readonly sender: number
  readonly redact: number
}

/**
 * Whether an accepted redaction takes effect on the event: rooms/v3, "Handling redactions". To rooms/v2 the authorisation rules
 * have decided already (rule 11).
 *
 * NOTSPEC: create events are never redacted, as Synapse has it: before rooms/v11 nobody could tell the room's version after.
 */
export function redactionApplies(
  redaction: RoomEvent,
  target: RoomEvent,
  version: RoomVersion,
  levels: RedactionLevels,
): boolean {
  if (redaction.redacts !== target.eventId || redaction.roomId !== target.roomId) return false
  if (target.type === 'm.room.create') return false
  return (
    version.redactionRule ||
    levels.sender >= levels.redact ||
    serverNameOf(redaction.sender) === serverNameOf(target.sender)
  )
}
