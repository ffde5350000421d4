/**
 * A connected stream socket as the data path sees it: bytes in, bytes out, no stream objects in between.
 *
 * {@link handleWire} drives Node's own socket handle and costs about a third less CPU per request than `net.Socket`
 * (docs/decisions/0002). Those handles are private to Node, so this file is the only one that knows them, it checks at
 * start that they are as expected ({@link handlesUsable}), and {@link socketWire} does the same over a public socket:
 * for TLS, and wherever the check fails.
 */

import * as net from 'node:net'
import { performance } from 'node:perf_hooks'
import { getSystemErrorName } from 'node:util'
import { hold, letGo, type ReadBuffer, takeBulk, takeSmall } from './read-buffers.ts'

/** What a wire tells the connection that owns it. */
export interface WireOwner {
  /** `bytes[0, length)` arrived. They are valid during the call only, unless the wire reads into a buffer of its own. */
  onBytes(bytes: Buffer, length: number): void
  /** The peer finished sending, or the connection broke; nothing more will come. The wire is still open for writing only after an EOF. */
  onEnd(reason: 'eof' | 'error'): void
  /** All that was written has reached the kernel, after a write had returned false. */
  onDrain(): void
}

export interface Wire {
  owner: WireOwner
  /** What `onBytes` gets stays as it is until the next read, and may be handed to another wire's {@link Wire.writeOwned}. */
  readonly ownsReads: boolean
  /** Bytes written that the kernel has not taken yet; less than before: the peer takes something. */
  readonly unsent: number
  /** Writes a latin1 string: one byte a character. False: the peer is slow, wait for `onDrain` before writing more. */
  writeString(text: string): boolean
  /** Writes a copy of `bytes[start, end)`, no more than {@link SMALL_BYTES}: they may change as soon as this returns. */
  writeCopy(bytes: Buffer, start: number, end: number): boolean
  /** Writes bytes that nobody may change until `onDrain`, if it returns false; what another wire read may be read over even before. */
  writeOwned(bytes: Uint8Array): boolean
  /**
   * From now on reads go to a buffer of this wire's own, so that they can be handed to {@link Wire.writeOwned} of another.
   * While that one is slow, the wire is to be paused: how long it is tells the wire how much to read at a time.
   */
  readIntoOwn(): void
  /** Back to the buffer that all wires share. */
  readIntoShared(): void
  pause(): void
  resume(): void
  /** Ends our direction after what was written (FIN). */
  shutdown(): void
  close(): void
  /** Closes so that the peer cannot take what it got for the whole (RST). */
  reset(): void
}

/** Up to this size bytes are copied as a string, which a slow peer cannot hold on to; beyond it they stay in a buffer. */
export const SMALL_BYTES = 16 * 1024
/** A body with at least this much to come is read into a buffer of the connection's own. */
export const BULK_BYTES = 64 * 1024

/** One read of a small message; heads are at most 16 KiB, and most answers are smaller. */
const SHARED_BYTES = 64 * 1024
/** Who takes what was read within this time keeps up, and gets more at a time. */
const KEEPS_UP_MS = 50

const shared = Buffer.allocUnsafeSlow(SHARED_BYTES)

/** Node's handle of a stream socket (`TCP` or `Pipe` of `tcp_wrap`, `pipe_wrap`). */
interface Handle {
  onread: () => void
  wire?: HandleWire
  readonly writeQueueSize: number
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  writeLatin1String(request: WriteRequest, text: string): number
  shutdown(request: object): number
  close(callback?: () => void): void
  reset?(callback?: () => void): number
  setNoDelay?(on: boolean): number
  getpeername?(out: { address?: string; port?: number }): number
  connect(request: ConnectRequest, ...address: (string | number)[]): number
  connect6?(request: ConnectRequest, ...address: (string | number)[]): number
}
interface WriteRequest {
  oncomplete?: (status: number) => void
  wire?: HandleWire
  bytes?: Uint8Array | null
  buffer?: ReadBuffer | undefined
}
interface ConnectRequest {
  oncomplete: (status: number) => void
}
interface Bindings {
  readonly WriteWrap: new () => WriteRequest
  readonly ShutdownWrap: new () => { oncomplete?: () => void }
  readonly state: Int32Array
  readonly READ: number
  readonly ASYNC: number
  readonly TCP: new (type: number) => Handle
  readonly TCPConnectWrap: new () => ConnectRequest
  readonly TCP_SOCKET: number
  readonly Pipe: new (type: number) => Handle
  readonly PipeConnectWrap: new () => ConnectRequest
  readonly PIPE_SOCKET: number
}

