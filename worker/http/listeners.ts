/** The sockets: opened as the configuration says, closed without cutting off whoever is being served. */

import { chmodSync, readFileSync } from 'node:fs'
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { Logger } from 'pino'
import { removeStaleSocket } from '../../shared/stale-socket.ts'
import type { Resource } from '../../shared/synapse-config/listener.ts'
import type { HttpServer } from './server.ts'

/** An entry of `listeners` or `worker_listeners`, with `type: http` or `metrics`. */
export interface ListenerConfig {
  readonly address:
    | { readonly kind: 'tcp'; readonly port: number; readonly bindAddresses: readonly string[] }
    /** `mode`: permissions of the socket's file, as `0o666`. */
    | { readonly kind: 'unix'; readonly path: string; readonly mode: number }
  readonly resources: readonly Resource[]
  readonly xForwarded: boolean
  readonly tls: boolean
  readonly tag?: string | undefined
  readonly requestIdHeader?: string | undefined
}

export interface OpenListenersOptions {
  readonly listeners: readonly ListenerConfig[]
  readonly server: HttpServer
  /** Needed where a listener has `tls`. */
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string } | undefined
  readonly log: Logger
}

export interface OpenListeners {
  /** `http://127.0.0.1:8008`, `unix:/run/main.sock`: in the listeners' order, one for each bind address. */
  readonly urls: readonly string[]
  /** Reads the certificate anew for connections to come. Throws, and keeps the old one, where it cannot be read. */
  reloadCertificate(): void
  /**
   * Stops accepting, has long polls answered, and waits for the requests that run, at most `graceMs`: then connections are
   * cut. Resolves when all are closed.
   */
  close(graceMs: number): Promise<void>
}

/** Longer than nginx and the router keep idle connections, so that it is never we who close one as a request comes. */
const KEEP_ALIVE_MS = 75_000
const HEAD_TIMEOUT_MS = 60_000
/** Twisted's limit of lines, in bytes: nothing longer passes in front of it. */
const MAX_HEAD_BYTES = 16 * 1024
const BACKLOG = 1024
const CHECK_MS = 10_000

const serverOptions: ServerOptions = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEAD_TIMEOUT_MS,
  // A large upload on a slow line is not an attack: bodies are watched for silence, see `body.ts`.
  requestTimeout: 0,
  connectionsCheckingInterval: CHECK_MS,
  maxHeaderSize: MAX_HEAD_BYTES,
  noDelay: true,
  // As Twisted: health checkers send none.
  requireHostHeader: false,
}

/** Opens all of them or, if one fails, none. Rejects with the system's error, or the certificate's. */
export async function openListeners(options: OpenListenersOptions): Promise<OpenListeners> {
  const { log } = options
  const servers: Server[] = []
  const urls: string[] = []
  try {
    for (const config of options.listeners)
      for (const { server, url } of await open(config, options)) {
        servers.push(server)
        urls.push(url)
      }
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  for (const url of urls) log.info(`listening on ${url}`)

  return {
    urls,
    reloadCertificate() {
      const encrypted = servers.filter(isTls)
      if (encrypted.length === 0) return
      const context = readCertificate(options)
      for (const server of encrypted) server.setSecureContext(context)
    },
    async close(graceMs) {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
      options.server.stop()
      const timer = setTimeout(() => {
        const left = options.server.inFlight
        log.warn(`${left} ${left === 1 ? 'request was' : 'requests were'} not finished in time`)
        for (const server of servers) server.closeAllConnections()
      }, graceMs)
      await Promise.all(closed)
      clearTimeout(timer)
    },
  }
}

const isTls = (server: Server): server is TlsServer => 'setSecureContext' in server

async function open(
  config: ListenerConfig,
  options: OpenListenersOptions,
): Promise<readonly { readonly server: Server; readonly url: string }[]> {
  const { address } = config
  if (address.kind === 'unix') {
    const server = make(config, options, address.path)
    await removeStaleSocket(address.path)
    await listen(server, { path: address.path })
    chmodSync(address.path, address.mode)
    return [{ server, url: `unix:${address.path}` }]
  }
  const opened: { server: Server; url: string }[] = []
  let { port } = address
  for (const host of address.bindAddresses) {
    const server = make(config, options, String(port))
    try {
      await listen(server, { host, port })
    } catch (error) {
      if (isSpared(host, address.bindAddresses, (error as NodeJS.ErrnoException).code)) continue
      for (const { server } of opened) server.close()
      throw error
    }
    port = (server.address() as AddressInfo).port
    opened.push({
      server,
      url: `${config.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    })
  }
  return opened
}

/**
 * Of Synapse's default, both wildcards, one may do: `::` takes the IPv4 addresses too where the system is so set, and some
 * systems have no IPv6.
 */
function isSpared(host: string, all: readonly string[], code: string | undefined): boolean {
  if (!all.includes('::') || !all.includes('0.0.0.0')) return false
  if (host === '0.0.0.0') return code === 'EADDRINUSE'
  return host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')
}

function make(config: ListenerConfig, options: OpenListenersOptions, name: string): Server {
  const serve = options.server.listener({
    name: config.tag ?? name,
    resources: config.resources,
    xForwarded: config.xForwarded,
    isTls: config.tls,
    requestIdHeader: config.requestIdHeader,
  })
  const server = config.tls
    ? createTlsServer({ ...serverOptions, ...readCertificate(options), ALPNProtocols: ['http/1.1'] }, serve)
    : createServer(serverOptions, serve)
  // Node drops what is above, without a word; the head's size is limited anyway.
  server.maxHeadersCount = 0
  // Else it would say "continue" before we know whether we want the body.
  server.on('checkContinue', serve)
  server.on('clientError', refuseMalformed)
  return server
}

function readCertificate({ certificate }: OpenListenersOptions): SecureContextOptions {
  if (certificate === undefined) throw new Error('a listener has tls, and there is no tls_certificate_path')
  return {
    cert: readFileSync(certificate.certificateFile),
    key: readFileSync(certificate.keyFile),
    minVersion: 'TLSv1.2',
  }
}

const listen = (
  server: Server,
  where: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject)
      // EMFILE while accepting: the kernel keeps the connection until there is room.
      server.on('error', () => {})
      resolve()
    })
  })

/** What is no HTTP at all never becomes a request. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, errcode, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'M_TOO_LARGE', 'The request line and headers are larger than 16 KiB.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'M_UNKNOWN', 'The request did not arrive in time.']
        : ['400 Bad Request', 'M_UNKNOWN', 'The request is not valid HTTP.']
  const body = JSON.stringify({ errcode, error: message })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}
