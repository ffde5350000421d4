/** The limits of `worker/rooms/limits.ts`, by the configuration's `rc_*` and `ratelimit_override`. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { makeRateLimiter, type RateLimit, type RateLimiter } from '../http/rate-limit.ts'
import type { Actor, RoomLimits } from '../rooms/limits.ts'
import type { RateLimitOverrides } from '../users/rate-limit-overrides.ts'

/** Of the configuration. */
export interface RoomLimitSettings {
  readonly rcMessage: RateLimit
  /** Absent: redactions of what others sent count as messages. */
  readonly rcAdminRedaction: RateLimit | undefined
  readonly rcRoomCreation: RateLimit
  readonly rcJoins: { readonly local: RateLimit }
  readonly rcJoinsPerRoom: RateLimit
  readonly rcThirdPartyInvite: RateLimit
  readonly rcReports: RateLimit
  readonly rcDelayedEventMgmt: RateLimit
  readonly rcInvites: { readonly perRoom: RateLimit; readonly perUser: RateLimit; readonly perIssuer: RateLimit }
}

export interface RoomLimitDeps {
  readonly settings: RoomLimitSettings
  readonly overrides: RateLimitOverrides
  /** Milliseconds that never go back. */
  readonly now: () => number
}

const nothing = () => undefined

export function makeRoomLimits({ settings, overrides, now }: RoomLimitDeps): RoomLimits {
  const limiter = (limit: RateLimit): RateLimiter => makeRateLimiter(limit, now)
  const messages = limiter(settings.rcMessage)
  const adminRedactions = settings.rcAdminRedaction && limiter(settings.rcAdminRedaction)
  const creations = limiter(settings.rcRoomCreation)
  const joins = limiter(settings.rcJoins.local)
  const joinsOfRoom = limiter(settings.rcJoinsPerRoom)
  const invitesToRoom = limiter(settings.rcInvites.perRoom)
  const invitesOfUser = limiter(settings.rcInvites.perUser)
  const invitesByIssuer = limiter(settings.rcInvites.perIssuer)

  const thirdPartyInvites = limiter(settings.rcThirdPartyInvite)
  const reports = limiter(settings.rcReports)
  const delayedEventChanges = limiter(settings.rcDelayedEventMgmt)

  /** The limit that counts for messages instead of the configuration's; `none`: there is no limit of any kind. */
  async function exceptionOf(actor: Actor): Promise<RateLimit | 'none' | undefined> {
    if (actor.isUnlimited) return 'none'
    const override = await overrides(actor.authenticatedEntity as UserId)
    if (override === undefined) return undefined
    const { perSecond, burstCount } = override
    return perSecond === null || perSecond === 0 ? 'none' : { perSecond, burstCount: burstCount ?? 0 }
  }

  return {
    async event(actor, { isRedactionOfOther = false } = {}) {
      const limit = await exceptionOf(actor)
      if (limit === 'none') return nothing
      const { userId } = actor
      if (isRedactionOfOther && adminRedactions !== undefined) {
        adminRedactions.takeOrRefuse(userId)
        return () => adminRedactions.record(userId, -1)
      }
      messages.takeOrRefuse(userId, limit === undefined ? {} : { limit })
      return () => messages.record(userId, -1)
    },
    async creation(actor) {
      const limit = await exceptionOf(actor)
      if (limit === 'none') return
      const { userId } = actor
      creations.takeOrRefuse(userId, { update: false })
      messages.takeOrRefuse(userId, limit === undefined ? {} : { limit })
      creations.takeOrRefuse(userId)
    },
    async join(actor, roomId) {
      if ((await exceptionOf(actor)) === 'none') return
      joins.takeOrRefuse(actor.userId)
      joinsOfRoom.takeOrRefuse(roomId, { update: false })
    },
    joined: (roomId) => joinsOfRoom.record(roomId),
    async invite(actor, roomId, target) {
      if ((await exceptionOf(actor)) === 'none') return
      invitesToRoom.takeOrRefuse(roomId)
      invitesOfUser.takeOrRefuse(target)
      invitesByIssuer.takeOrRefuse(actor.userId)
    },
    async mayInvite(actor, count) {
      if ((await exceptionOf(actor)) === 'none') return true
      return invitesToRoom.take(actor.userId, { count, update: false }) === 0
    },
    async thirdPartyInvite(actor, options) {
      if ((await exceptionOf(actor)) !== 'none') thirdPartyInvites.takeOrRefuse(actor.userId, options)
    },
    async report(actor) {
      if ((await exceptionOf(actor)) !== 'none') reports.takeOrRefuse(actor.userId)
    },
    async delayedEventChange(by) {
      if ('ip' in by) return delayedEventChanges.takeOrRefuse(by.ip)
      if ((await exceptionOf(by)) !== 'none') delayedEventChanges.takeOrRefuse(by.userId)
    },
  }
}
