/**
 * A client's connection: reads its requests one after the other, finds the worker for each, sends it there while it is
 * still arriving, and passes the answer back.
 */

import type { Replay } from '../../shared/endpoints/types.ts'
import { keyHash, NO_KEY, namesAlias } from '../balancing/key.ts'
import { methodBit } from '../routing/method.ts'
import type { Waiter } from '../upstream/pool.ts'
import { ChunkReader } from './chunked.ts'
import { forbidden } from './exposure.ts'
import { clientAddressOf, protoOf } from './forwarded-for.ts'
import {
  CLIENT_LEFT,
  type Gateway,
  type Listener,
  type Route,
  replayOf,
  type UpstreamPool,
  type UpstreamWorker,
} from './gateway.ts'
import { latin1, SLASH } from './grammar.ts'
import { pollTimeoutMs } from './poll-timeout.ts'
import { type Refusal, refusals, renderRefusal } from './refusal.ts'
import { forwardedHead, head, INCOMPLETE, MAX_HEAD_BYTES, REFUSED, readRequestHead } from './request-head.ts'
import { BULK_BYTES, SMALL_BYTES, UpstreamConnection } from './upstream-connection.ts'
import type { Wire, WireOwner } from './wire.ts'

/** Waiting for a request, or reading its head. */
const HEAD = 0
/** The head was sent on, or waits to be; the body is arriving. */
const BODY = 1
/** The request is complete; the answer is awaited or passing. */
const ANSWER = 2
/** Our last word is written; what still comes is thrown away, so that it is not lost to a reset. */
const LINGER = 3
const CLOSED = 4

/** A client may keep an unused connection this long; phones' pools assume a minute. */
const KEEP_ALIVE_MS = 75_000
/** From the first byte of a head to its last. */
const HEAD_MS = 20_000
/** Between bytes of a request body, and between bytes that the client takes of an answer. */
const STALL_MS = 60_000
const LINGER_MS = 3_000
const LINGER_BYTES = 4 * 1024 * 1024
/** Request bytes kept so that the request can be sent again, and pipelined bytes kept for later. */
const KEPT_BYTES = 64 * 1024
/** A request is sent at most so often. */
const MAX_ATTEMPTS = 4
/** A long poll that was with a worker for so long has outlived whatever was wrong with those before it. */
const FORGET_MS = 500
/** But one that ends each worker it is sent to must not go on for ever. */
const MAX_POLL_ATTEMPTS = 10

export class ClientConnection implements WireOwner, Waiter {
  readonly gateway: Gateway
  readonly listener: Listener
  readonly wire: Wire
  /** The address at the other end, in canonical form. */
  readonly #peer: string
  readonly #peerTrusted: boolean
  /** The fields added to every request, where the peer is not a trusted proxy and they are always the same. */
  readonly #forwarded: string
  /** `performance.now()` after which {@link expire} is called. */
  deadline: number
  #state = HEAD
  /** Bytes read and not used yet: part of a head, or a pipelined request. */
  #pending: Buffer | null = null
  /** The wire took all that was written. */
  writable = true
  #lingered = 0
  /** What the wire had not sent when that was last looked at. */
  #unsent = 0
  /** The same of the worker's wire, while a body is sent. */
  #unsentBody = Number.POSITIVE_INFINITY

  // Of the request at hand; the log reads them.
  method = ''
  route: Route | null = null
  /** The client's address: the peer's, or what a trusted proxy says. */
  address = ''
  startedAt = 0
  attempts = 0
  bytesIn = 0
  bytesOut = 0
  pool: UpstreamPool | null = null
  /** The pool that the request's route names, while another, a fallback, serves it. */
  #place: UpstreamPool | null = null
  worker: UpstreamWorker | null = null
  minor = 1
  isHead = false
  /** The head as it goes to the worker and as much of the body as was kept; null: it cannot be sent again. */
  request: string | null = null
  /** In `X-Request-ID` to the worker, and in the access log. */
  requestId = ''
  /** `METHOD target`, where {@link request} may be gone before the log asks for it. */
  #requestLine = ''
  /** A first stretch of body too long for {@link request}. */
  #firstBody: Buffer | null = null
  #bodyLeft = 0
  #chunks: ChunkReader | null = null
  #chunked = false
  #keepAlive = true
  #expects = false
  #answered = false
  #keyHash = NO_KEY
  /** Of the alias that names the room, until the answer tells which room that is. */
  #aliasHash = NO_KEY
  #tried: UpstreamWorker[] | null = null
  #upstream: UpstreamConnection | null = null
  #cancelConnect: (() => void) | null = null
  #queued = false
  /** The one worker that may get the request again. */
  #pinned: UpstreamWorker | null = null
  #readMs = 0
  /** It is a long poll. */
  #polls = false
  /** Attempts that no longer count. */
  #forgiven = 0
  #connectUntil = 0
  #sentAt = 0
  #status = 0

