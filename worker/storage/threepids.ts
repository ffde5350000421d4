/** E-mail addresses and phone numbers of users, and the sessions in which they are proven. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface ThreepidRow {
  /** `email`, `msisdn` */
  readonly medium: string
  readonly address: string
  /** Milliseconds since 1970, both. */
  readonly validatedAt: number
  readonly addedAt: number
}

/** Whose it is. */
export async function selectUserByThreepid(db: Queries, medium: string, address: string): Promise<UserId | undefined> {
  const row = await db.one<{ userId: UserId }>(
    'select user_id as "userId" from user_threepids where medium = $1 and address = $2',
    [medium, address],
  )
  return row?.userId
}

export const selectThreepids = (db: Queries, userId: UserId) =>
  db.rows<ThreepidRow>(
    `select medium, address, validated_at as "validatedAt", added_at as "addedAt"
     from user_threepids where user_id = $1 order by added_at, medium, address`,
    [userId],
  )

/** From now on it is that user's alone. */
export const upsertThreepid = (db: Queries, userId: UserId, { medium, address, validatedAt, addedAt }: ThreepidRow) =>
  db.run(
    `insert into user_threepids (user_id, medium, address, validated_at, added_at) values ($1, $2, $3, $4, $5)
     on conflict (medium, address) do update set user_id = excluded.user_id, validated_at = excluded.validated_at,
       added_at = excluded.added_at`,
    [userId, medium, address, validatedAt, addedAt],
  )

export const deleteThreepid = (db: Queries, userId: UserId, medium: string, address: string) =>
  db.run('delete from user_threepids where user_id = $1 and medium = $2 and address = $3', [userId, medium, address])

export const deleteThreepids = (db: Queries, userId: UserId) =>
  db.run('delete from user_threepids where user_id = $1', [userId])

/** Identity servers that the address was bound at; of `address` undefined, of all addresses. */
export const selectBoundServers = (db: Queries, userId: UserId, medium?: string, address?: string) =>
  db.rows<{ readonly medium: string; readonly address: string; readonly idServer: string }>(
    `select medium, address, id_server as "idServer" from user_threepid_id_server
     where user_id = $1 and ($2::text is null or medium = $2) and ($3::text is null or address = $3)`,
    [userId, medium, address],
  )

export interface ValidationSession {
  readonly id: string
  readonly medium: string
  readonly address: string
  readonly clientSecret: string
  readonly lastSendAttempt: number
  /** Null: nobody has followed the link. */
  readonly validatedAt: number | null
}

const SESSION = `session_id as id, medium, address, client_secret as "clientSecret",
  last_send_attempt as "lastSendAttempt", validated_at as "validatedAt"`

/** The one that goes on for that address, not proven yet. */
export const selectOpenSession = (db: Queries, medium: string, address: string, clientSecret: string) =>
  db.one<ValidationSession>(
    `select ${SESSION} from threepid_validation_session
     where medium = $1 and address = $2 and client_secret = $3 and validated_at is null order by session_id limit 1`,
    [medium, address, clientSecret],
  )

export const selectValidatedSession = (db: Queries, medium: string, id: string, clientSecret: string) =>
  db.one<ValidationSession>(
    `select ${SESSION} from threepid_validation_session
     where medium = $1 and session_id = $2 and client_secret = $3 and validated_at is not null`,
    [medium, id, clientSecret],
  )

export const upsertSession = (db: Queries, session: Omit<ValidationSession, 'validatedAt'>) =>
  db.run(
    `insert into threepid_validation_session (session_id, medium, address, client_secret, last_send_attempt)
     values ($1, $2, $3, $4, $5)
     on conflict (session_id) do update set last_send_attempt = excluded.last_send_attempt`,
    [session.id, session.medium, session.address, session.clientSecret, session.lastSendAttempt],
  )

export interface ValidationToken {
  readonly token: string
  readonly sessionId: string
  readonly nextLink: string | undefined
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}

export const insertValidationToken = (db: Queries, { token, sessionId, nextLink, expiresMs }: ValidationToken) =>
  db.run('insert into threepid_validation_token (token, session_id, next_link, expires) values ($1, $2, $3, $4)', [
    token,
    sessionId,
    nextLink,
    expiresMs,
  ])

/** The session, if there is one, and its token, if it is that one. */
export const selectValidation = (db: Queries, sessionId: string, token: string) =>
  db.one<{
    readonly clientSecret: string
    readonly validatedAt: number | null
    readonly expiresMs: number | null
    readonly nextLink: string | null
  }>(
    `select s.client_secret as "clientSecret", s.validated_at as "validatedAt", t.expires as "expiresMs",
       t.next_link as "nextLink"
     from threepid_validation_session s
       left join threepid_validation_token t on t.session_id = s.session_id and t.token = $2
     where s.session_id = $1`,
    [sessionId, token],
  )

export const markSessionValidated = (db: Queries, sessionId: string, nowMs: number) =>
  db.run('update threepid_validation_session set validated_at = $2 where session_id = $1 and validated_at is null', [
    sessionId,
    nowMs,
  ])

/** What was proven is used once. False: another was first. */
export async function deleteValidationSession(tx: Queries, sessionId: string): Promise<boolean> {
  const [, deleted] = await Promise.all([
    tx.run('delete from threepid_validation_token where session_id = $1', [sessionId]),
    tx.run('delete from threepid_validation_session where session_id = $1', [sessionId]),
  ])
  return deleted === 1
}

export const deleteExpiredValidationTokens = (db: Queries, nowMs: number) =>
  db.run('delete from threepid_validation_token where expires < $1', [nowMs])
