/** `routes.yaml` → RouterConfig, or every mistake in it with its place. Never throws, whatever the file holds. */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { YAMLParseError } from 'yaml'
import { addressesCollide, addressKey, isPrivateHost } from '../../shared/config/address.ts'
import { childPath } from '../../shared/config/decode.ts'
import { didYouMean } from '../../shared/config/did-you-mean.ts'
import { type Place, type Problem, startOf } from '../../shared/config/problem.ts'
import type { Reporter } from '../../shared/config/reporter.ts'
import { readText, reason } from '../../shared/config/text-file.ts'
import { readYaml } from '../../shared/config/yaml-document.ts'
import { type FileContents, fileObject, type PoolContents } from './schema.ts'
import type { RoutingTables } from './tables.ts'
import type { ListenerConfig, PoolConfig, RouteConfig, RouterConfig, WorkerConfig } from './types.ts'
import { reaches } from './values.ts'

/** What the loader must know of the routing. */
export type LoadTables = Pick<RoutingTables, 'parsePattern' | 'pools'>

export interface Loaded {
  /** Absent if there is an error among the problems. */
  readonly config?: RouterConfig
  readonly problems: readonly Problem[]
  /** Where a key is written, or its nearest parent that is: for problems that are found later. */
  readonly placeOf: (path: string) => Place
}

/**
 * Loads `file`, whose text is read from disk unless given. Relative paths in it are relative to its folder. Patterns and
 * the names of pools are held against `tables`.
 */
export const loadConfig = (file: string, text: string | undefined, tables: LoadTables): Loaded => {
  const source = text === undefined ? readText(file) : { text }
  if ('mistake' in source)
    return {
      problems: [{ path: file, message: source.mistake, severity: 'error', place: startOf(file) }],
      placeOf: () => startOf(file),
    }

  const { contents, reporter } = parse(file, source.text)
  if (contents) crossCheck(contents, reporter, file, tables)
  const problems = reporter.problems()
  if (!contents || problems.some(({ severity }) => severity === 'error')) return { problems, placeOf: reporter.place }
  // Without an error nothing that is required is missing.
  return { config: build(contents as FileContents, reporter, file), problems, placeOf: reporter.place }
}

interface Parse {
  readonly contents?: Partial<FileContents>
  readonly reporter: Reporter
}

const syntaxError = ({ code, message, pos: [offset] }: YAMLParseError, text: string): string => {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here: a configuration is one, remove the ---'
  const before = /\[[0-9a-f:.]*:[0-9a-f:.]*\]$/i.exec(text.slice(Math.max(0, offset - 50), offset))
  const port = /^:\d+/.exec(text.slice(offset, offset + 10))
  return before && port ? `quote an IPv6 address: '${before[0]}${port[0]}'` : `not YAML: ${message}`
}

const parse = (file: string, text: string): Parse => {
  const { reporter, document } = readYaml(file, text, { syntaxError: (error) => syntaxError(error, text) })
  if (!document) return { reporter }
  const root = reporter.resolve(document.contents)
  if (!root) {
    reporter.problem('', 'empty: listen and pools.main are needed')
    return { reporter }
  }
  reporter.visit('', root)
  return { contents: fileObject.readPart(root, '', reporter), reporter }
}

const present = <T>(values: readonly (T | undefined)[]): readonly T[] => values.filter((value) => value !== undefined)

/** What a schema cannot say: names that must exist, things that must differ, files that must be there. */
const crossCheck = (
  { listen = [], admin, pools, routes }: Partial<FileContents>,
  reporter: Reporter,
  file: string,
  tables: LoadTables,
): void => {
  checkListeners(listen, admin, pools, reporter, file)
  if (!pools) return
  checkPools(pools, reporter)
  if (routes) checkRoutes(routes, pools, reporter, tables)
  else if (!reporter.has('routes')) checkPoolNames(pools, reporter, tables)
}

