/** Reads the head of a worker's answer, as strictly as a request's: what cannot be read in one way only is answered with 502. */

import { COLON, CR, contentLength, equalsIgnoringCase, HTAB, LF, latin1, NAME, SP, VALUE } from './grammar.ts'

/** Answers with longer heads are not valid; Synapse's have some 400 bytes. */
export const MAX_RESPONSE_HEAD_BYTES = 64 * 1024
const MAX_DROPS = 16

/** The head read last: one object for all, offsets into the bytes given. */
export const answer = {
  status: 0,
  /** HTTP/1.x. */
  minor: 1,
  contentLength: -1,
  chunked: false,
  /** The worker keeps the connection open. */
  keepAlive: true,
  dropCount: 0,
}
const drops = new Int32Array(2 * MAX_DROPS)

export const INCOMPLETE = 0
export const INVALID = -1

/**
 * Reads the head that begins at `bytes[start]`: the offset after it, {@link INCOMPLETE} or {@link INVALID}. `unchunk`: the
 * client speaks HTTP/1.0, and is to get the body without its framing. The version in `bytes` becomes HTTP/1.1.
 */
export const readResponseHead = (bytes: Buffer, start: number, end: number, unchunk: boolean): number => {
  let at = start
  answer.contentLength = -1
  answer.chunked = false
  answer.dropCount = 0
  if (named.length > 0) named = []
  if (end - at < 13) return INCOMPLETE
  // HTTP/1.x SP 3DIGIT [SP reason] CRLF
  if (
    bytes[at] !== 0x48 ||
    bytes[at + 1] !== 0x54 ||
    bytes[at + 2] !== 0x54 ||
    bytes[at + 3] !== 0x50 ||
    bytes[at + 4] !== 0x2f ||
    bytes[at + 5] !== 0x31 ||
    bytes[at + 6] !== 0x2e ||
    bytes[at + 8] !== SP
  )
    return INVALID
  const minor = bytes[at + 7]! - 0x30
  if (minor !== 0 && minor !== 1) return INVALID
  const hundreds = bytes[at + 9]! - 0x30
  const tens = bytes[at + 10]! - 0x30
  const ones = bytes[at + 11]! - 0x30
  if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return INVALID
  answer.status = hundreds * 100 + tens * 10 + ones
  answer.minor = minor
  answer.keepAlive = minor === 1
  // RFC 9110 §8.6 and 9112 §6.1: these have no body, and must not say anything of one.
  const bodiless = answer.status < 200 || answer.status === 204
  at += 12
  if (bytes[at] !== SP && bytes[at] !== CR) return INVALID
  while (at < end && VALUE[bytes[at]!] === 1) at++
  if (at + 1 >= end) return at < end && bytes[at] !== CR ? INVALID : INCOMPLETE
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return INVALID
  at += 2

  for (;;) {
    if (at >= end) return INCOMPLETE
    const lineStart = at
    let byte = bytes[at]!
    if (byte === CR) {
      if (at + 1 === end) return INCOMPLETE
      if (bytes[at + 1] !== LF) return INVALID
      at += 2
      break
    }
    while (NAME[byte] === 1 && ++at < end) byte = bytes[at]!
    if (at === end) return INCOMPLETE
    if (byte !== COLON || at === lineStart) return INVALID
    const nameEnd = at++
    while (at < end && VALUE[bytes[at]!] === 1) at++
    if (at + 1 >= end) return at < end && bytes[at] !== CR ? INVALID : INCOMPLETE
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return INVALID
    let valueEnd = at
    let value = nameEnd + 1
    at += 2
    const length = nameEnd - lineStart
    if (length !== 14 && length !== 17 && length !== 10 && length !== 7 && length !== 16) continue
    while (value < valueEnd && (bytes[value] === SP || bytes[value] === HTAB)) value++
    while (valueEnd > value && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
    if (length === 14) {
      if (!equalsIgnoringCase(bytes, lineStart, nameEnd, 'content-length')) continue
      if (answer.contentLength >= 0) return INVALID
      answer.contentLength = contentLength(bytes, value, valueEnd)
      if (answer.contentLength < 0 || (bodiless && !drop(lineStart, at))) return INVALID
    } else if (length === 17) {
      if (!equalsIgnoringCase(bytes, lineStart, nameEnd, 'transfer-encoding')) continue
      if (answer.chunked || !equalsIgnoringCase(bytes, value, valueEnd, 'chunked')) return INVALID
      answer.chunked = true
      if ((unchunk || bodiless) && !drop(lineStart, at)) return INVALID
    } else if (length === 10) {
      if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'connection')) {
        const tokens = latin1(bytes, value, valueEnd).toLowerCase()
        if (/(^|[\s,])close([\s,]|$)/.test(tokens)) answer.keepAlive = false
        else if (/(^|[\s,])keep-alive([\s,]|$)/.test(tokens)) answer.keepAlive = true
        for (const name of tokens.split(/[\s,]+/)) if (!PLAIN_OPTIONS.has(name)) named.push(name)
        if (!drop(lineStart, at)) return INVALID
      } else if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'keep-alive') && !drop(lineStart, at)) return INVALID
    } else if (
      (equalsIgnoringCase(bytes, lineStart, nameEnd, 'upgrade') ||
        equalsIgnoringCase(bytes, lineStart, nameEnd, 'proxy-connection')) &&
      !drop(lineStart, at)
    )
      return INVALID
  }
  if (answer.chunked && (answer.contentLength >= 0 || answer.minor === 0)) return INVALID
  if (named.length > 0 && !dropNamed(bytes, start, at)) return INVALID
  // What goes on is in our own version (RFC 9110 §6.2): a client would take 1.0 for the end of the connection.
  if (minor === 0) bytes[start + 7] = 0x31
  return at
}

/** Connection options that name no field, or one that is dropped anyway. */
const PLAIN_OPTIONS = new Set(['', 'close', 'keep-alive', 'upgrade', 'proxy-connection'])
/** The others: fields that are for this connection only (RFC 9110 §7.6.1). */
let named: string[] = []

/** Drops the lines of those fields as well. False: the head is not valid, as they frame the answer, or are too many. */
const dropNamed = (bytes: Buffer, start: number, headEnd: number): boolean => {
  const already = new Set<number>()
  for (let i = 0; i < answer.dropCount; i++) already.add(drops[2 * i]!)
  answer.dropCount = 0
  let at = bytes.indexOf('\r\n', start, 'latin1') + 2
  while (at < headEnd - 2) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1') + 2
    const name = latin1(bytes, at, bytes.indexOf(COLON, at)).toLowerCase()
    if (named.includes(name) && (name === 'content-length' || name === 'transfer-encoding')) return false
    if ((already.has(at) || named.includes(name)) && !drop(at, lineEnd)) return false
    at = lineEnd
  }
  return true
}

const drop = (start: number, end: number): boolean => {
  if (answer.dropCount === MAX_DROPS) return false
  drops[2 * answer.dropCount] = start
  drops[2 * answer.dropCount + 1] = end
  answer.dropCount++
  return true
}

/** The head as it goes to the client, less its final empty line and the dropped lines. */
export const forwardedAnswer = (bytes: Buffer, start: number, headEnd: number): string => {
  let text = ''
  let from = start
  for (let i = 0; i < answer.dropCount; i++) {
    const lineStart = drops[2 * i]!
    if (lineStart > from) text += latin1(bytes, from, lineStart)
    from = drops[2 * i + 1]!
  }
  if (from < headEnd - 2) text += latin1(bytes, from, headEnd - 2)
  return text
}
