/**
 * The HTTP server of a worker, without its sockets: a function for each listener that takes Node's requests. What it
 * serves follows from the listener's resources and the operations it is given.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { resourcesOf } from '../../shared/endpoints/serving.ts'
import type { Endpoint } from '../../shared/endpoints/types.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Resource } from '../../shared/synapse-config/listener.ts'
import { inRequest } from '../logging/request-context.ts'
import type { AccessEntry } from './access-log.ts'
import { BodyBrokenOff } from './body.ts'
import { corsHeaders } from './cors.ts'
import { errorReply, unrecognized } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { Answer, Operation, RequestOf } from './handlers.ts'
import type { HttpMetrics } from './metrics.ts'
import { makePathTrie, type PathTrie } from './path-trie.ts'
import { isReply, json, noContent, plainText, type Reply } from './reply.ts'
import { readHead } from './request-head.ts'
import { makeRequestIds } from './request-id.ts'
import { respond } from './respond.ts'
import { type Route, type RouteDeps, routeEntries } from './route.ts'

/** A request to something that is not in the endpoint table. */
export type MountedRequest = Omit<RequestOf<Endpoint>, 'params' | 'requester' | 'origin' | 'body'>

/** What lies under a path and does its own routing: replication between workers, metrics. */
export interface Mount {
  readonly resource: Resource
  /** `/_synapse/replication`: the path itself and all below it. */
  readonly under: string
  /** For metrics and the access log. */
  readonly name: string
  readonly handle: (request: MountedRequest) => Answer | Promise<Answer>
}

export interface HttpServerOptions extends RouteDeps {
  /** The `Server` header: `Plexus/0.1.0`. */
  readonly product: string
  /** What this process may answer, of what it can: `mayServe` has been asked. */
  readonly operations: readonly Operation[]
  readonly mounts: readonly Mount[]
  /** Of the endpoint table, told by `/health`. */
  readonly tableDigest: string
  readonly metrics: HttpMetrics
  readonly log: Logger
  /** Absent: requests are not logged. */
  readonly accessLog?: ((entry: AccessEntry) => void) | undefined
  /**
   * How long a client that was too fast waits for its 429, in milliseconds: one that tries again at once would only
   * be faster. Synapse's half a second where absent.
   */
  readonly limitPauseMs?: number
}

/** A listener as far as requests can tell. */
export interface Site {
  /** In the access log: the port, the socket's path, or `tag`. */
  readonly name: string
  readonly resources: readonly Resource[]
  /** `X-Forwarded-For` and `-Proto` are believed. */
  readonly xForwarded: boolean
  readonly isTls: boolean
  /** Where the request's name comes from. Absent: `X-Request-ID`. */
  readonly requestIdHeader?: string | undefined
}

export interface HttpServer {
  /** Takes the requests of a listener. */
  listener(site: Site): RequestListener
  /** From now on connections are closed after their answers, and `waitSignal` aborts: long polls answer. */
  stop(): void
  /** Requests that are being served. */
  readonly inFlight: number
}

/** Where a request goes. */
interface Target {
  readonly name: string
  readonly run: (exchange: Exchange, segments: readonly string[]) => Answer | Promise<Answer>
  readonly segments: readonly string[]
  readonly hasCors: boolean
  /** Not worth a line in the access log, as in Synapse: preflights, health checks. */
  readonly isQuiet: boolean
}

const NO_SEGMENTS: readonly string[] = []
const NOT_A_PATH = /[^\x21-\x7e]/
const LIMIT_PAUSE_MS = 500
/** A proxy that only adds to `X-Forwarded-For` lets clients write here what they like, and it is a part of keys. */
const MAX_ADDRESS = 64

