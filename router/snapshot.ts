/** Everything a request is decided by, built whole from a configuration and swapped by one assignment. */

import type { Endpoint, SynapseVersion } from '../shared/endpoints/types.ts'
import type { PoolConfig, RouterConfig } from './config/types.ts'
import { makeTrusts } from './forward/addresses.ts'
import type { Route, Snapshot, UpstreamPool, UpstreamWorker } from './forward/gateway.ts'
import { builtInRules } from './routing/built-in.ts'
import type { Rule } from './routing/rule.ts'
import { compileTrie } from './routing/trie.ts'
import type { Names, Rows } from './telling/metrics.ts'
import type { Places } from './upstream/places.ts'
import { Pool } from './upstream/pool.ts'

/** The name of the route of whatever no rule takes. */
const REST = 'other'

/** Synapse's own limit: `MAX_REQUEST_SIZE` is 200 events of 65,536 bytes. */
const MAX_BODY_BYTES = 200 * 65_536

export interface BuiltSnapshot extends Snapshot {
  readonly config: RouterConfig
  /** The release whose table is in force. */
  readonly version: SynapseVersion
  readonly rules: readonly Rule[]
  readonly routes: readonly Route[]
  /** The route of whatever no rule takes. */
  readonly rest: Route
  /** The index of the rule that takes the target, or -1. */
  ruleIndex(bytes: Buffer, start: number, end: number, methodBit: number): number
  readonly workers: ReadonlySet<UpstreamWorker>
}

/** The rules of a configuration: its own `routes:`, or the built-in table of `version`. */
export const rulesOf = (config: RouterConfig, version: SynapseVersion): readonly Rule[] =>
  config.routes === undefined
    ? builtInRules({ version, mas: config.mas, pools: new Set(config.pools.keys()) })
    : config.routes.map((route) => ({ ...route, name: route.match }))

/**
 * Builds the snapshot of a configuration that has no errors. `workerOf` gives the one {@link UpstreamWorker} of an address,
 * `placesOf` the one {@link Places} of a pool's name, `rowsOf` the rows of the metrics for its names.
 */
export const buildSnapshot = (
  config: RouterConfig,
  version: SynapseVersion,
  workerOf: (worker: PoolConfig['workers'][number]) => UpstreamWorker,
  placesOf: (pool: PoolConfig) => Places,
  rowsOf: (names: Names) => Rows,
): BuiltSnapshot => {
  const rules = rulesOf(config, version)
  const poolConfigs = [...config.pools.values()]
  const rows = rowsOf({
    routes: [...rules.map((rule) => rule.name), REST],
    pools: poolConfigs.map(({ name, workers }) => ({ name, workers: workers.map((worker) => worker.name) })),
  })
  const pools = new Map<string, UpstreamPool>()
  poolConfigs.forEach((pool, i) => {
    pools.set(
      pool.name,
      new Pool(pool, pool.workers.map(workerOf), placesOf(pool), { pool: rows.pools[i]!, workers: rows.workers[i]! }),
    )
  })
  for (const pool of pools.values()) pool.fallback = pool.config.fallback.map((name) => pools.get(name)!)

  const routeOf = (poolName: string, rule: Rule | undefined, series: number): Route => {
    const pool = pools.get(poolName)!
    return {
      name: rule?.name ?? REST,
      pool,
      sticky: pool.config.sticky,
      otherwise: rule?.endpoint?.sticky,
      endpoint: rule?.endpoint,
      maxBodyBytes: pool.config.maxBodyBytes ?? rule?.endpoint?.maxBodyBytes ?? MAX_BODY_BYTES,
      series,
    }
  }
  const routes = rules.map((rule, i) => routeOf(rule.pool, rule, rows.routes[i]!))
  const rest = routeOf('main', undefined, rows.routes.at(-1)!)
  const trie = compileTrie(rules)

  // A file's own routes say where a request goes; what the endpoint is, the built-in table knows.
  const known = config.routes === undefined ? rules : builtInRules({ version, mas: config.mas, pools: new Set() })
  let endpoints: ReturnType<typeof compileTrie> | undefined
  const endpoint = (bytes: Buffer, start: number, end: number, methodBit: number): Endpoint | undefined => {
    endpoints ??= config.routes === undefined ? trie : compileTrie(known)
    const index = endpoints.find(bytes, start, end, methodBit)
    return index < 0 ? undefined : known[index]!.endpoint
  }

  return {
    config,
    version,
    rules,
    routes,
    rest,
    pools,
    workers: new Set([...pools.values()].flatMap((pool) => pool.members.map((member) => member.worker))),
    trusts: makeTrusts(config.trustedProxies),
    serverName: config.serverName ?? 'localhost',
    ruleIndex: trie.find,
    route(bytes, start, end, methodBit) {
      const index = trie.find(bytes, start, end, methodBit)
      return index < 0 ? rest : routes[index]!
    },
    endpoint,
  }
}
