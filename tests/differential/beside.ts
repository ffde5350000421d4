/**
 * A worker's handlers beside a real Synapse, of one database: Synapse makes the rooms, both are asked, and the answers are to be the
 * same, but for what a test explains.
 */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Operation } from '../../worker/http/handlers.ts'
import type { Requester } from '../../worker/http/requester.ts'
import { makeRoomReading, type RoomReading } from '../../worker/rooms/make-reading.ts'
import { makeRoomStores, type RoomStores } from '../../worker/rooms/make-rooms.ts'
import { type Db, makeDb } from '../../worker/storage/db.ts'
import type { OpenStreams } from '../../worker/streams/make-live-streams.ts'
import { serveTest, townsfolk } from '../harness/http-worker.ts'
import { openStreams } from '../harness/live-streams.ts'
import type { TestPostgres } from '../harness/postgres.ts'
import { registerOn, startSynapse } from '../harness/synapse.ts'

export interface Person {
  readonly token: string
  readonly userId: string
  readonly deviceId: string | undefined
}
export interface Answer {
  readonly status: number
  readonly body: unknown
}
export type Json = Record<string, unknown>

const NO_LIMIT = { per_second: 10_000, burst_count: 10_000 }

export async function ask(url: string, method: string, path: string, token?: string, body?: object): Promise<Answer> {
  const target = path.startsWith('/_matrix') ? path : `/_matrix/client/v3${path}`
  const response = await fetch(`${url}${target}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

/** Throws unless it succeeds. */
export async function make(url: string, method: string, path: string, by: Person, body: object): Promise<Json> {
  const answer = await ask(url, method, path, by.token, body)
  assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
  return answer.body as Json
}

export const at = (roomId: string, rest: string): string => `/rooms/${encodeURIComponent(roomId)}${rest}`
export const v1 = (roomId: string, rest: string): string => `/_matrix/client/v1${at(roomId, rest)}`

export interface Asking {
  readonly path: string
  readonly method?: string
  readonly body?: object
}

/** Members that events have at their top in Synapse's answers as clients of before 2015 knew them. */
const V1_MEMBERS = ['user_id', 'age', 'prev_content', 'replaces_state', 'redacted_because', 'invite_room_state']

/** As it is compared: without the time. */
export function normal(value: unknown, isState = false): unknown {
  if (Array.isArray(value)) return value.map((item) => normal(item, isState))
  if (typeof value !== 'object' || value === null) return value
  const object = { ...(value as Json) }
  if ('event_id' in object && 'content' in object) {
    for (const member of V1_MEMBERS) delete object[member]
    const unsigned = { ...(object.unsigned as Json) }
    if ('age' in unsigned) unsigned.age = typeof unsigned.age
    if (isState) for (const member of ['prev_content', 'prev_sender']) delete unsigned[member]
    for (const member of ['redacted_because', 'm.relations'])
      if (unsigned[member] !== undefined) unsigned[member] = normal(unsigned[member], isState)
    return { ...object, unsigned }
  }
  return Object.fromEntries(
    Object.entries(object).map(([key, member]) => {
      const value = normal(member, isState || key === 'state')
      return [key, UNORDERED.has(key) ? sorted(value) : value]
    }),
  )
}

/** Lists, or maps of lists, whose order says nothing. */
const UNORDERED = new Set(['state', 'highlights', 'rooms', 'account_data', 'receipts'])

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, sorted(member)]))
}

const orderOf = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value)
  const { event_id, room_id, type } = value as Json
  return String(event_id ?? `${room_id} ${type}`)
}

export const comparable = ({ status, body }: Answer): Answer => ({ status, body: normal(body) })

/** What a worker's handlers are made of. */
export interface Reading extends RoomReading, Pick<RoomStores, 'events'> {
  readonly db: Db
  readonly streams: OpenStreams
  readonly state: RoomStores['states']
}

export interface Beside<Name extends string> {
  /** Synapse's. */
  readonly url: string
  readonly people: Readonly<Record<Name, Person>>
  /** The same of ours, once the rooms are made: what Synapse writes later is not heard of. */
  readonly serve: (operationsOf: (deps: Reading) => readonly Operation[]) => Promise<string>
}

export async function startBeside<Name extends string>(
  t: TestContext,
  postgres: TestPostgres,
  names: readonly Name[],
): Promise<Beside<Name>> {
  const settings = await postgres.emptyDatabase()
  const synapse = await startSynapse(t, {
    database: {
      name: 'psycopg2',
      args: {
        host: postgres.socketFolder,
        port: postgres.port,
        user: 'postgres',
        database: settings.database,
        cp_max: 3,
      },
    },
    rc_message: NO_LIMIT,
    rc_registration: NO_LIMIT,
    rc_joins: { local: NO_LIMIT, remote: NO_LIMIT },
    rc_joins_per_room: NO_LIMIT,
    rc_invites: { per_room: NO_LIMIT, per_user: NO_LIMIT, per_issuer: NO_LIMIT },
    rc_room_creation: NO_LIMIT,
  })
  const people = {} as Record<Name, Person>
  for (const name of names) people[name] = await registerOn(synapse, name)

  return {
    url: synapse.url,
    people,
    async serve(operationsOf) {
      const db = makeDb(settings)
      t.after(() => db.close())
      const streams = await openStreams(t, db)
      const { events, states: state } = makeRoomStores({ db, streams })
      const serverName = 'hs.test' as ServerName
      const reading = makeRoomReading({ db, streams, caches: streams.caches, serverName, events, state })
      const byToken = new Map(
        Object.values<Person>(people).map(({ token, userId, deviceId }): [string, Requester] => [
          token,
          { userId: userId as UserId, deviceId, isGuest: false, isShadowBanned: false, authenticatedEntity: userId },
        ]),
      )
      const server = await serveTest(t, operationsOf({ db, streams, events, state, ...reading }), {
        requesters: { ...townsfolk, byAccessToken: (token) => byToken.get(token) },
      })
      return `http://127.0.0.1:${server.port}`
    },
  }
}

