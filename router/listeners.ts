/** Listening sockets: opened and closed as the configuration changes, without touching connections that are there. */

import { readFileSync } from 'node:fs'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { type Address, addressKey } from '../shared/config/address.ts'
import { removeStaleSocket } from '../shared/stale-socket.ts'
import type { ListenerConfig } from './config/types.ts'
import { canonicalAddress } from './forward/addresses.ts'
import type { Listener } from './forward/gateway.ts'
import { acceptWires, socketWire, type Wire, type WireOwner } from './forward/wire.ts'

/** Connections the kernel may hold for us; it caps this at net.core.somaxconn. */
const BACKLOG = 4096

export type Accept = (listener: Listener, peerAddress: string, makeWire: (owner: WireOwner) => Wire) => void

export interface OpenListener {
  readonly key: string
  /** Where it listens: the configuration's address, with the port that was chosen if that said 0. */
  readonly address: Address
  /** `http://127.0.0.1:8080`, with the port that was chosen if the configuration said 0. */
  readonly url: string
  readonly host: string
  readonly port: number
  /**
   * Prepares what can change without a new socket, certificates and exposure, and returns what brings it into force. Throws if
   * a certificate cannot be read.
   */
  prepare(config: ListenerConfig): () => void
  /** Opens it again after it was closed, with the same address and what was in force then. */
  reopen(): Promise<OpenListener>
  /** Stops accepting; resolves when the socket is closed. */
  close(): Promise<void>
}

/** What makes two listeners the same socket. */
export const listenerKey = (config: ListenerConfig): string =>
  `${config.tls ? 'https' : 'http'} ${config.address.kind === 'unix' ? config.address.path : `${config.address.host} ${config.address.port}`}`

/**
 * Opens a listener, at `address` if that is not what the configuration says. Rejects with the system's error (EADDRINUSE,
 * EACCES …) or an unreadable certificate's.
 */
export const openListener = async (
  config: ListenerConfig,
  accept: Accept,
  address: Address = config.address,
): Promise<OpenListener> => {
  let current = config
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
  if (address.kind === 'unix') await removeStaleSocket(address.path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // As nginx and Synapse make theirs: whoever may enter the folder may connect.
    if (address.kind === 'unix')
      server.listen({ path: address.path, backlog: BACKLOG, readableAll: true, writableAll: true }, resolve)
    else server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', () => {}) // of a connection that could not be accepted; see out-of-files.ts
  if (!config.tls) acceptWires(server, (makeWire, address) => accept(state.listener, peer(address), makeWire))

  const bound = server.address()
  const at: Address =
    typeof bound === 'object' && bound !== null ? { kind: 'tcp', host: bound.address, port: bound.port } : address
  return {
    key: listenerKey(config),
    address: at,
    url: at.kind === 'unix' ? addressKey(at) : `${scheme}://${addressKey(at)}`,
    host: at.kind === 'unix' ? at.path : at.host,
    port: at.kind === 'unix' ? 0 : at.port,
    prepare(next) {
      const context = next.tls && certificate(next)
      if (context) tls.createSecureContext(context) // throws where the two do not belong together
      return () => {
        if (context) (server as tls.Server).setSecureContext(context)
        state.listener = listenerOf(next, scheme)
        current = next
      }
    },
    reopen: () => openListener(current, accept, at),
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
