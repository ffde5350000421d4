import type { RoomEvent } from '../events/event.ts'
import { serverNameOf } from '../ids.ts'
import { lacks, namedLevel, userLevel } from './power-levels.ts'
import type { Room } from './room.ts'
import { type Refusal, refuse } from './rules.ts'

/**
 * "If type is `m.room.redaction`" (rooms/v1 and v2, rule 11). From rooms/v3 redactions are authorised as other events,
 * and "Handling redactions" decides what they do.
 */
export function authoriseRedaction({ eventId, sender, redacts }: RoomEvent, room: Room): Refusal | undefined {
  const has = userLevel(room, sender)
  const needs = namedLevel(room, 'redact')
  if (has >= needs) return undefined
  const domain = redacts === undefined ? undefined : serverNameOf(redacts)
  if (domain !== undefined && domain === serverNameOf(eventId)) return undefined
  return refuse('redaction.otherwise', lacks(sender, 'redact events of other servers', needs, has))
}
