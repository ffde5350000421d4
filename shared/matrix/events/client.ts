import type { UserId } from '../ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../json/value.ts'
import type { RoomVersion } from '../room-version.ts'
import type { RoomEvent } from './event.ts'

/** What a server knows of an event, or of the reader, that the event does not say. */
export interface ClientContext {
  /** Milliseconds since 1970, for `age`. */
  readonly now: number
  /** Who reads: the sender's own device is told its transaction ID. */
  readonly reader?: { readonly userId: UserId; readonly deviceId: string } | undefined
  readonly sentBy?: { readonly deviceId: string; readonly transactionId: string } | undefined
  /** The redaction, where the event is redacted (`event.json` is). */
  readonly redactedBecause?: RoomEvent | undefined
  /** Of a state event, what it replaced, if the reader may see that. */
  readonly prevContent?: JsonObject | undefined
  /** The reader's membership at the event. */
  readonly membership?: string | undefined
  /** Aggregated child events: `m.relations`. */
  readonly relations?: JsonObject | undefined
}

export interface ClientFormat {
  /** False where the answer says the room elsewhere, as `/sync` does. */
  readonly withRoomId: boolean
}

/**
 * The event as clients get it: client-server-api, "Room event format". Only the fields defined there; hashes, signatures,
 * references and what else stands at the top of it are for servers.
 */
export function clientEvent(
  event: RoomEvent,
  version: RoomVersion,
  context: ClientContext,
  { withRoomId }: ClientFormat,
): JsonObject {
  return {
    content: clientContent(event, version),
    event_id: event.eventId,
    origin_server_ts: timestampOf(event),
    ...(event.redacts !== undefined && { redacts: event.redacts }),
    ...(withRoomId && { room_id: event.roomId }),
    sender: event.sender,
    ...(event.stateKey !== undefined && { state_key: event.stateKey }),
    type: event.type,
    unsigned: clientUnsigned(event, version, context, { withRoomId }),
  }
}

/**
 * The event for a filter with `event_format: federation`: "the raw event as received over federation", with its ID, and what
 * clients get in `unsigned`.
 */
export const federationFormatEvent = (event: RoomEvent, version: RoomVersion, context: ClientContext): JsonObject => ({
  ...event.json,
  event_id: event.eventId,
  unsigned: clientUnsigned(event, version, context, { withRoomId: true }),
})

/** As it was written: a timestamp beyond 2^53 is not the double that `RoomEvent` has. */
const timestampOf = ({ json }: RoomEvent): JsonValue => json.origin_server_ts!

/** Rooms/v11, "Moving the `redacts` property": clients find it in both places, whatever the room version. */
const clientContent = ({ content, redacts }: RoomEvent, version: RoomVersion): JsonObject =>
  redacts !== undefined && version.redactsIn === 'event' ? { ...content, redacts } : content

function clientUnsigned(
  event: RoomEvent,
  version: RoomVersion,
  context: ClientContext,
  format: ClientFormat,
): JsonObject {
  const kept = isObject(event.json.unsigned) ? event.json.unsigned : {}
  const { reader, sentBy, redactedBecause, prevContent, membership, relations } = context
  const isOwnDevice = sentBy !== undefined && reader?.userId === event.sender && reader.deviceId === sentBy.deviceId
  return {
    ...(Number.isSafeInteger(kept.age_ts) && { age: context.now - (kept.age_ts as number) }),
    ...(membership !== undefined && { membership }),
    ...(relations !== undefined && { 'm.relations': relations }),
    ...(prevContent !== undefined && event.stateKey !== undefined && { prev_content: prevContent }),
    ...(redactedBecause !== undefined && {
      redacted_because: clientEvent(redactedBecause, version, { now: context.now }, format),
    }),
    ...(typeof kept.replaces_state === 'string' && { replaces_state: kept.replaces_state }),
    ...(isOwnDevice && { transaction_id: sentBy.transactionId }),
  }
}
