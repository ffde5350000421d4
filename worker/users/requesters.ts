/** Who asks: access tokens and their users, in memory until something about them changes anywhere. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type Lru, makeLru } from '../lru.ts'
import { type AccessTokenRow, markAccessTokenUsed, selectAccessToken } from '../storage/access-tokens.ts'
import type { Db } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { GUEST_DEVICE_ID, type GuestTokens } from './guest-tokens.ts'
import type { LastSeen } from './last-seen.ts'

/** `Requester` of `worker/http`. */
export interface TokenOwner {
  readonly userId: UserId
  readonly deviceId: string | undefined
  readonly accessTokenId: number | undefined
  readonly isGuest: boolean
  readonly isShadowBanned: boolean
  readonly authenticatedEntity: string
  readonly validUntilMs: number | undefined
  readonly isLocked: boolean
  readonly isSuspended: boolean
}

export interface RequestersDeps {
  readonly db: Db
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly guestTokens: GuestTokens
  readonly lastSeen?: LastSeen | undefined
  /** How many tokens are kept in memory. */
  readonly maxTokens?: number
}

/** 300 bytes each. */
const MAX_TOKENS = 50_000
/** Tokens of a user from which on those are left out that are not kept any more. */
const MAX_NAMES = 100
/** Longer ones are nobody's: localparts have 255 bytes at most. */
const MAX_TOKEN_LENGTH = 1000

/** `Requesters` of `worker/http`. */
export interface UserRequesters {
  /** At once if it is known. Undefined: nobody's. */
  readonly byAccessToken: (token: string) => TokenOwner | undefined | Promise<TokenOwner | undefined>
  readonly isAdmin: (userId: UserId) => Promise<boolean>
  readonly actAs: () => never
  readonly seen: (
    owner: { readonly userId: UserId; readonly deviceId?: string | undefined; readonly authenticatedEntity: string },
    from: { readonly token: string; readonly ip: string; readonly userAgent: string },
  ) => void
}

export function makeRequesters(deps: RequestersDeps): UserRequesters {
  const { db, caches, guestTokens, lastSeen, maxTokens = MAX_TOKENS } = deps
  const owners: Lru<string, TokenOwner> = makeLru(maxTokens)
  /** So that what is stale about a user is found. May name tokens that were forgotten since. */
  const tokensOf = new Map<string, Set<string>>()
  /** Being read. What is read while it is taken out of here is not kept: it may be from before the change. */
  const reading = new Map<string, Promise<TokenOwner | undefined>>()

  function keep(token: string, owner: TokenOwner): void {
    owners.set(token, owner)
    const tokens = tokensOf.get(owner.userId)
    if (tokens === undefined) tokensOf.set(owner.userId, new Set([token]))
    else {
      tokens.add(token)
      // Of who refreshes theirs every few minutes.
      if (tokens.size > MAX_NAMES) for (const other of tokens) if (!owners.has(other)) tokens.delete(other)
    }
    if (tokensOf.size > 2 * maxTokens) forgetNames()
  }
  function forgetNames(): void {
    for (const [userId, tokens] of tokensOf) {
      for (const token of tokens) if (!owners.has(token)) tokens.delete(token)
      if (tokens.size === 0) tokensOf.delete(userId)
    }
  }
  function forgetAll(): void {
    owners.clear()
    tokensOf.clear()
    reading.clear()
  }
  function forgetUser(userId: string): void {
    for (const token of tokensOf.get(userId) ?? []) owners.delete(token)
    tokensOf.delete(userId)
    reading.clear()
  }
  caches.on('get_user_by_access_token', (keys) => {
    if (keys === null) return forgetAll()
    const [token] = keys as [string]
    const owner = owners.peek(token)
    owners.delete(token)
    if (owner !== undefined) tokensOf.get(owner.userId)?.delete(token)
    reading.delete(token)
  })
  for (const name of [
    'get_user_by_id',
    'get_user_locked_status',
    'get_user_suspended_status',
    'get_user_deactivated_status',
    'is_guest',
  ])
    caches.on(name, (keys) => (keys === null ? forgetAll() : forgetUser(keys[0] as string)))

  async function ofGuest(token: string): Promise<TokenOwner | undefined> {
    const userId = guestTokens.verify(token)
    const user = userId === undefined ? undefined : await selectUser(db, userId)
    if (userId === undefined || user === undefined || !user.isGuest || user.isDeactivated) return undefined
    return {
      userId,
      deviceId: GUEST_DEVICE_ID,
      accessTokenId: undefined,
      isGuest: true,
      isShadowBanned: user.isShadowBanned,
      authenticatedEntity: userId,
      validUntilMs: undefined,
      isLocked: user.isLocked,
      isSuspended: user.isSuspended,
    }
  }

  async function find(token: string): Promise<TokenOwner | undefined> {
    const row = await selectAccessToken(db, token)
    if (row === undefined) return ofGuest(token)
    if (row.isDeactivated) return undefined
    // From its first use on, the token before it cannot be refreshed again.
    if (!row.isUsed) await markAccessTokenUsed(db, row.tokenId)
    return ownerOf(row)
  }

  async function read(token: string): Promise<TokenOwner | undefined> {
    const promise = find(token)
    reading.set(token, promise)
    try {
      const owner = await promise
      if (owner !== undefined && reading.get(token) === promise) keep(token, owner)
      return owner
    } finally {
      if (reading.get(token) === promise) reading.delete(token)
    }
  }

  return {
    byAccessToken(token) {
      const known = owners.get(token)
      if (known !== undefined) return known
      if (token.length > MAX_TOKEN_LENGTH || token.includes('\0')) return undefined
      return reading.get(token) ?? read(token)
    },
    // Rare, and never to be wrong.
    isAdmin: async (userId) => (await selectUser(db, userId))?.isAdmin ?? false,
    actAs() {
      throw new MatrixError('M_FORBIDDEN', 'Application services are not supported')
    },
    seen(owner, from) {
      // An admin who acts as a user is not that user.
      if (owner.authenticatedEntity === owner.userId) lastSeen?.seen(owner.userId, owner.deviceId, from)
    },
  }
}

const ownerOf = (row: AccessTokenRow): TokenOwner => ({
  userId: row.userId,
  deviceId: row.deviceId ?? undefined,
  accessTokenId: row.tokenId,
  isGuest: row.isGuest,
  isShadowBanned: row.isShadowBanned,
  authenticatedEntity: row.ownerId,
  validUntilMs: row.validUntilMs ?? undefined,
  isLocked: row.isLocked,
  isSuspended: row.isSuspended,
})
