/**
 * The bus on Redis, as Synapse has it: one connection that is subscribed, one that publishes. The main channel is named
 * as the server.
 */

import { Redis, type RedisOptions } from 'ioredis'
import {
  type Bus,
  type BusHandlers,
  type BusOptions,
  backOffMs,
  type Channel,
  PING_INTERVAL_MS,
  PING_TIMEOUT_MS,
} from './bus.ts'

/** `redis:` of Synapse's configuration. */
export interface RedisConfig {
  /** Unused where there is a `path`. */
  readonly host: string
  readonly port: number
  /** A unix socket. */
  readonly path?: string
  readonly dbid?: number
  readonly username?: string
  readonly password?: string
  /** PEM; empty: TLS with the system's certificates. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly servername?: string }
}

export interface RedisBusOptions extends BusOptions {
  readonly redis: RedisConfig
  readonly serverName: string
}

const CONNECT_TIMEOUT_MS = 10_000

/** Connects, and reconnects for ever until it is closed. */
export function connectRedisBus(options: RedisBusOptions, handlers: BusHandlers): Bus {
  const { redis, serverName } = options
  const channels = ['main' as const, ...(options.channels ?? [])]
  const nameOf = (channel: Channel) => (channel === 'main' ? serverName : `${serverName}/${channel}`)
  const subscriber = new Redis(redisOptions(redis))
  const publisher = new Redis(redisOptions(redis))
  let isSubscribed = false
  /** Nothing goes out on a new connection before `onConnected`: it would hide what was lost with the old one. */
  let mayPublish = false
  let isClosed = false
  let isProblemTold = false

  const tell = (problem: string) => {
    if (isClosed || isProblemTold) return
    isProblemTold = true
    handlers.onProblem(problem)
  }
  const announce = () => {
    if (!isSubscribed || publisher.status !== 'ready' || isClosed) return
    mayPublish = true
    isProblemTold = false
    handlers.onConnected()
  }

  subscriber.on('ready', () => {
    // Not before it is confirmed: the answers to what is asked after `onConnected` would be missed.
    subscriber.subscribe(...new Set(channels.map(nameOf))).then(
      () => {
        isSubscribed = true
        announce()
      },
      (error: Error) => {
        tell(`Redis refuses SUBSCRIBE: ${error.message}`)
        subscriber.disconnect(true)
      },
    )
  })
  subscriber.on('close', () => {
    const wasSubscribed = isSubscribed
    isSubscribed = false
    if (wasSubscribed && !isClosed) handlers.onDisconnected()
  })
  publisher.on('ready', announce)
  publisher.on('close', () => {
    mayPublish = false
  })
  subscriber.on('message', (_channel: string, line: string) => {
    if (isSubscribed) handlers.onLine(line)
  })
  for (const client of [subscriber, publisher]) {
    client.on('error', (error: Error) => tell(`Redis: ${error.message || (error as NodeJS.ErrnoException).code}`))
    client.on('end', () => !isClosed && tell('Redis: the connection ended'))
  }
  const pings = [subscriber, publisher].map(keepAlive)

  return {
    publish(channel, line) {
      if (!mayPublish) return false
      // Lost with the connection, if it is lost: readers find out by the position that is announced when there is a new one.
      publisher.publish(nameOf(channel), line).catch(() => {})
      return true
    },
    isConnected: () => isSubscribed && mayPublish,
    async close() {
      if (isClosed) return
      isClosed = true
      for (const stop of pings) stop()
      subscriber.disconnect()
      // What was published last is still to be written.
      if (publisher.status === 'ready') await publisher.quit().catch(() => {})
      publisher.disconnect()
    },
  }
}

function redisOptions({
  host,
  port,
  path,
  dbid,
  username,
  password,
  tls,
}: RedisConfig): RedisOptions & { replyMapping: 'legacy' } {
  return {
    // Any Redis speaks it, and nothing newer is needed.
    protocol: 2,
    replyMapping: 'legacy',
    ...(path === undefined ? { host, port } : { path }),
    ...(dbid === undefined ? {} : { db: dbid }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined || path !== undefined ? {} : { tls: { ...tls } }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) => backOffMs(times),
    maxRetriesPerRequest: null,
    // The subscription is made anew here, and what could not be sent is not sent late: both are told by positions.
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
  }
}

/** Cuts a connection over which no answer comes: it is made again. */
function keepAlive(client: Redis): () => void {
  const timer = setInterval(() => {
    if (client.status !== 'ready') return
    const deadline = setTimeout(() => client.disconnect(true), PING_TIMEOUT_MS)
    client
      .ping()
      .catch(() => {})
      .finally(() => clearTimeout(deadline))
  }, PING_INTERVAL_MS)
  return () => clearInterval(timer)
}