  constructor(gateway: Gateway, listener: Listener, peerAddress: string, makeWire: (owner: WireOwner) => Wire) {
    this.gateway = gateway
    this.listener = listener
    this.#peer = peerAddress
    this.#peerTrusted = gateway.snapshot.trusts(peerAddress)
    this.#forwarded = `X-Forwarded-For: ${peerAddress}\r\nX-Forwarded-Proto: ${listener.scheme}\r\n\r\n`
    this.deadline = gateway.now + KEEP_ALIVE_MS
    this.wire = makeWire(this)
    gateway.clients.add(this)
  }

  /** The request target as it came; `''` if the head could not be read. */
  get target(): string {
    const start = this.method.length + 1
    if (this.#requestLine !== '') return this.#requestLine.slice(start)
    return this.request === null ? '' : this.request.slice(start, this.request.indexOf(' ', start))
  }
  /** Has the whole request been sent to the worker? */
  get requestSent(): boolean {
    return this.#state !== BODY
  }
  /** Nothing of a request has arrived. */
  get unused(): boolean {
    return this.#state === HEAD && this.#pending === null && this.writable
  }
  /** It was sent as often as it may be. */
  get #exhausted(): boolean {
    return this.attempts - this.#forgiven >= MAX_ATTEMPTS || this.attempts >= MAX_POLL_ATTEMPTS
  }
  /** A request is being served, or the end of its answer is still to be taken. */
  get busy(): boolean {
    return this.#state === BODY || this.#state === ANSWER || !this.writable
  }

