import { canonicalJsonWithout } from '../json/canonical.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersion } from '../room-version.ts'
import type { RoomEvent } from './event.ts'

/** Client-server-api, "Size limits": bytes of an event's canonical JSON, signatures included, and of some of its fields. */
export const maxEventBytes = 65_536
const maxFieldBytes = 255

/**
 * Bytes of the event's canonical JSON without `unsigned`. Any server may have put something there, and what one server
 * takes another must not refuse for it.
 */
export const eventBytes = (json: JsonObject): number => Buffer.byteLength(canonicalJsonWithout(json, ['unsigned']))

/**
 * Whether a field of that text is too long for an event of that room version to be read at all. Where the version counts
 * code points, {@link longField} has the last word.
 */
export const isTooLong = (field: string, version: RoomVersion): boolean =>
  field.length > maxFieldBytes / 3 &&
  (version.fieldLimits === 'bytes' ? Buffer.byteLength(field) : codePoints(field)) > maxFieldBytes

function codePoints(text: string): number {
  let count = text.length
  for (let i = 0; i < text.length; i++) if (text.codePointAt(i)! > 0xffff) count--
  return count
}

/**
 * The event's first field above 255 bytes, if there is one: such an event is to be rejected. Only room versions to 10 have
 * any that could be read: Synapse took them once, when it counted code points, so others may refer to them; dropped, they would
 * be asked for again and again.
 */
export function longField(event: RoomEvent): 'sender' | 'room_id' | 'state_key' | 'type' | 'event_id' | undefined {
  if (isLong(event.sender)) return 'sender'
  if (isLong(event.roomId)) return 'room_id'
  if (event.stateKey !== undefined && isLong(event.stateKey)) return 'state_key'
  if (isLong(event.type)) return 'type'
  return isLong(event.eventId) ? 'event_id' : undefined
}

const isLong = (field: string): boolean => field.length > maxFieldBytes / 3 && Buffer.byteLength(field) > maxFieldBytes
