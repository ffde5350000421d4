/**
 * Reads the head of a request: the request line and the header fields, in one pass over their bytes, and refuses
 * everything that two HTTP implementations could read in two ways (RFC 9112 §11.2). What passes is forwarded as it
 * came, byte for byte, less the hop-by-hop fields.
 */

import {
  COLON,
  CR,
  contentLength,
  equalsIgnoringCase,
  HEX,
  HOST,
  HTAB,
  LF,
  latin1,
  METHOD,
  NAME,
  SP,
  TARGET,
  VALUE,
} from './grammar.ts'
import { type Refusal, refusals } from './refusal.ts'

/** As Twisted's `HTTPChannel.totalHeadersSize`: Synapse refuses more. */
export const MAX_HEAD_BYTES = 16_384
/** Its `maxHeaders` is 500, of which the router may add four (Host, X-Request-ID, X-Forwarded-For and -Proto). */
const MAX_LINES = 496
/** Lines dropped from one head; more than this many hop-by-hop lines is no client's doing. */
const MAX_DROPS = 32

/** The head read last. One object for all, filled anew by each {@link readRequestHead}: offsets are into the bytes it was given. */
export const head = {
  /** The offset of the request line (empty lines before it are skipped). */
  start: 0,
  methodEnd: 0,
  targetStart: 0,
  targetEnd: 0,
  /** 0 or 1: HTTP/1.x. */
  minor: 1,
  /** -1: none. */
  contentLength: -1,
  /** The Content-Length line is dropped for the white space in it. */
  rewriteLength: false,
  chunked: false,
  /** The client lets the connection be used again. */
  keepAlive: true,
  expectsContinue: false,
  hasHost: false,
  authorizationStart: 0,
  authorizationEnd: 0,
  forwardedForStart: 0,
  forwardedForEnd: 0,
  /** The X-Forwarded-For lines before that one, each with a comma after it. */
  forwardedForBefore: '',
  forwardedProtoStart: 0,
  forwardedProtoEnd: 0,
  /** Lines that are not forwarded. */
  dropCount: 0,
  /** Why the head is refused, if {@link readRequestHead} returned REFUSED. */
  refusal: refusals.requestLine as Refusal,
}
/** Start and end of each of those lines, in order. */
const drops = new Int32Array(2 * MAX_DROPS)

export const INCOMPLETE = 0
export const REFUSED = -1

/**
 * Reads the head that begins at `bytes[start]`. Returns the offset after it, {@link INCOMPLETE} if it does not end before
 * `end`, or {@link REFUSED} with `head.refusal` set. Nothing is retained of `bytes`.
 */
