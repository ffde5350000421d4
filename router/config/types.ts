/** `routes.yaml` as the rest of the router sees it: validated, with every default filled in, deeply readonly. */

import type { Address } from '../../shared/config/address.ts'
import type { Place } from '../../shared/config/problem.ts'
import type { Method, Sticky, SynapseVersion } from '../../shared/endpoints/types.ts'

/** What a listener lets through. `/_synapse/replication` never passes, whatever is exposed. */
export type Exposure = 'client' | 'federation' | 'admin'

export interface ListenerConfig {
  readonly address: Address
  /** Certificate chain and private key, PEM files; their contents are read again at each reload. Absent: plain HTTP. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string }
  readonly expose: readonly Exposure[]
}

export interface WorkerConfig {
  /** As written in the file (`127.0.0.1:8008`, `unix:/run/sync.sock`): the worker's name in logs, metrics and the ring. */
  readonly name: string
  readonly address: Address
  /** Share of keys and of load relative to the pool's other workers. */
  readonly weight: number
  /** Drained: gets no new request, finishes those it has. */
  readonly drain: boolean
}

export interface HealthConfig {
  /** Absent path `''`: no active checks, only what requests show. */
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
}

export interface TimeoutsConfig {
  readonly connectMs: number
  /** From the last byte sent to the first byte of the answer, and between bytes of it; a `timeout=` in the query adds to it. */
  readonly readMs: number
  /** How long a request may wait in the pool's queue. */
  readonly queueMs: number
}

export interface PoolConfig {
  readonly name: string
  readonly workers: readonly WorkerConfig[]
  /** Absent: the least loaded worker. */
  readonly sticky?: Sticky
  /** The key's owner or nobody: never another worker, whatever its load or health. */
  readonly strict: boolean
  /** Pools tried in order when this one has no live worker. */
  readonly fallback: readonly string[]
  /** Requests in flight in the whole pool; more wait in the queue. `Infinity`: no limit. */
  readonly concurrency: number
  /** Requests that may wait; more are answered 503. */
  readonly queue: number
  readonly timeouts: TimeoutsConfig
  /** The largest request body in bytes; absent: the endpoint's own limit. */
  readonly maxBodyBytes?: number
  readonly health: HealthConfig
}

/** Conditions on the query string. All that are given must hold. */
export interface When {
  /** True: no `since` or an empty one, or `full_state=true`. */
  readonly initialSync?: boolean
  /** Presence (`true`), absence (`false`) or the exact decoded value of a query argument; an empty value counts as absent. */
  readonly query?: Readonly<Record<string, boolean | string>>
}

/** A route as written in `routes.yaml`; the first that matches wins. */
export interface RouteConfig {
  readonly pool: string
  /** A regular expression of Synapse's documentation, on the raw path before `?`. */
  readonly match: string
  /** Absent: every method. GET includes HEAD, and an OPTIONS request takes the first rule whose path matches. */
  readonly methods?: readonly Method[]
  readonly when?: When
  /** Where it stands, for messages: `routes.yaml:12:14` (line and column of `match`, from 1). */
  readonly place: Place
}

export interface RouterConfig {
  readonly file: string
  readonly serverName?: string
  readonly listen: readonly ListenerConfig[]
  /** CIDRs whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[]
  readonly admin?: Address
  /** Names by which the admin address may be called, besides those that it takes anyway. */
  readonly adminHosts: readonly string[]
  readonly pools: ReadonlyMap<string, PoolConfig>
  /** Absent: the built-in table. */
  readonly routes?: readonly RouteConfig[]
  /** The release whose built-in table is used; `auto`: ask main. */
  readonly synapse: SynapseVersion | 'auto'
  readonly mas: boolean
  /** `off`, or where access log lines go: `stdout` or a file. */
  readonly accessLog: { readonly to: 'off' | 'stdout' | { readonly file: string } }
  /** How long running requests may take to finish after SIGTERM. */
  readonly drainMs: number
}
