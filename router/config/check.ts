/**
 * What is wrong with a configuration that loads: pools that lose what they are for, and routes of an operator's own that
 * disagree with what the processes of that Synapse release serve. All are warnings: the router would run.
 */

import { addressKey } from '../../shared/config/address.ts'
import type { Place, Problem } from '../../shared/config/problem.ts'
import { isBefore } from '../../shared/endpoints/version.ts'
import { HARD_STREAMS, SINGLE_WRITERS } from '../../shared/synapse-config/streams.ts'
import type { Rule } from '../routing/rule.ts'
import { effectiveRules, formatVersion, type RoutingTables, versionOf } from './tables.ts'
import type { PoolConfig, RouteConfig, RouterConfig } from './types.ts'

export interface CheckOptions {
  /** May this process listen on ports below 1024? */
  readonly privileged: boolean
}

export const checkConfig = (
  config: RouterConfig,
  tables: RoutingTables,
  { privileged }: CheckOptions,
): readonly Problem[] => [
  ...checkListeners(config, privileged),
  ...checkPools(config, tables),
  ...(config.routes ? checkRoutes(config, config.routes, tables) : []),
]

const warning = (path: string, message: string, place?: Place): Problem => ({
  path,
  message,
  severity: 'warning',
  ...(place && { place }),
})

const checkListeners = ({ listen, admin }: RouterConfig, privileged: boolean): readonly Problem[] => {
  const problems: Problem[] = []
  listen.forEach(({ address }, i) => {
    if (!privileged && address.kind === 'tcp' && address.port > 0 && address.port < 1024)
      problems.push(
        warning(`listen[${i}]`, `port ${address.port} needs CAP_NET_BIND_SERVICE, or root; this user is not root`),
      )
  })
  if (!admin)
    problems.push(warning('admin', 'absent: no metrics, no health of the router itself, no draining of workers'))
  if (listen.every(({ expose }) => !expose.includes('client')))
    problems.push(warning('listen', 'no listener exposes client: nobody can log in or sync'))
  return problems
}

const checkPools = (config: RouterConfig, tables: RoutingTables): readonly Problem[] => {
  const problems: Problem[] = []
  const version = versionOf(config.synapse, tables)
  const add = (pool: PoolConfig, message: string) => problems.push(warning(`pools.${pool.name}`, message))
  const named = new Set([
    ...(config.routes?.map(({ pool }) => pool) ?? config.pools.keys()),
    ...[...config.pools.values()].flatMap(({ fallback }) => fallback),
  ])

  for (const pool of config.pools.values()) {
    const { name, sticky, strict, health } = pool
    const several = pool.workers.length > 1
    if (name !== 'main' && !named.has(name)) add(pool, 'gets no request: no route and no fallback names it')
    const sharded = SINGLE_WRITERS.get(name)
    if (several && SINGLE_WRITERS.has(name) && !(sharded && !isBefore(version, sharded)))
      add(
        pool,
        `has ${pool.workers.length} workers, but one process writes ${name} in Synapse ${formatVersion(version)}: the others ${name === 'account_data' || name === 'presence' ? 'pass its requests on' : 'answer 500'}`,
      )
    if (HARD_STREAMS.has(name) && pool.fallback.length > 0)
      add(
        pool,
        `falls back to ${pool.fallback.join(', ')}, but only a writer of ${name} can answer: any other process answers 500`,
      )
    if (
      several &&
      (name === 'sync' || name === 'initial_sync' || name === 'sliding_sync') &&
      sticky !== 'user' &&
      sticky !== 'token'
    )
      add(pool, `without sticky: user a client's requests visit all workers, and each fills its own caches for it`)
    if (several && name === 'sso')
      add(pool, `an SSO login lives in the memory of the process that began it: have one worker here`)
    if (several && name === 'messages' && !(sticky === 'room' && strict))
      add(pool, `the pagination of a room belongs to one worker: set sticky: room and strict: true, or have one worker`)
    if (name === 'main' && several)
      add(pool, 'there is only one main process: the endpoints that it alone serves will fail on the others')
    if (health.path !== '' && health.timeoutMs > health.intervalMs)
      add(pool, `health.timeout (${health.timeoutMs} ms) is longer than health.interval (${health.intervalMs} ms)`)
    if (pool.maxBodyBytes !== undefined && name === 'federation_in' && pool.maxBodyBytes < 2 ** 20)
      add(pool, 'max_body is below 1M: transactions of other servers will be refused')
    if (name === 'mas' && !config.mas) add(pool, 'is of no use without mas: true')
    if (config.mas && (name === 'login' || name === 'sso') && !config.routes)
      add(
        pool,
        `with mas: true Synapse has no ${name === 'sso' ? 'SSO' : 'logins'}: they are made at the Matrix Authentication Service (pool mas)`,
      )
  }
  const pagination = effectiveRules(config, tables).find(({ endpoint }) => endpoint?.class === 'messages')
  const paginates = pagination && config.pools.get(pagination.pool)
  if (paginates && paginates.name !== 'messages' && paginates.workers.length > 1 && !paginates.strict)
    add(
      paginates,
      `takes the pagination of rooms (/messages) too, which belongs to one worker a room: add a pool messages, of these workers, with sticky: room and strict: true`,
    )
  if (config.mas && !config.routes && !config.pools.has('mas'))
    problems.push(
      warning(
        'pools',
        'mas: true, but there is no pool mas: /login, /logout and /refresh must reach the Matrix Authentication Service, by this router or one before it',
      ),
    )
  return problems
}

