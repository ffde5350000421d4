import type { UserId } from '../../shared/matrix/ids.ts'

/** Who asks, by the access token. */
export interface Requester {
  readonly userId: UserId
  readonly deviceId?: string | undefined
  /** Absent for appservices and for guests whose tokens are not stored. */
  readonly accessTokenId?: number | undefined
  readonly isGuest: boolean
  readonly isShadowBanned: boolean
  /** The appservice whose token it is. `userId` is its sender then, or the user it acts as. */
  readonly appserviceId?: string | undefined
  /** No limits (`rc_*`) hold: an appservice with `rate_limited: false`. */
  readonly isUnlimited?: boolean | undefined
  /** Whose token it is, where an admin acts as `userId`; else `userId`. */
  readonly authenticatedEntity: string
  /** When the access token ends, in milliseconds since 1970. Absent: never. */
  readonly validUntilMs?: number | undefined
  readonly isLocked?: boolean | undefined
  /** When the account ends, not the token, in milliseconds since 1970: `account_validity`. */
  readonly accountValidUntilMs?: number | undefined
  /** The account may read, and leave rooms, and take back what it sent, but no more. */
  readonly isSuspended?: boolean | undefined
}

/** What is known about users, for authentication. Answers from a cache may be given at once, without a promise. */
export interface Requesters {
  /** Undefined: nobody's token. Tokens that have expired and users who are locked are found all the same. */
  byAccessToken(token: string): Requester | undefined | Promise<Requester | undefined>

  /** Whether the user is a server admin. */
  isAdmin(userId: UserId): boolean | Promise<boolean>

  /**
   * The requester for a request of an appservice, which may act as one of its users (`user_id=`) or with a device
   * (`device_id=`). Undefined: it may not ask from that address. Throws M_FORBIDDEN for a user outside of its namespaces or not
   * registered, M_UNKNOWN_DEVICE.
   */
  actAs(
    appservice: Requester,
    as: { readonly userId: string | undefined; readonly deviceId: string | undefined; readonly ip: string },
  ): Requester | undefined | Promise<Requester | undefined>

  /** Told of every request that was authenticated, for last-seen times and monthly active users. Must not throw. */
  seen?(requester: Requester, from: { readonly token: string; readonly ip: string; readonly userAgent: string }): void
}