export const readRequestHead = (bytes: Buffer, start: number, end: number): number => {
  let at = start
  // RFC 9112 §2.2: empty lines before a request line are ignored.
  for (let empty = 0; at < end && bytes[at] === CR && empty < 2; empty++) {
    if (at + 1 === end) return INCOMPLETE
    if (bytes[at + 1] !== LF) return refuse(refusals.requestLine)
    at += 2
  }
  head.start = at
  head.contentLength = -1
  head.rewriteLength = false
  head.chunked = false
  head.expectsContinue = false
  head.hasHost = false
  head.authorizationStart = head.authorizationEnd = 0
  head.forwardedForStart = head.forwardedForEnd = 0
  head.forwardedForBefore = ''
  head.forwardedProtoStart = head.forwardedProtoEnd = 0
  head.dropCount = 0
  if (namedFields.length > 0) namedFields = []

  // Request line: method SP target SP HTTP/1.x CRLF
  while (at < end && METHOD[bytes[at]!] === 1) at++
  if (at - head.start > 24) return refuse(refusals.method)
  if (at === end) return tooLong(start, end)
  if (bytes[at] !== SP || at === head.start || isMethod(bytes, head.start, at, 'CONNECT'))
    return refuse(refusals.method)
  if (isMethod(bytes, head.start, at, 'TRACE')) return refuse(refusals.trace)
  head.methodEnd = at++
  head.targetStart = at
  while (at < end && TARGET[bytes[at]!] === 1) at++
  if (at === end) return end - head.start > MAX_HEAD_BYTES ? refuse(refusals.targetTooLong) : INCOMPLETE
  if (at - head.start > MAX_HEAD_BYTES) return refuse(refusals.targetTooLong)
  if (bytes[at] !== SP || (bytes[head.targetStart] !== 0x2f && !isAsterisk(bytes, at))) return refuse(refusals.target)
  head.targetEnd = at++
  if (end - at < 10) return incompleteVersion(bytes, at, end)
  const minor = bytes[at + 7]! - 0x30
  if (!isVersion1(bytes, at)) return refuse(refusals.requestLine)
  if (bytes[at + 5] !== 0x31 || (minor !== 0 && minor !== 1)) return refuse(refusals.version)
  if (bytes[at + 8] !== CR || bytes[at + 9] !== LF) return refuse(refusals.requestLine)
  head.minor = minor
  head.keepAlive = minor === 1
  at += 10

  let encodings = 0
  for (let lines = 0; ; lines++) {
    if (at >= end) return tooLong(start, end)
    const lineStart = at
    let byte = bytes[at]!
    if (byte === CR) {
      if (at + 1 === end) return INCOMPLETE
      if (bytes[at + 1] !== LF) return refuse(refusals.lineEnd)
      at += 2
      break
    }
    if (lines === MAX_LINES) return refuse(refusals.headTooLarge)
    while (NAME[byte] === 1 && ++at < end) byte = bytes[at]!
    if (at === end) return tooLong(start, end)
    if (byte !== COLON || at === lineStart)
      return refuse(at === lineStart && (byte === SP || byte === HTAB) ? refusals.folded : refusals.fieldName)
    const nameEnd = at++
    while (at < end && VALUE[bytes[at]!] === 1) at++
    if (at + 1 >= end) return at < end && bytes[at] !== CR ? refuse(fieldRefusal(bytes[at]!)) : tooLong(start, end)
    if (bytes[at] !== CR) return refuse(fieldRefusal(bytes[at]!))
    if (bytes[at + 1] !== LF) return refuse(refusals.lineEnd)
    let valueEnd = at
    let value = nameEnd + 1
    at += 2

    // Only fields that the router acts on are looked at; their names have these lengths.
    switch (nameEnd - lineStart) {
      case 2:
      case 4:
      case 6:
      case 7:
      case 10:
      case 12:
      case 13:
      case 14:
      case 15:
      case 16:
      case 17:
      case 19:
        break
      default:
        continue
    }
    while (value < valueEnd && (bytes[value] === SP || bytes[value] === HTAB)) value++
    while (valueEnd > value && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
    switch (nameEnd - lineStart) {
      case 2:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'te') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
      case 4:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'host')) {
          if (head.hasHost || !isHost(bytes, value, valueEnd)) return refuse(refusals.host)
          head.hasHost = true
        }
        break
      case 6:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'expect')) {
          if (!equalsIgnoringCase(bytes, value, valueEnd, '100-continue')) return refuse(refusals.expectation)
          head.expectsContinue = true
        }
        break
      case 7:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'upgrade') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
      case 10:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'connection')) {
          if (!readConnection(bytes, value, valueEnd)) return refuse(refusals.connection)
          if (!drop(lineStart, at)) return refuse(refusals.headTooLarge)
        } else if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'keep-alive') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
      case 12:
        // Ours takes its place: one request, one ID.
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'x-request-id') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
      case 13:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'authorization') && head.authorizationEnd === 0) {
          head.authorizationStart = value
          head.authorizationEnd = valueEnd
        }
        break
      case 14:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'content-length')) {
          if (head.contentLength >= 0) return refuse(refusals.duplicateLength)
          head.contentLength = contentLength(bytes, value, valueEnd)
          if (head.contentLength < 0) return refuse(refusals.contentLength)
          // What frames the body goes on in one spelling only: the caller writes the line anew.
          if ((valueEnd !== at - 2 || value !== nameEnd + 2) && drop(lineStart, at)) head.rewriteLength = true
        } else if (
          (equalsIgnoringCase(bytes, lineStart, nameEnd, 'http2-settings') ||
            equalsIgnoringCase(bytes, lineStart, nameEnd, 'content_length')) &&
          !drop(lineStart, at)
        )
          return refuse(refusals.headTooLarge)
        break
      case 15:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'x-forwarded-for')) {
          // Several lines are one list (RFC 9110 §5.3): HAProxy adds a line of its own.
          if (head.forwardedForEnd > 0)
            head.forwardedForBefore += `${latin1(bytes, head.forwardedForStart, head.forwardedForEnd)},`
          head.forwardedForStart = value
          head.forwardedForEnd = valueEnd
          if (!drop(lineStart, at)) return refuse(refusals.headTooLarge)
        }
        break
      case 16:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'proxy-connection') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
      case 17:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'transfer-encoding')) {
          if (++encodings > 1 || head.minor === 0 || !equalsIgnoringCase(bytes, value, valueEnd, 'chunked'))
            return refuse(refusals.transferEncoding)
          head.chunked = true
          if (!drop(lineStart, at)) return refuse(refusals.headTooLarge)
        } else if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'transfer_encoding')) {
          // No field of HTTP's, as Content_Length is none; but CGI, WSGI and their like know both by one name. nginx drops them too.
          if (!drop(lineStart, at)) return refuse(refusals.headTooLarge)
        } else if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'x-forwarded-proto')) {
          // Several are one list: the first is the client's.
          if (head.forwardedProtoEnd === 0) {
            head.forwardedProtoStart = value
            head.forwardedProtoEnd = valueEnd
          }
          if (!drop(lineStart, at)) return refuse(refusals.headTooLarge)
        }
        break
      case 19:
        if (equalsIgnoringCase(bytes, lineStart, nameEnd, 'proxy-authorization') && !drop(lineStart, at))
          return refuse(refusals.headTooLarge)
        break
    }
  }
  if (at - head.start > MAX_HEAD_BYTES) return refuse(refusals.headTooLarge)
  if (head.chunked && head.contentLength >= 0) return refuse(refusals.lengthAndEncoding)
  if (!head.hasHost && head.minor === 1) return refuse(refusals.host)
  if (head.minor === 0) head.expectsContinue = head.keepAlive = false
  if (namedFields.length > 0 && !dropNamed(bytes, at)) return REFUSED
  return at
}

