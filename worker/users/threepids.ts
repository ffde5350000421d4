/** E-mail addresses and phone numbers of users. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Queries } from '../storage/db.ts'
import {
  deleteThreepid,
  selectThreepids,
  selectUserByThreepid,
  type ThreepidRow,
  upsertThreepid,
} from '../storage/threepids.ts'
import { canonicalEmail, mustBeEmail } from './email-address.ts'
import type { ProvenAddress } from './threepid-validation.ts'

export interface Threepids {
  readonly of: (userId: UserId) => Promise<readonly ThreepidRow[]>
  /** Whose it is; an e-mail address in whatever case. */
  readonly ownerOf: (medium: string, address: string) => Promise<UserId | undefined>
  /** Throws M_THREEPID_DENIED (403) with `message` for what `allowed_local_3pids` does not allow. */
  readonly mustBeAllowed: (medium: string, address: string, message: string) => void
  /** Another's address becomes this user's, who has just proven that it is. */
  readonly add: (userId: UserId, address: ProvenAddress) => Promise<void>
  /** One that is not theirs does no harm. */
  readonly remove: (userId: UserId, medium: string, address: string) => Promise<void>
}

export interface ThreepidsDeps {
  readonly db: Queries
  /** Mail to the address is not sent any more. */
  readonly removePusher: (pusher: {
    readonly userId: UserId
    readonly appId: string
    readonly pushkey: string
  }) => Promise<void>
  /** `allowed_local_3pids`; empty: all. */
  readonly allowed: readonly { readonly medium: string; readonly pattern: RegExp }[]
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export const makeThreepids = ({ db, removePusher, allowed, now = Date.now }: ThreepidsDeps): Threepids => ({
  of: (userId) => selectThreepids(db, userId),

  async ownerOf(medium, address) {
    const known = medium === 'email' ? canonicalEmail(address) : address
    return known === undefined || known.includes('\0') ? undefined : await selectUserByThreepid(db, medium, known)
  },

  mustBeAllowed(medium, address, message) {
    const isAllowed = (rule: ThreepidsDeps['allowed'][number]) => rule.medium === medium && rule.pattern.test(address)
    if (allowed.length > 0 && !allowed.some(isAllowed)) throw new MatrixError('M_THREEPID_DENIED', message)
  },

  async add(userId, { medium, address, validatedAt }) {
    const known = medium === 'email' ? mustBeEmail(address) : address
    await upsertThreepid(db, userId, { medium, address: known, validatedAt, addedAt: now() })
  },

  async remove(userId, medium, address) {
    const known = medium === 'email' ? mustBeEmail(address) : address
    if (known.includes('\0')) return
    await deleteThreepid(db, userId, medium, known)
    // Its owner is not told of messages there any more.
    if (medium === 'email') await removePusher({ userId, appId: 'm.email', pushkey: known })
  },
})
