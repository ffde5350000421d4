/** `UiAuthSessions` of `worker/http`, in the tables that all processes share. */

import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { jsonTextOf } from '../json-text.ts'
import type { Db } from '../storage/db.ts'
import {
  deleteOldUiAuthSessions,
  insertUiAuthOrigin,
  insertUiAuthSession,
  selectUiAuthData,
  selectUiAuthResults,
  selectUiAuthSession,
  updateUiAuthClientDict,
  updateUiAuthData,
  upsertUiAuthResult,
} from '../storage/ui-auth-sessions.ts'
import { randomLetters } from './session-tokens.ts'

/** Two days, as in Synapse: mails are to be opened in between. */
const KEPT_MS = 48 * 60 * 60_000

export interface SharedUiAuthSession {
  readonly id: string
  readonly clientDict: JsonObject
  readonly target: string
  readonly method: string
  readonly description: string
}

/** In characters: it is part of a key, and an index of Postgres has no room for more than 2,700 bytes. */
const MAX_AGENT = 512

/** What Postgres can keep: it has no U+0000 in jsonb or text. */
const print = (value: JsonValue): string => jsonTextOf(value).replaceAll('\\u0000', '\\ufffd')
const parse = (text: string) => JSON.parse(text) as JsonValue
const plain = (text: string): string => text.replaceAll('\0', '\ufffd')

export const makeUiAuthSessions = (db: Db, now: () => number = Date.now) => ({
  async create(session: Omit<SharedUiAuthSession, 'id'>): Promise<SharedUiAuthSession> {
    const id = randomLetters(24)
    await insertUiAuthSession(db, { ...session, id, clientDict: print(session.clientDict) }, now())
    return { ...session, id }
  },
  async find(id: string): Promise<SharedUiAuthSession | undefined> {
    if (id.includes('\0')) return undefined
    const row = await selectUiAuthSession(db, id, now() - KEPT_MS)
    return row && { ...row, clientDict: parse(row.clientDict) as JsonObject }
  },
  async setClientDict(id: string, clientDict: JsonObject): Promise<void> {
    await updateUiAuthClientDict(db, id, print(clientDict))
  },
  async complete(id: string, stage: string, result: JsonValue): Promise<void> {
    await upsertUiAuthResult(db, id, stage, print(result))
  },
  async completed(id: string): Promise<Readonly<Record<string, JsonValue>>> {
    const rows = await selectUiAuthResults(db, id)
    return Object.fromEntries(rows.map(({ stage, result }) => [stage, parse(result)]))
  },
  async setData(id: string, key: string, value: JsonValue): Promise<void> {
    await updateUiAuthData(db, id, key, print(value))
  },
  async data(id: string, key: string): Promise<JsonValue | undefined> {
    if (id.includes('\0')) return undefined
    const text = await selectUiAuthData(db, id, key)
    return text === undefined ? undefined : parse(text)
  },
  async seenFrom(id: string, userAgent: string, ip: string): Promise<void> {
    await insertUiAuthOrigin(db, id, plain(userAgent).slice(0, MAX_AGENT), ip)
  },
})

/** Removes sessions that nobody can go on with any more. */
export const sweepUiAuthSessions = (db: Db, now: () => number = Date.now): Promise<void> =>
  db.transaction('read committed', (tx) => deleteOldUiAuthSessions(tx, now() - KEPT_MS), 'sweep UI auth sessions')
