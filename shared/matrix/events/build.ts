import { createIdOfRoom, referenceHash } from '../hashes.ts'
import type { EventId, RoomId, ServerName, UserId } from '../ids.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import { type Result, refused } from '../result.ts'
import type { RoomVersion } from '../room-version.ts'
import type { SigningKey } from '../signing/ed25519.ts'
import { signEvent } from '../signing/sign.ts'
import type { RoomEvent } from './event.ts'
import { readEvent } from './read.ts'
import { eventBytes, longField, maxEventBytes } from './size.ts'

/** An event to be, but for what only its place in the room and its server can say. */
export interface EventTemplate {
  /** Undefined for the create event of a room whose ID is that event's hash (rooms/v12), and only for it. */
  readonly roomId: RoomId | undefined
  readonly type: string
  /** Undefined: not a state event. */
  readonly stateKey?: string | undefined
  readonly sender: UserId
  readonly content: JsonObject
  /** What a redaction redacts; it is written where the room version has it. */
  readonly redacts?: EventId | undefined
  /** Not signed, for this server and its clients: `age_ts`, `replaces_state` … */
  readonly unsigned?: JsonObject | undefined
}

/** Where a new event goes. */
export interface EventPlace {
  /** The room's events that no other refers to yet, at most 20. */
  readonly prevEvents: readonly ReferredEvent[]
  /** By `selectAuthEvents`. The create event is left out where the room version says so (rooms/v12). */
  readonly authEvents: readonly ReferredEvent[]
  /** Milliseconds since 1970. */
  readonly originServerTs: number
}

type ReferredEvent = Pick<RoomEvent, 'eventId' | 'depth' | 'json'>

/** Who signs. */
export interface EventAuthor {
  readonly server: ServerName
  readonly key: SigningKey
  /** In room versions 1 and 2: an ID that this server has not given yet, `$opaque:server`. */
  readonly newEventId?: EventId | undefined
}

/** Other servers count `unsigned`, with what they keep in it, to an event's size: room for that. */
const unsignedReserve = 64

/**
 * A new event, hashed and signed. Refused if another server would refuse it: too large, numbers that the room version does not
 * have, a malformed ID. Whether it is allowed is for `authorise` to say.
 */
export function buildEvent(
  version: RoomVersion,
  template: EventTemplate,
  place: EventPlace,
  author: EventAuthor,
): Result<RoomEvent> {
  const json = signEvent(protoEvent(version, template, place, author.newEventId), version, author.server, author.key)
  if (eventBytes(json) > maxEventBytes - unsignedReserve) return refused('the event is too large')
  const event = readEvent(json, version)
  if (!event.ok) return event
  const long = longField(event.value)
  return long === undefined ? event : refused(`${long} is longer than 255 bytes`)
}

/** The event without hash and signature, as `/make_join` and its like hand it to the server that will sign it. */
export function protoEvent(
  version: RoomVersion,
  { roomId, type, stateKey, sender, content, redacts, unsigned }: EventTemplate,
  { prevEvents, authEvents, originServerTs }: EventPlace,
  newEventId?: EventId,
): JsonObject {
  const createId = version.roomIdIsCreateHash && roomId !== undefined ? createIdOfRoom(roomId) : undefined
  return {
    auth_events: references(
      authEvents.filter(({ eventId }) => eventId !== createId),
      version,
    ),
    content: redacts !== undefined && version.redactsIn === 'content' ? { ...content, redacts } : content,
    depth: nextDepth(prevEvents),
    ...(version.eventIds === 'assigned' && newEventId !== undefined && { event_id: newEventId }),
    origin_server_ts: originServerTs,
    prev_events: references(prevEvents, version),
    ...(redacts !== undefined && version.redactsIn === 'event' && { redacts }),
    ...(roomId !== undefined && { room_id: roomId }),
    sender,
    ...(stateKey !== undefined && { state_key: stateKey }),
    type,
    ...(unsigned !== undefined && { unsigned }),
  }
}

/** "The maximum depth of the `prev_events`, plus one", and no more than others take; 1 for a room's first event. */
const nextDepth = (prevEvents: readonly ReferredEvent[]): number =>
  Math.min(Number.MAX_SAFE_INTEGER, 1 + prevEvents.reduce((most, { depth }) => Math.max(most, depth), 0))

const references = (events: readonly ReferredEvent[], version: RoomVersion): JsonValue =>
  version.eventIds === 'assigned'
    ? events.map(({ eventId, json }) => [eventId, { sha256: referenceHash(json, version) }])
    : events.map(({ eventId }) => eventId)
