/**
 * A client's connection: reads its requests one after the other, has each dispatched to a worker while it is still
 * arriving, and passes the answer back.
 */

import { performance } from 'node:perf_hooks'
import { NO_KEY } from '../balancing/key.ts'
import { Dispatch, type Dispatcher } from './dispatch.ts'
import { clearExchange, type Exchange, makeExchange } from './exchange.ts'
import { CLIENT_LEFT, type Gateway, type Listener } from './gateway.ts'
import { latin1 } from './grammar.ts'
import { aboutRouter, type Refusal, refusals, renderRefusal } from './refusal.ts'
import { bodyLimit, makeOrigin, type Origin, takeRequest } from './request.ts'
import { RequestBody } from './request-body.ts'
import { head, INCOMPLETE, REFUSED, readRequestHead } from './request-head.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import { BULK_BYTES, SMALL_BYTES, type Wire, type WireOwner } from './wire.ts'

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
/** A body has to arrive at this rate after that, or whoever sends a byte a minute keeps a place in a pool for good. */
const MIN_BYTES_PER_MS = 0.5
const LINGER_MS = 3_000
const LINGER_BYTES = 4 * 1024 * 1024
/** Request bytes kept so that the request can be sent again, and pipelined bytes kept for later. */
const KEPT_BYTES = 64 * 1024

export class ClientConnection implements WireOwner, Dispatcher {
  readonly gateway: Gateway
  readonly wire: Wire
  /** The request at hand, or the last one. */
  readonly exchange: Exchange = makeExchange()
  readonly #dispatch: Dispatch
  readonly #origin: Origin
  /** `performance.now()` after which {@link expire} is called. */
  deadline: number
  /** The wire took all that was written. */
  writable = true
  #state = HEAD
  /** Bytes read and not used yet: part of a head, or a pipelined request. */
  #pending: Buffer | null = null
  #lingered = 0
  /** What the wire had not sent when that was last looked at. */
  #unsent = 0
  /** The same of the worker's wire, while a body is sent. */
  #unsentBody = Number.POSITIVE_INFINITY
  /** The body of the request, once there was a request with one. */
  #body: RequestBody | null = null
  /** The worker's connection that has the request. */
  #upstream: UpstreamConnection | null = null
  /** Another request may follow. */
  #keepAlive = true
  /** The answer's head went to the client. */
  #answered = false
  #status = 0

  constructor(gateway: Gateway, listener: Listener, peerAddress: string, makeWire: (owner: WireOwner) => Wire) {
    this.gateway = gateway
    this.#origin = makeOrigin(gateway, listener, peerAddress)
    this.#dispatch = new Dispatch(gateway, this.exchange, this)
    this.deadline = gateway.now + KEEP_ALIVE_MS
    this.wire = makeWire(this)
    gateway.clients.add(this)
  }

  /** Has the whole request been sent to the worker? */
  get requestSent(): boolean {
    return this.#state !== BODY
  }
  /** Nothing of a request has arrived. */
  get unused(): boolean {
    return this.#state === HEAD && this.#pending === null && this.writable
  }
  /** A request is being served, or the end of its answer is still to be taken. */
  get busy(): boolean {
    return this.#state === BODY || this.#state === ANSWER || !this.writable
  }

  // The request.

