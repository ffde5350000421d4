/** Matrix clients whose every request carries a mark, so that the processes' logs tell who served it. */

import { createClient, type ICreateClientOpts, type MatrixClient } from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { type AccessLog, withProbe } from './access-log.ts'
import { Failed } from './report.ts'

export interface Sent {
  readonly probe: string
  readonly method: string
  /** Path and query without the mark. */
  readonly target: string
  readonly token?: string
  /** Absent: no answer (yet), or given up by the client. */
  status?: number
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body parsed; undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by checks, which say what they expect of them
  readonly json: any
  readonly sent: Sent
}

export interface Ask {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Another server than the edge. */
  readonly base?: string
}

export interface Traffic {
  readonly url: string
  readonly sent: readonly Sent[]
  readonly fetch: typeof fetch
  readonly ask: (method: string, target: string, options?: Ask) => Promise<Answer>
  /** The processes that served the requests from index `from` on that `which` takes, with how many each. */
  readonly servedBy: (log: AccessLog, which: (sent: Sent) => boolean, from?: number) => Promise<Map<string, number>>
}

const silent = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
}
// The library's own logger, and those it derives from it, write to the console; Node warns when it looks for localStorage.
const library = logger as unknown as { methodFactory: () => () => void; rebuild: () => void }
library.methodFactory = () => () => {}
library.rebuild()
console.debug = () => {} // what it bound before
Object.defineProperty(globalThis, 'localStorage', { value: undefined, configurable: true })

export const makeTraffic = (url: string): Traffic => {
  const sent: Sent[] = []
  const note = (method: string, target: string, authorization: string | null): Sent => {
    const token = authorization?.startsWith('Bearer ') ? authorization.slice(7) : undefined
    const one: Sent = { probe: `p${sent.length}`, method, target, ...(token === undefined ? {} : { token }) }
    sent.push(one)
    return one
  }
  const marked: typeof fetch = async (input, init) => {
    const asked = new URL(input instanceof Request ? input.url : input)
    const one = note(
      init?.method ?? 'GET',
      asked.pathname + asked.search,
      new Headers(init?.headers).get('authorization'),
    )
    const answer = await fetch(asked.origin + withProbe(one.target, one.probe), init)
    one.status = answer.status
    return answer
  }
  return {
    url,
    sent,
    fetch: marked,
    async ask(method, target, { token, body, headers = {}, timeoutMs = 30_000, base = url } = {}) {
      const raw = body instanceof Uint8Array || typeof body === 'string'
      const all = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      }
      const one = note(method, target, all.authorization ?? null)
      const answer = await fetch(base + withProbe(target, one.probe), {
        method,
        headers: all,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined
          ? {}
          : { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
      })
      one.status = answer.status
      const text = await answer.text()
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {}
      return { status: answer.status, headers: answer.headers, text, json, sent: one }
    },
    async servedBy(log, which, from = 0) {
      const processes = new Map<string, number>()
      for (const one of sent.slice(from)) {
        if (one.status === undefined || one.method === 'OPTIONS' || !which(one)) continue
        const served = await log.find(one.probe)
        if (served.length === 0) throw new Failed(`no process logged ${one.method} ${one.target}`)
        for (const { process } of served) processes.set(process, (processes.get(process) ?? 0) + 1)
      }
      return processes
    },
  }
}

/** A device of a user: the client library, and its token for requests the library does not make. */
export interface Device {
  readonly client: MatrixClient
  readonly userId: string
  readonly deviceId: string
  readonly token: string
}

export const makeDevice = (
  traffic: Traffic,
  login: { user_id: string; device_id: string; access_token: string },
  more: Partial<ICreateClientOpts> = {},
): Device => ({
  client: createClient({
    baseUrl: traffic.url,
    fetchFn: traffic.fetch,
    userId: login.user_id,
    deviceId: login.device_id,
    accessToken: login.access_token,
    logger: silent,
    disableVoip: true,
    ...more,
  }),
  userId: login.user_id,
  deviceId: login.device_id,
  token: login.access_token,
})

export const anonymous = (traffic: Traffic): MatrixClient =>
  createClient({ baseUrl: traffic.url, fetchFn: traffic.fetch, logger: silent })
