/** A process from its configuration: storage → streams → services → replication → HTTP; stopped in reverse. */

import type { Logger } from 'pino'
import { tableDigest } from '../shared/endpoints/digest.ts'
import { mayServe } from '../shared/endpoints/serving.ts'
import { MatrixError } from '../shared/matrix/matrix-error.ts'
import { appendProcessMetrics, watchProcess } from '../shared/process-metrics.ts'
import type { InstanceLocation } from '../shared/synapse-config/instance-map.ts'
import type { WorkerConfig } from './config/types.ts'
import { makeAccessLog } from './http/access-log.ts'
import { errorReply } from './http/errors.ts'
import { type OpenListeners, openListeners } from './http/listeners.ts'
import { type HttpMetrics, makeHttpMetrics } from './http/metrics.ts'
import { jsonText, plainText, type Reply } from './http/reply.ts'
import { type Mount, makeHttpServer } from './http/server.ts'
import { asJsonText } from './json-text.ts'
import { isLogged, levelOf } from './logging/levels.ts'
import { currentRequest } from './logging/request-context.ts'
import { connectStreams } from './replication/connect-streams.ts'
import { type InstanceAddress, makeReplicationClient } from './replication/http-client.ts'
import { PREFIX } from './replication/http-path.ts'
import { makeReplicationServer, type ReplicationServer } from './replication/http-server.ts'
import { makeReplicationMetrics } from './replication/metrics.ts'
import type { Replication } from './replication/replication.ts'
import { fetchFromWriter, streamUpdatesHandler } from './replication/stream-updates.ts'
import { makeServices } from './services/services.ts'
import { type Db, makeDb } from './storage/db.ts'
import { makeStorageMetrics } from './storage/metrics.ts'
import { logSlow } from './storage/observer.ts'
import { openClient } from './storage/postgres/connection.ts'
import { StorageError } from './storage/postgres/errors.ts'
import { settingsFromLibpq } from './storage/postgres/libpq.ts'
import type { StorageSettings } from './storage/postgres/settings.ts'
import { prepareDatabase } from './storage/prepare-database.ts'
import { databaseUpdates, isInDatabase } from './streams/database-updates.ts'
import { makeLiveStreams } from './streams/make-live-streams.ts'

export interface StartOptions {
  /** Of this program: `0.1.0`. */
  readonly version: string
  /** All lines, or those of a part, by the name of Synapse's logger. */
  readonly logger: (name: string) => Logger
  /** A line of the access log, with its `\n`. */
  readonly writeLine: (line: string) => void
  /** Aborts: the process is to stop before it has started. */
  readonly signal: AbortSignal
}

export interface RunningWorker {
  /** Where it listens, in the order of the configuration. */
  readonly urls: readonly string[]
  /** Certificates are read anew. Throws where they cannot be used; those of before stay. */
  readonly reloadCertificate: () => void
  /** Running requests finish, long polls are answered; what is not done after `graceMs` is cut off. */
  readonly stop: (graceMs: number) => Promise<void>
}

/** A reason not to start that is the admin's to know: its message is all there is to say. */
export class CannotStart extends Error {}

const MAX_BODY_BYTES = 12.5 * 1024 * 1024
const SLOW_STATEMENT_MS = 1_000
/** How long Postgres may be away when the process starts. */
const POSTGRES_PATIENCE_MS = 60_000
/** So long the bus is waited for before requests are served: without it caches may be out of date. */
const BUS_PATIENCE_MS = 5_000
const RETRY_MS = 250
/** What a service still does when no request runs any more may wait for a process that is away. */
const SERVICE_STOP_MS = 3_000
/** The event loop is looked at so often: there are many processes, which cost nothing while there is nothing to do. */
const LAG_RESOLUTION_MS = 100