const refuse = (refusal: Refusal): number => {
  head.refusal = refusal
  return REFUSED
}

/** CONNECT asks for a tunnel, and has no path; TRACE sends back what proxies added, and is not for them to pass on. */
const isMethod = (bytes: Buffer, start: number, end: number, method: string): boolean =>
  end - start === method.length && bytes[start] === method.charCodeAt(0) && latin1(bytes, start, end) === method

/** `OPTIONS *` (RFC 9112 §3.2.4), the target of which ends at `end`. */
const isAsterisk = (bytes: Buffer, end: number): boolean =>
  bytes[head.targetStart] === 0x2a &&
  end - head.targetStart === 1 &&
  isMethod(bytes, head.start, head.methodEnd, 'OPTIONS')

const tooLong = (start: number, end: number): number =>
  end - start > MAX_HEAD_BYTES ? refuse(refusals.headTooLarge) : INCOMPLETE

const fieldRefusal = (byte: number): Refusal => (byte === LF ? refusals.lineEnd : refusals.fieldValue)

const drop = (start: number, end: number): boolean => {
  if (head.dropCount === MAX_DROPS) return false
  drops[2 * head.dropCount] = start
  drops[2 * head.dropCount + 1] = end
  head.dropCount++
  return true
}

/** `HTTP/d.d` at `at`, of which ten bytes are there. */
const isVersion1 = (bytes: Buffer, at: number): boolean =>
  bytes[at] === 0x48 &&
  bytes[at + 1] === 0x54 &&
  bytes[at + 2] === 0x54 &&
  bytes[at + 3] === 0x50 &&
  bytes[at + 4] === 0x2f &&
  isDigit(bytes[at + 5]!) &&
  bytes[at + 6] === 0x2e &&
  isDigit(bytes[at + 7]!)

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39

