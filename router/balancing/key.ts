/**
 * What a request sticks to: a 32-bit hash of its user, room, origin and so on, read from the bytes of its head. The
 * same key gives the same hash however it is written: in a header or in the query, percent-encoded or not.
 */

import type { Sticky } from '../../shared/endpoints/types.ts'

/** Where the parts of a request that make keys are, as offsets into `bytes`. An absent part has start = end. */
export interface KeySource {
  readonly bytes: Uint8Array
  readonly targetStart: number
  /** End of the whole target, with its query. */
  readonly targetEnd: number
  /** The Authorization header's value. */
  readonly authorizationStart: number
  readonly authorizationEnd: number
  /** The client's address in canonical form. */
  readonly clientAddress: string
}

/** No key: the request goes to the least loaded worker. */
export const NO_KEY = -1

const SLASH = 0x2f
const QUESTION = 0x3f
const AMPERSAND = 0x26
const EQUALS = 0x3d
const PERCENT = 0x25
const UNDERSCORE = 0x5f
const BANG = 0x21
const HASH = 0x23

/**
 * The key's hash for a request, 0 … 2^32−1, or {@link NO_KEY} if the request has nothing of the kind.
 * `user`: the localpart in a `syt_` token, in the header or in `access_token=`; of another token the whole token.
 * `room`: the room ID or alias in the path, percent-decoded.
 * `origin`: the `origin` of an X-Matrix Authorization header, else the client's address.
 * `media`: server name and media ID of a download or thumbnail, the `url` of a preview; an upload has no key.
 */
export const keyHash = (sticky: Sticky, source: KeySource): number => {
  switch (sticky) {
    case 'user':
      return tokenKey(source, true)
    case 'token':
      return tokenKey(source, false)
    case 'room':
      return roomKey(source)
    case 'source_ip':
      return hashString(source.clientAddress)
    case 'origin':
      return originKey(source)
    case 'media':
      return mediaKey(source)
    case 'uri':
      return hashDecoded(source.bytes, source.targetStart, source.targetEnd)
  }
}

const finish = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
const START = 0x811c9dc5
const step = (hash: number, byte: number) => Math.imul(hash ^ byte, 0x01000193)

const hashBytes = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = START
  for (let i = start; i < end; i++) hash = step(hash, bytes[i]!)
  return finish(hash)
}

/** The hash of a key's text: that of its UTF-8 bytes. */
export const hashString = (text: string): number => {
  let hash = START
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return hashBytes(Buffer.from(text, 'utf8'), 0, Buffer.byteLength(text))
    hash = step(hash, code)
  }
  return finish(hash)
}

const hexDigit = (byte: number): number =>
  byte >= 0x30 && byte <= 0x39
    ? byte - 0x30
    : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
      ? (byte | 0x20) - 0x57
      : -1

/** The byte that `%xx` at `at` stands for, or -1 if it is not a percent-encoding. */
const decodeAt = (bytes: Uint8Array, at: number, end: number): number => {
  if (at + 2 >= end) return -1
  const high = hexDigit(bytes[at + 1]!)
  const low = hexDigit(bytes[at + 2]!)
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** Hash of the percent-decoded bytes `[start, end)`. */
const hashDecoded = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = START
  for (let i = start; i < end; i++) {
    let byte = bytes[i]!
    if (byte === PERCENT) {
      const decoded = decodeAt(bytes, i, end)
      if (decoded >= 0) {
        byte = decoded
        i += 2
      }
    }
    hash = step(hash, byte)
  }
  return finish(hash)
}

/** Hash of a token's localpart part (`syt_<this>_…`) if `user`, else of the whole token. `+` in a query's token stands for itself in both forms. */
const hashToken = (bytes: Uint8Array, start: number, end: number, user: boolean): number => {
  let from = user ? afterSyt(bytes, start, end) : 0
  let to = end
  if (from > 0) {
    to = from
    // The localpart is standard base64, which has no underscore; an encoded one (%5F) ends it as well.
    while (to < end && bytes[to] !== UNDERSCORE && !(bytes[to] === PERCENT && decodeAt(bytes, to, end) === UNDERSCORE))
      to++
    if (to === end) from = 0
  }
  if (from === 0) from = start
  return from === to ? NO_KEY : hashDecoded(bytes, from, to)
}