/** Throws {@link CannotStart}, with what was opened closed again. */
export async function startWorker(config: WorkerConfig, options: StartOptions): Promise<RunningWorker> {
  const { logger, signal } = options
  const log = logger('synapse')
  const { serverName, instanceName: instance } = config
  const stops: ((graceMs: number) => void | Promise<void>)[] = []
  const stop = async (graceMs: number) => {
    for (const end of stops.splice(0).reverse()) {
      try {
        await end(graceMs)
      } catch (error) {
        log.error({ err: error }, 'could not be stopped')
      }
    }
  }

  try {
    const settings = storageSettings(config)
    const storageMetrics = makeStorageMetrics(serverName)
    const db = makeDb(settings, [storageMetrics, logSlow(logger('synapse.storage'), SLOW_STATEMENT_MS)])
    stops.push(() => db.close())
    await waitForPostgres(settings, log, signal)
    await prepare(db, config, log)

    const replicationLog = logger('synapse.replication')
    const onProblem = (problem: string, error?: unknown) =>
      replicationLog.warn(error === undefined ? {} : { err: error }, problem)
    let replication: Replication | undefined
    const waitFor: Replication['waitFor'] = async (...position) => (await replication?.waitFor(...position)) ?? false
    const client = makeReplicationClient({
      instance,
      instances: new Map([...config.instanceMap].map(([name, location]) => [name, addressOf(location)])),
      ...(config.replicationSecret !== undefined && { secret: config.replicationSecret }),
      positions: () => streams.ownPositions(),
      waitFor,
      requestId: () => currentRequest()?.requestId,
      onProblem,
    })
    stops.push(() => client.close())
    const streams = await makeLiveStreams({
      db,
      instance,
      streamWriters: config.streamWriters,
      fetch: (name) => (isInDatabase(name) ? databaseUpdates(db, name) : fetchFromWriter(client, name)),
      onProblem,
    })
    stops.push(() => streams.saved())

    const services = makeServices({
      config,
      version: options.version,
      db,
      streams,
      caches: streams.caches,
      client,
      send: (command) => replication?.send(command) ?? false,
      logger,
      now: Date.now,
    })
    // After the services, whose last rows are to be announced.
    stops.push(() => replication?.close())
    for (const end of services.stops) stops.push((graceMs) => within(end, Math.min(graceMs, SERVICE_STOP_MS)))

    const replicationMetrics = makeReplicationMetrics(serverName, instance)
    const { promise: connected, resolve: onConnected } = Promise.withResolvers<void>()
    const connect = await busOf(config, settings, services.commands.includes('USER_IP'))
    replication = connectStreams({
      streams,
      connect,
      commands: services.commands,
      onCommand: services.onCommand,
      onConnected() {
        onConnected()
        services.onConnected()
      },
      onProblem,
      counter: replicationMetrics,
    })
    const { isConnected } = replication
    await waitForBus(connected, log, signal)

    const server = makeReplicationServer({
      handlers: { get_repl_stream_updates: streamUpdatesHandler(services.ownUpdates), ...services.replicationHandlers },
      ...(config.replicationSecret !== undefined && { secret: config.replicationSecret }),
      positions: streams.ownPositions,
      waitFor,
      refusalOf,
      onProblem,
    })
    const httpMetrics = makeHttpMetrics(serverName)
    const pages = [
      () => httpMetrics.print(),
      () => storageMetrics.print(db.numbers()),
      () => replicationMetrics.print(streams.all.values(), isConnected()),
      ...services.metrics,
    ]
    if (config.enableMetrics) watchProcess(LAG_RESOLUTION_MS)
    const listeners = await serve(config, options, {
      ...services,
      mounts: [replicationMount(server), ...(config.enableMetrics ? [metricsMount(pages)] : []), ...services.mounts],
      metrics: httpMetrics,
    })
    stops.push((graceMs) => listeners.close(graceMs))
    return { urls: listeners.urls, reloadCertificate: listeners.reloadCertificate, stop }
  } catch (error) {
    await stop(0)
    throw error
  }
}

function storageSettings(config: WorkerConfig): StorageSettings {
  const { database, instanceName } = config
  const { settings, problems } = settingsFromLibpq(
    database.args,
    {},
    {
      statementTimeoutMs: database.statementTimeoutMs,
      idleInTransactionTimeoutMs: database.idleInTransactionSessionTimeoutMs,
      synchronousCommit: database.synchronousCommit,
      applicationName: String(database.args.application_name ?? `plexus ${instanceName}`),
    },
  )
  // What is ignored was said when the configuration was read.
  if (settings === undefined)
    throw new CannotStart(
      problems.map(({ key, message }) => `database.args.${key}: ${message}`).join('\n') ||
        'database.args cannot be used',
    )
  return settings
}

/** Until it answers. Says once that it does not. */
async function waitForPostgres(settings: StorageSettings, log: Logger, signal: AbortSignal): Promise<void> {
  const end = performance.now() + POSTGRES_PATIENCE_MS
  let isTold = false
  for (;;) {
    signal.throwIfAborted()
    try {
      // Not over the pool, which waits a while itself before it says why.
      await (await openClient(settings)).end()
      if (isTold) log.info('Postgres is there')
      return
    } catch (error) {
      if (!(error instanceof StorageError) || !error.tryAgain) throw new CannotStart((error as Error).message)
      if (performance.now() > end) throw new CannotStart(`Postgres cannot be reached within a minute: ${error.message}`)
      if (!isTold) log.warn({ err: error }, 'Postgres is not there yet: waiting for it, a minute at most')
      isTold = true
    }
    await sleep(RETRY_MS, signal)
  }
}

