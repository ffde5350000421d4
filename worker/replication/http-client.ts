/** Asks other processes over HTTP, until they answer. */

import { randomInt } from 'node:crypto'
import { Agent, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { jsonTextOf } from '../json-text.ts'
import { type ReplicationEndpoint, type ReplicationEndpointName, replicationEndpoints } from './http-endpoints.ts'
import { printPath, STREAM_POSITIONS, WAIT_FOR_STREAMS_MS } from './http-path.ts'
import { ReplicationError } from './replication-error.ts'

/** An entry of `instance_map`. */
export type InstanceAddress =
  | { readonly path: string }
  | {
      readonly host: string
      readonly port: number
      readonly tls?: boolean | Pick<ConnectionOptions, 'ca' | 'servername'>
    }

export interface ReplicationClientOptions {
  /** This process. */
  readonly instance: string
  /** By name; the main process as `master`. */
  readonly instances: ReadonlyMap<string, InstanceAddress>
  readonly secret?: string
  /** Of the streams that this process writes: how far one must read to see all that it wrote. */
  readonly positions: () => Readonly<Record<string, number>>
  readonly waitFor: (stream: string, instance: string, position: number, timeoutMs: number) => Promise<boolean>
  readonly onProblem: (problem: string) => void
  /** Of what the calling code works for; goes along, for the other side's log. */
  readonly requestId?: () => string | undefined
  /** How long an answer may take before it is asked for again. */
  readonly answerTimeoutMs?: number
  /** The first wait after a failure; 1 s but in tests. */
  readonly retryMs?: number
}

export interface Call {
  readonly instance: string
  readonly args?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, string | number>>
  /** Instead of that of the options. */
  readonly requestId?: string
  /** Gives up, with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface ReplicationClient {
  /**
   * The answer, when this process has seen what the other wrote for it. Repeated under the same transaction ID where none
   * comes in time, without end, and where there is no connection, for a minute. Throws `ReplicationError`: what the other
   * answered, or 502 if it could not be reached.
   */
  readonly call: (name: ReplicationEndpointName, call: Call) => Promise<Readonly<Record<string, unknown>>>
  readonly close: () => void
}

const ANSWER_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 10_000
/** Waits of 1, 2, 4 … 32 times the first: a process has restarted by then. */
const MAX_FAILURES = 6
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

export function makeReplicationClient(options: ReplicationClientOptions): ReplicationClient {
  const { instance, instances, secret, positions, waitFor, onProblem } = options
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, retryMs = 1_000 } = options
  // The one that was used last is the least likely to be closed by the other side meanwhile.
  const agentOptions = { keepAlive: true, scheduling: 'lifo' as const, maxFreeSockets: 16 }
  const agent = new Agent(agentOptions)
  const tlsAgent = new TlsAgent(agentOptions)

  const callOnce = (address: InstanceAddress, message: Message, signal: AbortSignal | undefined) =>
    exchange(address, isTls(address) ? tlsAgent : agent, message, answerTimeoutMs, signal)

  const answerOf = async (to: string, name: string, message: Message, signal: AbortSignal | undefined) => {
    const address = instances.get(to)
    if (address === undefined) throw new Error(`${to} is not in instance_map`)
    for (let failures = 0; ; ) {
      const outcome = await callOnce(address, message, signal)
      signal?.throwIfAborted()
      if (outcome.kind === 'answer' && outcome.status !== 504) return outcome
      // The other side closed a connection that was idle: nobody has seen the request.
      if (outcome.kind === 'stale') continue
      if (outcome.kind === 'answer' || outcome.kind === 'timeout') {
        onProblem(`${name}: ${to} did not answer in time, asking again`)
        await sleep(retryMs, signal)
        continue
      }
      if (failures === MAX_FAILURES) {
        const error = `Failed to talk to ${to} process`
        throw new ReplicationError(502, { errcode: 'M_UNKNOWN', error }, `${error}: ${outcome.reason}`)
      }
      const delayMs = retryMs * 2 ** failures++
      onProblem(`${name}: ${to} cannot be reached (${outcome.reason}), asking again in ${delayMs} ms`)
      await sleep(delayMs, signal)
    }
  }

  return {
    async call(name, { instance: to, args = {}, body = {}, query = {}, requestId = options.requestId?.(), signal }) {
      if (to === instance) throw new Error(`${name}: ${to} asks itself`)
      const endpoint: ReplicationEndpoint = replicationEndpoints[name]
      const hasBody = endpoint.method === 'POST'
      if (STREAM_POSITIONS in body) throw new Error(`${name}: the body has ${STREAM_POSITIONS}`)
      const written = { [STREAM_POSITIONS]: { streams: positions(), instance_name: instance } }
      const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString()
      const answer = await answerOf(
        to,
        name,
        {
          method: endpoint.method,
          target: `${printPath(name, args, makeTransaction())}${search === '' ? '' : `?${search}`}`,
          body: hasBody ? jsonTextOf(endpoint.waitsForStreams ? { ...body, ...written } : body) : undefined,
          headers: {
            ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
            ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
          },
        },
        signal,
      )
      const json = parseObject(answer.body)
      if (answer.status < 200 || answer.status >= 300) {
        const error = json ?? { errcode: 'M_UNKNOWN', error: `HTTP ${answer.status}` }
        throw new ReplicationError(answer.status, error, `${name}: ${to} answered ${answer.status}`)
      }
      if (json === undefined)
        throw new ReplicationError(502, { errcode: 'M_UNKNOWN', error: `Bad answer of ${to}` }, `${name}: not JSON`)
      const { [STREAM_POSITIONS]: seen, ...result } = json
      await Promise.all(
        positionsOf(seen).map(([stream, position]) => waitFor(stream, to, position, WAIT_FOR_STREAMS_MS)),
      )
      return result
    },
    close() {
      agent.destroy()
      tlsAgent.destroy()
    },
  }
}