const checkListeners = (
  listen: FileContents['listen'],
  admin: FileContents['admin'],
  pools: Pools = new Map(),
  reporter: Reporter,
  file: string,
): void => {
  listen.forEach((listener, i) => {
    if (!listener) return
    const path = childPath('listen', i)
    const { address, tls } = listener.address
    listen.slice(0, i).forEach((earlier, j) => {
      if (earlier && addressesCollide(earlier.address.address, address))
        reporter.problem(
          path,
          `${addressKey(address)} is taken by listen[${j}], ${addressKey(earlier.address.address)}`,
        )
    })
    if (admin && addressesCollide(admin, address))
      reporter.problem('admin', `is also ${path}: metrics and draining are not for the public`)
    for (const [name, pool] of pools)
      pool?.workers.forEach((worker, j) => {
        if (worker && reaches(worker.address.address, address))
          reporter.problem(
            `pools.${name}.workers[${j}]`,
            `is the router itself (${path}): its requests would go in circles`,
          )
      })
    if (tls) checkCertificate(listener, path, reporter, file)
    else
      for (const key of ['certificate', 'key'] as const)
        if (listener[key] !== undefined) reporter.problem(`${path}.${key}`, 'is for https:// listeners only')
  })
  if (admin?.kind === 'tcp' && !isPrivateHost(admin.host))
    reporter.warn('admin', `${addressKey(admin)} may be reached from outside: use a loopback or a private address`)
}

const checkCertificate = (
  listener: NonNullable<FileContents['listen'][number]>,
  path: string,
  reporter: Reporter,
  file: string,
): void => {
  const pem: { certificate?: Buffer; key?: Buffer } = {}
  for (const name of ['certificate', 'key'] as const) {
    const named = listener[name]
    if (named === undefined) {
      reporter.problem(path, `https needs a ${name}: {address: …, certificate: FILE, key: FILE}`)
      continue
    }
    try {
      pem[name] = readFileSync(resolve(dirname(file), named))
    } catch (error) {
      reporter.problem(`${path}.${name}`, `${resolve(dirname(file), named)}: ${reason(error)}`)
    }
  }
  if (!pem.certificate || !pem.key) return
  try {
    createSecureContext({ cert: pem.certificate, key: pem.key })
  } catch (error) {
    reporter.problem(`${path}.certificate`, `certificate and key cannot be used: ${(error as Error).message}`)
  }
}

type Pools = ReadonlyMap<string, PoolContents | undefined>

const checkPools = (pools: Pools, reporter: Reporter): void => {
  if (!pools.has('main')) reporter.problem('pools', 'there is no pool main: it serves whatever no other pool does')
  for (const [name, pool] of pools) {
    if (!pool) continue
    const path = childPath('pools', name)
    const first = new Map<string, number>()
    pool.workers.forEach((worker, i) => {
      if (!worker) return
      const key = addressKey(worker.address.address)
      const earlier = first.get(key)
      if (earlier === undefined) first.set(key, i)
      else reporter.problem(`${path}.workers[${i}]`, `${key} is in the pool already, as workers[${earlier}]`)
    })
    if (pool.workers.length > 0 && pool.workers.every((worker) => worker?.drain))
      reporter.warn(`${path}.workers`, 'all workers are drained: nothing is left to serve')
    if (pool.strict && pool.sticky === undefined)
      reporter.problem(`${path}.strict`, 'strict needs sticky: it is about the worker of a key')
    pool.fallback.forEach((other, i) => {
      if (other === undefined) return
      const at = `${path}.fallback[${i}]`
      if (!pools.has(other)) reporter.problem(at, unknownPool(other, pools))
      else if (pool.fallback.indexOf(other) < i) reporter.problem(at, `${other} is in the list already`)
    })
  }
  checkFallbackCycles(pools, reporter)
}

const unknownPool = (name: string, pools: Pools): string => {
  const meant = didYouMean(name, pools.keys())
  return `there is no pool ${JSON.stringify(name)}: ${meant === undefined ? `there are ${[...pools.keys()].join(', ')}` : `did you mean ${meant}?`}`
}