const VERSION = 'HTTP/1.1\r\n'
/** The version is cut off: refused as soon as it cannot become one. */
const incompleteVersion = (bytes: Buffer, at: number, end: number): number => {
  for (let i = at; i < end; i++) {
    const expected = VERSION.charCodeAt(i - at)
    const digit = i - at === 5 || i - at === 7
    if (digit ? !isDigit(bytes[i]!) : bytes[i] !== expected) return refuse(refusals.requestLine)
  }
  return INCOMPLETE
}

/** `host`, `host:port` or `[IPv6]:port` (RFC 9110 §7.2); the port may be empty. */
const isHost = (bytes: Buffer, start: number, end: number): boolean => {
  let at = start
  if (bytes[at] === 0x5b) {
    for (at++; at < end && (HEX[bytes[at]!] !== 255 || bytes[at] === COLON || bytes[at] === 0x2e); ) at++
    if (at === end || bytes[at] !== 0x5d || at++ === start + 1) return false
  } else while (at < end && HOST[bytes[at]!] === 1) at++
  if (at === start) return false
  if (at < end && bytes[at] !== COLON) return false
  while (++at < end) if (!isDigit(bytes[at]!)) return false
  return true
}

/** Fields that are never hop-by-hop: to have them dropped is to change what the request means (RFC 9110 §7.6.1). */
const END_TO_END = new Set([
  'host',
  'authorization',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'cookie',
  'expect',
  'origin',
  'x-forwarded-for',
  'x-forwarded-proto',
])
/** What Connection names beyond the fields that are dropped anyway. */
let namedFields: string[] = []

/** Reads `Connection`, of which there may be several. False: it is not valid. */
const readConnection = (bytes: Buffer, start: number, end: number): boolean => {
  if (equalsIgnoringCase(bytes, start, end, 'keep-alive')) return true
  for (const item of latin1(bytes, start, end).toLowerCase().split(',')) {
    const name = item.trim()
    if (name === '' || name === 'keep-alive' || name === 'te' || name === 'upgrade') continue
    if (name === 'close') head.keepAlive = false
    else if (END_TO_END.has(name)) return false
    else namedFields.push(name)
  }
  return true
}

/** Drops the lines whose names Connection listed. False: refused. */
const dropNamed = (bytes: Buffer, headEnd: number): boolean => {
  const already = new Set<number>()
  for (let i = 0; i < head.dropCount; i++) already.add(drops[2 * i]!)
  let at = bytes.indexOf('\r\n', head.targetEnd, 'latin1') + 2
  const lines: [number, number][] = []
  while (at < headEnd - 2) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1') + 2
    const name = latin1(bytes, at, bytes.indexOf(COLON, at)).toLowerCase()
    if (already.has(at) || namedFields.includes(name)) lines.push([at, lineEnd])
    at = lineEnd
  }
  head.dropCount = 0
  for (const [start, end] of lines) {
    if (drop(start, end)) continue
    refuse(refusals.headTooLarge)
    return false
  }
  return true
}

/**
 * The head as it goes to a worker, in HTTP/1.1 whatever it came in, less its final empty line: `bytes` up to `headEnd` (what {@link readRequestHead}
 * returned) without the dropped lines. The caller adds its own fields and the empty line.
 */
export const forwardedHead = (bytes: Buffer, headEnd: number): string => {
  let text = ''
  let from = head.start
  for (let i = 0; i < head.dropCount; i++) {
    const start = drops[2 * i]!
    if (start > from) text += latin1(bytes, from, start)
    from = drops[2 * i + 1]!
  }
  if (from < headEnd - 2) text += latin1(bytes, from, headEnd - 2)
  return head.minor === 1 ? text : text.replace(' HTTP/1.0\r\n', ' HTTP/1.1\r\n')
}
