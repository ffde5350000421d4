import type { EventId } from '../ids.ts'
import { accepted, type Refused, type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import { checkDomainForm } from './domain-form.ts'

/** `$` and a reference hash: 32 bytes in base64 (rooms/v3) or its URL-safe alphabet (rooms/v4). */
const HASH_ID = { base64: /^\$[A-Za-z0-9+/]{43}$/, base64url: /^\$[A-Za-z0-9_-]{43}$/ } as const

/** An event ID of any room version (appendices, "Event IDs"): `$` and a hash, or `$opaque:domain`. */
export const parseEventId = (text: string): Result<EventId> => check(text) ?? accepted(text as EventId)

export const isEventId = (text: string): text is EventId => check(text) === undefined

/** An event ID of a room of that version. */
export function parseEventIdOf({ eventIds }: Pick<RoomVersion, 'eventIds'>, text: string): Result<EventId> {
  if (eventIds === 'assigned') return checkDomainForm(text, '$', 'event ID') ?? accepted(text as EventId)
  return HASH_ID[eventIds].test(text)
    ? accepted(text as EventId)
    : refused(`event ID is not '$' and 43 characters of ${eventIds}`)
}

const check = (text: string): Refused | undefined =>
  HASH_ID.base64url.test(text) || HASH_ID.base64.test(text) ? undefined : checkDomainForm(text, '$', 'event ID')
