/** The running router: listeners, connections, workers, and the snapshot that they decide by. */

import { randomBytes } from 'node:crypto'
import type { SynapseVersion } from '../shared/endpoints/types.ts'
import { makeAliases } from './balancing/aliases.ts'
import { changeListeners } from './change-listeners.ts'
import type { HealthConfig, PoolConfig, RouterConfig, WorkerConfig } from './config/types.ts'
import { detectSynapse } from './detect.ts'
import { ClientConnection } from './forward/client-connection.ts'
import type { Gateway, Listener, UpstreamWorker } from './forward/gateway.ts'
import type { OpenListener } from './listeners.ts'
import { makeFilesCheck } from './out-of-files.ts'
import { NEWEST_SYNAPSE } from './routing/built-in.ts'
import { type BuiltSnapshot, buildSnapshot } from './snapshot.ts'
import type { AccessLog } from './telling/access-log.ts'
import type { Metrics } from './telling/metrics.ts'
import { makeTelling } from './telling/telling.ts'
import { type Checked, makeHealthChecks } from './upstream/health.ts'
import { Places } from './upstream/places.ts'
import { Worker } from './upstream/worker.ts'

/** How often deadlines are looked at: what they guard takes seconds or minutes. */
const TICK_MS = 500
/** The limits of a pool that is gone: who ran in it runs on. */
const NO_PLACES = { concurrency: 0, queue: 0 }
const DETECT_TIMEOUT_MS = 1_000
const DETECT_AGAIN_MS = 5_000

/** What the router says of itself, to a log for people. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface RunningRouter {
  readonly listeners: readonly OpenListener[]
  readonly snapshot: BuiltSnapshot
  readonly gateway: Gateway
  readonly workers: ReadonlyMap<string, UpstreamWorker>
  /** Takes another configuration; rejects, and keeps the old one, if a listener cannot be opened. */
  reload(config: RouterConfig): Promise<void>
  /** Sends no new requests to a worker, or sends them again. False: no worker of that name. */
  drain(worker: string, on: boolean): boolean
  /** Stops accepting, lets running requests finish for up to the configuration's `drainMs`, and ends. */
  close(): Promise<void>
}

