/**
 * A connection to a worker: carries one request at a time (pipelining gave answers to the wrong users, CVE-2024-41671)
 * and relays the answer to the client as it arrives.
 */

import type { Worker } from '../upstream/worker.ts'
import { ChunkReader } from './chunked.ts'
import type { ClientConnection } from './client-connection.ts'
import { latin1 } from './grammar.ts'
import {
  answer,
  forwardedAnswer,
  INCOMPLETE,
  INVALID,
  MAX_RESPONSE_HEAD_BYTES,
  readResponseHead,
} from './response-head.ts'
import { BULK_BYTES, SMALL_BYTES, type Wire, type WireOwner } from './wire.ts'

const IDLE = 0
const HEAD = 1
const LENGTH = 2
const CHUNKED = 3
const UNTIL_CLOSE = 4
const CLOSED = 5

/** Interim answers that a worker may send before the real one. */
const MAX_INTERIM = 8

export class UpstreamConnection implements WireOwner {
  readonly wire: Wire
  readonly worker: Worker<UpstreamConnection>
  idleSince = 0
  #client: ClientConnection | null = null
  #state = IDLE
  #left = 0
  #chunks: ChunkReader | null = null
  #partial: Buffer | null = null
  #keepAlive = true
  #interim = 0
  /** Requests it has carried. */
  uses = 0

  constructor(makeWire: (owner: WireOwner) => Wire, worker: Worker<UpstreamConnection>) {
    this.worker = worker
    this.wire = makeWire(this)
  }

  /** Takes a client's request: the answer goes to `client`. */
  begin(client: ClientConnection): void {
    this.#client = client
    this.#state = HEAD
    this.#interim = 0
    this.uses++
  }

  onBytes(bytes: Buffer, length: number): void {
    switch (this.#state) {
      case HEAD:
        this.#readHead(bytes, length)
        break
      case LENGTH:
        this.#relayLength(bytes, length)
        break
      case CHUNKED:
        this.#relayChunks(bytes, 0, length)
        break
      case UNTIL_CLOSE:
        this.#relay(bytes, 0, length)
        break
      case IDLE:
        // Bytes that nobody asked for must never become the next client's answer.
        this.worker.forget(this)
        this.close()
        break
    }
  }

