/**
 * `next_batch` and `prev_batch` of the room directory, in Synapse's form: a map of MessagePack in base64, of the last room's
 * members (`m`), its ID (`r`), and whether it goes on forwards (`d`).
 */

import { decodeBase64, encodeBase64 } from '../../shared/matrix/base64.ts'
import type { Place } from '../storage/public-rooms.ts'

export interface ListToken extends Place {
  readonly isForward: boolean
}

const FIXMAP = 0x80
const FIXSTR = 0xa0
const [FALSE, TRUE] = [0xc2, 0xc3]
const [STR8, STR16] = [0xd9, 0xda]
const [UINT8, UINT16, UINT32, UINT64] = [0xcc, 0xcd, 0xce, 0xcf]

export function printListToken({ members, roomId, isForward }: ListToken): string {
  const id = Buffer.from(roomId)
  const head =
    id.length < 32
      ? [FIXSTR | id.length]
      : id.length < 256
        ? [STR8, id.length]
        : [STR16, id.length >> 8, id.length & 255]
  return encodeBase64(
    Buffer.concat([
      Buffer.of(FIXMAP | 3, FIXSTR | 1, ...Buffer.from('m'), ...unsigned(members)),
      Buffer.of(FIXSTR | 1, ...Buffer.from('r'), ...head),
      id,
      Buffer.of(FIXSTR | 1, ...Buffer.from('d'), isForward ? TRUE : FALSE),
    ]),
  )
}

function unsigned(value: number): readonly number[] {
  if (value < 0x80) return [value]
  if (value < 0x100) return [UINT8, value]
  if (value < 0x10000) return [UINT16, value >> 8, value & 255]
  const bytes = Buffer.alloc(5)
  bytes[0] = UINT32
  bytes.writeUInt32BE(value, 1)
  return [...bytes]
}

/** Undefined: it is none. */
export function parseListToken(text: string): ListToken | undefined {
  const bytes = text.length > MAX_LENGTH ? undefined : decodeBase64(text)
  if (bytes === undefined) return undefined
  try {
    return read(Buffer.from(bytes))
  } catch {
    // It ends too early.
    return undefined
  }
}
const MAX_LENGTH = 1_000

function read(bytes: Buffer): ListToken | undefined {
  let at = 0
  const byte = () => bytes.readUInt8(at++)
  const number = (length: number) => {
    at += length
    return length === 8 ? Number(bytes.readBigUInt64BE(at - 8)) : bytes.readUIntBE(at - length, length)
  }
  const string = (length: number) => {
    at += length
    if (at > bytes.length) throw new RangeError('a string that ends too early')
    return bytes.toString('utf8', at - length, at)
  }
  const value = (): string | number | boolean | undefined => {
    const kind = byte()
    if (kind < 0x80) return kind
    if ((kind & 0xe0) === FIXSTR) return string(kind & 0x1f)
    if (kind === FALSE || kind === TRUE) return kind === TRUE
    if (kind === STR8) return string(number(1))
    if (kind === STR16) return string(number(2))
    if (kind === UINT8) return number(1)
    if (kind === UINT16) return number(2)
    if (kind === UINT32) return number(4)
    return kind === UINT64 ? number(8) : undefined
  }
  if (byte() !== (FIXMAP | 3)) return undefined
  const members = new Map<unknown, string | number | boolean | undefined>()
  for (let i = 0; i < 3; i++) members.set(value(), value())
  const [m, r, d] = [members.get('m'), members.get('r'), members.get('d')]
  if (typeof m !== 'number' || typeof r !== 'string' || typeof d !== 'boolean') return undefined
  // Postgres counts to there, and has no NUL.
  return m > 0x7fffffff || r.includes('\0') ? undefined : { members: m, roomId: r, isForward: d }
}
