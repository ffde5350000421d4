/** A small client: what tests ask of a homeserver, whoever's it is. */

import { request } from 'node:http'
import { text as textOf } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by tests, which say what they expect of them
  readonly body: any
}

export interface AskOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly timeoutMs?: number
}

/** A request that was answered. */
export interface Asked extends AskOptions {
  readonly url: string
  readonly method: string
  /** With the query. */
  readonly path: string
}

type Witness = (asked: Asked, answer: Answer) => void
const witnesses = new Set<Witness>()

/** `witness` is told each answer before who asked is, and may throw instead of them. Returns what ends that. */
export const witnessAnswers = (witness: Witness): (() => void) => {
  witnesses.add(witness)
  return () => void witnesses.delete(witness)
}

/**
 * A request, whatever the status of its answer is. Rejects where there is none. `url`: `http://127.0.0.1:8008`, or
 * `unix:/path` for a process past the router.
 */
export const ask = async (url: string, method: string, path: string, options: AskOptions = {}): Promise<Answer> => {
  const { token, body, timeoutMs = 30_000 } = options
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const sent = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }
  const signal = AbortSignal.timeout(timeoutMs)
  const { status, text } = url.startsWith('unix:')
    ? await overUnix(url.slice(5), path, sent, signal)
    : await overTcp(url + path, sent, signal)
  const answer = { status, body: readAnswer(text) }
  for (const witness of witnesses) witness({ url, method, path, ...options }, answer)
  return answer
}

const readAnswer = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Request {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const overTcp = async (url: string, { body, ...rest }: Request, signal: AbortSignal) => {
  const response = await fetch(url, { ...rest, redirect: 'manual', ...(body !== undefined && { body }), signal })
  return { status: response.status, text: await response.text() }
}

const overUnix = (socketPath: string, path: string, { method, headers, body }: Request, signal: AbortSignal) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    // A unix socket names nobody, and Synapse wants a client's address.
    const all = { host: 'localhost', 'x-forwarded-for': '127.0.0.1', ...headers }
    const asked = request({ socketPath, path, method, headers: all, signal })
    asked.once('error', reject)
    asked.once('response', (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode!, text }), reject)
    })
    asked.end(body)
  })

export class Refused extends Error {
  readonly status: number
  readonly errcode: string | undefined
  constructor(what: string, { status, body }: Answer) {
    super(`${what}: ${status} ${typeof body === 'string' ? body : JSON.stringify(body)}`)
    this.status = status
    this.errcode = body?.errcode
  }
}

/** The part of `/sync` that tests look at. */
export interface SyncAnswer {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<Record<string, JoinedRoom>>
    readonly invite?: Readonly<Record<string, unknown>>
    readonly leave?: Readonly<Record<string, unknown>>
  }
  readonly account_data?: { readonly events: readonly ClientEvent[] }
}

