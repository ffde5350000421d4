import { createIdOfRoom, eventIdOf, roomIdOfCreate } from '../hashes.ts'
import type { EventId, RoomId, UserId } from '../ids.ts'
import { checkEncodable, checkStrict } from '../json/check.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import { accepted, type Refused, type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import type { RoomEvent } from './event.ts'
import { eventBytes, isTooLong, maxEventBytes } from './size.ts'

/** "Must contain less than or equal to" in the event formats: rooms/v1, v3 and v4, "Event format". */
const maxPrevEvents = 20
const maxAuthEvents = 10

/**
 * An event from another server: rooms/v1, v3, v4, v6, v11 and v12, "Event format", with the limits of client-server-api, "Size
 * limits", and of canonical JSON where the version has them. This is the first of server-server-api, "Checks performed
 * on receipt of a PDU": what is refused is to be dropped. Signatures and hashes are not looked at (`verifyEvent`).
 *
 * `unsigned` is not looked at either: `receivedUnsigned` makes something of it. Keys that are not defined are kept, as
 * hashes cover them, an `event_id` from rooms/v3 among them.
 */
export function readEvent(json: JsonObject, version: RoomVersion): Result<RoomEvent> {
  const { unsigned, ...signed } = json
  const fault =
    (version.strictJson ? checkStrict(signed) : checkEncodable(signed)) ??
    checkFields(json) ??
    (eventBytes(json) > maxEventBytes ? refused(`larger than ${maxEventBytes} bytes`) : undefined)
  if (fault !== undefined) return fault
  const prevEvents = readReferences(json.prev_events, 'prev_events', maxPrevEvents, version)
  if (!prevEvents.ok) return prevEvents
  const authEvents = readReferences(json.auth_events, 'auth_events', maxAuthEvents, version)
  if (!authEvents.ok) return authEvents
  if (version.eventIds === 'assigned' && !isId(json.event_id, '$', ':')) return refused('event_id is not an event ID')
  const eventId = eventIdOf(json, version)
  const roomId = readRoomId(json, eventId, version)
  if (!roomId.ok) return roomId
  // Rooms/v12, rule 2.2; Synapse drops such events.
  if (version.roomIdIsCreateHash && authEvents.value.includes(createIdOfRoom(roomId.value)))
    return refused('auth_events has the create event')

  const event = makeEvent(json, version, eventId, roomId.value, prevEvents.value, authEvents.value)
  for (const field of [event.sender, event.roomId, event.stateKey, event.type, event.eventId])
    if (field !== undefined && isTooLong(field, version)) return refused('a field is longer than 255')
  return accepted(event)
}

/** An event that `readEvent` or `buildEvent` made once and that was stored with its ID: nothing is checked or hashed again. */
export const storedEvent = (json: JsonObject, version: RoomVersion, eventId: EventId): RoomEvent =>
  makeEvent(
    json,
    version,
    eventId,
    isCreateWithoutRoomId(json, version) ? roomIdOfCreate(eventId) : (json.room_id as RoomId),
    storedReferences(json.prev_events, version),
    storedReferences(json.auth_events, version),
  )

const makeEvent = (
  json: JsonObject,
  version: RoomVersion,
  eventId: EventId,
  roomId: RoomId,
  prevEvents: readonly EventId[],
  authEvents: readonly EventId[],
): RoomEvent => ({
  eventId,
  roomId,
  type: json.type as string,
  stateKey: json.state_key as string | undefined,
  sender: json.sender as UserId,
  content: json.content as JsonObject,
  originServerTs: Number(json.origin_server_ts),
  depth: json.depth as number,
  prevEvents,
  authEvents,
  redacts: redactsOf(json, version),
  json,
})