/** The offset after the `syt_` that a token begins with, percent-encoded or not; 0: it begins otherwise. */
const afterSyt = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  for (let i = 0; i < SYT.length; i++) {
    if (at >= end) return 0
    const encoded = bytes[at] === PERCENT
    if ((encoded ? decodeAt(bytes, at, end) : bytes[at]) !== SYT[i]) return 0
    at += encoded ? 3 : 1
  }
  return at < end ? at : 0
}

const tokenKey = (source: KeySource, user: boolean): number => {
  const { bytes, authorizationStart: start, authorizationEnd: end } = source
  if (end > start) {
    const token = afterScheme(bytes, start, end, BEARER)
    if (token > 0) return hashToken(bytes, token, end, user)
    return hashBytes(bytes, start, end)
  }
  const value = queryValue(bytes, source.targetStart, source.targetEnd, ACCESS_TOKEN)
  return value < 0 ? NO_KEY : hashToken(bytes, value, valueEnd, user)
}

const SYT = Buffer.from('syt_', 'latin1')
const BEARER = Buffer.from('bearer', 'latin1')
const X_MATRIX = Buffer.from('x-matrix', 'latin1')
const ACCESS_TOKEN = Buffer.from('access_token', 'latin1')
const ORIGIN = Buffer.from('origin', 'latin1')

/** The offset of the first byte after `scheme` (lower case) and its spaces, or 0 if the value has another scheme. */
const afterScheme = (bytes: Uint8Array, start: number, end: number, scheme: Uint8Array): number => {
  const length = scheme.length
  if (end - start <= length) return 0
  for (let i = 0; i < length; i++) if ((bytes[start + i]! | 0x20) !== (scheme[i]! | 0x20)) return 0
  let at = start + length
  if (bytes[at] !== 0x20) return 0
  while (at < end && bytes[at] === 0x20) at++
  return at
}

/** Where the value found by {@link queryValue} ends. */
let valueEnd = 0

/** The offset of the value of the first argument called `name` in the target's query, or -1. Sets {@link valueEnd}. */
const queryValue = (bytes: Uint8Array, start: number, end: number, name: Uint8Array): number => {
  let at = start
  while (at < end && bytes[at] !== QUESTION) at++
  while (at < end) {
    at++ // past ? or &
    let matched = 0
    let i = at
    for (; i < end && bytes[i] !== EQUALS && bytes[i] !== AMPERSAND; i++) {
      let byte = bytes[i]!
      if (byte === PERCENT) {
        const decoded = decodeAt(bytes, i, end)
        if (decoded >= 0) {
          byte = decoded
          i += 2
        }
      }
      matched = matched >= 0 && name[matched] === byte ? matched + 1 : -1
    }
    let to = i
    while (to < end && bytes[to] !== AMPERSAND) to++
    if (matched === name.length && bytes[i] === EQUALS) {
      valueEnd = to
      return i + 1
    }
    at = to
  }
  return -1
}

const ROOMS = Buffer.from('/rooms/', 'latin1')

/** Whether the room that the target names is named by an alias. */
export const namesAlias = ({ bytes, targetStart, targetEnd }: KeySource): boolean =>
  findRoom(bytes, targetStart, targetEnd) &&
  (bytes[segmentStart] === PERCENT ? decodeAt(bytes, segmentStart, segmentEnd) : bytes[segmentStart]) === HASH

let segmentStart = 0
let segmentEnd = 0

/** Finds the room ID or alias: the segment after `/rooms/`, else the first that begins with `!` or `#`, plain or encoded. */
const findRoom = (bytes: Uint8Array, start: number, end: number): boolean => {
  let sigil = -1
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === QUESTION) break
    if (byte !== SLASH) continue
    if (bytes[i + 1] === 0x72 && i + 7 < end && isRooms(bytes, i)) return segmentAt(bytes, i + 7, end)
    if (sigil >= 0) continue
    const next = bytes[i + 1]
    const first = next === PERCENT ? decodeAt(bytes, i + 1, end) : next
    if ((first === BANG || first === HASH) && i + 1 < end) sigil = i + 1
  }
  return sigil >= 0 && segmentAt(bytes, sigil, end)
}

