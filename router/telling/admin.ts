/**
 * The admin address: metrics, health, and what the router is doing, for operators and their tools. Nothing on the data
 * path is imported: `main.ts` gives the functions that answer.
 */

import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Address } from '../../shared/config/address.ts'

export interface WorkerState {
  readonly name: string
  readonly up: boolean
  readonly draining: boolean
  readonly weight: number
  readonly inFlight: number
}

export interface PoolState {
  readonly name: string
  readonly workers: readonly WorkerState[]
  readonly fallback: readonly string[]
  readonly queued: number
  /** Whether a route leads here. A pool that none uses may be down without harm. */
  readonly used: boolean
}

export interface AdminDeps {
  readonly address: Address
  /** Further DNS names by which clients may call the admin address. */
  readonly names?: readonly string[]
  /** The page of `/metrics`, see `metrics.ts`. */
  readonly metrics: () => string
  /** True from when all listeners are bound until the router begins to drain. */
  readonly isListening: () => boolean
  readonly pools: () => readonly PoolState[]
  /** What the data path would do with this request, as `router explain` says it; throws if the target cannot be read. */
  readonly explain: (method: string, target: string) => unknown
  /** Drains a worker in every pool that has it, or undoes it. False: no pool has it. */
  readonly setDraining: (worker: string, draining: boolean) => boolean
}

export interface Admin {
  /** Where it listens; the port is the one given by the system if 0 was asked for. */
  readonly address: Address
  close(): Promise<void>
}

const index = {
  'GET /metrics': "Prometheus' text format",
  'GET /health': 'the process is alive',
  'GET /ready': 'it listens, and every pool in use has a live worker or a fallback that has',
  'GET /pools': 'pools and workers: up, in flight, draining',
  'GET /explain?method=…&target=…': 'where a request would go, and why',
  'POST /drain?worker=…': 'no new requests for this worker; those it has go on',
  'POST /undrain?worker=…': 'undoes that',
}

/** Listens. Fastify is loaded here, so that a router without an admin address does without it (20 MiB, 0.1 s). */
export async function startAdmin(deps: AdminDeps): Promise<Admin> {
  const app = await makeAdmin(deps)
  const { address } = deps
  if (address.kind === 'unix') await app.listen({ path: address.path })
  else await app.listen({ host: address.host, port: address.port })
  const bound = app.server.address()
  return {
    address: address.kind === 'tcp' && typeof bound === 'object' ? { ...address, port: bound!.port } : address,
    close: () => app.close(),
  }
}

/** Without listening, for tests. */
export async function makeAdmin(deps: AdminDeps): Promise<FastifyInstance> {
  const { fastify } = await import('fastify')
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: false, useDefaults: false, removeAdditional: false } },
  })

  const isOurName = makeNameCheck(deps)
  app.addHook('onRequest', async (request, reply) => {
    // Health is no secret, and load balancers' probes call by any name.
    if (request.routeOptions.url === '/health') return
    if (!isOurName(request.headers.host ?? '')) return refuse(reply, 403, `Not a name of this address: ${request.host}`)
    if (isFromAnotherSite(request)) return refuse(reply, 403, 'Requests from another web site are refused')
  })
  app.setNotFoundHandler((request, reply) =>
    refuse(reply, 404, `No ${request.method} ${request.url.split('?')[0]} here`),
  )
  app.setErrorHandler((error, _request, reply) =>
    refuse(reply, (error as { statusCode?: number }).statusCode ?? 500, (error as Error).message),
  )
  // POST arguments are in the query; a body, whatever it is, is not read.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })

  app.get('/', () => index)
  app.get('/metrics', (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return deps.metrics()
  })
  app.get('/health', (_request, reply) => reply.type('text/plain').send('OK'))
  app.get('/ready', (_request, reply) => {
    const listening = deps.isListening()
    const down = poolsDown(deps.pools())
    const ready = listening && down.length === 0
    return reply.code(ready ? 200 : 503).send({ ready, listening, pools_down: down })
  })
  app.get('/pools', () =>
    deps.pools().map(({ name, workers, fallback, queued, used }) => ({
      name,
      used,
      queued,
      fallback,
      workers: workers.map(({ name, up, draining, weight, inFlight }) => ({
        name,
        up,
        draining,
        weight,
        in_flight: inFlight,
      })),
    })),
  )
  app.get('/explain', (request, reply) => {
    const { method, target } = request.query as Record<string, unknown>
    if (typeof target !== 'string' || !target.startsWith('/'))
      return refuse(reply, 400, 'target: expected a request target that begins with /, percent-encoded once more')
    if (method !== undefined && typeof method !== 'string') return refuse(reply, 400, 'method: expected one')
    return deps.explain((method ?? 'GET').toUpperCase(), target)
  })
  for (const draining of [true, false])
    app.post(draining ? '/drain' : '/undrain', (request, reply) => {
      const { worker } = request.query as Record<string, unknown>
      if (typeof worker !== 'string') return refuse(reply, 400, 'worker: expected the name of one, as in /pools')
      if (!deps.setDraining(worker, draining)) return refuse(reply, 404, `No pool has a worker ${worker}`)
      return { worker, draining }
    })
  return app
}

const refuse = (reply: FastifyReply, status: number, error: string): FastifyReply => reply.code(status).send({ error })

/** Pools in use that have no live worker, nor has any pool they fall back to. A draining worker takes nothing new. */
export function poolsDown(pools: readonly PoolState[]): readonly string[] {
  const live = new Set(
    pools.filter(({ workers }) => workers.some(({ up, draining }) => up && !draining)).map((p) => p.name),
  )
  return pools
    .filter(({ name, used, fallback }) => used && !live.has(name) && !fallback.some((other) => live.has(other)))
    .map(({ name }) => name)
}

/**
 * A page on a name that its owner points at 127.0.0.1 (DNS rebinding) could read this address through an operator's
 * browser: its requests carry that name in Host. So Host has to be an address, a name without a dot, one under a domain
 * that nobody can register, this machine's, or a configured one. A Unix socket is out of a browser's reach.
 */
function makeNameCheck({ address, names = [] }: AdminDeps): (host: string) => boolean {
  if (address.kind === 'unix') return () => true
  const ours = new Set([...names, address.host, hostname()].map((name) => name.toLowerCase()))
  return (host) => {
    const name = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d+)?$/.exec(host)
    const bare = (name?.[1] ?? name?.[2] ?? '').toLowerCase().replace(/\.$/, '')
    if (isIP(bare) > 0 || ours.has(bare)) return true
    return /^[a-z0-9_-]+$/.test(bare) || /\.(?:localhost|internal|cluster\.local)$/.test(bare)
  }
}

/** A page of another site can have a browser send POSTs here, though it cannot read the answers. */
function isFromAnotherSite({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  return headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host
}
