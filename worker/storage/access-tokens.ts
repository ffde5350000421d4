/** Access tokens and refresh tokens, as they are kept: in clear, each with its user and device. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'
import { insertAtNextId } from './next-id.ts'

/** A token with what is asked of its user at every request. */
export interface AccessTokenRow {
  readonly tokenId: number
  /** Whom it speaks for. */
  readonly userId: UserId
  /** Whose it is: an admin's, when it speaks for someone else. */
  readonly ownerId: UserId
  readonly deviceId: string | null
  /** Null: until logged out. */
  readonly validUntilMs: number | null
  /** A request was made with it. */
  readonly isUsed: boolean
  /** With one, a client can get a new token when this has ended: then the refusal is a soft logout. */
  readonly refreshTokenId: number | null
  readonly isGuest: boolean
  readonly isAdmin: boolean
  readonly isShadowBanned: boolean
  readonly isLocked: boolean
  readonly isSuspended: boolean
  readonly isDeactivated: boolean
  /** Null where nobody is to approve users. */
  readonly isApproved: boolean | null
  readonly appserviceId: string | null
}

/** The token, expired or not; undefined if there is none, or its user is not there. */
export const selectAccessToken = (db: Queries, token: string) =>
  db.one<AccessTokenRow>(
    `select t.id as "tokenId", u.name as "userId", t.user_id as "ownerId", t.device_id as "deviceId",
       t.valid_until_ms as "validUntilMs", coalesce(t.used, false) as "isUsed", t.refresh_token_id as "refreshTokenId",
       u.is_guest = 1 as "isGuest", u.admin = 1 as "isAdmin", coalesce(u.shadow_banned, false) as "isShadowBanned",
       u.locked as "isLocked", u.suspended as "isSuspended", u.deactivated = 1 as "isDeactivated",
       u.approved as "isApproved", u.appservice_id as "appserviceId"
     from access_tokens t join users u on u.name = coalesce(t.puppets_user_id, t.user_id)
     where t.token = $1`,
    [token],
  )

export interface NewAccessToken {
  readonly userId: UserId
  readonly deviceId: string | null
  readonly token: string
  readonly validUntilMs?: number | null
  /** Whom it speaks for, if not for `userId`. */
  readonly puppetsUserId?: UserId
  readonly refreshTokenId?: number
}

/** Returns its id. A token that is there already is a unique violation. */
export const insertAccessToken = (db: Queries, token: NewAccessToken): Promise<number> =>
  insertAtNextId(() =>
    db.one<{ id: number }>(
      `insert into access_tokens (id, user_id, device_id, token, valid_until_ms, puppets_user_id, last_validated,
         refresh_token_id, used)
       select coalesce(max(id), 0) + 1, $1::text, $2::text, $3::text, $4::bigint, $5::text, $6::bigint, $7::bigint, false
       from access_tokens
       on conflict (id) do nothing returning id`,
      [
        token.userId,
        token.deviceId,
        token.token,
        token.validUntilMs,
        token.puppetsUserId,
        Date.now(),
        token.refreshTokenId,
      ],
    ),
  )

/** At its first use: the refresh token that it came with need not be kept any longer. */
export const markAccessTokenUsed = (db: Queries, tokenId: number) =>
  db.run('update access_tokens set used = true where id = $1 and used is distinct from true', [tokenId])

export interface DeletedToken {
  readonly tokenId: number
  readonly token: string
  readonly deviceId: string | null
}

/**
 * Ends access tokens of a user: of one device, or of all; but for the token `exceptTokenId`. Returns those that ended, to be
 * forgotten by caches and pushers.
 */
export const deleteAccessTokens = (
  db: Queries,
  userId: UserId,
  { deviceIds, exceptTokenId }: { readonly deviceIds?: readonly string[]; readonly exceptTokenId?: number } = {},
) =>
  db.rows<DeletedToken>(
    `delete from access_tokens
     where user_id = $1 and ($2::text[] is null or device_id = any($2)) and ($3::bigint is null or id <> $3)
     returning id as "tokenId", token, device_id as "deviceId"`,
    [userId, deviceIds, exceptTokenId],
  )

/** Ends one access token. Undefined if it was not there. */
export const deleteAccessToken = (db: Queries, token: string) =>
  db.one<DeletedToken & { readonly userId: UserId }>(
    `delete from access_tokens where token = $1
     returning id as "tokenId", token, device_id as "deviceId", user_id as "userId"`,
    [token],
  )

