/** Who changes rooms, and what may be refused for happening too often (`rc_*`). */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Author } from './sender.ts'

/** As a request's requester. */
export interface Actor extends Author {
  /** Whose token it is: for appservices and admins who act as another user, not that one. */
  readonly authenticatedEntity: string
  /** An application service for which there are no limits. */
  readonly isUnlimited?: boolean | undefined
  /** The account may read, and leave rooms, but not take part. */
  readonly isSuspended?: boolean | undefined
}

/** Each throws M_LIMIT_EXCEEDED, or counts. */
export interface RoomLimits {
  /** `rc_message`, or `rc_admin_redaction` of a redaction of another's event. What it resolves to undoes the count. */
  readonly event: (actor: Actor, options?: { readonly isRedactionOfOther?: boolean }) => Promise<() => void>
  /** `rc_room_creation` and `rc_message`. */
  readonly creation: (actor: Actor) => Promise<void>
  /** `rc_joins.local`, and `rc_joins_per_room`, in which only joins that happened count. */
  readonly join: (actor: Actor, roomId: RoomId) => Promise<void>
  /** Somebody joined a room, on this process or another. */
  readonly joined: (roomId: RoomId) => void
  /** `rc_invites`. */
  readonly invite: (actor: Actor, roomId: RoomId, target: UserId) => Promise<void>
  /** So many invites at once: false where the burst of `rc_invites.per_room` is smaller. Counts nothing. */
  readonly mayInvite: (actor: Actor, count: number) => Promise<boolean>
  /** `rc_third_party_invite`. With `update` false: only looks. */
  readonly thirdPartyInvite: (actor: Actor, options?: { readonly update?: boolean }) => Promise<void>
  /** `rc_reports`. */
  readonly report: (actor: Actor) => Promise<void>
  /** `rc_delayed_event_mgmt`, of who has no token by their address. */
  readonly delayedEventChange: (by: Actor | { readonly ip: string }) => Promise<void>
}

const nothing = async () => undefined
/** For what the server does by itself. */
export const noLimits: RoomLimits = {
  event: async () => () => undefined,
  creation: nothing,
  join: nothing,
  joined: () => undefined,
  invite: nothing,
  mayInvite: async () => true,
  thirdPartyInvite: nothing,
  report: nothing,
  delayedEventChange: nothing,
}