// ---- routes ----

interface Sample {
  readonly method: string
  readonly path: string
  readonly query: string
  /** `PUT /rooms/{roomId}/typing/{userId}`, for messages. */
  readonly name: string
  /** What the built-in table says of it, were there a pool for every class. */
  readonly rule: Rule
}

/** Values for the parameters of a path that a pattern may well name. */
const SAMPLE_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ['roomId', ['!r:example.org']],
  ['roomIdOrAlias', ['!r:example.org', '%23a:example.org']],
  ['roomAlias', ['%23a:example.org']],
  ['userId', ['@u:example.org']],
  ['eventId', ['$e']],
  ['eventType', ['m.room.message', 'm.room.encrypted', 'm.room.member', 'm.room.encryption']],
  ['receiptType', ['m.read', 'm.read.private']],
  ['keyName', ['displayname', 'avatar_url']],
])

const samplesOf = (rule: Rule): readonly Sample[] => {
  const { endpoint } = rule
  if (!endpoint) return []
  const [, ...segments] = endpoint.path.split('/')
  let paths = endpoint.under
  for (const segment of segments) {
    const parameter = /^\{(\w+)\}$/.exec(segment)?.[1]
    const values = parameter === undefined ? [segment] : (SAMPLE_VALUES.get(parameter) ?? ['x'])
    paths = paths.flatMap((path) => values.map((value) => `${path}/${value}`))
  }
  const query = rule.when?.initialSync === true ? '' : 'since=s1_2&from=s1_2'
  return paths.map((path) => ({
    method: endpoint.method,
    path,
    query,
    name: `${endpoint.method} ${endpoint.path}`,
    rule,
  }))
}

/** How many endpoints a message lists before it counts the rest. */
const LISTED = 4
const listOf = (names: Iterable<string>): string => {
  const all = [...new Set(names)]
  return all.length <= LISTED + 1
    ? all.join(', ')
    : `${all.slice(0, LISTED).join(', ')} and ${all.length - LISTED} more`
}

const isPlainlyMain = (pool: PoolConfig, main: PoolConfig): boolean => {
  const mains = new Set(main.workers.map(({ address }) => addressKey(address)))
  return pool.workers.every(({ address }) => mains.has(addressKey(address)))
}

const checkRoutes = (
  config: RouterConfig,
  routes: readonly RouteConfig[],
  tables: RoutingTables,
): readonly Problem[] => {
  const rules = effectiveRules(config, tables)
  const version = versionOf(config.synapse, tables)
  const release = `Synapse ${formatVersion(version)}`
  const problems: Problem[] = []
  const add = (route: number, message: string) =>
    problems.push(warning(`routes[${route}]`, message, routes[route]!.place))

  const unreachable = new Set<number>()
  for (const { rule, by } of tables.unreachableRules(rules).unreachable) {
    unreachable.add(rule)
    const earlier = by.map((index) => `routes[${index}] (line ${routes[index]!.place.line})`).join(' and ')
    add(rule, `is never reached: ${earlier} ${by.length === 1 ? 'takes' : 'take'} all that it matches`)
  }

  // Judged against a table in which every class has a pool: its pool is then the class that the endpoint belongs to, and
  // `main` means that no worker serves it.
  const ideal = tables.builtInRules({ version, mas: config.mas, pools: tables.pools })
  const samples = ideal.flatMap(samplesOf)
  const taken = samples.map((sample) => tables.matchInOrder(rules, sample.path, sample.query, sample.method))
  const builtIn = tables.builtInRules({ version, mas: config.mas, pools: new Set(config.pools.keys()) })
  const isBuiltIn = ({ path, query, method }: Sample, pool: string): boolean =>
    builtIn[tables.matchInOrder(builtIn, path, query, method)]?.pool === pool

  rules.forEach((rule, index) => {
    const matched = samples.filter(
      (sample) => tables.matchInOrder([rule], sample.path, sample.query, sample.method) === 0,
    )
    if (matched.length === 0) {
      const message = whyNothingMatches(rule, samples, tables, release)
      if (message !== undefined) add(index, message)
      return
    }
    if (unreachable.has(index)) return
    const won = samples.filter((_, i) => taken[i] === index)
    for (const message of judge(rule, won, isBuiltIn, taken, samples, rules, config, release)) add(index, message)
  })
  return problems
}