/** Types of the fields that all room versions have. */
function checkFields(json: JsonObject): Refused | undefined {
  if (typeof json.type !== 'string') return refused('type is not a string')
  if (!isId(json.sender, '@', ':')) return refused('sender is not a user ID')
  if (json.state_key !== undefined && typeof json.state_key !== 'string') return refused('state_key is not a string')
  if (!isObject(json.content)) return refused('content is not an object')
  if (!isTimestamp(json.origin_server_ts)) return refused('origin_server_ts is not a 64-bit integer')
  if (!isDepth(json.depth)) return refused('depth is not an integer from 0 to 2^53 − 1')
  if (!isObject(json.hashes) || !Object.values(json.hashes).every(isString)) return refused('hashes are not strings')
  if (typeof json.hashes.sha256 !== 'string') return refused('no sha256 hash')
  if (!isObject(json.signatures)) return refused('signatures is not an object')
  for (const own of Object.values(json.signatures))
    if (!isObject(own) || !Object.values(own).every(isString)) return refused('signatures are not strings')
  return undefined
}

/** Room IDs have no domain in rooms/v12, and opaque ones were always to be taken (appendices, "Room IDs"). */
function readRoomId(json: JsonObject, eventId: EventId, version: RoomVersion): Result<RoomId> {
  if (version.roomIdIsCreateHash && json.type === 'm.room.create' && json.state_key === '')
    return json.room_id === undefined
      ? accepted(roomIdOfCreate(eventId))
      : refused('a create event of this room version has no room_id')
  return isId(json.room_id, '!', '') ? accepted(json.room_id as RoomId) : refused('room_id is not a room ID')
}

const isCreateWithoutRoomId = (json: JsonObject, version: RoomVersion): boolean =>
  version.roomIdIsCreateHash && json.room_id === undefined

/** IDs of other events: rooms/v1, "Event format", has pairs of ID and hashes, rooms/v3 the IDs. */
function readReferences(
  json: JsonValue | undefined,
  name: string,
  most: number,
  version: RoomVersion,
): Result<readonly EventId[]> {
  if (!Array.isArray(json)) return refused(`${name} is not an array`)
  if (json.length > most) return refused(`${name} has more than ${most} entries`)
  if (version.eventIds !== 'assigned')
    return json.every((id) => isId(id, '$', '')) ? accepted(json as EventId[]) : refused(`${name} has no event IDs`)
  const arePairs = json.every(
    (pair) => Array.isArray(pair) && pair.length === 2 && isId(pair[0], '$', ':') && isObject(pair[1]),
  )
  return arePairs ? accepted(storedReferences(json, version)) : refused(`${name} has no pairs of event ID and hashes`)
}

const storedReferences = (json: JsonValue | undefined, version: RoomVersion): readonly EventId[] =>
  version.eventIds === 'assigned'
    ? (json as readonly (readonly [EventId, JsonObject])[]).map(([id]) => id)
    : (json as readonly EventId[])

/** Of a redaction, what it redacts; a redaction of nothing has no effect, and is an event like others. */
function redactsOf(json: JsonObject, version: RoomVersion): EventId | undefined {
  if (json.type !== 'm.room.redaction') return undefined
  const redacts = version.redactsIn === 'content' ? (json.content as JsonObject).redacts : json.redacts
  return typeof redacts === 'string' ? (redacts as EventId) : undefined
}

const isString = (value: JsonValue | undefined): boolean => typeof value === 'string'

/**
 * NOTSPEC: no more of the grammar of user and room IDs is asked for. Rooms hold senders of every shape that Synapse let pass,
 * and a server that drops what others keep is out of the room.
 */
const isId = (value: JsonValue | undefined, sigil: string, separator: string): boolean =>
  typeof value === 'string' && value.startsWith(sigil) && value.includes(separator)

/** Of 64 bits, signed; beyond 2^53 to rooms/v5 only, where `RoomEvent` has the nearest double. */
const isTimestamp = (value: JsonValue | undefined): boolean =>
  Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value)

/** NOTSPEC: to rooms/v5 depths go to 2^63 − 1 by the letter, but Synapse drops events beyond 2^53 − 1 in every version. */
const isDepth = (value: JsonValue | undefined): boolean => Number.isSafeInteger(value) && (value as number) >= 0
