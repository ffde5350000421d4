/** What a list of pages remembers between them, in the table `sessions`: any process may go on with it. */

import type { Queries } from './db.ts'

/** `value`: JSON, as text. The ID has to be new. */
export const insertSession = (db: Queries, type: string, id: string, value: string, expiresAtMs: number) =>
  db.run('insert into sessions (session_type, session_id, value, expiry_time_ms) values ($1, $2, $3, $4)', [
    type,
    id,
    value,
    expiresAtMs,
  ])

/** Undefined: there is none, or it has expired. */
export async function selectSession(db: Queries, type: string, id: string, nowMs: number): Promise<string | undefined> {
  const row = await db.one<{ value: string }>(
    'select value from sessions where session_type = $1 and session_id = $2 and expiry_time_ms > $3',
    [type, id, nowMs],
  )
  return row?.value
}

export const deleteExpiredSessions = (db: Queries, nowMs: number) =>
  db.run('delete from sessions where expiry_time_ms <= $1', [nowMs])
