/** Who asks: access tokens and their users, in memory until something about them changes anywhere. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { type Lru, makeLru } from '../lru.ts'
import { type AccessTokenRow, markAccessTokenUsed, selectAccessToken } from '../storage/access-tokens.ts'
import { selectExpiry } from '../storage/account-validity.ts'
import type { Db } from '../storage/db.ts'
import { selectDevice } from '../storage/devices.ts'
import { selectUser, type UserRow } from '../storage/users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Appservice, Appservices } from './appservices.ts'
import { GUEST_DEVICE_ID, type GuestTokens } from './guest-tokens.ts'
import type { LastSeen } from './last-seen.ts'

/** `Requester` of `worker/http`. */
export interface TokenOwner {
  readonly userId: UserId
  readonly deviceId: string | undefined
  readonly accessTokenId: number | undefined
  readonly isGuest: boolean
  readonly isShadowBanned: boolean
  readonly appserviceId?: string | undefined
  readonly isUnlimited?: boolean | undefined
  readonly authenticatedEntity: string
  readonly validUntilMs?: number | undefined
  readonly accountValidUntilMs?: number | undefined
  readonly isLocked: boolean
  readonly isSuspended: boolean
}

export interface RequestersDeps {
  readonly db: Db
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly guestTokens: GuestTokens
  readonly appservices: Appservices
  /** `track_appservice_user_ips` */
  readonly tracksAppservices?: boolean
  /** `account_validity.enabled`: accounts end. */
  readonly accountsExpire?: boolean
  readonly lastSeen?: LastSeen | undefined
  /** How many tokens are kept in memory. */
  readonly maxTokens?: number
}

/** 300 bytes each. */
const MAX_TOKENS = 50_000
const MAX_GHOSTS = 20_000
/** Tokens of a user from which on those are left out that are not kept any more. */
const MAX_NAMES = 100
/** Longer ones are nobody's: localparts have 255 bytes at most. */
const MAX_TOKEN_LENGTH = 1000

/** `Requesters` of `worker/http`. */
export interface UserRequesters {
  /** At once if it is known. Undefined: nobody's. */
  readonly byAccessToken: (token: string) => TokenOwner | undefined | Promise<TokenOwner | undefined>
  readonly isAdmin: (userId: UserId) => Promise<boolean>
  readonly actAs: (
    appservice: { readonly appserviceId?: string | undefined; readonly userId: UserId },
    as: { readonly userId: string | undefined; readonly deviceId: string | undefined; readonly ip: string },
  ) => TokenOwner | undefined | Promise<TokenOwner | undefined>
  readonly seen: (
    owner: {
      readonly userId: UserId
      readonly deviceId?: string | undefined
      readonly appserviceId?: string | undefined
      readonly authenticatedEntity: string
    },
    from: { readonly token: string; readonly ip: string; readonly userAgent: string },
  ) => void
}

export function makeRequesters(deps: RequestersDeps): UserRequesters {
  const { db, caches, guestTokens, appservices, lastSeen, maxTokens = MAX_TOKENS } = deps
  const { tracksAppservices = false, accountsExpire = false } = deps
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
    ghosts.clear()
  }
  function forgetUser(userId: string): void {
    for (const token of tokensOf.get(userId) ?? []) owners.delete(token)
    tokensOf.delete(userId)
    reading.clear()
    ghosts.delete(userId)
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
    'get_expiration_ts_for_user',
  ])
    caches.on(name, (keys) => (keys === null ? forgetAll() : forgetUser(keys[0] as string)))

  /** Users that application services act as; undefined: not registered. */
  const ghosts = makeLru<string, Promise<UserRow | undefined>>(MAX_GHOSTS)

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
    if (!accountsExpire) return ownerOf(row)
    return { ...ownerOf(row), accountValidUntilMs: await selectExpiry(db, row.userId) }
  }

  function ghost(userId: UserId): Promise<UserRow | undefined> {
    const known = ghosts.get(userId)
    if (known !== undefined) return known
    const reading = selectUser(db, userId)
    ghosts.set(userId, reading)
    reading.then(
      // Who is registered next is to be found.
      (user) => user === undefined && ghosts.peek(userId) === reading && ghosts.delete(userId),
      () => ghosts.peek(userId) === reading && ghosts.delete(userId),
    )
    return reading
  }

  const appserviceOwner = (appservice: Appservice, userId: UserId = appservice.sender): TokenOwner => ({
    userId,
    deviceId: undefined,
    accessTokenId: undefined,
    isGuest: false,
    isShadowBanned: false,
    appserviceId: appservice.id,
    isUnlimited: !appservice.isRateLimited,
    authenticatedEntity: userId,
    isLocked: false,
    isSuspended: false,
  })

  async function asUser(appservice: Appservice, userId: UserId, deviceId: string | undefined): Promise<TokenOwner> {
    let owner = appserviceOwner(appservice, userId)
    if (userId !== appservice.sender) {
      if (!appservices.isTheirs(appservice, userId) || userId.includes('\0'))
        throw new MatrixError('M_FORBIDDEN', `Application service cannot masquerade as this user (${userId}).`)
      const user = await ghost(userId)
      if (user === undefined)
        throw new MatrixError('M_FORBIDDEN', `Application service has not registered this user (${userId})`)
      owner = { ...owner, isSuspended: user.isSuspended }
    }
    if (deviceId === undefined) return owner
    if (deviceId.includes('\0') || (await selectDevice(db, userId, deviceId)) === undefined)
      throw new MatrixError(
        'M_UNKNOWN_DEVICE',
        `Application service trying to use a device that doesn't exist ('${deviceId}' for ${userId})`,
      )
    return { ...owner, deviceId }
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
      const appservice = appservices.byToken(token)
      if (appservice !== undefined) return appserviceOwner(appservice)
      const known = owners.get(token)
      if (known !== undefined) return known
      if (token.length > MAX_TOKEN_LENGTH || token.includes('\0')) return undefined
      return reading.get(token) ?? read(token)
    },
    // Rare, and never to be wrong.
    isAdmin: async (userId) => (await selectUser(db, userId))?.isAdmin ?? false,
    actAs({ appserviceId, userId: sender }, { userId, deviceId, ip }) {
      const appservice = appservices.byId(appserviceId)
      if (appservice === undefined || !appservices.mayAskFrom(appservice, ip)) return undefined
      if (userId === undefined && deviceId === undefined) return appserviceOwner(appservice)
      return asUser(appservice, (userId as UserId | undefined) ?? sender, deviceId)
    },
    seen({ userId, deviceId, appserviceId, authenticatedEntity }, from) {
      // An admin who acts as a user is not that user.
      if (authenticatedEntity !== userId || (appserviceId !== undefined && !tracksAppservices)) return
      // Synapse's name for what has no device.
      lastSeen?.seen(userId, appserviceId === undefined ? deviceId : (deviceId ?? 'dummy-device'), from)
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