export interface Comparing<Name extends string, Reason extends string> {
  readonly theirs: string
  readonly ours: string
  readonly people: Readonly<Record<Name, Person>>
  /** By what they are about. */
  readonly requests: ReadonlyMap<string, Asking>
  /** Whom the i-th of them is asked as. */
  readonly askers: (i: number) => readonly Name[]
  /** What is of no interest in both. */
  readonly adjust?: (what: string, answer: Answer) => Answer
  /** Why answers may differ. Each has to occur. */
  readonly reasons: Readonly<Record<Reason, string>>
  /** Undefined: nothing explains it. */
  readonly explain: (name: Name, what: string, ours: Answer, theirs: Answer) => Reason | undefined
}

/** Fails where answers differ and nothing explains it, and where a reason explains nothing. */
export async function compareAnswers<Name extends string, Reason extends string>(
  t: TestContext,
  { theirs, ours, people, requests, askers, adjust = (_, answer) => answer, reasons, explain }: Comparing<Name, Reason>,
): Promise<void> {
  const differences: string[] = []
  const explained = new Map<Reason, number>()
  let compared = 0
  for (const [i, [what, { path, method = 'GET', body }]] of [...requests].entries())
    for (const name of askers(i)) {
      const { token } = people[name]
      const [their, own] = (
        await Promise.all([ask(theirs, method, path, token, body), ask(ours, method, path, token, body)])
      ).map((answer) => adjust(what, comparable(answer))) as [Answer, Answer]
      compared++
      if (isDeepStrictEqual(own, their)) continue
      const reason = explain(name, what, own, their)
      if (reason === undefined)
        differences.push(`${name}, ${what}: ${JSON.stringify(their)}, and not ${JSON.stringify(own)}`)
      else explained.set(reason, (explained.get(reason) ?? 0) + 1)
    }
  t.diagnostic(`${compared} answers compared`)
  for (const [reason, count] of explained) t.diagnostic(`${count}: ${reasons[reason]}`)
  assert.deepEqual(differences.slice(0, 5), [], `${differences.length} differences`)
  assert.deepEqual([...explained.keys()].sort(), Object.keys(reasons).sort())
}
