/** Accounts that end, and the mails with which they are renewed (`account_validity`). */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type LetterNames, renewalLetter } from '../mail/letters.ts'
import type { SendMail } from '../mail/mailer.ts'
import {
  insertValidity,
  markRenewalMailSent,
  selectExpiringUsers,
  selectExpiry,
  selectRenewal,
  selectUsersWithoutExpiry,
  updateRenewalToken,
  upsertValidity,
} from '../storage/account-validity.ts'
import type { Queries } from '../storage/db.ts'
import { selectProfile } from '../storage/profiles.ts'
import { selectThreepids } from '../storage/threepids.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { randomLetters } from './session-tokens.ts'

export interface Renewal {
  /** `stale`: the link was followed before. */
  readonly outcome: 'renewed' | 'stale' | 'unknown'
  /** The account's end, in milliseconds since 1970; 0 where it is unknown. */
  readonly expiresAtMs: number
}

export interface AccountValidity {
  /** Throws M_FORBIDDEN where there are no such mails, M_UNKNOWN for a user whose account has no end. */
  readonly sendMail: (userId: UserId) => Promise<void>
  readonly renew: (token: string) => Promise<Renewal>
  /** Gives an end to the accounts of users who have none, some time before the period is over, and writes to those that end soon. */
  readonly sweep: () => Promise<void>
}

export interface AccountValidityDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'transaction'>
  readonly settings: {
    readonly enabled: boolean
    readonly periodMs: number | undefined
    /** So long before the end a mail is sent; undefined: none is. */
    readonly renewAtMs: number | undefined
    readonly renewEmailSubject: string
  }
  readonly sendMail: SendMail | undefined
  readonly names: LetterNames
  /** Ends in `/`. */
  readonly publicBaseUrl: string
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const AT_ONCE = 100

export function makeAccountValidity(deps: AccountValidityDeps): AccountValidity {
  const { db, caches, settings, sendMail, names, publicBaseUrl, onProblem, now = Date.now } = deps
  const { periodMs = 0, renewAtMs } = settings

  async function write(userId: UserId, expiresAtMs: number): Promise<void> {
    const mails = (await selectThreepids(db, userId)).filter(({ medium }) => medium === 'email')
    if (mails.length === 0 || sendMail === undefined) return
    const token = randomLetters(32)
    await updateRenewalToken(db, userId, token)
    const link = `${publicBaseUrl}_matrix/client/unstable/account_validity/renew?token=${token}`
    const displayName = (await selectProfile(db, userId))?.displayName ?? userId
    const letter = renewalLetter({ displayName, expiresAtMs, link, subject: settings.renewEmailSubject }, names)
    for (const { address } of mails) await sendMail(address, letter)
    await markRenewalMailSent(db, userId)
  }

  return {
    async sendMail(userId) {
      if (renewAtMs === undefined)
        throw new MatrixError('M_FORBIDDEN', 'Account renewal via email is disabled on this server.')
      const expiresAtMs = await selectExpiry(db, userId)
      if (expiresAtMs === undefined) throw new MatrixError('M_UNKNOWN', `User has no expiration time: ${userId}`)
      await write(userId, expiresAtMs)
    },

    async renew(token) {
      const found = token.includes('\0') ? undefined : await selectRenewal(db, token)
      if (found === undefined) return { outcome: 'unknown', expiresAtMs: 0 }
      if (found.tokenUsedMs !== null) return { outcome: 'stale', expiresAtMs: found.expiryMs }
      const expiryMs = now() + periodMs
      await caches.transaction('renew account', async (tx, stale) => {
        await upsertValidity(tx, found.userId, {
          expiryMs,
          emailSent: false,
          renewalToken: token,
          tokenUsedMs: now(),
        })
        stale('get_expiration_ts_for_user', [found.userId])
      })
      return { outcome: 'renewed', expiresAtMs: expiryMs }
    },

    async sweep() {
      // Not all at the same moment: a tenth of the period before its end at most.
      for (const { userId } of await selectUsersWithoutExpiry(db, AT_ONCE)) {
        const expiryMs = Math.floor(now() + periodMs * (1 - Math.random() / 10))
        await caches.transaction('set account validity', async (tx, stale) => {
          await insertValidity(tx, userId, expiryMs)
          stale('get_expiration_ts_for_user', [userId])
        })
      }
      if (renewAtMs === undefined) return
      for (const { userId, expiryMs } of await selectExpiringUsers(db, now() + renewAtMs, AT_ONCE))
        await write(userId, expiryMs).catch((error: unknown) => onProblem(`${userId} was not told to renew`, error))
    },
  }
}
