/** Who is in which room, now: in memory, and forgotten as the stream `events` says so. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Membership } from '../storage/memberships.ts'

/** One of our users' standing in a room. */
export interface OwnMembership {
  readonly roomId: RoomId
  readonly membership: Membership
  readonly eventId: EventId
  /** Of the membership event, by the clock of `instanceName`. */
  readonly streamOrdering: number
  readonly instanceName: string
  readonly sender: UserId
  readonly isForgotten: boolean
}

export interface Memberships {
  /** All rooms that one of our users is in, was invited to, knocked at, left or was banned from. */
  readonly ofUser: (userId: UserId) => Promise<ReadonlyMap<RoomId, OwnMembership>>
  /** The user's in that room; undefined: never been there. */
  readonly of: (userId: UserId, roomId: RoomId) => Promise<OwnMembership | undefined>
  readonly isJoined: (userId: UserId, roomId: RoomId) => Promise<boolean>
  /** Users of this server who are joined. */
  readonly joinedLocals: (roomId: RoomId) => Promise<ReadonlySet<UserId>>
  /** Users of any server who are joined. */
  readonly joined: (roomId: RoomId) => Promise<ReadonlySet<UserId>>
}
