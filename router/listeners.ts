/** Listening sockets: opened and closed as the configuration changes, without touching connections that are there. */

import { readFileSync } from 'node:fs'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { removeStaleSocket } from '../shared/stale-socket.ts'
import type { Address, ListenerConfig } from './config/types.ts'
import { addressKey } from './config/values.ts'
import { canonicalAddress } from './forward/addresses.ts'
import type { Listener } from './forward/gateway.ts'
import { acceptWires, socketWire, type Wire, type WireOwner } from './forward/wire.ts'

/** Connections the kernel may hold for us; it caps this at net.core.somaxconn. */
const BACKLOG = 4096

export type Accept = (listener: Listener, peerAddress: string, makeWire: (owner: WireOwner) => Wire) => void

export interface OpenListener {
  readonly key: string
  /** `http://127.0.0.1:8080`, with the port that was chosen if the configuration said 0. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Takes what can change without a new socket: certificates, exposure. Throws if a certificate cannot be read. */
  update(config: ListenerConfig): void
  /** Stops accepting; resolves when the socket is closed. */
  close(): Promise<void>
}

/** What makes two listeners the same socket. */
export const listenerKey = (config: ListenerConfig): string =>
  `${config.tls ? 'https' : 'http'} ${config.address.kind === 'unix' ? config.address.path : `${config.address.host} ${config.address.port}`}`

/** Opens a listener. Rejects with the system's error (EADDRINUSE, EACCES …) or an unreadable certificate's. */
export const openListener = async (config: ListenerConfig, accept: Accept): Promise<OpenListener> => {
  const scheme = config.tls ? 'https' : 'http'
  const state = { listener: listenerOf(config, scheme) }
  // A connection from a unix socket has no address: it is this machine.
  const peer = (address: string) => canonicalAddress(address) ?? '127.0.0.1'
  const server = config.tls
    ? tls.createServer(
        { ...certificate(config), allowHalfOpen: true, ALPNProtocols: ['http/1.1'], handshakeTimeout: 20_000 },
        (socket) => accept(state.listener, peer(socket.remoteAddress ?? ''), (owner) => socketWire(socket, owner)),
      )
    : net.createServer({ allowHalfOpen: true, pauseOnConnect: false })
  if (config.tls) server.on('tlsClientError', (_error: Error, socket: tls.TLSSocket) => socket.destroy())
  if (config.address.kind === 'unix') await removeStaleSocket(config.address.path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    const { address } = config
    if (address.kind === 'unix') server.listen({ path: address.path, backlog: BACKLOG }, resolve)
    else server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', () => {}) // accept errors (EMFILE): the kernel keeps the connection until there is room
  if (!config.tls) acceptWires(server, (makeWire, address) => accept(state.listener, peer(address), makeWire))

  const bound = server.address()
  const at: Address =
    typeof bound === 'object' && bound !== null
      ? { kind: 'tcp', host: bound.address, port: bound.port }
      : config.address
  return {
    key: listenerKey(config),
    url: at.kind === 'unix' ? addressKey(at) : `${scheme}://${addressKey(at)}`,
    host: at.kind === 'unix' ? at.path : at.host,
    port: at.kind === 'unix' ? 0 : at.port,
    update(next) {
      if (next.tls) (server as tls.Server).setSecureContext(certificate(next))
      state.listener = listenerOf(next, scheme)
    },
    close: () =>
      new Promise((resolve) => {
        // Connections are not the server's to wait for, and its callback would: what counts is that it listens no more.
        server.close()
        resolve()
      }),
  }
}

const listenerOf = (config: ListenerConfig, scheme: 'http' | 'https'): Listener => ({
  name: addressKey(config.address),
  scheme,
  exposes: new Set(config.expose),
})

const certificate = ({ tls: files }: ListenerConfig): tls.SecureContextOptions => ({
  cert: readFileSync(files!.certificateFile),
  key: readFileSync(files!.keyFile),
  minVersion: 'TLSv1.2',
})
