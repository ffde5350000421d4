import type { EventId, RoomId, UserId } from '../ids.ts'
import type { JsonObject } from '../json/value.ts'

/**
 * An event of a room (PDU) in one shape for all room versions, as made by `readEvent` from a checked event, or by
 * `buildEvent`. Nothing of it changes after that.
 */
export interface RoomEvent {
  readonly eventId: EventId
  /** Of a create event of room version 12 too, where the event itself does not say it. */
  readonly roomId: RoomId
  readonly type: string
  /** Undefined: not a state event. */
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly content: JsonObject
  /** Milliseconds since 1970 by the sender's server's clock. */
  readonly originServerTs: number
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** Of a redaction: the event to be redacted, wherever the room version writes it. */
  readonly redacts: EventId | undefined
  /** The event as servers exchange it: what hashes and signatures cover. */
  readonly json: JsonObject
}