/** Only what is a position, whatever came. */
export function positionsOf(json: unknown): (readonly [stream: string, position: number])[] {
  if (typeof json !== 'object' || json === null) return []
  return Object.entries(json).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))
}

/** Numbers are exact: events and account data go this way. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const parsed = parseJson(text)
  return parsed.ok && isObject(parsed.value) ? { ...parsed.value } : undefined
}

interface Message {
  readonly method: string
  readonly target: string
  readonly body: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'stale' }
  /** Not sent, or cut off. */
  | { readonly kind: 'failure'; readonly reason: string }

const isTls = (address: InstanceAddress): boolean => 'host' in address && Boolean(address.tls)

const placeOf = (address: InstanceAddress): RequestOptions & ConnectionOptions => {
  if ('path' in address) return { socketPath: address.path, host: 'localhost' }
  const { host, port, tls } = address
  return { host, port, ...(typeof tls === 'object' ? tls : {}) }
}

/** One attempt. Never rejects. */
function exchange(
  address: InstanceAddress,
  agent: Agent,
  { method, target, body, headers }: Message,
  answerTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const settle = (outcome: Outcome) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      resolve(outcome)
    }
    const sent = (isTls(address) ? httpsRequest : httpRequest)({
      ...placeOf(address),
      agent,
      method,
      path: target,
      headers: {
        ...headers,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    const cut = (outcome: Outcome) => {
      settle(outcome)
      sent.destroy()
    }
    const abort = () => cut({ kind: 'failure', reason: 'given up' })
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return abort()
    const startTimer = (ms: number, outcome: Outcome) => {
      clearTimeout(timer)
      timer = setTimeout(cut, ms, outcome)
    }
    startTimer(CONNECT_TIMEOUT_MS, { kind: 'failure', reason: 'no connection in time' })
    const connected = () => startTimer(answerTimeoutMs, { kind: 'timeout' })
    sent.on('socket', (socket) => {
      if (socket.connecting) socket.once(isTls(address) ? 'secureConnect' : 'connect', connected)
      else connected()
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) settle({ kind: 'stale' })
      else settle({ kind: 'failure', reason: error.code ?? error.message })
    })
    sent.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > MAX_ANSWER_BYTES) cut({ kind: 'failure', reason: 'the answer is too large' })
      })
      response.on('end', () => {
        settle({ kind: 'answer', status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
      })
      response.on('error', (error: NodeJS.ErrnoException) => {
        settle({ kind: 'failure', reason: error.code ?? error.message })
      })
    })
    sent.end(body)
  })
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const makeTransaction = () => Array.from({ length: 10 }, () => LETTERS[randomInt(LETTERS.length)]).join('')

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
