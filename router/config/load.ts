/** `routes.yaml` → RouterConfig, or every mistake in it with its place. Never throws, whatever the file holds. */

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type Alias, isScalar, LineCounter, type Node, parseDocument, visit, type YAMLParseError } from 'yaml'
import { childPath, type Reading } from './decode.ts'
import { sourceOffset } from './place.ts'
import { type FileContents, fileObject, type PoolContents } from './schema.ts'
import type { RoutingTables } from './tables.ts'
import type { ListenerConfig, Place, PoolConfig, Problem, RouteConfig, RouterConfig, WorkerConfig } from './types.ts'
import { addressesCollide, addressKey, didYouMean, isPrivateHost, reaches } from './values.ts'

/** What the loader must know of the routing. */
export type LoadTables = Pick<RoutingTables, 'parsePattern' | 'pools'>

export interface Loaded {
  /** Absent if there is an error among the problems. */
  readonly config?: RouterConfig
  readonly problems: readonly Problem[]
  /** Where a key is written, or its nearest parent that is: for problems that are found later. */
  readonly placeOf: (path: string) => Place
}

/** The largest routes.yaml of a real deployment has some 30 KiB. */
const MAX_FILE_BYTES = 2 ** 20
/** After so many syntax errors the rest follows from the first. */
const MAX_SYNTAX_ERRORS = 10

/**
 * Loads `file`, whose text is read from disk unless given. Relative paths in it are relative to its folder. Patterns and
 * the names of pools are held against `tables`.
 */
export const loadConfig = (file: string, text: string | undefined, tables: LoadTables): Loaded => {
  const source = text === undefined ? readText(file) : { text }
  if ('mistake' in source)
    return {
      problems: [{ path: file, message: source.mistake, severity: 'error', place: start(file) }],
      placeOf: () => start(file),
    }

  const { contents, reporter } = parse(file, source.text)
  if (contents) crossCheck(contents, reporter, file, tables)
  const problems = reporter.problems()
  if (!contents || problems.some(({ severity }) => severity === 'error')) return { problems, placeOf: reporter.place }
  // Without an error nothing that is required is missing.
  return { config: build(contents as FileContents, reporter, file), problems, placeOf: reporter.place }
}

/** `routes.yaml:14:9: pools.sync.workers[1]: expected host:port, got "8013"`; warnings say that they are. */
export const formatProblem = ({ place, path, message, severity }: Problem): string => {
  const at = place ? `${place.file}${place.line > 0 ? `:${place.line}:${place.column}` : ''}: ` : ''
  const key = path === '' || path === place?.file ? '' : `${path}: `
  return `${at}${severity === 'warning' ? 'warning: ' : ''}${key}${message}`
}

/** A place that is the file as a whole. */
const start = (file: string): Place => ({ file, line: 0, column: 0 })

const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'not readable: permission denied',
  EPERM: 'not readable: permission denied',
  EISDIR: 'is a directory, not a file',
  ENOTDIR: 'no such file: a part of its path is not a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the file name is too long',
}
const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return (code !== undefined && CODES[code]) || `not readable: ${message}`
}

