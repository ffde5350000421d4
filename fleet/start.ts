/** A whole homeserver from nothing: database, main process, workers, router; kept running until it is stopped. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startChild } from './child.ts'
import {
  type ConfiguredProcess,
  type Deployment,
  type Place,
  type RouterListener,
  writeConfiguration,
  writeRoutes,
} from './configuration.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { isHealthy } from './health.ts'
import type { Options } from './options.ts'
import { defaultPlan } from './plan.ts'
import { freePort } from './ports.ts'
import { findPostgres } from './postgres-programs.ts'
import { makeSecrets } from './secrets.ts'
import { databaseArgs, redisSettings, tryPostgres, tryRedis } from './servers.ts'

export interface Fleet {
  readonly url: string
  readonly admin: string
  readonly data: DataFolder
  readonly processes: readonly string[]
  /** All that runs: the database, the router, and {@link processes}. */
  readonly children: () => readonly Child[]
  /** Requests that run finish; within 10 s all is stopped. */
  readonly stop: () => Promise<void>
}

export interface FleetDeps {
  /** Where the router listens in the place of `port`, which then only is in {@link Fleet.url}. */
  readonly listen?: readonly RouterListener[]
  /** The router starts when the others answer: who connects at all is served by all of them. Else it is there a moment sooner. */
  readonly isRouterLast?: boolean
  /** The checkout. */
  readonly root: string
  readonly say: (line: string) => void
  /** Aborted: what was started is stopped again, and the start rejects. */
  readonly signal: AbortSignal
}

/** How long all of it may take to stop, and of that each layer: who asks others goes before them. */
const STOP_MS = 9_500
const EDGE_MS = 4_000
const WRITERS_MS = 2_500

/** Rejects with a sentence for the user, or a `StartError` of a process, and leaves nothing running. */
export const startFleet = async (options: Options, deps: FleetDeps): Promise<Fleet> => {
  const port = await freePort(options.port, '--port')
  const adminPort = await freePort(options.adminPort, '--admin-port')
  const external = options.postgres === undefined ? undefined : databaseArgs(options.postgres)
  const redis = options.redis === undefined ? undefined : redisSettings(options.redis)
  if (options.postgres !== undefined) await tryPostgres(options.postgres)
  if (options.redis !== undefined) await tryRedis(options.redis)
  const data = await openDataFolder({
    path: options.data,
    serverName: options.serverName,
    database: external === undefined ? 'embedded' : 'external',
  })
  // In the order in which they stop.
  const edge: Child[] = []
  const writers: Child[] = []
  const base: Child[] = []
  const stop = async () => {
    const begun = performance.now()
    await Promise.all(edge.map((child) => child.stop(EDGE_MS)))
    await Promise.all(writers.map((child) => child.stop(WRITERS_MS)))
    // What the others left of the time: it writes all to disk.
    await Promise.all(base.map((child) => child.stop(STOP_MS - (performance.now() - begun))))
    data.release()
  }
  try {
    const logs = join(data.path, 'logs')
    const more = join(data.path, 'conf.d')
    for (const folder of [logs, more]) mkdirSync(folder, { recursive: true, mode: 0o700 })
    const database = external ?? (await embedded(data, logs, base, deps))
    deps.signal.throwIfAborted()
    const deployment = deploymentOf(options, data, { database, redis, more, port })
    const processes = writeConfiguration(deployment)
    const admin = `http://127.0.0.1:${adminPort}`
    const routes = writeRoutes(deployment, { port, listen: deps.listen, admin, drain: '3s' })

    deps.say(`starting ${processes.length} processes: ${processes.map(({ name }) => name).join(', ')}`)
    const failed = new AbortController()
    const starting = { ...deps, signal: AbortSignal.any([deps.signal, failed.signal]) }
    const asked = new Set(
      deployment.processes.filter(({ writes, name }) => name === 'main' || writes.length > 0).map(({ name }) => name),
    )
    const starts = processes.map(async (one) => {
      const child = await startWorker(one, logs, starting)
      ;(asked.has(one.name) ? writers : edge).push(child)
    })
    const router = async () => {
      if (deps.isRouterLast) await Promise.all(starts)
      edge.push(await startRouter(routes, adminPort, logs, starting))
    }
    await allOrNone([...starts, router()], failed)
    await untilReady(adminPort, deps.signal)
    return {
      url: `http://127.0.0.1:${port}`,
      admin: `http://127.0.0.1:${adminPort}`,
      data,
      processes: processes.map(({ name }) => name),
      children: () => [...edge, ...writers, ...base],
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const READY_MS = 10_000
const READY_RETRY_MS = 50

/** The router knows of all who came up after it. If it takes too long it is no reason to give up: it asks them all the same. */
const untilReady = async (adminPort: number, signal: AbortSignal): Promise<void> => {
  const deadline = performance.now() + READY_MS
  while (!(await isHealthy({ port: adminPort }, '/ready').catch(() => false)) && performance.now() < deadline) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, READY_RETRY_MS))
  }
}

/** If one fails the others are told, and waited for: who came up is to be stopped by then. */
const allOrNone = async (starts: readonly Promise<unknown>[], failed: AbortController): Promise<void> => {
  const noticed = starts.map((start) => start.catch((error) => failed.abort(error)))
  await Promise.all(noticed)
  if (failed.signal.aborted) throw failed.signal.reason
}

const embedded = async (data: DataFolder, logs: string, base: Child[], { say }: FleetDeps) => {
  const postgres = findPostgres(data.path)
  const { child, database } = await startEmbeddedPostgres({
    postgres,
    data: join(data.path, 'postgres'),
    sockets: join(data.sockets, 'pg'),
    log: join(logs, 'postgres.log'),
    say,
  })
  base.push(child)
  return database
}

const deploymentOf = (
  { workers }: Options,
  data: DataFolder,
  { database, redis, more, port }: Pick<Deployment, 'database' | 'redis'> & { more: string; port: number },
): Deployment => ({
  folder: data.path,
  serverName: data.serverName,
  processes: defaultPlan(workers),
  placeOf: (name, what): Place => ({
    path: join(data.sockets, what === 'http' ? `${name}.sock` : `${name}.replication.sock`),
  }),
  database,
  redis,
  secrets: makeSecrets(join(data.path, 'secrets')),
  publicBaseUrl: `http://127.0.0.1:${port}/`,
  more: [more],
})

const startWorker = ({ name, files, http }: ConfiguredProcess, logs: string, { root, say, signal }: FleetDeps) =>
  startChild({
    name,
    command: process.execPath,
    args: [join(root, 'bin/worker.js'), ...files.flatMap((file) => ['--config', file])],
    log: join(logs, `${name}.log`),
    isUp: () => isHealthy(http),
    isNode: true,
    signal,
    say,
  })

const startRouter = (routes: string, adminPort: number, logs: string, { root, say, signal }: FleetDeps) =>
  startChild({
    name: 'router',
    command: process.execPath,
    args: [join(root, 'bin/router.js'), '--routes', routes],
    log: join(logs, 'router.log'),
    // Up, not ready: that depends on others.
    isUp: () => isHealthy({ port: adminPort }),
    isNode: true,
    signal,
    say,
  })
