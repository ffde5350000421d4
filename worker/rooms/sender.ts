/** New events of this server's users: built, authorised, and handed to the room's persister. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'

/** On whose behalf an event is made. */
export interface Author {
  readonly userId: UserId
  readonly deviceId?: string | undefined
  readonly accessTokenId?: number | undefined
  readonly isGuest?: boolean | undefined
  /** What they send looks sent to them and reaches nobody. */
  readonly isShadowBanned?: boolean | undefined
  readonly appserviceId?: string | undefined
}

/** An event to be made. */
export interface EventIntent {
  readonly type: string
  /** Undefined: not a state event. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  /** The author's user where absent: an admin or the server may speak for another of its users. */
  readonly sender?: UserId | undefined
  /** Of a redaction. */
  readonly redacts?: EventId | undefined
  /** Appservices may say when it happened, in milliseconds since 1970 (`?ts=`). */
  readonly originServerTs?: number | undefined
}

export interface Sent {
  readonly eventId: EventId
  /** Nothing was made: the transaction ID was known, or the state was so already. */
  readonly wasThere: boolean
}

export interface Sender {
  /**
   * Events of one room, each following on the one before, all of them or none. When it resolves they are stored, and this
   * process has seen them.
   *
   * `txnId`: of a single event, which is made once by that ID of the author's device, whichever process is asked again. A
   * state event that says what the state is already makes no new event.
   *
   * Throws M_FORBIDDEN where a rule of the room refuses, M_TOO_LARGE, M_BAD_JSON (an event that other servers would refuse),
   * M_NOT_FOUND for a room that is not known.
   */
  readonly send: (
    roomId: RoomId,
    intents: readonly EventIntent[],
    author: Author,
    options?: { readonly txnId?: string | undefined },
  ) => Promise<readonly Sent[]>
  /**
   * A new room of its events, of which the first is `m.room.create`. `rest` makes the others from the room's ID, which in
   * rooms/v12 is the create event's hash. The room is there whole or not at all.
   */
  readonly createRoom: (
    version: RoomVersion,
    create: EventIntent,
    rest: (roomId: RoomId) => readonly EventIntent[] | Promise<readonly EventIntent[]>,
    author: Author,
    options: { readonly isPublic: boolean },
  ) => Promise<{ readonly roomId: RoomId; readonly sent: readonly Sent[] }>
}