/** Starts a router with a configuration that has no errors. Rejects if it cannot listen. */
export const startRouter = async (
  first: RouterConfig,
  { log, metrics, accessLog }: { log: Log; metrics: Metrics; accessLog?: AccessLog | undefined },
): Promise<RunningRouter> => {
  const workers = new Map<string, UpstreamWorker>()
  const places = new Map<string, Places>()
  const drained = new Set<string>()
  const health = makeHealthChecks()
  let config = first
  let detected: SynapseVersion | undefined
  let listeners: OpenListener[] = []
  let started = false
  let closed = false

  const workerOf = ({ name, address }: WorkerConfig): UpstreamWorker => {
    let worker = workers.get(name)
    if (worker === undefined) {
      worker = new Worker(name, address)
      worker.onChange = changed
      workers.set(name, worker)
    }
    return worker
  }
  const placesOf = (pool: PoolConfig): Places => {
    let of = places.get(pool.name)
    if (of === undefined) {
      of = new Places(pool)
      places.set(pool.name, of)
    }
    return of
  }
  const changed = (worker: UpstreamWorker) => {
    if (worker.up) log.info({ worker: worker.name }, 'worker is up')
    else {
      log.warn({ worker: worker.name, reason: worker.reason }, 'worker is down')
      health.suspect(worker)
    }
    if (!worker.up)
      for (const pool of snapshot.pools.values())
        if (pool.members.some((member) => member.worker === worker))
          metrics.ejections.values[pool.workerSeries(worker)]!++
    if (worker.up && snapshot.pools.get('main')!.members.some((member) => member.worker === worker)) void detect()
  }

  const build = (from: RouterConfig): BuiltSnapshot => {
    const withDrained = drained.size === 0 ? from : drainWorkers(from, drained)
    const version = from.synapse === 'auto' ? (detected ?? NEWEST_SYNAPSE) : from.synapse
    return buildSnapshot(withDrained, version, workerOf, placesOf, metrics.rows)
  }
  const watch = (of: BuiltSnapshot) => {
    const watched = new Map<Checked, HealthConfig>()
    for (const pool of of.pools.values())
      for (const { worker } of pool.members)
        if (pool.config.health.intervalMs > 0) watched.set(worker, pool.config.health)
    health.watch(watched)
  }
  /** Asks main for its version, and takes the table of that release if it is another. */
  const detect = async (): Promise<void> => {
    if (config.synapse !== 'auto' || config.routes !== undefined || closed) return
    const main = config.pools.get('main')!.workers[0]!
    const version = await detectSynapse(main.address, DETECT_TIMEOUT_MS)
    if (closed) return
    if (version === undefined) {
      detectAgain = setTimeout(() => void detect(), DETECT_AGAIN_MS).unref()
      return
    }
    if (detected?.join() === version.join()) return
    detected = version
    log.info({ synapse: version.join('.') }, 'using the routes of the Synapse release that main runs')
    if (started) adopt(build(config))
  }
  let detectAgain: NodeJS.Timeout | undefined
  const adopt = (next: BuiltSnapshot) => {
    const before = snapshot
    snapshot = next
    gateway.snapshot = next
    // Who waits is decided by what is in force when it is sent, as its pool may have other workers now, or be gone.
    const waiting = [...places].flatMap(([name, of]) => of.change(next.pools.get(name)?.config ?? NO_PLACES))
    for (const waiter of waiting) waiter.dismissed()
    for (const worker of before.workers) if (!next.workers.has(worker)) worker.closeIdle(Number.POSITIVE_INFINITY)
    watch(next)
  }

  await Promise.race([detect(), new Promise((resolve) => setTimeout(resolve, DETECT_TIMEOUT_MS).unref())])
  let snapshot = build(config)
  const gateway: Gateway = {
    snapshot,
    now: performance.now(),
    draining: false,
    clients: new Set<ClientConnection>(),
    aliases: makeAliases(),
    requestIdPrefix: `${randomBytes(6).toString('base64url')}-`,
    requests: 0,
    telling: makeTelling(metrics, accessLog),
  }

  const accept = (listener: Listener, peer: string, makeWire: ConstructorParameters<typeof ClientConnection>[3]) => {
    metrics.clientConnects.values[0]!++
    new ClientConnection(gateway, listener, peer, makeWire)
  }
  const openAll = async (next: RouterConfig): Promise<void> => {
    const changed = await changeListeners(next.listen, listeners, accept)
    listeners = changed.listeners
    if (changed.error) throw changed.error
  }

  const checkFiles = makeFilesCheck({
    clients: gateway.clients,
    workers: { [Symbol.iterator]: () => workers.values() },
    count: () => metrics.outOfFiles.values[0]!++,
    warn: (message) => log.error({}, message),
  })
  const tick = setInterval(() => {
    const now = performance.now()
    gateway.now = now
    for (const client of gateway.clients) if (now > client.deadline) client.expire()
    checkFiles(now)
    for (const [name, worker] of workers) {
      worker.closeIdle(now)
      if (worker.inFlight === 0 && !snapshot.workers.has(worker)) workers.delete(name)
    }
    for (const [name, of] of places) if (of.inFlight === 0 && !snapshot.pools.has(name)) places.delete(name)
  }, TICK_MS)

  try {
    await openAll(config)
  } catch (error) {
    clearInterval(tick)
    health.stop()
    closed = true
    clearTimeout(detectAgain)
    throw error
  }
  watch(snapshot)
  started = true

  return {
    get listeners() {
      return listeners
    },
    get snapshot() {
      return snapshot
    },
    gateway,
    workers,
    async reload(next) {
      const built = build(next)
      await openAll(next)
      config = next
      adopt(built)
      if (next.synapse === 'auto') void detect()
    },
    drain(name, on) {
      if (![...snapshot.workers].some((worker) => worker.name === name)) return false
      if (on) drained.add(name)
      else drained.delete(name)
      adopt(build(config))
      return true
    },
    async close() {
      closed = true
      clearTimeout(detectAgain)
      health.stop()
      gateway.draining = true
      await Promise.all(listeners.map((listener) => listener.close()))
      const until = performance.now() + config.drainMs
      for (const client of gateway.clients) if (client.unused) client.close()
      while ([...gateway.clients].some((client) => client.busy) && performance.now() < until)
        await new Promise((resolve) => setTimeout(resolve, 20))
      clearInterval(tick)
      for (const client of [...gateway.clients]) client.close()
      for (const worker of workers.values()) worker.closeIdle(Number.POSITIVE_INFINITY)
    },
  }
}

const drainWorkers = (config: RouterConfig, names: ReadonlySet<string>): RouterConfig => ({
  ...config,
  pools: new Map(
    [...config.pools].map(([name, pool]) => [
      name,
      {
        ...pool,
        workers: pool.workers.map((worker) => (names.has(worker.name) ? { ...worker, drain: true } : worker)),
      },
    ]),
  ),
})
