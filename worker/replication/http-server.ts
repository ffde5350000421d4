/** Answers other processes over HTTP. Knows nothing of how a request came: a listener hands it in. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { jsonTextOf } from '../json-text.ts'
import { makeAnswerCache } from './answer-cache.ts'
import { parseObject, positionsOf } from './http-client.ts'
import type { ReplicationEndpointName } from './http-endpoints.ts'
import { parsePath, STREAM_POSITIONS, WAIT_FOR_STREAMS_MS } from './http-path.ts'
import { ReplicationError } from './replication-error.ts'

type Json = Readonly<Record<string, unknown>>

export interface ReplicationRequest {
  readonly args: Readonly<Record<string, string>>
  /** Empty for GET. */
  readonly body: Json
  readonly query: URLSearchParams
  readonly requestId: string | undefined
}

export type ReplicationHandler = (request: ReplicationRequest) => Promise<Json> | Json
export type ReplicationHandlers = Readonly<Partial<Record<ReplicationEndpointName, ReplicationHandler>>>

export interface ReplicationServerOptions {
  /** What this process serves; the rest is not found. */
  readonly handlers: ReplicationHandlers
  /** Without it everyone is served. */
  readonly secret?: string
  /** Of the streams that this process writes. */
  readonly positions: () => Readonly<Record<string, number>>
  readonly waitFor: (stream: string, instance: string, position: number, timeoutMs: number) => Promise<boolean>
  /** Refusals that are meant for the client; undefined for all else, which is a bug here. */
  readonly refusalOf?: (error: unknown) => { readonly status: number; readonly body: Json } | undefined
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface Incoming {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly authorization: string | undefined
  readonly requestId?: string | undefined
  readonly body: () => Promise<string>
}

export interface Answer {
  readonly status: number
  /** JSON. */
  readonly body: string
}

export interface ReplicationServer {
  /** Never rejects, unless `body` does. */
  readonly answer: (incoming: Incoming) => Promise<Answer>
}

const error = (status: number, errcode: string, text: string): Answer => ({
  status,
  body: JSON.stringify({ errcode, error: text }),
})
/** As Synapse answers, also where the secret is wrong: a 401 would be given on to a client, who would log out. */
const internalError = error(500, 'M_UNKNOWN', 'Internal server error')

export function makeReplicationServer(options: ReplicationServerOptions): ReplicationServer {
  const { handlers, positions, waitFor, onProblem } = options
  const isAllowed = makeSecretCheck(options.secret)
  const cache = makeAnswerCache<Result>()

  type Result = { readonly status: number; readonly body: Json }

  const refusalOf = (thrown: unknown): Result | undefined =>
    thrown instanceof ReplicationError ? { status: thrown.status, body: thrown.body } : options.refusalOf?.(thrown)

  /** A refusal is an answer too, and the same if it is asked for again; a bug is not. */
  const run = async (handler: ReplicationHandler, request: ReplicationRequest): Promise<Result> => {
    try {
      return { status: 200, body: await handler(request) }
    } catch (thrown) {
      const refusal = refusalOf(thrown)
      if (refusal === undefined) throw thrown
      return refusal
    }
  }

  const waitForCaller = async (json: unknown) => {
    if (typeof json !== 'object' || json === null) return
    const { streams, instance_name: instance } = json as Json
    if (typeof instance !== 'string') return
    await Promise.all(
      positionsOf(streams).map(([stream, position]) => waitFor(stream, instance, position, WAIT_FOR_STREAMS_MS)),
    )
  }

  return {
    async answer({ method, target, authorization, requestId, body: readBody }) {
      const [path, search = ''] = splitOnce(target, '?')
      const parsed = parsePath(path)
      if (!isAllowed(authorization)) {
        onProblem(
          `HTTP replication: a request without the right worker_replication_secret, for ${parsed?.name ?? 'nothing known'}`,
        )
        return internalError
      }
      const handler = parsed === undefined ? undefined : handlers[parsed.name]
      if (parsed === undefined || handler === undefined) return error(404, 'M_UNRECOGNIZED', 'Unrecognized request')
      const { name, endpoint, args, transaction } = parsed
      if (method !== endpoint.method) return error(405, 'M_UNRECOGNIZED', 'Unrecognized request')
      let body: Json = {}
      if (method === 'POST') {
        const json = parseObject(await readBody())
        if (json === undefined) return error(400, 'M_NOT_JSON', 'Content not JSON.')
        const { [STREAM_POSITIONS]: written, ...rest } = json
        body = rest
        if (endpoint.waitsForStreams) await waitForCaller(written)
      }
      const request = { args, body, query: new URLSearchParams(search), requestId }
      try {
        const { status, body: result } = await (transaction === undefined
          ? run(handler, request)
          : cache.answer(JSON.stringify([name, args, transaction]), () => run(handler, request)))
        const isSuccess = status >= 200 && status < 300
        const seen = endpoint.waitsForStreams && isSuccess ? { [STREAM_POSITIONS]: positions() } : {}
        return { status, body: jsonTextOf({ ...result, ...seen }) }
      } catch (thrown) {
        onProblem(`HTTP replication: ${name} failed`, thrown)
        return internalError
      }
    },
  }
}

function splitOnce(text: string, at: string): readonly [string, string?] {
  const index = text.indexOf(at)
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

/** Hashed first, so that neither where they differ nor the length shows in the time. */
function makeSecretCheck(secret: string | undefined): (authorization: string | undefined) => boolean {
  if (secret === undefined) return () => true
  const hash = (text: string) => createHash('sha256').update(text).digest()
  const expected = hash(`Bearer ${secret}`)
  return (authorization) => authorization !== undefined && timingSafeEqual(hash(authorization), expected)
}
