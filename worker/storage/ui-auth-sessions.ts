/** Sessions of user-interactive authentication. They are in the database, so that any process may go on with one. */

import type { Queries } from './db.ts'

export interface UiAuthSessionRow {
  readonly id: string
  /** JSON, as text: the body without `auth`. */
  readonly clientDict: string
  readonly target: string
  readonly method: string
  readonly description: string
}

/** False if there is one of that ID. */
export const insertUiAuthSession = async (db: Queries, session: UiAuthSessionRow, nowMs: number): Promise<boolean> =>
  1 ===
  (await db.run(
    `insert into ui_auth_sessions (session_id, clientdict, uri, method, description, serverdict, creation_time)
     values ($1, $2, $3, $4, $5, '{}', $6) on conflict (session_id) do nothing`,
    [session.id, session.clientDict, session.target, session.method, session.description, nowMs],
  ))

/** Undefined: there is none, or it began before `sinceMs`. */
export const selectUiAuthSession = (db: Queries, id: string, sinceMs: number) =>
  db.one<UiAuthSessionRow>(
    `select session_id as id, clientdict as "clientDict", uri as target, method, description
     from ui_auth_sessions where session_id = $1 and creation_time >= $2`,
    [id, sinceMs],
  )

export const updateUiAuthClientDict = (db: Queries, id: string, clientDict: string) =>
  db.run('update ui_auth_sessions set clientdict = $2 where session_id = $1', [id, clientDict])

/** `value`: JSON, as text. Other keys stay as they are, also when two requests write at the same time. */
export const updateUiAuthData = (db: Queries, id: string, key: string, value: string) =>
  db.run(
    `update ui_auth_sessions
     set serverdict = (serverdict::jsonb || jsonb_build_object($2::text, $3::jsonb))::text where session_id = $1`,
    [id, key, value],
  )

/** JSON, as text. Undefined: no such key, or no such session. */
export async function selectUiAuthData(db: Queries, id: string, key: string): Promise<string | undefined> {
  const row = await db.one<{ value: string | null }>(
    'select (serverdict::jsonb -> $2)::text as value from ui_auth_sessions where session_id = $1',
    [id, key],
  )
  return row?.value ?? undefined
}

/** `result`: JSON, as text. A session that is gone meanwhile is left alone. */
export const upsertUiAuthResult = (db: Queries, id: string, stage: string, result: string) =>
  db.run(
    `insert into ui_auth_sessions_credentials (session_id, stage_type, result)
     select session_id, $2, $3 from ui_auth_sessions where session_id = $1
     on conflict (session_id, stage_type) do update set result = excluded.result`,
    [id, stage, result],
  )

export const selectUiAuthResults = (db: Queries, id: string) =>
  db.rows<{ readonly stage: string; readonly result: string }>(
    'select stage_type as stage, result from ui_auth_sessions_credentials where session_id = $1',
    [id],
  )

export const insertUiAuthOrigin = (db: Queries, id: string, userAgent: string, ip: string) =>
  db.run(
    `insert into ui_auth_sessions_ips (session_id, user_agent, ip)
     select session_id, $2, $3 from ui_auth_sessions where session_id = $1
     on conflict (session_id, ip, user_agent) do nothing`,
    [id, userAgent, ip],
  )

/**
 * Removes sessions that began before `untilMs`. Uses of registration tokens that were pending in them are free again. In one
 * transaction.
 */
export async function deleteOldUiAuthSessions(tx: Queries, untilMs: number): Promise<void> {
  const old = 'select session_id from ui_auth_sessions where creation_time < $1'
  await Promise.all([
    // A completed registration leaves `true` in the place of its token.
    tx.run(
      `update registration_tokens t set pending = greatest(t.pending - u.uses, 0)
       from (select result::jsonb #>> '{}' as token, count(*) as uses from ui_auth_sessions_credentials
             where stage_type = 'm.login.registration_token' and session_id in (${old})
               and jsonb_typeof(result::jsonb) = 'string' group by 1) as u
       where t.token = u.token`,
      [untilMs],
    ),
    tx.run(`delete from ui_auth_sessions_ips where session_id in (${old})`, [untilMs]),
    tx.run(`delete from ui_auth_sessions_credentials where session_id in (${old})`, [untilMs]),
    tx.run('delete from ui_auth_sessions where creation_time < $1', [untilMs]),
  ])
}
