import type { RoomId } from '../ids.ts'
import { accepted, type Refused, type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import { checkDomainForm } from './domain-form.ts'

/** Rooms/v12: the create event's reference hash, 32 bytes in URL-safe base64. */
const HASH_ID = /^![A-Za-z0-9_-]{43}$/

/** A room ID of any room version (appendices, "Room IDs"): `!opaque:domain`, or `!` and a hash. */
export const parseRoomId = (text: string): Result<RoomId> => check(text) ?? accepted(text as RoomId)

export const isRoomId = (text: string): text is RoomId => check(text) === undefined

/** A room ID of a room of that version: with a domain, from rooms/v12 on without. */
export function parseRoomIdOf(version: Pick<RoomVersion, 'roomIdIsCreateHash'>, text: string): Result<RoomId> {
  if (!version.roomIdIsCreateHash) return checkDomainForm(text, '!', 'room ID') ?? accepted(text as RoomId)
  return HASH_ID.test(text) ? accepted(text as RoomId) : refused("room ID is not '!' and 43 characters of base64")
}

const check = (text: string): Refused | undefined =>
  HASH_ID.test(text) ? undefined : checkDomainForm(text, '!', 'room ID')
