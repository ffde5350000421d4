/**
 * Access tokens of guests. They are not stored: a macaroon says whose they are.
 */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { makeMacaroons } from './macaroons.ts'
import { randomLetters } from './session-tokens.ts'

/** All guests have this one. */
export const GUEST_DEVICE_ID = 'guest_device'

export interface GuestTokens {
  readonly make: (userId: UserId) => string
  /** Whose token it is; undefined if it is none of this server's, or its time is over. Whether there is such a guest is another question. */
  readonly verify: (token: string) => UserId | undefined
}

const FIXED = new Set(['gen = 1', 'type = access', 'guest = true'])
const USER_ID = 'user_id = '
const UNTIL = 'time < '
const MAX_LENGTH = 1_000

/** @param location the server's name */
export function makeGuestTokens(secret: Uint8Array, location: string, now: () => number = Date.now): GuestTokens {
  const macaroons = makeMacaroons(secret, location)

  return {
    make: (userId) =>
      macaroons.make([
        'gen = 1',
        'type = access',
        `${USER_ID}${userId}`,
        `nonce = ${randomLetters(16)}`,
        'guest = true',
      ]),

    verify(token) {
      if (token.length > MAX_LENGTH) return undefined
      const claims = macaroons.claimsOf(token)
      if (claims === undefined) return undefined
      const isMet = (claim: string): boolean => {
        if (FIXED.has(claim) || claim.startsWith(USER_ID) || claim.startsWith('nonce = ')) return true
        return claim.startsWith(UNTIL) && now() < Number(claim.slice(UNTIL.length))
      }
      const users = new Set(
        claims.filter((claim) => claim.startsWith(USER_ID)).map((claim) => claim.slice(USER_ID.length)),
      )
      const [userId, other] = users
      if (![...FIXED].every((claim) => claims.includes(claim)) || !claims.every(isMet)) return undefined
      return userId !== undefined && other === undefined && isUserId(userId) ? userId : undefined
    },
  }
}