const UV_EOF = -4095

/** Node's private bindings, or undefined where this Node does not have them in the form that is known here. */
const bindings: Bindings | undefined = (() => {
  try {
    const { binding } = process as unknown as { binding(name: string): Record<string, unknown> }
    const stream = binding('stream_wrap')
    const tcp = binding('tcp_wrap')
    const pipe = binding('pipe_wrap')
    const found = {
      WriteWrap: stream.WriteWrap,
      ShutdownWrap: stream.ShutdownWrap,
      state: stream.streamBaseState,
      READ: stream.kReadBytesOrError,
      ASYNC: stream.kLastWriteWasAsync,
      TCP: tcp.TCP,
      TCPConnectWrap: tcp.TCPConnectWrap,
      TCP_SOCKET: (tcp.constants as Record<string, unknown>).SOCKET,
      Pipe: pipe.Pipe,
      PipeConnectWrap: pipe.PipeConnectWrap,
      PIPE_SOCKET: (pipe.constants as Record<string, unknown>).SOCKET,
    } as unknown as Bindings
    const prototype = found.TCP.prototype as unknown as Record<string, unknown>
    const methods = [
      'useUserBuffer',
      'readStart',
      'readStop',
      'writeBuffer',
      'writeLatin1String',
      'shutdown',
      'close',
      'connect',
    ]
    const known =
      methods.every((name) => typeof prototype[name] === 'function') &&
      'writeQueueSize' in prototype &&
      found.state instanceof Int32Array &&
      [found.READ, found.ASYNC, found.TCP_SOCKET, found.PIPE_SOCKET].every(Number.isInteger)
    return known ? found : undefined
  } catch {
    return undefined
  }
})()

/** Whether this Node's socket handles can be driven directly. `PLEXUS_WIRE=socket` chooses public sockets, for tests and doubt. */
export const handlesUsable = bindings !== undefined && process.env.PLEXUS_WIRE !== 'socket'

/** Kept ready: a write that completes at once, as nearly all do, does not use its request up. */
let spareWrite: WriteRequest | undefined

/** Where {@link Wire.writeCopy} copies to; like the request, it serves again unless the kernel did not take all. */
let outgoing = Buffer.allocUnsafeSlow(SMALL_BYTES)
/** `outgoing[0, length)` by length: answers have few different ones, and making a view costs more than finding it. */
let outgoingViews: (Uint8Array | undefined)[] = []
const MAX_VIEWS = 4096

const outgoingView = (length: number): Uint8Array => {
  if (length >= MAX_VIEWS) return new Uint8Array(outgoing.buffer, 0, length)
  let view = outgoingViews[length]
  if (view === undefined) {
    while (outgoingViews.length < length) outgoingViews.push(undefined) // a holey array is a slow one
    view = new Uint8Array(outgoing.buffer, 0, length)
    outgoingViews[length] = view
  }
  return view
}

class HandleWire implements Wire {
  owner: WireOwner
  readonly #handle: Handle
  /** Writes that the kernel has not taken yet. */
  #pending = 0
  #own: ReadBuffer | undefined
  /** The last read filled its buffer: there is more. */
  #filled = false
  #paused = false
  #pausedAt = 0
  #closed = false

