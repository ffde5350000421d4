/**
 * Buffers that bodies are read into and written from, without a copy between. One is in use as long as somebody reads into
 * it, or the kernel has not taken what was written from it; then it serves again. What clients that take their answers slowly
 * can hold on to is bounded by there being few large ones: the rest read little at a time.
 */

/** One read of a body in bulk. Measured with 1 MiB bodies: 64 KiB cost 1.6 times the CPU, 256 KiB 1.15 times, 1 MiB the same. */
const BULK_BYTES = 512 * 1024
const SMALL_BYTES = 64 * 1024
/** Of the bulk ones there are no more than these, 32 MiB. */
const MAX_BULK = 64
/** Kept for the next body: 8 MiB of each kind. */
const SPARE_BULK = 16
const SPARE_SMALL = 128

export interface ReadBuffer {
  readonly bytes: Buffer
  readonly isBulk: boolean
  /** Who reads into it, and the writes from it that are under way. */
  users: number
}

const spareBulk: ReadBuffer[] = []
const spareSmall: ReadBuffer[] = []
let bulkCount = 0
const byMemory = new WeakMap<ArrayBufferLike, ReadBuffer>()

const make = (size: number, isBulk: boolean): ReadBuffer => {
  const buffer = { bytes: Buffer.allocUnsafeSlow(size), isBulk, users: 0 }
  byMemory.set(buffer.bytes.buffer, buffer)
  return buffer
}

/** For a reader who is to {@link letGo} of it. */
export const takeSmall = (): ReadBuffer => {
  const buffer = spareSmall.pop() ?? make(SMALL_BYTES, false)
  buffer.users = 1
  return buffer
}

/** As {@link takeSmall}, a large one; undefined: all are in use. */
export const takeBulk = (): ReadBuffer | undefined => {
  let buffer = spareBulk.pop()
  if (buffer === undefined) {
    if (bulkCount === MAX_BULK) return undefined
    bulkCount++
    buffer = make(BULK_BYTES, true)
  }
  buffer.users = 1
  return buffer
}

/** A write of `bytes` is under way. Returns the buffer that they lie in, to {@link letGo} of when it is done; undefined: in none of these. */
export const hold = (bytes: Uint8Array): ReadBuffer | undefined => {
  const buffer = byMemory.get(bytes.buffer)
  if (buffer !== undefined) buffer.users++
  return buffer
}

export const letGo = (buffer: ReadBuffer): void => {
  if (--buffer.users > 0) return
  if (!buffer.isBulk) {
    if (spareSmall.length < SPARE_SMALL) spareSmall.push(buffer)
  } else if (spareBulk.length < SPARE_BULK) spareBulk.push(buffer)
  else bulkCount--
}

/** How many bulk buffers are in use. */
export const bulkInUse = (): number => bulkCount - spareBulk.length