const isRooms = (bytes: Uint8Array, at: number): boolean => {
  for (let i = 0; i < 7; i++) if (bytes[at + i] !== ROOMS[i]) return false
  return true
}

const segmentAt = (bytes: Uint8Array, start: number, end: number): boolean => {
  let to = start
  while (to < end && bytes[to] !== SLASH && bytes[to] !== QUESTION) to++
  segmentStart = start
  segmentEnd = to
  return to > start
}

const roomKey = (source: KeySource): number =>
  findRoom(source.bytes, source.targetStart, source.targetEnd)
    ? hashDecoded(source.bytes, segmentStart, segmentEnd)
    : NO_KEY

const originKey = (source: KeySource): number => {
  const { bytes, authorizationStart: start, authorizationEnd: end } = source
  let at = end > start ? afterScheme(bytes, start, end, X_MATRIX) : 0
  if (at > 0) {
    // origin=example.org,destination="…",key="…",sig="…" in any order; a quoted value may hold commas.
    while (at < end) {
      while (at < end && (isBlank(bytes[at]!) || bytes[at] === 0x2c)) at++
      const name = at
      while (at < end && bytes[at] !== EQUALS) at++
      let nameEnd = at
      while (nameEnd > name && isBlank(bytes[nameEnd - 1]!)) nameEnd--
      at++
      while (at < end && isBlank(bytes[at]!)) at++
      const quoted = bytes[at] === 0x22
      if (quoted) at++
      const value = at
      while (at < end && (quoted ? bytes[at] !== 0x22 : bytes[at] !== 0x2c && !isBlank(bytes[at]!))) at++
      if (isOrigin(bytes, name, nameEnd) && at > value) return hashLower(bytes, value, at)
      at++
    }
  }
  return hashString(source.clientAddress)
}

const isBlank = (byte: number) => byte === 0x20 || byte === 0x09

const isOrigin = (bytes: Uint8Array, start: number, end: number): boolean => {
  if (end - start !== ORIGIN.length) return false
  for (let i = 0; i < ORIGIN.length; i++) if ((bytes[start + i]! | 0x20) !== ORIGIN[i]) return false
  return true
}

const hashLower = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = START
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    hash = step(hash, byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)
  }
  return finish(hash)
}

/** Media: `…/{serverName}/{mediaId}[/{fileName}]` after `download` or `thumbnail`; of a preview the URL. What makes new media sticks to nothing. */
const mediaKey = (source: KeySource): number => {
  const { bytes, targetStart } = source
  let end = targetStart
  while (end < source.targetEnd && bytes[end] !== QUESTION) end++
  for (let i = targetStart; i < end; i++) {
    if (bytes[i] !== SLASH) continue
    const from = afterSegment(bytes, i + 1, end, DOWNLOAD) || afterSegment(bytes, i + 1, end, THUMBNAIL)
    if (from === 0) {
      if (afterSegment(bytes, i, end + 1, PREVIEW) !== end) continue
      const url = queryValue(bytes, end, source.targetEnd, URL_ARGUMENT)
      return url < 0 ? NO_KEY : hashDecoded(bytes, url, valueEnd)
    }
    let to = from
    let slashes = 0
    while (to < end && !(bytes[to] === SLASH && ++slashes === 2)) to++
    return hashDecoded(bytes, from, to)
  }
  return NO_KEY
}

const DOWNLOAD = Buffer.from('download/', 'latin1')
const THUMBNAIL = Buffer.from('thumbnail/', 'latin1')
const PREVIEW = Buffer.from('/preview_url', 'latin1')
const URL_ARGUMENT = Buffer.from('url', 'latin1')

const afterSegment = (bytes: Uint8Array, start: number, end: number, segment: Uint8Array): number => {
  if (end - start <= segment.length) return 0
  for (let i = 0; i < segment.length; i++) if (bytes[start + i] !== segment[i]) return 0
  return start + segment.length
}