  onBytes(bytes: Buffer, length: number): void {
    switch (this.#state) {
      case HEAD:
        if (!this.writable) this.#keep(bytes, 0, length)
        else if (this.#pending === null) this.#readRequest(bytes, 0, length)
        else {
          const all = Buffer.concat([this.#pending, bytes.subarray(0, length)])
          this.#pending = null
          this.#readRequest(all, 0, all.length)
        }
        break
      case BODY:
        this.#readBody(bytes, length)
        break
      case ANSWER:
        this.#keep(bytes, 0, length)
        break
      case LINGER:
        this.#lingered += length
        if (this.#lingered > LINGER_BYTES) this.close()
        break
    }
  }

  /** Keeps bytes of the next request until this one is answered. */
  #keep(bytes: Buffer, start: number, end: number): void {
    if (start === end) return
    const more = bytes.subarray(start, end)
    this.#pending = this.#pending === null ? Buffer.from(more) : Buffer.concat([this.#pending, more])
    if (this.#pending.length > KEPT_BYTES) this.wire.pause()
  }

  #readRequest(bytes: Buffer, start: number, end: number): void {
    const headEnd = readRequestHead(bytes, start, end)
    if (headEnd === INCOMPLETE) {
      if (start === end) return
      if (this.#pending === null && this.startedAt === 0) {
        this.startedAt = performance.now()
        this.deadline = this.startedAt + HEAD_MS
      }
      this.#pending = Buffer.from(bytes.subarray(start, end))
      return
    }
    const { gateway } = this
    const now = performance.now()
    gateway.now = now
    this.startedAt = now
    this.address = this.#peer
    this.#requestLine = ''
    if (headEnd === REFUSED) {
      this.method = ''
      this.#refuseAndClose(head.refusal)
      return
    }

    this.method = methodOf(bytes)
    this.isHead = this.method === 'HEAD'
    this.minor = head.minor
    this.#keepAlive = head.keepAlive
    this.#expects = head.expectsContinue
    this.bytesIn = headEnd - start
    let forwarded = this.#forwarded
    if (this.#peerTrusted) {
      const hops = head.forwardedForBefore + latin1(bytes, head.forwardedForStart, head.forwardedForEnd)
      this.address = clientAddressOf(hops, this.#peer, gateway.snapshot)
      const proto = protoOf(bytes, head.forwardedProtoStart, head.forwardedProtoEnd, this.listener.scheme)
      forwarded = `X-Forwarded-For: ${this.address}\r\nX-Forwarded-Proto: ${proto}\r\n\r\n`
    }
    const { targetStart, targetEnd } = head
    const forwardable = forwardedHead(bytes, headEnd)
    this.requestId = gateway.requestIdPrefix + (++gateway.requests).toString(36)
    const host = head.hasHost ? '' : `Host: ${gateway.snapshot.serverName}\r\n`
    const framing = head.chunked
      ? 'Transfer-Encoding: chunked\r\n'
      : head.rewriteLength
        ? `Content-Length: ${head.contentLength}\r\n`
        : ''
    let request = `${forwardable}${host}${framing}X-Request-ID: ${this.requestId}\r\n${forwarded}`
    if (bytes[targetStart] !== SLASH) {
      this.#requestLine = forwardable.slice(0, targetEnd - head.start)
      this.#refuseAndClose(refusals.options)
      return
    }
    if (forbidden(bytes, targetStart, targetEnd, this.listener.exposes)) {
      this.#requestLine = forwardable.slice(0, targetEnd - head.start)
      this.#refuseAndClose(refusals.notExposed)
      return
    }
    const bit = methodBit(this.method)
    const route = gateway.snapshot.route(bytes, targetStart, targetEnd, bit)
    this.route = route
    if (request.length > MAX_HEAD_BYTES) {
      this.#requestLine = forwardable.slice(0, targetEnd - head.start)
      this.#refuseAndClose(refusals.headTooLarge)
      return
    }
    this.#keyHash = route.sticky === undefined ? NO_KEY : this.#key(bytes, route)
    const pollMs = pollTimeoutMs(bytes, targetStart, targetEnd)
    this.#polls = pollMs > 0
    this.#readMs = route.pool.config.timeouts.readMs + pollMs

    // As much of the body as came along.
    let at = headEnd
    let bodyComplete = true
    if (head.chunked || head.contentLength > 0) {
      this.#requestLine = forwardable.slice(0, targetEnd - head.start)
      this.#maxBody = this.#bodyLimit(route, bytes, targetStart, targetEnd, bit)
      if (head.contentLength > this.#maxBody) {
        this.#refuseAndClose(refusals.bodyTooLarge)
        return
      }
      this.#chunked = head.chunked
      if (head.chunked) {
        this.#chunks ??= new ChunkReader()
        this.#chunks.reset()
        let framed = ''
        at = this.#chunks.read(bytes, headEnd, end, (from, to) => {
          framed += `${(to - from).toString(16)}\r\n${latin1(bytes, from, to)}\r\n`
        })
        if (at < 0 || this.#chunks.announcedBytes > this.#maxBody) {
          this.#refuseAndClose(at < 0 ? refusals.chunk : refusals.bodyTooLarge)
          return
        }
        bodyComplete = this.#chunks.done
        request += bodyComplete ? `${framed}0\r\n${this.#chunks.trailers}\r\n` : framed
      } else {
        const take = Math.min(head.contentLength, end - headEnd)
        at = headEnd + take
        this.#bodyLeft = head.contentLength - take
        bodyComplete = this.#bodyLeft === 0
        if (take > 0 && take <= SMALL_BYTES) request += latin1(bytes, headEnd, at)
        else if (take > 0) this.#firstBody = Buffer.from(bytes.subarray(headEnd, at))
      }
      this.bytesIn += at - headEnd
    }
    this.request = request
    this.#answered = false
    this.attempts = 0
    this.#forgiven = 0
    this.#pinned = null
    this.bytesOut = 0
    this.#tried = null
    this.#state = bodyComplete ? ANSWER : BODY
    if (at < end) this.#keep(bytes, at, end)
    this.#admit(route.pool)
  }

  #maxBody = 0

  #bodyLimit(route: Route, bytes: Buffer, start: number, end: number, bit: number): number {
    if (route.endpoint !== undefined || route.pool.config.maxBodyBytes !== undefined) return route.maxBodyBytes
    return this.gateway.snapshot.endpoint(bytes, start, end, bit)?.maxBodyBytes ?? route.maxBodyBytes
  }

  #key(bytes: Buffer, route: Route): number {
    keySource.bytes = bytes
    keySource.targetStart = head.targetStart
    keySource.targetEnd = head.targetEnd
    keySource.authorizationStart = head.authorizationStart
    keySource.authorizationEnd = head.authorizationEnd
    keySource.clientAddress = this.address
    const hash = keyHash(route.sticky!, keySource)
    if (hash === NO_KEY) return route.otherwise === undefined ? NO_KEY : keyHash(route.otherwise, keySource)
    if (route.sticky !== 'room') return hash
    this.#aliasHash = namesAlias(keySource) ? hash : NO_KEY
    return this.gateway.aliases.resolve(hash)
  }

