/** The body of a request as it passes: how much of what arrived belongs to it, and how that goes on to the worker. */

import { ChunkReader } from './chunked.ts'
import { latin1 } from './grammar.ts'
import { type Refusal, refusals } from './refusal.ts'
import { SMALL_BYTES } from './wire.ts'

export class RequestBody {
  /** Nothing is to come any more. */
  done = false
  /** Bytes still to come of a body whose length was told. */
  left = 0
  /** What was read last, as it goes to the worker, in latin1. */
  text = ''
  /** What was read last goes as it came: it is too much for a string. */
  raw = false
  /** Why the body is not served, if {@link begin} or {@link read} said so. */
  refusal: Refusal = refusals.chunk
  #maxBytes = 0
  #isChunked = false
  #chunks: ChunkReader | null = null

  /** Begins a body of `contentLength` bytes, or in chunks. False: it is too large. */
  begin(contentLength: number, isChunked: boolean, maxBytes: number): boolean {
    this.#maxBytes = maxBytes
    this.#isChunked = isChunked
    this.done = false
    this.raw = false
    this.left = 0
    if (isChunked) {
      this.#chunks ??= new ChunkReader()
      this.#chunks.reset()
    } else if (contentLength > maxBytes) {
      this.refusal = refusals.bodyTooLarge
      return false
    } else this.left = contentLength
    return true
  }

  /** Reads on at `bytes[start]`. Returns the offset after what belongs to the body, or -1 if it is refused. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#isChunked) return this.#readChunks(bytes, start, end)
    const take = Math.min(this.left, end - start)
    this.left -= take
    this.done = this.left === 0
    this.raw = take > SMALL_BYTES
    this.text = this.raw || take === 0 ? '' : latin1(bytes, start, start + take)
    return start + take
  }

  /** Chunks are framed anew: what the worker reads is in one spelling, without extensions. */
  #readChunks(bytes: Buffer, start: number, end: number): number {
    const chunks = this.#chunks!
    let framed = ''
    const at = chunks.read(bytes, start, end, (from, to) => {
      framed += `${(to - from).toString(16)}\r\n${latin1(bytes, from, to)}\r\n`
    })
    if (at < 0 || chunks.announcedBytes > this.#maxBytes) {
      this.refusal = at < 0 ? refusals.chunk : refusals.bodyTooLarge
      return -1
    }
    this.done = chunks.done
    this.text = this.done ? `${framed}0\r\n${chunks.trailers}\r\n` : framed
    return at
  }
}