export interface RefreshTokenRow {
  readonly tokenId: number
  readonly userId: UserId
  readonly deviceId: string
  /** The token that this one was exchanged for, if it was. */
  readonly nextTokenId: number | null
  /** With either of these, the client got the next pair: this token has served its time. */
  readonly isNextRefreshed: boolean
  readonly isNextAccessTokenUsed: boolean
  readonly expiryMs: number | null
  readonly ultimateSessionExpiryMs: number | null
}

export const selectRefreshToken = (db: Queries, token: string) =>
  db.one<RefreshTokenRow>(
    `select t.id as "tokenId", t.user_id as "userId", t.device_id as "deviceId", t.next_token_id as "nextTokenId",
       n.next_token_id is not null as "isNextRefreshed",
       exists (select from access_tokens a where a.refresh_token_id = n.id and a.used) as "isNextAccessTokenUsed",
       t.expiry_ts as "expiryMs", t.ultimate_session_expiry_ts as "ultimateSessionExpiryMs"
     from refresh_tokens t left join refresh_tokens n on n.id = t.next_token_id
     where t.token = $1`,
    [token],
  )

export interface NewRefreshToken {
  readonly userId: UserId
  readonly deviceId: string
  readonly token: string
  readonly expiryMs: number | null
  readonly ultimateSessionExpiryMs: number | null
}

/** Returns its id. */
export const insertRefreshToken = (db: Queries, token: NewRefreshToken): Promise<number> =>
  insertAtNextId(() =>
    db.one<{ id: number }>(
      `insert into refresh_tokens (id, user_id, device_id, token, next_token_id, expiry_ts, ultimate_session_expiry_ts)
       select coalesce(max(id), 0) + 1, $1::text, $2::text, $3::text, null, $4::bigint, $5::bigint
       from refresh_tokens
       on conflict (id) do nothing returning id`,
      [token.userId, token.deviceId, token.token, token.expiryMs, token.ultimateSessionExpiryMs],
    ),
  )

/**
 * `tokenId` was exchanged for `nextTokenId`. What it had been exchanged for before (an answer that never arrived) ends, and
 * so does the token that it came from itself; access tokens go with their refresh tokens. Returns those. In one transaction.
 */
export async function replaceRefreshToken(
  tx: Queries,
  tokenId: number,
  nextTokenId: number,
): Promise<readonly DeletedToken[]> {
  const before = await tx.one<{ nextTokenId: number | null }>(
    'select next_token_id as "nextTokenId" from refresh_tokens where id = $1 for update',
    [tokenId],
  )
  // In this order: a token takes those along that name it as their next.
  const [, ended] = await Promise.all([
    tx.run('update refresh_tokens set next_token_id = $2 where id = $1', [tokenId, nextTokenId]),
    tx.rows<DeletedToken>(
      `delete from access_tokens
       where refresh_token_id = $2 or refresh_token_id in (select id from refresh_tokens where next_token_id = $1)
       returning id as "tokenId", token, device_id as "deviceId"`,
      [tokenId, before?.nextTokenId],
    ),
    tx.run('delete from refresh_tokens where id = $1', [before?.nextTokenId]),
    tx.run('delete from refresh_tokens where next_token_id = $1', [tokenId]),
  ])
  return ended
}

/** Ends refresh tokens of a user, of some devices or of all, and the access tokens that came with them. */
export const deleteRefreshTokens = (db: Queries, userId: UserId, deviceIds?: readonly string[]) =>
  db.run('delete from refresh_tokens where user_id = $1 and ($2::text[] is null or device_id = any($2))', [
    userId,
    deviceIds,
  ])

/** When its user last proved who they are, in ms since 1970: at the log-in, or by user-interactive authentication since. */
export async function selectLastValidated(db: Queries, tokenId: number): Promise<number | undefined> {
  const row = await db.one<{ lastValidated: number | null }>(
    'select last_validated as "lastValidated" from access_tokens where id = $1',
    [tokenId],
  )
  return row?.lastValidated ?? undefined
}

export const updateLastValidated = (db: Queries, tokenId: number, nowMs: number) =>
  db.run('update access_tokens set last_validated = $2 where id = $1', [tokenId, nowMs])