  /** Takes a place in the pool, or in its queue. */
  #admit(pool: UpstreamPool): void {
    this.pool = pool
    const { concurrency, queue, timeouts } = pool.config
    if (pool.inFlight >= concurrency) {
      if (pool.queue.size >= queue) {
        this.pool = null
        this.#refuse(refusals.queueFull)
        return
      }
      this.#queued = true
      pool.queue.add(this)
      this.deadline = this.startedAt + timeouts.queueMs
      if (this.#state === BODY) this.wire.pause()
      return
    }
    pool.inFlight++
    this.#dispatch()
  }

  admitted(): void {
    this.#queued = false
    this.pool!.inFlight++
    this.#dispatch()
  }

  /** Chooses a worker and sends it the request, on an idle connection or a new one. */
  #dispatch(): void {
    const { now } = this.gateway
    let pool = this.pool!
    let worker = pool.pick(this.#keyHash, now, this.#tried)
    if (worker === undefined && !pool.config.strict)
      for (const fallback of pool.fallback) {
        worker = fallback.pick(this.#keyHash, now, this.#tried)
        if (worker === undefined) continue
        this.#moveTo(fallback)
        pool = fallback
        break
      }
    worker ??= pool.pickDown(this.#keyHash, now, this.#tried)
    if (worker === undefined || this.#exhausted) {
      this.#refuse(refusals.noWorker)
      return
    }
    this.#sendTo(worker, pool)
  }

  #sendTo(worker: UpstreamWorker, pool: UpstreamPool): void {
    this.attempts++
    this.worker = worker
    worker.inFlight++
    const idle = worker.takeIdle(this.gateway.now)
    if (idle === undefined) this.#connect(worker, pool)
    else {
      this.gateway.telling.reused(pool, worker)
      this.#send(idle)
    }
  }

  #moveTo(pool: UpstreamPool): void {
    // The place in the request's own pool is kept: its concurrency is there to spare the workers, and those of a
    // fallback need that most.
    if (this.#place === null) this.#place = this.pool
    else this.pool!.release()
    this.pool = pool
    pool.inFlight++
  }

  #connect(worker: UpstreamWorker, pool: UpstreamPool): void {
    if (this.#state === BODY) this.wire.pause()
    const { now, telling } = this.gateway
    const { connectMs } = pool.config.timeouts
    if (this.#connectUntil === 0) this.#connectUntil = now + connectMs
    // Half the time for the first, so that another worker can still be tried within the pool's connect timeout.
    const others = pool.members.length > (this.#tried?.length ?? 0) + 1
    const left = Math.max(50, this.#connectUntil - now)
    this.deadline = Number.POSITIVE_INFINITY
    this.#cancelConnect = worker.connect(others ? left / 2 : left, (error, makeWire) => {
      this.#cancelConnect = null
      this.gateway.now = performance.now()
      if (error === null) {
        telling.connected(pool, worker)
        this.#send(new UpstreamConnection(makeWire!, worker))
        return
      }
      telling.connectFailed(pool, worker)
      worker.inFlight--
      this.worker = null
      if (error === 'EMFILE' || error === 'ENFILE') {
        // We are out of file descriptors: that is no fault of the worker's.
        this.#refuse(refusals.noWorker)
        return
      }
      worker.failed(error, true)
      this.#try(worker)
      if (this.#pinned === null)
        this.#dispatch() // nothing was sent: any other worker may have it
      else this.#refuse(refusals.upstreamFailed)
    })
  }

  #try(worker: UpstreamWorker): void {
    this.#tried ??= []
    this.#tried.push(worker)
  }

  #send(upstream: UpstreamConnection): void {
    this.#upstream = upstream
    this.#connectUntil = 0
    this.#sentAt = this.gateway.now
    this.#unsentBody = Number.POSITIVE_INFINITY
    upstream.begin(this)
    this.deadline = this.gateway.now + (this.#state === BODY ? STALL_MS : this.#readMs)
    let written = upstream.wire.writeString(this.request!)
    if (this.#firstBody !== null) {
      written = upstream.wire.writeOwned(this.#firstBody)
      this.request = null
    }
    if (this.#state !== BODY) return
    if (this.#bodyLeft >= BULK_BYTES) this.wire.readIntoOwn()
    if (written) this.wire.resume()
    else this.wire.pause()
  }

  #readBody(bytes: Buffer, length: number): void {
    const upstream = this.#upstream
    if (upstream === null) {
      // The wire is paused while there is no worker yet; what was read before that took hold is kept.
      this.#keep(bytes, 0, length)
      return
    }
    this.deadline = this.gateway.now + STALL_MS
    let at: number
    let written = true
    if (this.#chunked) {
      const chunks = this.#chunks!
      let framed = ''
      at = chunks.read(bytes, 0, length, (from, to) => {
        framed += `${(to - from).toString(16)}\r\n${latin1(bytes, from, to)}\r\n`
      })
      if (at < 0 || chunks.announcedBytes > this.#maxBody) {
        this.#refuseAndClose(at < 0 ? refusals.chunk : refusals.bodyTooLarge)
        return
      }
      if (chunks.done) framed += `0\r\n${chunks.trailers}\r\n`
      if (framed !== '') {
        written = upstream.wire.writeString(framed)
        this.#retain(framed)
      }
      if (chunks.done) this.#state = ANSWER
    } else {
      at = Math.min(this.#bodyLeft, length)
      this.#bodyLeft -= at
      if (at <= SMALL_BYTES) {
        const text = latin1(bytes, 0, at)
        written = upstream.wire.writeString(text)
        this.#retain(text)
      } else {
        written = upstream.wire.writeOwned(
          this.wire.ownsReads ? bytes.subarray(0, at) : Buffer.from(bytes.subarray(0, at)),
        )
        this.request = null
      }
      if (this.#bodyLeft === 0) this.#state = ANSWER
    }
    this.bytesIn += at
    if (this.#state === ANSWER) {
      this.wire.readIntoShared(written)
      this.deadline = this.gateway.now + this.#readMs
      this.#keep(bytes, at, length)
    } else if (!written) this.wire.pause()
  }

  /** Keeps what was sent, as long as the whole request may have to be sent again and is not large. */
  #retain(text: string): void {
    if (this.request === null) return
    this.request = this.method === 'PUT' && this.request.length + text.length <= KEPT_BYTES ? this.request + text : null
  }

  /** The worker took what was written to it. */
  upstreamDrained(): void {
    if (this.#state !== BODY) return
    this.deadline = this.gateway.now + STALL_MS
    this.wire.resume()
  }

  // The answer, called by the upstream connection.

  relayInterim(status: number, text: string): void {
    if (this.minor === 0 || (status === 100 && !this.#expects)) return
    this.relayString(text)
    if (this.#state === ANSWER) this.deadline = this.gateway.now + this.#readMs
  }

  /** The answer's head is about to pass. Returns whether it must announce that the connection closes after it. */
  beginAnswer(status: number, untilClose: boolean): boolean {
    this.#answered = true
    this.#status = status
    if (untilClose || this.#state === BODY || this.gateway.draining) this.#keepAlive = false
    return !this.#keepAlive
  }

  relayString(text: string): boolean {
    this.bytesOut += text.length
    if (this.#aliasHash !== NO_KEY) this.#learnAlias(text)
    return this.#relayed(this.wire.writeString(text))
  }

  /** Passes `bytes[start, end)` on. False: wait for {@link UpstreamConnection.clientDrained} before reading more. */
  relayBytes(bytes: Buffer, start: number, end: number, from: Wire): boolean {
    const length = end - start
    this.bytesOut += length
    if (length <= SMALL_BYTES) return this.#relayed(this.wire.writeString(latin1(bytes, start, end)))
    const part = bytes.subarray(start, end)
    return this.#relayed(this.wire.writeOwned(from.ownsReads ? part : Buffer.from(part)))
  }

  #learnAlias(text: string): void {
    if (this.#status === 200) this.gateway.aliases.learn(this.#aliasHash, text)
    this.#aliasHash = NO_KEY
  }

  #relayed(written: boolean): boolean {
    this.writable = written
    this.deadline = this.gateway.now + (written ? this.#readMs : STALL_MS)
    if (!written) this.#unsent = this.wire.unsent
    return written
  }

  onDrain(): void {
    this.writable = true
    if (this.#state === LINGER) this.deadline = this.gateway.now + LINGER_MS
    else if (this.#state === HEAD) {
      if (this.#pending !== null) this.#readPending()
    } else if (this.#upstream !== null) {
      this.deadline = this.gateway.now + this.#readMs
      this.#upstream.clientDrained()
    }
  }

  answerFinished(): void {
    const incomplete = this.#state === BODY
    this.#finish(this.#status)
    if (this.#keepAlive && !incomplete) this.#next()
    else this.#linger()
  }

  /** The request is over: gives back what it held and tells of it. */
  #finish(status: number): void {
    const now = performance.now()
    this.gateway.now = now
    this.gateway.telling.finished(this, status, now)
    this.#upstream = null
    this.#cancelConnect?.()
    this.#cancelConnect = null
    if (this.worker !== null) {
      this.worker.inFlight--
      this.worker = null
    }
    const pool = this.pool
    this.pool = null
    this.request = null
    this.#firstBody = null
    this.#connectUntil = 0
    this.route = null
    if (pool !== null) {
      if (this.#queued) pool.queue.delete(this)
      else pool.release()
    }
    this.#queued = false
    const place = this.#place
    this.#place = null
    place?.release()
  }

  /** The next request on this connection. */
  #next(): void {
    this.#state = HEAD
    this.startedAt = 0
    this.deadline = this.gateway.now + KEEP_ALIVE_MS
    if (this.#pending !== null) this.#readPending()
  }

  /** Reads a request that was pipelined, once the client has taken the answer before it. */
  #readPending(): void {
    if (!this.writable) return
    // Not at once: a client that pipelines must not keep the others waiting, nor deepen the stack.
    setImmediate(() => {
      if (this.#state !== HEAD || this.#pending === null) return
      const bytes = this.#pending
      this.#pending = null
      this.wire.resume()
      this.#readRequest(bytes, 0, bytes.length)
    })
  }

  /**
   * The worker's connection ended before the answer did. What was not answered at all is sent again, if it can be and
   * its endpoint allows it; an answer that broke off is broken off towards the client as well.
   */
  upstreamFailed(reason: 'eof' | 'error' | 'invalid'): void {
    const worker = this.worker!
    const reused = this.#upstream !== null && this.#upstream.uses > 1
    this.#upstream = null
    this.gateway.now = performance.now()
    // A kept connection that the worker closed just now says nothing about the worker.
    if (!reused) worker.failed(reason === 'invalid' ? 'invalid answer' : 'broke off', false)
    if (this.#answered) {
      this.gateway.telling.refused(this, reason === 'invalid' ? refusals.upstreamInvalid : refusals.upstreamFailed)
      this.#finish(this.#status)
      this.#cut()
      return
    }
    worker.inFlight--
    this.worker = null
    if (this.#polls && this.gateway.now - this.#sentAt > FORGET_MS) {
      this.#tried = null
      this.#forgiven = this.attempts - 1
    }
    if (reason !== 'invalid' && this.#state === ANSWER && this.request !== null && !this.#exhausted) {
      const replay = this.#replay()
      if (replay !== 'never') {
        this.gateway.telling.retried(this)
        if (replay === 'same') {
          this.#pinned = worker
          this.#sendTo(worker, this.pool!)
        } else {
          // With no other worker to ask, a fresh connection to the same one may do.
          if (this.pool!.members.length > 1 && !this.pool!.config.strict) this.#try(worker)
          this.#dispatch()
        }
        return
      }
    }
    this.#refuse(reason === 'invalid' ? refusals.upstreamInvalid : refusals.upstreamFailed)
  }

  /** Whether, and to whom, the request may be sent again after a worker did not answer it. */
  #replay(): Replay {
    const request = Buffer.from(this.request!, 'latin1')
    const start = this.method.length + 1
    const end = request.indexOf(0x20, start)
    const endpoint = this.route!.endpoint ?? this.gateway.snapshot.endpoint(request, start, end, methodBit(this.method))
    const replay = replayOf(endpoint, this.method)
    return replay === 'same' && this.attempts > 1 ? 'never' : replay
  }

  /** Answers with an error of our own; the connection goes on if the request was read to its end. */
  #refuse(refusal: Refusal): void {
    if (this.#state === BODY || this.gateway.draining) this.#keepAlive = false
    if (!this.#keepAlive) {
      this.#refuseAndClose(refusal)
      return
    }
    this.#answer(refusal, false)
    this.#next()
  }

  #refuseAndClose(refusal: Refusal): void {
    this.#upstream?.close()
    this.#answer(refusal, true)
    this.#linger()
  }

  #answer(refusal: Refusal, close: boolean): void {
    if (refusal !== refusals.options) this.gateway.telling.refused(this, refusal)
    const text = renderRefusal(refusal, this.method, close)
    this.bytesOut += text.length
    this.writable = this.wire.writeString(text)
    this.#finish(refusal.status)
  }

  /** Our last word is said: ends our direction, and gives the client the time to read it. */
  #linger(): void {
    this.#state = LINGER
    this.#pending = null
    this.deadline = this.gateway.now + (this.writable ? LINGER_MS : STALL_MS)
    this.wire.readIntoShared(false)
    this.wire.resume()
    this.wire.shutdown()
  }

  onEnd(): void {
    if (this.#state === BODY || this.#state === ANSWER) this.#abort()
    else this.close()
  }

  /** The client left: so does its request. */
  #abort(): void {
    this.#upstream?.close()
    this.#finish(this.#answered ? this.#status : CLIENT_LEFT)
    this.close()
  }

  /**
   * Whether the peer that is written to took something since this was last asked. One write may hold half a megabyte,
   * which takes a slow client minutes: what counts is that it goes on. The deadline is set anew then.
   */
  #progress(): boolean {
    const upstream = this.#state === BODY && !this.#answered ? this.#upstream : null
    if (upstream !== null) {
      const { unsent } = upstream.wire
      const progress = unsent > 0 && unsent < this.#unsentBody
      this.#unsentBody = unsent
      if (progress) this.deadline = this.gateway.now + STALL_MS
      return progress
    }
    const { unsent } = this.wire
    if (this.writable || unsent >= this.#unsent) return false
    this.#unsent = unsent
    this.deadline = this.gateway.now + STALL_MS
    return true
  }

  /** The deadline passed. */
  expire(): void {
    if (this.#progress()) return
    switch (this.#state) {
      case HEAD:
        if (!this.writable) this.#cut()
        else if (this.unused) this.close()
        else this.#refuseAndClose(refusals.requestTimeout)
        break
      case BODY:
      case ANSWER:
        if (this.#queued) this.#refuse(refusals.queueTimeout)
        else if (this.#answered) {
          this.gateway.telling.refused(this, this.writable ? refusals.upstreamTimeout : refusals.requestTimeout)
          this.#upstream?.close()
          this.#finish(this.#status)
          this.#cut()
        } else if (this.#state === BODY && !(this.#upstream !== null && this.#upstream.wire.unsent > 0))
          this.#refuseAndClose(refusals.requestTimeout)
        else {
          this.worker?.failed('no answer in time', false)
          this.#upstream?.close()
          this.#refuse(refusals.upstreamTimeout)
        }
        break
      default:
        if (this.writable) this.close()
        else this.#cut()
    }
  }

  /** Ends the connection so that the client cannot take what it got of an answer for the whole. */
  #cut(): void {
    this.#state = CLOSED
    this.gateway.clients.delete(this)
    this.wire.reset()
  }

  close(): void {
    this.#state = CLOSED
    this.gateway.clients.delete(this)
    this.wire.close()
  }
}

/** Filled for each request that needs a key. */
const keySource = {
  bytes: Buffer.alloc(0) as Buffer,
  targetStart: 0,
  targetEnd: 0,
  authorizationStart: 0,
  authorizationEnd: 0,
  clientAddress: '',
}

/** The method of the head read last; the common ones without making a string. */
const methodOf = (bytes: Buffer): string => {
  const { start, methodEnd } = head
  const first = bytes[start]
  switch (methodEnd - start) {
    case 3:
      if (first === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return 'GET'
      if (first === 0x50 && bytes[start + 1] === 0x55 && bytes[start + 2] === 0x54) return 'PUT'
      break
    case 4:
      if (first === 0x50 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x53 && bytes[start + 3] === 0x54)
        return 'POST'
      break
  }
  return latin1(bytes, start, methodEnd)
}