  constructor(handle: Handle, owner: WireOwner) {
    this.owner = owner
    this.#handle = handle
    handle.wire = this
    handle.onread = onRead
    handle.setNoDelay?.(true)
    handle.useUserBuffer(shared)
    handle.readStart()
  }

  get ownsReads(): boolean {
    return this.#own !== undefined
  }

  get unsent(): number {
    return this.#closed ? 0 : this.#handle.writeQueueSize
  }

  /** `length`: bytes read, or a negative error. */
  read(length: number): void {
    if (length > 0) {
      const own = this.#own
      if (own === undefined) this.owner.onBytes(shared, length)
      else this.#readOwn(own, length)
    } else if (length < 0 && !this.#closed) {
      this.#handle.readStop()
      this.owner.onEnd(length === UV_EOF ? 'eof' : 'error')
    }
  }

  #readOwn(own: ReadBuffer, length: number): void {
    this.#filled = length === own.bytes.length
    this.owner.onBytes(own.bytes, length)
    if (this.#own !== own || this.#paused) return
    if (this.#filled && !own.isBulk) this.#readMore()
    else if (own.isBulk && length <= SMALL_BYTES) this.#readLess()
  }

  /** The sender has more than a read takes, and the receiver takes it at once. */
  #readMore(): void {
    const bulk = takeBulk()
    if (bulk !== undefined) this.#readInto(bulk)
  }

