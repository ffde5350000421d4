/** A worker's HTTP server with handlers of a test, on a port of its own, and raw requests to it. */

import type { TestContext } from 'node:test'
import type { DestinationStream } from 'pino'
import type { Endpoints } from '../../shared/endpoints/types.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { Resource } from '../../shared/synapse-config/listener.ts'
import { type AccessEntry, makeAccessLog } from '../../worker/http/access-log.ts'
import { type Handlers, type Operation, operations } from '../../worker/http/handlers.ts'
import { type ListenerConfig, type OpenListeners, openListeners } from '../../worker/http/listeners.ts'
import { type HttpMetrics, makeHttpMetrics } from '../../worker/http/metrics.ts'
import { plainText } from '../../worker/http/reply.ts'
import type { Requester, Requesters } from '../../worker/http/requester.ts'
import { type HttpServer, type HttpServerOptions, type Mount, makeHttpServer } from '../../worker/http/server.ts'
import { makeLogger } from '../../worker/logging/logger.ts'
import { connectRaw, type RawClient } from './raw-client.ts'

export const requesterOf = (name: string, more: Partial<Requester> = {}): Requester => {
  const userId = `@${name}:example.org` as UserId
  return { userId, deviceId: 'DEVICE', isGuest: false, isShadowBanned: false, authenticatedEntity: userId, ...more }
}

/** Tokens of a small town. */
export const townsfolk: Requesters = {
  byAccessToken: (token) =>
    ({
      alice: requesterOf('alice'),
      admin: requesterOf('admin'),
      guest: requesterOf('guest', { isGuest: true }),
      expired: requesterOf('alice', { validUntilMs: 1 }),
      locked: requesterOf('bob', { isLocked: true }),
      lapsed: requesterOf('carol', { accountValidUntilMs: 1 }),
      bridge: requesterOf('bridge', { appserviceId: 'irc', deviceId: undefined }),
    })[token],
  isAdmin: (userId) => userId === '@admin:example.org',
  actAs: (appservice, { userId, deviceId }) => ({
    ...appservice,
    userId: (userId ?? appservice.userId) as UserId,
    deviceId,
  }),
}

/** A file of endpoints and handlers, as `shared/endpoints` and `worker/client` have them. */
export const under = <T extends Endpoints>(file: string, endpoints: T, handlers: Handlers<T>): Operation[] =>
  operations(file, endpoints, handlers)

export interface TestServer {
  readonly port: number
  readonly server: HttpServer
  readonly metrics: HttpMetrics
  readonly accessed: AccessEntry[]
  /** Lines of the log and the access log. */
  readonly lines: string[]
  readonly listeners: OpenListeners
  connect(...methods: string[]): Promise<RawClient>
  /** One request on a connection of its own, answered. */
  send(request: string, ...pieces: string[]): Promise<Answered>
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Undefined: it is not JSON. */
  readonly json: unknown
  readonly isClosed: boolean
}

export type TestServerOptions = Partial<HttpServerOptions> & {
  readonly listener?: Partial<ListenerConfig>
  readonly certificate?: { certificateFile: string; keyFile: string }
  readonly resources?: readonly Resource[]
}

export async function serveTest(
  t: TestContext,
  handled: readonly Operation[],
  { listener, certificate, resources, ...options }: TestServerOptions = {},
): Promise<TestServer> {
  const lines: string[] = []
  const accessed: AccessEntry[] = []
  const destination: DestinationStream = { write: (line) => lines.push(line) }
  const log = makeLogger({ level: 'info', instance: 'test', destination })
  const writeAccess = makeAccessLog('test', destination.write)
  const metrics = makeHttpMetrics('example.org')
  const metricsPage: Mount = {
    resource: 'metrics',
    under: '/_synapse/metrics',
    name: 'metrics',
    handle: () => plainText(metrics.print()),
  }
  const server = makeHttpServer({
    product: 'Plexus/test',
    operations: handled,
    mounts: [metricsPage],
    requesters: townsfolk,
    tableDigest: '0123456789abcdef',
    metrics,
    log,
    accessLog: (entry) => {
      accessed.push(entry)
      writeAccess(entry)
    },
    maxBodyBytes: 1000,
    maxUploadBytes: 100_000,
    limitPauseMs: 0,
    now: Date.now,
    ...options,
  })
  const listeners = await openListeners({
    listeners: [
      {
        address: { kind: 'tcp', port: 0, bindAddresses: ['127.0.0.1'] },
        resources: resources ?? ['client', 'federation', 'media', 'metrics', 'replication'],
        xForwarded: false,
        tls: false,
        ...listener,
      },
    ],
    server,
    certificate,
    log,
  })
  t.after(() => listeners.close(500))
  const port = Number(new URL(listeners.urls[0]!.startsWith('unix') ? 'http://x:1' : listeners.urls[0]!).port)
  const connect = (...methods: string[]) => connectRaw(port, methods)

  return {
    port,
    server,
    metrics,
    accessed,
    lines,
    listeners,
    connect,
    async send(request, ...pieces) {
      const client = await connect(request.slice(0, request.indexOf(' ')))
      await client.send(onTheWire(request), ...pieces)
      await client.until(() => client.responses.length > 0, request.slice(0, 80))
      const { status, headers, body } = client.responses[0]!
      const { closed: isClosed } = client
      client.destroy()
      return { status, headers: Object.fromEntries(headers), text: body, json: parseOr(body), isClosed }
    },
  }
}

/** Line ends of the head may be written `\n`. */
export function onTheWire(request: string): string {
  const [head] = /^.*?\n\r?\n/s.exec(request) ?? [request]
  return head.replaceAll(/\r?\n/g, '\r\n') + request.slice(head.length)
}

const parseOr = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString())
  } catch {
    return undefined
  }
}
