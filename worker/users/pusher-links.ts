/** Links in mails by which a user is mailed no more: a macaroon says which pusher, and lasts for ever. */

import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { makeMacaroons } from './macaroons.ts'

export interface PusherLinks {
  readonly make: (userId: UserId, appId: string, pushkey: string) => string
  /** Whose pusher it is; undefined: the token is none of this server's for that pusher. */
  readonly verify: (token: string, appId: string, pushkey: string) => UserId | undefined
}

const USER_ID = 'user_id = '

/** @param location the server's name */
export function makePusherLinks(secret: Uint8Array, location: string): PusherLinks {
  const macaroons = makeMacaroons(secret, location)
  const claimsOf = (appId: string, pushkey: string) => [
    'gen = 1',
    'type = delete_pusher',
    `app_id = ${appId}`,
    `pushkey = ${pushkey}`,
  ]
  return {
    make(userId, appId, pushkey) {
      const [gen, type, app, key] = claimsOf(appId, pushkey)
      return macaroons.make([gen!, type!, `${USER_ID}${userId}`, app!, key!])
    },
    verify(token, appId, pushkey) {
      const claims = macaroons.claimsOf(token)
      if (claims === undefined) return undefined
      const wanted = claimsOf(appId, pushkey)
      const users = new Set(claims.flatMap((claim) => (claim.startsWith(USER_ID) ? claim.slice(USER_ID.length) : [])))
      const [userId, other] = users
      const isMet = claims.every((claim) => claim.startsWith(USER_ID) || wanted.includes(claim))
      if (!isMet || !wanted.every((claim) => claims.includes(claim)) || other !== undefined) return undefined
      return userId !== undefined && isUserId(userId) ? userId : undefined
    },
  }
}