  #readHead(bytes: Buffer, length: number): void {
    let data = bytes
    let end = length
    if (this.#partial !== null) {
      data = Buffer.concat([this.#partial, bytes.subarray(0, length)])
      end = data.length
      this.#partial = null
    }
    const client = this.#client!
    let start = 0
    const unchunk = client.exchange.minor === 0
    let headEnd = readResponseHead(data, start, end, unchunk)
    while (headEnd > 0 && answer.status < 200) {
      // 101 would end HTTP on this connection; no upgrade was asked for.
      if (answer.status === 101 || ++this.#interim > MAX_INTERIM) headEnd = INVALID
      else {
        client.relayInterim(answer.status, `${forwardedAnswer(data, start, headEnd)}\r\n`)
        start = headEnd
        headEnd = start < end ? readResponseHead(data, start, end, unchunk) : INCOMPLETE
      }
    }
    if (headEnd === INCOMPLETE && end - start <= MAX_RESPONSE_HEAD_BYTES) {
      if (start < end) this.#partial = Buffer.from(data.subarray(start, end))
      return
    }
    if (headEnd <= 0) {
      this.#fail('invalid')
      return
    }

    this.#keepAlive = answer.keepAlive
    let bodyEnd = end
    let done = false
    if (client.exchange.isHead || answer.status === 204 || answer.status === 304) {
      bodyEnd = headEnd
      done = true
    } else if (answer.chunked) {
      this.#state = CHUNKED
      this.#chunks ??= new ChunkReader()
      this.#chunks.reset()
      if (unchunk) {
        this.#unchunk(data, start, headEnd, end)
        return
      }
      bodyEnd = this.#chunks.read(data, headEnd, end)
      if (bodyEnd < 0) {
        this.#fail('invalid')
        return
      }
      done = this.#chunks.done
    } else if (answer.contentLength >= 0) {
      this.#state = LENGTH
      this.#left = answer.contentLength - (end - headEnd)
      if (this.#left <= 0) {
        bodyEnd = headEnd + answer.contentLength
        done = true
      }
    } else {
      this.#state = UNTIL_CLOSE
      this.#keepAlive = false
    }
    if (bodyEnd < end) this.#keepAlive = false // more than the answer: this connection cannot be trusted any further

    const small = bodyEnd - start <= SMALL_BYTES
    const closing = client.beginAnswer(answer.status, this.#state === UNTIL_CLOSE)
    const written =
      small && answer.dropCount === 0 && !closing
        ? client.relayBytes(data, start, bodyEnd, this.wire)
        : client.relayString(
            `${forwardedAnswer(data, start, headEnd)}${closing ? 'Connection: close\r\n' : ''}\r\n${small ? latin1(data, headEnd, bodyEnd) : ''}`,
          )
    if (!small) this.#relay(data, headEnd, bodyEnd)
    else if (!written) this.wire.pause()
    if (done) this.#finish()
    else if (this.#left >= BULK_BYTES || this.#state !== LENGTH) this.wire.readIntoOwn()
  }

  /** An answer in chunks, begun for a client that cannot read them: it gets the data, and the end by our closing. */
  #unchunk(data: Buffer, start: number, headEnd: number, end: number): void {
    const client = this.#client!
    client.beginAnswer(answer.status, true)
    client.relayString(`${forwardedAnswer(data, start, headEnd)}Connection: close\r\n\r\n`)
    this.#relayChunks(data, headEnd, end)
  }

  #relayLength(bytes: Buffer, length: number): void {
    const take = Math.min(this.#left, length)
    this.#left -= take
    if (take < length) this.#keepAlive = false
    this.#relay(bytes, 0, take)
    if (this.#left === 0) this.#finish()
  }

  /** `bytes[start, end)` of a chunked body. */
  #relayChunks(bytes: Buffer, start: number, end: number): void {
    const chunks = this.#chunks!
    const unchunk = this.#client!.exchange.minor === 0
    const read = chunks.read(bytes, start, end, unchunk ? (from, to) => this.#relay(bytes, from, to) : undefined)
    if (read < 0) {
      this.#fail('invalid')
      return
    }
    if (read < end) this.#keepAlive = false
    if (!unchunk) this.#relay(bytes, start, read)
    if (chunks.done) this.#finish()
  }

  #relay(bytes: Buffer, start: number, end: number): void {
    if (!this.#client!.relayBytes(bytes, start, end, this.wire)) this.wire.pause()
  }

  #finish(): void {
    const client = this.#client!
    this.#client = null
    this.#state = IDLE
    this.wire.readIntoShared()
    this.wire.resume()
    this.worker.succeeded()
    // What is left of the request must not be taken for the next one.
    const reusable = this.#keepAlive && client.requestSent
    if (reusable) {
      this.idleSince = client.gateway.now
      this.worker.giveIdle(this)
    } else this.close()
    client.answerFinished()
  }

  /** The client has taken what was written to it. */
  clientDrained(): void {
    this.wire.resume()
  }

  onDrain(): void {
    this.#client?.upstreamDrained()
  }

  onEnd(reason: 'eof' | 'error'): void {
    if (this.#state === UNTIL_CLOSE && reason === 'eof') this.#finish()
    else if (this.#state === IDLE) {
      this.worker.forget(this)
      this.close()
    } else if (this.#state !== CLOSED) this.#fail(reason)
  }

  #fail(reason: 'eof' | 'error' | 'invalid'): void {
    const client = this.#client
    this.close()
    client?.upstreamFailed(reason)
  }

  /** Ends the connection, and with it whatever the worker does for the request. */
  close(): void {
    this.#client = null
    this.#state = CLOSED
    this.wire.close()
  }
}