  /** What is read waits for the receiver, or there is little to read: a large buffer is for others. */
  #readLess(): void {
    this.#readInto(takeSmall())
  }

  #readInto(buffer: ReadBuffer): void {
    if (this.#own !== undefined) letGo(this.#own)
    this.#own = buffer
    this.#handle.useUserBuffer(buffer.bytes)
  }

  writeString(text: string): boolean {
    if (this.#closed) return true
    spareWrite ??= new bindings!.WriteWrap()
    const request = spareWrite
    const error = this.#handle.writeLatin1String(request, text)
    return this.#written(request, error, null)
  }

  writeCopy(bytes: Buffer, start: number, end: number): boolean {
    if (this.#closed) return true
    bytes.copy(outgoing, 0, start, end)
    const view = outgoingView(end - start)
    spareWrite ??= new bindings!.WriteWrap()
    const request = spareWrite
    const error = this.#handle.writeBuffer(request, view)
    const written = this.#written(request, error, view)
    if (spareWrite === undefined) {
      // The kernel did not take all, and reads the rest from there.
      outgoing = Buffer.allocUnsafeSlow(SMALL_BYTES)
      outgoingViews = []
    }
    return written
  }

  writeOwned(bytes: Uint8Array): boolean {
    if (this.#closed) return true
    spareWrite ??= new bindings!.WriteWrap()
    const request = spareWrite
    const error = this.#handle.writeBuffer(request, bytes)
    return this.#written(request, error, bytes)
  }

  #written(request: WriteRequest, error: number, bytes: Uint8Array | null): boolean {
    // An error here (EPIPE, ECONNRESET) is also told by the reading side, where the owner learns of it.
    if (error !== 0) return true
    if (bindings!.state[bindings!.ASYNC] === 0) return this.#pending === 0
    spareWrite = undefined
    request.wire = this
    request.bytes = bytes
    request.buffer = bytes === null ? undefined : hold(bytes)
    request.oncomplete = onWritten
    this.#pending++
    return false
  }

  wrote(status: number): void {
    this.#pending--
    if (this.#pending === 0 && !this.#closed && status === 0) this.owner.onDrain()
  }

  readIntoOwn(): void {
    if (this.#own || this.#closed) return
    this.#filled = false
    this.#readInto(takeSmall())
  }

  readIntoShared(): void {
    if (!this.#own || this.#closed) return
    letGo(this.#own)
    this.#own = undefined
    this.#handle.useUserBuffer(shared)
  }

  pause(): void {
    if (this.#paused || this.#closed) return
    this.#paused = true
    if (this.#own !== undefined) this.#pausedAt = performance.now()
    this.#handle.readStop()
  }

  resume(): void {
    if (!this.#paused || this.#closed) return
    this.#paused = false
    if (this.#own !== undefined) {
      const keptUp = performance.now() - this.#pausedAt < KEEPS_UP_MS
      if (!keptUp && this.#own.isBulk) this.#readLess()
      else if (keptUp && this.#filled && !this.#own.isBulk) this.#readMore()
    }
    this.#handle.readStart()
  }

  shutdown(): void {
    if (this.#closed) return
    const request = new bindings!.ShutdownWrap()
    request.oncomplete = () => {}
    this.#handle.shutdown(request)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handle.close()
    this.#letGo()
  }

  reset(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#handle.reset?.() !== 0) this.#handle.close()
    this.#letGo()
  }

  #letGo(): void {
    if (this.#own !== undefined) letGo(this.#own)
    this.#own = undefined
  }
}

function onRead(this: Handle): void {
  this.wire!.read(bindings!.state[bindings!.READ]!)
}

function onWritten(this: WriteRequest, status: number): void {
  this.bytes = null
  if (this.buffer !== undefined) letGo(this.buffer)
  this.wire!.wrote(status)
}

/** How long a public socket that was closed may take to send what was written. */
const FAREWELL_MS = 3_000

class SocketWire implements Wire {
  owner: WireOwner
  readonly ownsReads = true
  readonly #socket: net.Socket
  #ended = false

  constructor(socket: net.Socket, owner: WireOwner) {
    this.owner = owner
    this.#socket = socket
    socket.setNoDelay(true)
    const end = (reason: 'eof' | 'error') => {
      if (this.#ended) return
      this.#ended = true
      this.owner.onEnd(reason)
    }
    socket.on('data', (bytes: Buffer) => {
      if (!this.#ended) this.owner.onBytes(bytes, bytes.length)
    })
    socket.on('end', () => end('eof'))
    socket.on('error', () => end('error'))
    socket.on('close', () => end('error'))
    socket.on('drain', () => {
      if (!this.#ended) this.owner.onDrain()
    })
  }

  get unsent(): number {
    // Of a TLS socket the queue of the TCP socket below, as its own shrinks only when all is gone.
    const { _handle: handle } = this.#socket as unknown as { _handle?: Partial<Handle> & { _parent?: Partial<Handle> } }
    return this.#socket.writableLength + ((handle?._parent ?? handle)?.writeQueueSize ?? 0)
  }

  writeString(text: string): boolean {
    return this.#socket.writable ? this.#socket.write(text, 'latin1') : true
  }
  writeCopy(bytes: Buffer, start: number, end: number): boolean {
    return this.#socket.writable ? this.#socket.write(Buffer.from(bytes.subarray(start, end))) : true
  }
  writeOwned(bytes: Uint8Array): boolean {
    const socket = this.#socket
    if (!socket.writable) return true
    // A stream says true as long as it holds no more than its mark, of bytes that are not written.
    if (socket.writableLength + bytes.length < socket.writableHighWaterMark) return socket.write(Buffer.from(bytes))
    const buffer = hold(bytes)
    return buffer === undefined ? socket.write(bytes) : socket.write(bytes, () => letGo(buffer))
  }
  readIntoOwn(): void {} // each read has a buffer of its own already
  readIntoShared(): void {}
  pause(): void {
    this.#socket.pause()
  }
  resume(): void {
    this.#socket.resume()
  }
  shutdown(): void {
    this.#socket.end()
  }
  close(): void {
    this.#ended = true
    // With TLS' own farewell; but a peer that takes nothing more must not keep the socket for good.
    this.#socket.destroySoon()
    if (!this.#socket.destroyed) setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref()
  }
  reset(): void {
    this.#ended = true
    if (this.#socket instanceof net.Socket && !('encrypted' in this.#socket)) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }
}

/** A wire over a public socket, `net.Socket` or `tls.TLSSocket`. */
export const socketWire = (socket: net.Socket, owner: WireOwner): Wire => new SocketWire(socket, owner)

/** Calls `accept` for each connection to `server`, which must be listening, with a way to make its wire and the peer's address. */
export const acceptWires = (
  server: net.Server,
  accept: (makeWire: (owner: WireOwner) => Wire, peerAddress: string) => void,
): void => {
  const listening = (server as unknown as { _handle?: { onconnection?: (status: number, client?: Handle) => void } })
    ._handle
  if (handlesUsable && typeof listening?.onconnection === 'function') {
    const peer: { address?: string } = {}
    listening.onconnection = (status, client) => {
      if (status !== 0 || !client) return // it is gone; where descriptors ran out, libuv does not even say so (out-of-files.ts)
      peer.address = ''
      client.getpeername?.(peer)
      accept((owner) => new HandleWire(client, owner), peer.address)
    }
  } else {
    server.on('connection', (socket: net.Socket) =>
      accept((owner) => socketWire(socket, owner), socket.remoteAddress ?? ''),
    )
  }
}

/** Where to connect: an IP address and a port, or the path of a unix socket. */
export type Endpoint = { readonly ip: string; readonly port: number } | { readonly path: string }

/**
 * Connects to `endpoint` and calls `done` once: with the function that makes the wire, or with an error text such as
 * `ECONNREFUSED` or `ETIMEDOUT`. Returns a function that gives up, after which `done` is not called.
 */
export const connectWire = (
  endpoint: Endpoint,
  timeoutMs: number,
  done: (error: string | null, makeWire?: (owner: WireOwner) => Wire) => void,
): (() => void) => (handlesUsable ? connectHandle : connectSocket)(endpoint, timeoutMs, done)

const connectHandle: typeof connectWire = (endpoint, timeoutMs, done) => {
  const { TCP, TCPConnectWrap, TCP_SOCKET, Pipe, PipeConnectWrap, PIPE_SOCKET } = bindings!
  const unix = 'path' in endpoint
  const handle = unix ? new Pipe(PIPE_SOCKET) : new TCP(TCP_SOCKET)
  const request = unix ? new PipeConnectWrap() : new TCPConnectWrap()
  let settled = false
  const settle = (error: string | null) => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    if (error !== null) handle.close()
    done(error, error === null ? (owner) => new HandleWire(handle, owner) : undefined)
  }
  const timer = setTimeout(settle, timeoutMs, 'ETIMEDOUT')
  request.oncomplete = (status) => settle(status === 0 ? null : errorName(status))
  const error = unix
    ? handle.connect(request, endpoint.path)
    : net.isIPv6(endpoint.ip)
      ? handle.connect6!(request, endpoint.ip, endpoint.port)
      : handle.connect(request, endpoint.ip, endpoint.port)
  if (error) setImmediate(settle, errorName(error))
  return () => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    handle.close()
  }
}

const connectSocket: typeof connectWire = (endpoint, timeoutMs, done) => {
  const socket = 'path' in endpoint ? net.connect(endpoint.path) : net.connect(endpoint.port, endpoint.ip)
  let settled = false
  const settle = (error: string | null) => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    socket.removeAllListeners()
    if (error !== null) {
      socket.on('error', () => {})
      socket.destroy()
    }
    done(error, error === null ? (owner) => socketWire(socket, owner) : undefined)
  }
  const timer = setTimeout(settle, timeoutMs, 'ETIMEDOUT')
  socket.on('connect', () => settle(null))
  socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'ECONNRESET'))
  return () => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    socket.on('error', () => {})
    socket.destroy()
  }
}

const errorName = (status: number): string => {
  try {
    return getSystemErrorName(status)
  } catch {
    return `error ${status}`
  }
}