export function makeHttpServer(options: HttpServerOptions): HttpServer {
  const { metrics, log, accessLog, limitPauseMs = LIMIT_PAUSE_MS } = options
  const stopping = new AbortController()
  const requestIds = makeRequestIds()
  const usual = ['Server', options.product]
  const withCors = [...usual, ...corsHeaders('/')]
  let inFlight = 0

  const refusing = (name: string, status: 404 | 405): Omit<Target, 'segments'> => ({
    name,
    run: () => {
      throw unrecognized(status)
    },
    hasCors: true,
    isQuiet: false,
  })
  const unknown: Target = { ...refusing('unrecognized', 404), segments: NO_SEGMENTS }
  const otherMethod: Target = { ...refusing('unrecognized', 405), segments: NO_SEGMENTS }
  const preflight: Target = {
    name: 'preflight',
    run: () => noContent(),
    segments: NO_SEGMENTS,
    hasCors: true,
    isQuiet: true,
  }
  const health: Target = {
    name: 'health',
    run: () => plainText('OK', { headers: { 'X-Plexus-Table': options.tableDigest } }),
    segments: NO_SEGMENTS,
    hasCors: false,
    isQuiet: true,
  }

  function targetOf(trie: PathTrie<Route>, mounts: readonly Mount[], { method, path }: Exchange): Target {
    if (NOT_A_PATH.test(path)) return unknown
    if (method === 'OPTIONS') return preflight
    const asked = method === 'HEAD' ? 'GET' : method
    if (path === '/health') return asked === 'GET' ? health : otherMethod
    const found = trie.find(asked, path)
    if (found === 'other method') return otherMethod
    if (found !== undefined) {
      const { operation, run } = found.value
      return { name: operation.name, run, segments: found.segments, hasCors: true, isQuiet: false }
    }
    const mount = mounts.find(({ under }) => path === under || path.startsWith(`${under}/`))
    if (mount === undefined) return unknown
    return { name: mount.name, run: mount.handle, segments: NO_SEGMENTS, hasCors: false, isQuiet: false }
  }

  /** From the request to the end of its answer. Never rejects. */
  async function serve(exchange: Exchange, target: Target): Promise<void> {
    const common = target.hasCors ? corsOf(exchange.path) : usual
    let reply: Reply
    try {
      const answer = await target.run(exchange, target.segments)
      reply = isReply(answer) ? answer : json(answer)
    } catch (error) {
      reply = await refuse(exchange, error)
    }
    exchange.status = reply.status
    try {
      const { aborted: close } = stopping.signal
      exchange.bytesSent = await respond(exchange, reply, { common, close })
    } catch (error) {
      log.error({ err: error }, 'an answer was broken off')
      exchange.response.destroy()
    }
  }

  const corsOf = (path: string): readonly string[] => {
    const cors = corsHeaders(path)
    return cors === corsHeaders('/') ? withCors : [...usual, ...cors]
  }

  async function refuse(exchange: Exchange, error: unknown): Promise<Reply> {
    if (error instanceof MatrixError) {
      if (error.errcode === 'M_LIMIT_EXCEEDED' && limitPauseMs > 0)
        await sleep(limitPauseMs, undefined, { signal: exchange.waitSignal }).catch(() => {})
    } else if (stopping.signal.aborted && error === stopping.signal.reason) {
      const body = { errcode: 'M_UNKNOWN', error: 'The server is stopping. Try again in a few seconds.' }
      return json(body, { status: 503, headers: { 'Retry-After': '2' } })
    } else if (!exchange.hasLeft && !(error instanceof BodyBrokenOff)) {
      log.error({ err: error, method: exchange.method, path: exchange.path }, 'a handler failed')
    }
    return errorReply(error)
  }

  function listener(site: Site): RequestListener {
    const operations = options.operations.filter((operation) => {
      if (operation.endpoint.auth === 'federation' && options.federation === undefined) return false
      return resourcesOf(operation).some((resource) => site.resources.includes(resource))
    })
    const trie = makePathTrie(operations.flatMap((operation) => routeEntries(operation, options)))
    const mounts = options.mounts.filter(({ resource }) => site.resources.includes(resource))
    const requestIdHeader = (site.requestIdHeader ?? 'X-Request-ID').toLowerCase()

    return (request: IncomingMessage, response: ServerResponse): void => {
      const startedMs = performance.now()
      const head = readHead(request.rawHeaders, requestIdHeader)
      const forwarded = site.xForwarded && head.forwardedFor !== undefined
      const exchange = new Exchange({
        request,
        response,
        head,
        requestId: requestIds(head.requestId),
        clientIp: forwarded ? firstOf(head.forwardedFor!) : addressOf(request.socket.remoteAddress ?? site.name),
        scheme: site.isTls || (forwarded && isHttps(head.forwardedProto)) ? 'https' : 'http',
        log,
        stopping: stopping.signal,
        maxBodyBytes: options.maxBodyBytes,
      })
      const target = targetOf(trie, mounts, exchange)
      const meter = metrics.meter(exchange.method, target.name)
      inFlight++
      meter.begin()
      response.on('close', () => {
        if (!response.writableFinished) exchange.leave()
        inFlight--
        const durationMs = performance.now() - startedMs
        meter.end(exchange.status, durationMs / 1000, exchange.bytesSent)
        if (!target.isQuiet) accessLog?.(entryOf(exchange, site, target.name, durationMs))
      })
      inRequest({ requestId: exchange.requestId }, () => serve(exchange, target))
    }
  }

  return {
    listener,
    stop: () => stopping.abort(new Error('the server is stopping')),
    get inFlight() {
      return inFlight
    },
  }
}

/** An IPv4 address that came in through `::` is the same client's as through `0.0.0.0`. */
const addressOf = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)

/** The client's, before those of the proxies that passed it on: as Synapse reads it. */
const firstOf = (forwardedFor: string): string => {
  const comma = forwardedFor.indexOf(',')
  const first = comma === -1 ? forwardedFor : forwardedFor.slice(0, comma)
  return first.trim().slice(0, MAX_ADDRESS)
}

/** A proxy that names the client and not the scheme is taken to speak TLS, as Synapse does: there would be redirects in circles. */
const isHttps = (proto: string | undefined): boolean => proto === undefined || proto.toLowerCase() === 'https'

const entryOf = (exchange: Exchange, { name: site }: Site, operation: string, durationMs: number): AccessEntry => ({
  requestId: exchange.requestId,
  clientIp: exchange.clientIp,
  site,
  method: exchange.method,
  target: exchange.target,
  operation,
  requester: askedBy(exchange),
  status: exchange.status,
  bytesSent: exchange.bytesSent,
  durationMs,
  userAgent: exchange.userAgent,
  hasLeft: exchange.hasLeft,
})

function askedBy({ requester, origin }: Exchange): string {
  if (requester === undefined) return origin ?? ''
  const { userId, authenticatedEntity } = requester
  return authenticatedEntity === userId ? userId : `${authenticatedEntity}|${userId}`
}