async function prepare(db: Db, config: WorkerConfig, log: Logger): Promise<void> {
  try {
    const { warnings } = await prepareDatabase(db, {
      allowUnsafeLocale: config.database.allowUnsafeLocale,
      say: (message) => log.info(message),
    })
    for (const warning of warnings) log.warn(warning)
  } catch (error) {
    throw error instanceof StorageError && error.kind === 'refused' ? new CannotStart(error.message) : error
  }
}

/** Loaded late: a process needs one of them. */
async function busOf(config: WorkerConfig, settings: StorageSettings, hearsUserIps: boolean) {
  const { redis, serverName, instanceName } = config
  const channels = hearsUserIps ? (['USER_IP'] as const) : []
  if (redis !== undefined) {
    const { connectRedisBus } = await import('./replication/redis-bus.ts')
    return (handlers: Parameters<typeof connectRedisBus>[1]) =>
      connectRedisBus({ redis, serverName, channels }, handlers)
  }
  const { connectPostgresBus } = await import('./replication/postgres-bus.ts')
  const applicationName = `plexus bus ${instanceName}`
  return (handlers: Parameters<typeof connectPostgresBus>[1]) =>
    connectPostgresBus({ connection: () => openClient({ ...settings, applicationName }), channels }, handlers)
}

async function waitForBus(connected: Promise<void>, log: Logger, signal: AbortSignal): Promise<void> {
  const given = new AbortController()
  const isThere = await Promise.race([
    connected.then(() => true),
    sleep(BUS_PATIENCE_MS, AbortSignal.any([signal, given.signal])).then(
      () => false,
      () => false,
    ),
  ])
  given.abort()
  signal.throwIfAborted()
  if (!isThere) log.warn('the bus is not there: going on without it, and connecting as soon as it is')
}

const addressOf = (location: InstanceLocation): InstanceAddress =>
  location.kind === 'unix' ? { path: location.path } : { host: location.host, port: location.port, tls: location.tls }

/** What a handler of replication refuses to a client, the asker is to hand on. */
function refusalOf(error: unknown) {
  if (!(error instanceof MatrixError)) return undefined
  const { status, body } = errorReply(error)
  return { status, body: JSON.parse(String(body)) as Readonly<Record<string, unknown>> }
}

const replicationMount = (server: ReplicationServer): Mount => ({
  resource: 'replication',
  under: PREFIX.slice(0, -1),
  name: 'replication',
  async handle(request): Promise<Reply> {
    const { status, body } = await server.answer({
      method: request.method,
      target: request.target,
      authorization: request.headers.authorization,
      requestId: request.requestId,
      body: async () => (await request.bytes()).toString(),
    })
    return jsonText(asJsonText(body), { status })
  },
})

const metricsMount = (pages: readonly (() => string)[]): Mount => ({
  resource: 'metrics',
  under: '/_synapse/metrics',
  name: 'metrics',
  handle: () => {
    const lines: string[] = []
    appendProcessMetrics(lines)
    return plainText(`${pages.map((page) => page()).join('')}${lines.join('\n')}\n`)
  },
})

type Served = Pick<ReturnType<typeof makeServices>, 'operations' | 'requesters' | 'federation'> & {
  readonly mounts: readonly Mount[]
  readonly metrics: HttpMetrics
}

async function serve(
  config: WorkerConfig,
  { version, logger, writeLine }: StartOptions,
  served: Served,
): Promise<OpenListeners> {
  const { isMain, hasMediaRepo, instanceName, listeners, certificate, logging } = config
  const { operations, mounts, requesters, federation, metrics } = served
  const log = logger('synapse.http')
  const isAccessLogged = isLogged('info', levelOf(logging, 'synapse.access.http'))
  const server = makeHttpServer({
    product: `Plexus/${version}`,
    operations: operations.filter((operation) => mayServe(operation, { isMain, hasMediaRepo, isMasEnabled: false })),
    mounts,
    requesters,
    federation,
    tableDigest: tableDigest(),
    metrics,
    log,
    accessLog: isAccessLogged ? makeAccessLog(instanceName, writeLine) : undefined,
    maxBodyBytes: MAX_BODY_BYTES,
    maxUploadBytes: config.maxUploadSizeBytes,
    now: Date.now,
  })
  try {
    return await openListeners({ listeners, server, certificate, log })
  } catch (error) {
    throw new CannotStart(`cannot listen: ${(error as Error).message}`)
  }
}

/** Goes on without it when it takes longer. */
async function within(work: () => void | Promise<void>, ms: number): Promise<void> {
  const { promise: tooLong, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([work(), tooLong])
  } finally {
    clearTimeout(timer)
  }
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
