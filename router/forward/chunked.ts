/**
 * Follows the framing of a chunked body (RFC 9112 §7.1) through however many reads it comes in, without gathering it.
 * Strict: sizes are hexadecimal digits, lines end with CR LF, and a trailer may not be a field that frames or routes.
 */

import { BEFORE_NAME, ENDED, extensionStep, NOT_VALID } from './chunk-extension.ts'
import { CR, HEX, LF, NAME, VALUE } from './grammar.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER_START = 6
const TRAILER = 7
const TRAILER_LF = 8
const END_LF = 9
const DONE = 10

const MAX_EXTENSION_BYTES = 256
const MAX_TRAILER_BYTES = 8192
/** Trailers that would frame, route or authorise, had a recipient merged them into the head (RFC 9110 §6.5.1), and hop-by-hop ones. */
const FORBIDDEN_TRAILERS =
  /^(transfer[-_]encoding|host|connection|authorization|te|trailer|expect|cookie|upgrade|keep-alive|content[-_].*|proxy-.*|x-forwarded-.*|x-request-id|http2-settings)$/

export class ChunkReader {
  #state = SIZE
  /** State within an extension. */
  #extension = BEFORE_NAME
  /** Bytes of the current chunk that are still to come. */
  #left = 0
  #digits = 0
  #count = 0
  #trailer = ''
  /** Trailer lines read, each with its CR LF. */
  trailers = ''
  /** Bytes of data passed so far. */
  dataBytes = 0

  /** Bytes of data announced so far: those passed, and the rest of the current chunk. */
  get announcedBytes(): number {
    return this.dataBytes + this.#left
  }

  get done(): boolean {
    return this.#state === DONE
  }

  reset(): void {
    this.#state = SIZE
    this.#left = this.#digits = this.#count = this.dataBytes = 0
    this.trailers = this.#trailer = ''
  }

  /**
   * Reads on at `bytes[start]`. Returns the offset after what belongs to the body: `end`, or less once {@link done}; or -1
   * if the framing is not valid. `onData`, where given, gets each stretch of data.
   */
  read(bytes: Buffer, start: number, end: number, onData?: (start: number, end: number) => void): number {
    let at = start
    while (at < end) {
      if (this.#state === DATA) {
        const take = Math.min(this.#left, end - at)
        onData?.(at, at + take)
        at += take
        this.dataBytes += take
        this.#left -= take
        if (this.#left === 0) this.#state = DATA_CR
        continue
      }
      const byte = bytes[at++]!
      switch (this.#state) {
        case SIZE: {
          const digit = HEX[byte]!
          if (digit !== 255) {
            if (++this.#digits > 12) return -1
            this.#left = this.#left * 16 + digit
          } else if (this.#digits === 0) return -1
          else if (byte === CR) this.#state = SIZE_LF
          else if (byte === 0x3b) {
            this.#state = EXTENSION
            this.#extension = BEFORE_NAME
            this.#count = 0
          } else return -1
          break
        }
        case EXTENSION:
          this.#extension = extensionStep(this.#extension, byte)
          if (this.#extension === ENDED) this.#state = SIZE_LF
          else if (this.#extension === NOT_VALID || ++this.#count > MAX_EXTENSION_BYTES) return -1
          break
        case SIZE_LF:
          if (byte !== LF) return -1
          this.#digits = 0
          if (this.#left > 0) this.#state = DATA
          else {
            this.#state = TRAILER_START
            this.#count = 0
          }
          break
        case DATA_CR:
          if (byte !== CR) return -1
          this.#state = DATA_LF
          break
        case DATA_LF:
          if (byte !== LF) return -1
          this.#state = SIZE
          break
        case TRAILER_START:
          if (byte === CR) this.#state = END_LF
          else if (NAME[byte] === 1) {
            this.#state = TRAILER
            this.#trailer = String.fromCharCode(byte)
          } else return -1
          break
        case TRAILER:
          if (byte === CR) this.#state = TRAILER_LF
          else if (VALUE[byte] !== 1 || ++this.#count > MAX_TRAILER_BYTES) return -1
          else this.#trailer += String.fromCharCode(byte)
          break
        case TRAILER_LF:
          if (byte !== LF || !this.#keepTrailer()) return -1
          this.#state = TRAILER_START
          break
        case END_LF:
          if (byte !== LF) return -1
          this.#state = DONE
          return at
        default:
          return at - 1
      }
    }
    return at
  }

  #keepTrailer(): boolean {
    const colon = this.#trailer.indexOf(':')
    if (colon <= 0) return false
    for (let i = 0; i < colon; i++) if (NAME[this.#trailer.charCodeAt(i)] !== 1) return false
    if (FORBIDDEN_TRAILERS.test(this.#trailer.slice(0, colon).toLowerCase())) return false
    this.trailers += `${this.#trailer}\r\n`
    return true
  }
}
