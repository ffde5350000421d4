/** What all connections share: the snapshot they decide by, the clock, and whom they tell. */

import type { Endpoint, Replay, Sticky } from '../../shared/endpoints/types.ts'
import type { Aliases } from '../balancing/aliases.ts'
import type { Exposure } from '../config/types.ts'
import type { Pool } from '../upstream/pool.ts'
import type { Worker } from '../upstream/worker.ts'
import type { ClientConnection } from './client-connection.ts'
import type { Exchange } from './exchange.ts'
import type { Refusal } from './refusal.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export type UpstreamWorker = Worker<UpstreamConnection>
export type UpstreamPool = Pool<UpstreamWorker>

/** A rule with everything that a request needs to know of it. */
export interface Route {
  readonly name: string
  readonly pool: UpstreamPool
  /** What its requests stick to. Undefined: the least loaded worker serves. */
  readonly sticky: Sticky | undefined
  /** What a request sticks to that has no such key (createRoom in a pool that sticks by room). */
  readonly otherwise: Sticky | undefined
  readonly endpoint: Endpoint | undefined
  readonly maxBodyBytes: number
  /** Index of its series in the metrics. */
  readonly series: number
}

/** Routes and pools as of one reading of the configuration. */
export interface Snapshot {
  /** The route of the request target `bytes[start, end)`. */
  route(bytes: Buffer, start: number, end: number, methodBit: number): Route
  /** What the endpoint table knows of a request that a custom route matched. */
  endpoint(bytes: Buffer, start: number, end: number, methodBit: number): Endpoint | undefined
  readonly pools: ReadonlyMap<string, UpstreamPool>
  trusts(address: string): boolean
  /** The Host of an HTTP/1.0 request that came without one. */
  readonly serverName: string
}

export interface Listener {
  readonly name: string
  readonly scheme: 'http' | 'https'
  readonly exposes: ReadonlySet<Exposure>
}

/** The status that is told of a request whose client left before there was an answer: nginx' own. */
export const CLIENT_LEFT = 499

/** Told of everything that happens to requests; the log and the metrics. */
export interface Telling {
  /** A request ended, whatever way. `exchange` holds its particulars until this returns; `status` may be {@link CLIENT_LEFT}. */
  finished(exchange: Exchange, status: number, now: number): void
  /** The router answered itself, or broke off a worker's answer for the same reason. */
  refused(exchange: Exchange, refusal: Refusal): void
  connected(pool: UpstreamPool, worker: UpstreamWorker): void
  reused(pool: UpstreamPool, worker: UpstreamWorker): void
  connectFailed(pool: UpstreamPool, worker: UpstreamWorker): void
  retried(exchange: Exchange): void
}

export interface Gateway {
  snapshot: Snapshot
  /** `performance.now()` at the last tick or request: good to half a second. */
  now: number
  /** No new requests on old connections: each is closed after its answer. */
  draining: boolean
  readonly clients: Set<ClientConnection>
  readonly aliases: Aliases
  /** Begins every request ID; another for each start of the router. */
  readonly requestIdPrefix: string
  /** Requests so far. */
  requests: number
  readonly telling: Telling
}

/** May a request that a worker took but did not answer be sent again? RFC 9110 §9.2.2, and what Synapse deduplicates. */
export const replayOf = (endpoint: Endpoint | undefined, method: string): Replay =>
  endpoint?.replay ?? (method === 'GET' || method === 'HEAD' || method === 'OPTIONS' ? 'any' : 'never')
