import type { RoomId } from '../ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import type { RoomEvent } from './event.ts'
import { readEvent } from './read.ts'

/** State events (state key '') that tell someone what room they could join: client-server-api, "Stripped state". */
export const strippedStateTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
] as const

/** A state event with no more than its type, state key, sender and content. */
export const strippedState = ({ type, stateKey, sender, content }: RoomEvent): JsonObject => ({
  content,
  sender,
  state_key: stateKey ?? '',
  type,
})

/**
 * `invite_room_state` or `knock_room_state`, as another server sent it, as clients may get it: whole events and stripped ones
 * become stripped, what is neither is left out.
 */
export function strippedForClients(entries: JsonValue | undefined): readonly JsonObject[] {
  if (!Array.isArray(entries)) return []
  return entries.flatMap((entry: JsonValue) => {
    if (!isObject(entry)) return []
    const { type, state_key, sender, content } = entry
    if (typeof type !== 'string' || typeof state_key !== 'string' || typeof sender !== 'string') return []
    return isObject(content) ? [{ content, sender, state_key, type }] : []
  })
}

/**
 * `invite_room_state` by the letter: every entry an event of the room in its version's format, the create event among them
 * (server-server-api, `PUT /invite/v2`, since v1.16). The events' signatures are still to be verified (`verifyEvents`). Servers
 * should refuse invites that fail this from rooms/v12, and may before.
 */
export function readInviteState(
  entries: JsonValue | undefined,
  roomId: RoomId,
  version: RoomVersion,
): Result<readonly RoomEvent[]> {
  if (!Array.isArray(entries)) return refused('invite_room_state is not an array')
  const events: RoomEvent[] = []
  for (const entry of entries) {
    if (!isObject(entry)) return refused('an entry is not an object')
    const event = readEvent(entry, version)
    if (!event.ok) return refused(`an entry is no event of room version ${version.id}: ${event.reason}`)
    if (event.value.roomId !== roomId) return refused('an entry is of another room')
    if (event.value.stateKey === undefined) return refused('an entry is not a state event')
    events.push(event.value)
  }
  const hasCreate = events.some(({ type, stateKey }) => type === 'm.room.create' && stateKey === '')
  return hasCreate ? accepted(events) : refused('the create event is missing')
}
