/** Who agreed to which version of the admin's policy (`user_consent`). */

import { createHmac } from 'node:crypto'
import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser, updateConsentVersion } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

export interface Consent {
  /** False if there is no such user. */
  readonly agree: (userId: UserId, version: string) => Promise<boolean>
  /** Throws M_CONSENT_NOT_GIVEN for a user who has not agreed, where that is needed to send events. */
  readonly mustHaveAgreed: (requester: {
    readonly userId: UserId
    readonly appserviceId?: string | undefined
  }) => Promise<void>
}

export interface ConsentDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  /** `user_consent`; undefined: there is nothing to agree to. */
  readonly policy: { readonly version: string; readonly blockEventsError: string | undefined } | undefined
  /** `form_secret` */
  readonly formSecret: string | undefined
  /** Ends in `/`. */
  readonly publicBaseUrl: string
  /** What is to be done once a user has agreed. */
  readonly onAgreed?: ((userId: UserId) => Promise<void>) | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export function makeConsent(deps: ConsentDeps): Consent {
  const { db, caches, policy, formSecret = '', publicBaseUrl, now = Date.now } = deps

  /** The page on which that user agrees. */
  const uriFor = (userId: UserId): string => {
    const user = localpartOf(userId)
    const signature = createHmac('sha256', formSecret).update(user).digest('hex')
    return `${publicBaseUrl}_matrix/consent?${new URLSearchParams({ u: user, h: signature })}`
  }

  return {
    async agree(userId, version) {
      const isThere = await caches.transaction('agree to a policy', async (tx, stale) => {
        stale('get_user_by_id', [userId])
        return await updateConsentVersion(tx, userId, version, now())
      })
      if (isThere) await deps.onAgreed?.(userId)
      return isThere
    },

    async mustHaveAgreed({ userId, appserviceId }) {
      const message = policy?.blockEventsError
      if (message === undefined || appserviceId !== undefined) return
      const user = await selectUser(db, userId)
      if (user === undefined || user.appserviceId !== null || user.userType === 'bot' || user.userType === 'support')
        return
      if (user.consentVersion === policy!.version) return
      const uri = uriFor(userId)
      throw new MatrixError(
        'M_CONSENT_NOT_GIVEN',
        message.replaceAll('%(consent_uri)s', () => uri),
        {
          consent_uri: uri,
        },
      )
    },
  }
}
