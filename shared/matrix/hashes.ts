import { hash, timingSafeEqual } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import type { EventId, RoomId } from './ids.ts'
import { canonicalJsonWithout } from './json/canonical.ts'
import { signedText } from './json/signed-text.ts'
import { isObject, type JsonObject } from './json/value.ts'
import { redactEvent } from './redact.ts'
import type { RoomVersion } from './room-version.ts'

/** SHA-256 in unpadded base64. 32 bytes make 43 digits and one `=`. */
const sha256 = (text: string): string => hash('sha256', text, 'base64').slice(0, 43)

/**
 * Hash of the whole event, as it stands in `hashes.sha256`: server-server-api, "Calculating the content hash for an
 * event". Unpadded base64; the same in all room versions.
 *
 * Synapse leaves out `age_ts`, `outlier` and `destinations` at the event's top level too, which no server has put there
 * since 2014; the specification does not, and neither does this.
 */
export const contentHash = (json: JsonObject): string => sha256(canonicalJsonWithout(json, UNHASHED))

const UNHASHED = ['unsigned', 'signatures', 'hashes']

/** Whether `hashes.sha256` is the event's content hash. If not, only its redacted form may be used ({@link redactEvent}). */
export function contentHashMatches(json: JsonObject): boolean {
  const stated = isObject(json.hashes) ? json.hashes.sha256 : undefined
  if (typeof stated !== 'string') return false
  const computed = contentHash(json)
  if (stated === computed) return true
  // Padded, or in the other alphabet: the bytes decide.
  const bytes = decodeBase64(stated)
  return bytes?.length === 32 && timingSafeEqual(bytes, Buffer.from(computed, 'base64'))
}

/** What an event's reference hash covers, as text: redacted, without `signatures` and `unsigned`. */
const referenceText = (json: JsonObject, version: RoomVersion): string => signedText(redactEvent(json, version))

/**
 * Hash of what redaction leaves, in unpadded base64: server-server-api, "Calculating the reference hash for an event".
 * Events of room versions 1 and 2 refer to others by ID and this.
 */
export const referenceHash = (json: JsonObject, version: RoomVersion): string => sha256(referenceText(json, version))

/**
 * The event's ID: as stated (rooms/v1, "Event IDs"; `readEvent` has checked it), else its reference hash, in base64
 * (rooms/v3) or its URL-safe alphabet (rooms/v4). An `event_id` that the event states has no say from rooms/v3.
 */
export const eventIdOf = (json: JsonObject, version: RoomVersion): EventId => {
  switch (version.eventIds) {
    case 'assigned':
      return json.event_id as EventId
    case 'base64':
      return `$${referenceHash(json, version)}` as EventId
    case 'base64url':
      return `$${hash('sha256', referenceText(json, version), 'base64url')}` as EventId
  }
}

/** Rooms/v12, "Event format": a room's ID is its create event's, with `!` for `$`. */
export const roomIdOfCreate = (createEventId: EventId): RoomId => `!${createEventId.slice(1)}` as RoomId
/** … and back. */
export const createIdOfRoom = (roomId: RoomId): EventId => `$${roomId.slice(1)}` as EventId