/** Undefined: its path does match, under a condition on the query that samples cannot judge. */
const whyNothingMatches = (
  rule: Rule,
  samples: readonly Sample[],
  tables: RoutingTables,
  release: string,
): string | undefined => {
  const matching = (match: string) => {
    const anyMethod: Rule = { match, pool: rule.pool, name: rule.name }
    return samples.filter(({ path, query, method }) => tables.matchInOrder([anyMethod], path, query, method) === 0)
  }
  const byPath = matching(rule.match)
  if (byPath.some(({ method }) => rule.methods?.some((allowed) => allowed === method) ?? true)) return undefined
  if (byPath.length > 0)
    return `its methods, ${rule.methods!.join(', ')}, are not those of what it matches: ${listOf(byPath.map(({ name }) => name))}`
  const shorter = rule.match.replace(/\/\$?$/, '$')
  const meant = shorter !== rule.match && tables.parsePattern(shorter).ok ? matching(shorter)[0] : undefined
  return meant
    ? `matches nothing: the path of ${meant.name} has no slash at its end. Did you mean ${shorter}?`
    : `matches no endpoint that ${release} is known to have: ${rule.match}`
}

const judge = (
  rule: Rule,
  won: readonly Sample[],
  /** Would the built-in table, with the pools that there are, send it to that pool? */
  isBuiltIn: (sample: Sample, pool: string) => boolean,
  taken: readonly number[],
  samples: readonly Sample[],
  rules: readonly Rule[],
  config: RouterConfig,
  release: string,
): readonly string[] => {
  const pool = config.pools.get(rule.pool)!
  const main = config.pools.get('main')!
  const messages: string[] = []
  if (isPlainlyMain(pool, main)) {
    const hard = won.filter(
      ({ rule: { pool: own, endpoint } }) => isHard(endpoint?.served) && config.pools.has(own) && own !== rule.pool,
    )
    if (hard.length > 0)
      messages.push(
        `sends ${listOf(hard.map(({ name }) => name))} to ${rule.pool}, past the pool of the stream's writer, ${listOf(hard.map((sample) => sample.rule.pool))}: answered 500`,
      )
    return messages
  }

  const mainOnly = won.filter(({ rule: { pool: own } }) => own === 'main')
  if (mainOnly.length > 0)
    messages.push(
      `sends ${listOf(mainOnly.map(({ name }) => name))} to pool ${rule.pool}, but only main serves ${new Set(mainOnly.map(({ name }) => name)).size === 1 ? 'it' : 'them'} in ${release}: answered 404 or 405`,
    )

  // A pool that gets nothing but streams' endpoints is a writer's, whatever its name.
  const all = samples.filter((_, i) => taken[i] !== -1 && rules[taken[i]!]!.pool === rule.pool)
  const streams = new Set(all.map(({ rule: { endpoint } }) => streamOf(endpoint?.served)))
  const isWriters = !streams.has(undefined)
  const hard = won.filter(
    (sample) =>
      isHard(sample.rule.endpoint?.served) &&
      sample.rule.pool !== 'main' &&
      sample.rule.pool !== rule.pool &&
      !isWriters &&
      !isBuiltIn(sample, rule.pool),
  )
  for (const stream of new Set(hard.map(({ rule: { endpoint } }) => streamOf(endpoint?.served)!))) {
    const names = hard.filter(({ rule: { endpoint } }) => streamOf(endpoint?.served) === stream).map(({ name }) => name)
    messages.push(
      `sends ${listOf(names)} to pool ${rule.pool}, which is not the ${stream} writer's alone: any other process answers 500. Before it, send them to the writer's own pool, or to main if there is none`,
    )
  }

  const others = won.filter(
    ({ rule: { pool: own, endpoint } }) =>
      own !== 'main' && own !== rule.pool && own !== 'generic' && config.pools.has(own) && !isHard(endpoint?.served),
  )
  for (const own of new Set(others.map((sample) => sample.rule.pool))) {
    const names = others.filter((sample) => sample.rule.pool === own).map(({ name }) => name)
    messages.push(
      `sends ${listOf(names)} to pool ${rule.pool}; the built-in table sends ${new Set(names).size === 1 ? 'it' : 'them'} to pool ${own}`,
    )
  }
  return messages
}

type AnyServed = NonNullable<Rule['endpoint']>['served'] | undefined
const streamOf = (served: AnyServed): string | undefined => (typeof served === 'object' ? served.writer : undefined)
const isHard = (served: AnyServed): boolean => typeof served === 'object' && served.hard