const checkFallbackCycles = (pools: Pools, reporter: Reporter): void => {
  const done = new Set<string>()
  const follow = (name: string, trail: readonly string[]): void => {
    if (done.has(name)) return
    pools.get(name)?.fallback.forEach((next, i) => {
      if (next === undefined) return
      const cycle = [...trail, name]
      const back = cycle.indexOf(next)
      if (back === -1) follow(next, cycle)
      else
        reporter.problem(
          `pools.${name}.fallback[${i}]`,
          next === name
            ? 'a pool cannot fall back to itself'
            : `goes in a circle: ${[...cycle.slice(back), next].join(' → ')}`,
        )
    })
    done.add(name)
  }
  for (const name of pools.keys()) follow(name, [])
}

/** With the built-in table a pool gets the endpoints of the class it is named for: any other name is a typo. */
const checkPoolNames = (pools: Pools, reporter: Reporter, { pools: known }: LoadTables): void => {
  const fallbacks = new Set([...pools.values()].flatMap((pool) => pool?.fallback ?? []))
  for (const name of pools.keys()) {
    if (known.has(name) || fallbacks.has(name)) continue
    const meant = didYouMean(name, known)
    reporter.problem(
      childPath('pools', name),
      `gets no request: without routes: of your own a pool is named for a class of endpoints${meant === undefined ? ` (${[...known].join(', ')})` : `. Did you mean ${meant}?`}`,
    )
  }
}

const checkRoutes = (
  routes: NonNullable<FileContents['routes']>,
  pools: Pools,
  reporter: Reporter,
  tables: LoadTables,
): void => {
  routes.forEach((route, i) => {
    if (!route) return
    const path = childPath('routes', i)
    if (!pools.has(route.pool)) reporter.problem(`${path}.pool`, unknownPool(route.pool, pools))
    const read = tables.parsePattern(route.match)
    if (!read.ok)
      for (const { offset, message } of read.mistakes) reporter.problem(`${path}.match`, message, { offset })
  })
}

const build = (contents: FileContents, reporter: Reporter, file: string): RouterConfig => {
  const path = (name: string) => resolve(dirname(file), name)
  const accessLog = contents.access_log
  return {
    file,
    listen: present(contents.listen).map(
      (listener): ListenerConfig => ({
        address: listener.address.address,
        ...(listener.certificate !== undefined &&
          listener.key !== undefined && {
            tls: { certificateFile: path(listener.certificate), keyFile: path(listener.key) },
          }),
        expose: [...new Set(present(listener.expose))],
      }),
    ),
    ...(contents.server_name !== undefined && { serverName: contents.server_name }),
    trustedProxies: present(contents.trusted_proxies),
    ...(contents.admin && { admin: contents.admin }),
    adminHosts: present(contents.admin_hosts),
    pools: new Map([...contents.pools].map(([name, pool]) => [name, buildPool(name, pool!)])),
    ...(contents.routes && {
      routes: present(contents.routes).map(
        (route, i): RouteConfig => ({
          pool: route.pool,
          match: route.match,
          ...(route.methods && { methods: present(route.methods) }),
          ...(route.when && {
            when: {
              ...(route.when.initial_sync !== undefined && { initialSync: route.when.initial_sync }),
              ...(route.when.query && { query: Object.fromEntries([...route.when.query].map(([k, v]) => [k, v!])) }),
            },
          }),
          place: reporter.place(`routes[${i}].match`),
        }),
      ),
    }),
    synapse: contents.synapse,
    mas: contents.mas,
    accessLog: { to: typeof accessLog === 'string' ? accessLog : { file: path(accessLog.file) } },
    drainMs: contents.drain,
  }
}

const buildPool = (name: string, pool: PoolContents): PoolConfig => ({
  name,
  workers: present(pool.workers).map(
    ({ address, weight, drain }): WorkerConfig => ({ name: address.name, address: address.address, weight, drain }),
  ),
  ...(pool.sticky !== undefined && { sticky: pool.sticky }),
  strict: pool.strict,
  fallback: present(pool.fallback),
  concurrency: pool.concurrency,
  queue: pool.queue,
  timeouts: { connectMs: pool.timeouts.connect, readMs: pool.timeouts.read, queueMs: pool.timeouts.queue },
  ...(pool.max_body !== undefined && { maxBodyBytes: pool.max_body }),
  health: { path: pool.health.path, intervalMs: pool.health.interval, timeoutMs: pool.health.timeout },
})