/** The text of a file; pipes are read too (`--routes <(…)`), devices are not. */
export const readText = (file: string): { readonly text: string } | { readonly mistake: string } => {
  let fd: number | undefined
  try {
    fd = openSync(file, 'r')
    const stat = fstatSync(fd)
    if (stat.isDirectory()) return { mistake: CODES.EISDIR! }
    if (!stat.isFile() && !stat.isFIFO()) return { mistake: 'is a device, not a file' }
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(fd, buffer, length, buffer.length - length, null)
    return decodeText(buffer.subarray(0, length))
  } catch (error) {
    return { mistake: reason(error) }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Text of bytes that should be UTF-8. */
export const decodeText = (bytes: Uint8Array): { readonly text: string } | { readonly mistake: string } => {
  if (bytes.length > MAX_FILE_BYTES) return { mistake: 'larger than 1 MiB, which no configuration is' }
  const zero = bytes.indexOf(0)
  if (zero !== -1) return { mistake: `not a text file: byte ${zero + 1} is NUL` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { mistake: 'not UTF-8' }
  }
}

/** Problems as they are found, by path; each is placed at the nearest node that was read. */
interface Reporter extends Reading {
  readonly warn: (path: string, message: string) => void
  readonly place: (path: string) => Place
  readonly has: (path: string) => boolean
  readonly problems: () => readonly Problem[]
}

/** `pools.sync.workers[1]` → `pools.sync.workers` → `pools.sync` … → ``. */
const parentPath = (path: string): string => {
  const parent = path.replace(/(?:^|\.)[^.[\]]*$|\[[^[\]]*\]$/, '')
  return parent === path ? '' : parent
}

const makeReporter = (file: string, text: string, lines: LineCounter, aliases: ReadonlyMap<Alias, Node>): Reporter => {
  const nodes = new Map<string, Node>()
  const found: { readonly problem: Problem; readonly offset: number }[] = []

  const nodeOf = (path: string): Node | undefined => {
    let at = path
    while (!nodes.has(at) && at !== '') at = parentPath(at)
    return nodes.get(at)
  }
  const offsetOf = (node: Node | undefined, inside?: number): number =>
    inside !== undefined && isScalar(node) ? sourceOffset(text, node, inside) : (node?.range?.[0] ?? 0)
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const add = (
    severity: Problem['severity'],
    path: string,
    message: string,
    node: Node | undefined,
    inside?: number,
  ) => {
    const offset = offsetOf(node, inside)
    found.push({ problem: { place: placeAt(offset), path, message, severity }, offset })
  }
  return {
    resolve: (node) => (aliases.get(node as Alias) ?? node ?? undefined) as Node | undefined,
    visit: (path, node) => void nodes.set(path, node),
    problem: (path, message, at) => add('error', path, message, at?.node ?? nodeOf(path), at?.offset),
    warn: (path, message) => add('warning', path, message, nodeOf(path)),
    source: (node) => text.slice(node.range?.[0], node.range?.[1]),
    line: (node) => lines.linePos(node.range?.[0] ?? 0).line,
    place: (path) => placeAt(offsetOf(nodeOf(path))),
    has: (path) => nodes.has(path),
    problems: () => {
      const seen = new Set<string>()
      return found
        .toSorted((a, b) => a.offset - b.offset)
        .map(({ problem }) => problem)
        .filter((problem) => {
          // What an alias stands for is read at every use, but wrong once.
          const text = formatProblem({ ...problem, path: '' })
          return !seen.has(text) && seen.add(text)
        })
    },
  }
}

const parse = (file: string, text: string): Parse => {
  try {
    return parseYaml(file, text)
  } catch (error) {
    // The YAML parser is recursive: a file of nothing but brackets takes the whole stack.
    if (!(error instanceof RangeError)) throw error
    const reporter = makeReporter(file, text, new LineCounter(), new Map())
    reporter.problem('', 'nested too deeply')
    return { reporter }
  }
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

const parseYaml = (file: string, text: string): Parse => {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error', // 'silent' would pass over a second document
  })
  const aliases = new Map<Alias, Node>()
  const anchors = new Map<string, Node>()
  const reporter = makeReporter(file, text, lines, aliases)
  const at = (offset: number): { readonly node: Node } => ({
    node: { range: [offset, offset, offset] } as unknown as Node,
  })

  for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS))
    reporter.problem('', syntaxError(error, text), at(error.pos[0]))
  if (document.errors.length > 0) return { reporter }
  for (const warning of document.warnings) reporter.problem('', warning.message, at(warning.pos[0]))

  visit(document, {
    Node: (_, node) => {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node as Node)
    },
    Alias: (_, alias) => {
      const target = anchors.get(alias.source)
      if (target) aliases.set(alias, target)
      else reporter.problem('', `the alias *${alias.source} has no anchor &${alias.source} before it`, { node: alias })
    },
  })
  if (reporter.problems().length > 0) return { reporter }
  const root = reporter.resolve(document.contents)
  if (!root) {
    reporter.problem('', 'empty: listen and pools.main are needed', at(0))
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