  onBytes(bytes: Buffer, length: number): void {
    switch (this.#state) {
      case HEAD:
        if (!this.writable) this.#keep(bytes, 0, length)
        else if (this.#pending === null) this.#readRequest(bytes, length)
        else {
          const all = Buffer.concat([this.#pending, bytes.subarray(0, length)])
          this.#pending = null
          this.#readRequest(all, all.length)
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

  #readRequest(bytes: Buffer, end: number): void {
    const { exchange, gateway } = this
    const headEnd = readRequestHead(bytes, 0, end)
    if (headEnd === INCOMPLETE) {
      if (end === 0) return
      if (this.#pending === null && exchange.startedAt === 0) {
        exchange.startedAt = performance.now()
        this.deadline = exchange.startedAt + HEAD_MS
      }
      this.#pending = Buffer.from(bytes.subarray(0, end))
      return
    }
    const now = performance.now()
    gateway.now = now
    exchange.startedAt = now
    exchange.address = this.#origin.peer
    if (headEnd === REFUSED) {
      this.#refuseAndClose(head.refusal)
      return
    }
    this.#keepAlive = head.keepAlive
    const refusal = takeRequest(exchange, bytes, headEnd, this.#origin, gateway)
    if (refusal !== null) {
      this.#refuseAndClose(refusal)
      return
    }
    this.#state = ANSWER
    let at = headEnd
    if (head.chunked || head.contentLength > 0) {
      at = this.#beginBody(bytes, headEnd, end)
      if (at < 0) return
    }
    if (at < end) this.#keep(bytes, at, end)
    this.#dispatch.begin()
  }

  /** Takes as much of the body as came with the head. Returns the offset after it, or -1: refused. */
  #beginBody(bytes: Buffer, start: number, end: number): number {
    const { exchange } = this
    this.#body ??= new RequestBody()
    const body = this.#body
    const maxBytes = bodyLimit(exchange.route!, bytes, exchange.method, this.gateway)
    const at = body.begin(head.contentLength, head.chunked, maxBytes) ? body.read(bytes, start, end) : -1
    if (at < 0) {
      this.#refuseAndClose(body.refusal)
      return at
    }
    if (body.raw) exchange.firstBody = Buffer.from(bytes.subarray(start, at))
    else exchange.request += body.text
    exchange.bytesIn += at - start
    if (!body.done) this.#state = BODY
    return at
  }

  /** Sends what came of the request so far on `upstream`, and lets the rest come. */
  send(upstream: UpstreamConnection): void {
    const { exchange } = this
    this.#upstream = upstream
    this.#unsentBody = Number.POSITIVE_INFINITY
    upstream.begin(this)
    this.deadline = this.gateway.now + (this.#state === BODY ? STALL_MS : exchange.readMs)
    let written = upstream.wire.writeString(exchange.request!)
    if (exchange.firstBody !== null) {
      written = upstream.wire.writeOwned(exchange.firstBody)
      exchange.request = null
    }
    if (this.#state !== BODY) return
    if (this.#body!.left >= BULK_BYTES) this.wire.readIntoOwn()
    if (written) this.wire.resume()
    else this.wire.pause()
  }

  wait(until: number): void {
    this.deadline = until
    if (this.#state === BODY) this.wire.pause()
  }

  #readBody(bytes: Buffer, length: number): void {
    const upstream = this.#upstream
    if (upstream === null) {
      // The wire is paused while there is no worker yet; what was read before that took hold is kept.
      this.#keep(bytes, 0, length)
      return
    }
    const body = this.#body!
    const at = body.read(bytes, 0, length)
    if (at < 0) {
      this.#refuseAndClose(body.refusal)
      return
    }
    this.exchange.bytesIn += at
    let written = true
    if (body.raw) {
      const part = bytes.subarray(0, at)
      written = upstream.wire.writeOwned(this.wire.ownsReads ? part : Buffer.from(part))
      this.exchange.request = null
    } else if (body.text !== '') {
      written = upstream.wire.writeString(body.text)
      this.#retain(body.text)
    }
    if (body.done) {
      this.#state = ANSWER
      this.wire.readIntoShared()
      this.deadline = this.gateway.now + this.exchange.readMs
      this.#keep(bytes, at, length)
      return
    }
    this.deadline = Math.min(this.deadline + at / MIN_BYTES_PER_MS, this.gateway.now + STALL_MS)
    if (!written) this.wire.pause()
  }

  /** Keeps what was sent, as long as the whole request may have to be sent again and is not large. */
  #retain(text: string): void {
    const { method, request } = this.exchange
    if (request === null) return
    this.exchange.request = method === 'PUT' && request.length + text.length <= KEPT_BYTES ? request + text : null
  }

  /** The worker took what was written to it. */
  upstreamDrained(): void {
    if (this.#state !== BODY) return
    this.deadline = this.gateway.now + STALL_MS
    this.wire.resume()
  }

  // The answer, called by the upstream connection.

  relayInterim(status: number, text: string): void {
    if (this.exchange.minor === 0 || (status === 100 && !this.exchange.expectsContinue)) return
    this.relayString(text)
    if (this.#state === ANSWER) this.deadline = this.gateway.now + this.exchange.readMs
  }

  /** The answer's head is about to pass. Returns whether it must announce that the connection closes after it. */
  beginAnswer(status: number, untilClose: boolean): boolean {
    this.#answered = true
    this.#status = status
    if (untilClose || this.#state === BODY || this.gateway.draining) this.#keepAlive = false
    return !this.#keepAlive
  }

  relayString(text: string): boolean {
    this.exchange.bytesOut += text.length
    if (this.exchange.aliasHash !== NO_KEY) this.#learnAlias(text)
    return this.#relayed(this.wire.writeString(text))
  }

  /** Passes `bytes[start, end)` on. False: wait for {@link UpstreamConnection.clientDrained} before reading more. */
  relayBytes(bytes: Buffer, start: number, end: number, from: Wire): boolean {
    const length = end - start
    this.exchange.bytesOut += length
    if (this.exchange.aliasHash !== NO_KEY) this.#learnAlias(latin1(bytes, start, end))
    if (length <= SMALL_BYTES) return this.#relayed(this.wire.writeCopy(bytes, start, end))
    const part = bytes.subarray(start, end)
    return this.#relayed(this.wire.writeOwned(from.ownsReads ? part : Buffer.from(part)))
  }

  #learnAlias(text: string): void {
    if (this.#status === 200) this.gateway.aliases.learn(this.exchange.aliasHash, text)
    this.exchange.aliasHash = NO_KEY
  }

  #relayed(written: boolean): boolean {
    this.writable = written
    this.deadline = this.gateway.now + (written ? this.exchange.readMs : STALL_MS)
    if (!written) this.#unsent = this.wire.unsent
    return written
  }

  onDrain(): void {
    this.writable = true
    if (this.#state === LINGER) this.deadline = this.gateway.now + LINGER_MS
    else if (this.#state === HEAD) {
      if (this.#pending !== null) this.#readPending()
    } else if (this.#upstream !== null) {
      this.deadline = this.gateway.now + this.exchange.readMs
      this.#upstream.clientDrained()
    }
  }

  answerFinished(): void {
    const incomplete = this.#state === BODY
    this.#finish(this.#status)
    if (this.#keepAlive && !incomplete) this.#next()
    else this.#linger()
  }

  /** The request is over: tells of it and gives back what it held. */
  #finish(status: number): void {
    const now = performance.now()
    this.gateway.now = now
    this.gateway.telling.finished(this.exchange, status, now)
    this.#upstream = null
    this.#answered = false
    this.#dispatch.end()
    clearExchange(this.exchange)
  }

  /** The next request on this connection. */
  #next(): void {
    this.#state = HEAD
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
      this.#readRequest(bytes, bytes.length)
    })
  }

  /**
   * The worker's connection ended before the answer did. What was not answered at all is sent again, if it can be and
   * its endpoint allows it; an answer that broke off is broken off towards the client as well.
   */
  upstreamFailed(reason: 'eof' | 'error' | 'invalid'): void {
    const reused = this.#upstream!.uses > 1
    this.#upstream = null
    this.gateway.now = performance.now()
    // A kept connection that the worker closed just now says nothing about the worker.
    if (!reused) this.exchange.worker!.failed(reason === 'invalid' ? 'invalid answer' : 'broke off', false)
    const refusal = reason === 'invalid' ? refusals.upstreamInvalid : refusals.upstreamFailed
    if (this.#answered) this.#breakOff(refusal)
    else if (!this.#dispatch.again(reason !== 'invalid' && this.#state === ANSWER)) this.refuse(refusal)
  }

  // The ends that a request may come to besides.

  /** Answers with an error of our own; the connection goes on if the request was read to its end. */
  refuse(refusal: Refusal): void {
    if (this.#state === BODY || this.gateway.draining) this.#keepAlive = false
    if (!this.#keepAlive) {
      this.#refuseAndClose(refusal)
      return
    }
    this.#answer(refusal, false)
    this.#next()
  }

  #refuseAndClose(refusal: Refusal): void {
    if (this.#answered) {
      this.#breakOff(refusal) // a second answer would be read as part of the first
      return
    }
    this.#upstream?.close()
    this.#answer(refusal, true)
    this.#linger()
  }

  #answer(refusal: Refusal, close: boolean): void {
    if (refusal !== aboutRouter) this.gateway.telling.refused(this.exchange, refusal)
    const text = renderRefusal(refusal, this.exchange.method, close)
    this.exchange.bytesOut += text.length
    this.writable = this.wire.writeString(text)
    this.#finish(refusal.status)
  }

  /** Ends the answer that is passing, and the connection, for the reason told. */
  #breakOff(reason: Refusal): void {
    this.gateway.telling.refused(this.exchange, reason)
    this.#upstream?.close()
    this.#finish(this.#status)
    this.#cut()
  }

  /** Our last word is said: ends our direction, and gives the client the time to read it. */
  #linger(): void {
    this.#state = LINGER
    this.#pending = null
    this.deadline = this.gateway.now + (this.writable ? LINGER_MS : STALL_MS)
    this.wire.readIntoShared()
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
        if (this.#dispatch.queued) this.refuse(refusals.queueTimeout)
        else if (this.#answered) this.#breakOff(this.writable ? refusals.upstreamTimeout : refusals.requestTimeout)
        else if (this.#state === BODY && !(this.#upstream !== null && this.#upstream.wire.unsent > 0))
          this.#refuseAndClose(refusals.requestTimeout)
        else {
          this.exchange.worker?.failed('no answer in time', false)
          this.#upstream?.close()
          this.refuse(refusals.upstreamTimeout)
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