export interface JoinedRoom {
  readonly timeline: { readonly events: readonly ClientEvent[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state: { readonly events: readonly ClientEvent[] }
  readonly ephemeral: { readonly events: readonly ClientEvent[] }
  readonly account_data: { readonly events: readonly ClientEvent[] }
  readonly unread_notifications: { readonly highlight_count: number; readonly notification_count: number }
}

export interface ClientEvent {
  readonly type: string
  readonly event_id: string
  readonly sender: string
  readonly state_key?: string
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly content: any
}

export interface User {
  readonly userId: string
  readonly deviceId: string
  readonly token: string
  readonly password: string
  /** Resolves to the body of a 200; rejects with {@link Refused}. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly ask: (method: string, path: string, body?: unknown, timeoutMs?: number) => Promise<any>
  /** As {@link ask}, whatever the status. */
  readonly tryTo: (method: string, path: string, body?: unknown, timeoutMs?: number) => Promise<Answer>
  /** A private room of all `members`, who have joined when it resolves. */
  readonly createRoom: (options?: { readonly members?: readonly User[] } & Record<string, unknown>) => Promise<string>
  readonly join: (room: string) => Promise<void>
  /** Resolves to the event's ID. */
  readonly send: (room: string, body: string, txnId?: string) => Promise<string>
  readonly setTyping: (room: string, typing: boolean) => Promise<void>
  readonly sync: (since?: string, query?: Readonly<Record<string, string>>) => Promise<SyncAnswer>
  /** Where the user's sync stands now: for {@link syncUntil}. */
  readonly since: () => Promise<string>
  /** Syncs on from `since` until an answer is as wanted, and resolves to it; rejects after `timeoutMs`. */
  readonly syncUntil: (
    since: string,
    wanted: (answer: SyncAnswer) => boolean,
    timeoutMs?: number,
  ) => Promise<SyncAnswer>
  /** Another device of the same user. */
  readonly login: () => Promise<User>
  /** The same device, at another address. */
  readonly at: (url: string) => User
}

const V3 = '/_matrix/client/v3'
let transactions = 0

interface Login {
  readonly user_id: string
  readonly device_id: string
  readonly access_token: string
}

export const makeUser = (url: string, login: Login, password: string): User => {
  const token = login.access_token
  const tryTo: User['tryTo'] = (method, path, body, timeoutMs) =>
    ask(url, method, path, { token, body, ...(timeoutMs !== undefined && { timeoutMs }) })
  const must: User['ask'] = async (method, path, body, timeoutMs) => {
    const answer = await tryTo(method, path, body, timeoutMs)
    if (answer.status !== 200) throw new Refused(`${method} ${path}`, answer)
    return answer.body
  }
  const roomPath = (room: string) => `${V3}/rooms/${encodeURIComponent(room)}`
  const user: User = {
    userId: login.user_id,
    deviceId: login.device_id,
    token,
    password,
    ask: must,
    tryTo,
    async createRoom({ members = [], ...options } = {}) {
      const invite = members.map(({ userId }) => userId)
      const { room_id: room } = await must('POST', `${V3}/createRoom`, { preset: 'private_chat', invite, ...options })
      for (const member of members) await member.join(room)
      return room
    },
    async join(room) {
      await must('POST', `${V3}/join/${encodeURIComponent(room)}`, {})
    },
    async send(room, body, txnId = `h${process.pid}.${++transactions}`) {
      const content = { msgtype: 'm.text', body }
      const { event_id: id } = await must('PUT', `${roomPath(room)}/send/m.room.message/${txnId}`, content)
      return id
    },
    async setTyping(room, typing) {
      const content = typing ? { typing, timeout: 30_000 } : { typing }
      await must('PUT', `${roomPath(room)}/typing/${encodeURIComponent(login.user_id)}`, content)
    },
    sync(since, query = {}) {
      const all = new URLSearchParams({ timeout: '0', ...query, ...(since !== undefined && { since }) })
      return must('GET', `${V3}/sync?${all}`, undefined, Number(all.get('timeout')) + 30_000)
    },
    since: async () => (await user.sync()).next_batch,
    async syncUntil(since, wanted, timeoutMs = 10_000) {
      const end = performance.now() + timeoutMs
      let from = since
      for (;;) {
        const left = Math.max(0, end - performance.now())
        const answer = await user.sync(from, { timeout: String(Math.ceil(left)) })
        if (wanted(answer)) return answer
        from = answer.next_batch
        if (left === 0) throw new Error(`not within ${timeoutMs} ms; the last answer was ${JSON.stringify(answer)}`)
      }
    },
    login: () => logIn(url, login.user_id, password),
    at: (other) => makeUser(other, login, password),
  }
  return user
}

export const logIn = async (url: string, userId: string, password: string): Promise<User> => {
  const identifier = { type: 'm.id.user', user: userId }
  const answer = await ask(url, 'POST', `${V3}/login`, { body: { type: 'm.login.password', identifier, password } })
  if (answer.status !== 200) throw new Refused(`login of ${userId}`, answer)
  return makeUser(url, answer.body, password)
}

/** A user of a server that lets anyone register. */
export const register = async (url: string, username: string): Promise<User> => {
  const password = `the password of ${username}`
  const answer = await ask(url, 'POST', `${V3}/register`, {
    body: { username, password, auth: { type: 'm.login.dummy' } },
  })
  if (answer.status !== 200) throw new Refused(`registration of ${username}`, answer)
  return makeUser(url, answer.body, password)
}

// What syncUntil waits for.

/** An event of that ID in the room's timeline. */
export const eventIn =
  (room: string, eventId: string) =>
  ({ rooms }: SyncAnswer): boolean =>
    rooms?.join?.[room]?.timeline.events.some((event) => event.event_id === eventId) ?? false

/** Exactly these users are said to type in the room. */
export const typingIn =
  (room: string, users: readonly User[]) =>
  ({ rooms }: SyncAnswer): boolean => {
    const typing = rooms?.join?.[room]?.ephemeral.events.find(({ type }) => type === 'm.typing')
    const ids = (typing?.content.user_ids ?? []) as readonly string[]
    return typing !== undefined && ids.length === users.length && users.every(({ userId }) => ids.includes(userId))
  }
