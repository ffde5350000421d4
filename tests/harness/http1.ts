/**
 * A strict reader of HTTP/1.1 messages (RFC 9112), in the manner of h11: the oracle of the smuggling suite.
 *
 * It shares no line with the router on purpose, and it is plain rather than quick: whole bytes in, one message or one
 * reason out. What the RFC lets a recipient repair (bare LF, folded lines, equal duplicate lengths …) is a violation here.
 */

/** A message's bytes as a string of code points 0–255, so that every byte is seen as it was sent. */
export type Latin1 = string

export interface Fields {
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export interface ReadRequest extends Fields {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly body: Latin1
  readonly trailers: readonly (readonly [string, string])[]
  /** False: after this request its sender promised to send nothing, and its recipient must read nothing (RFC 9112 9.6). */
  readonly keepAlive: boolean
}

export interface ReadResponse extends Fields {
  readonly status: number
  readonly version: '1.0' | '1.1'
  readonly body: Latin1
  readonly keepAlive: boolean
}

export type Reading<M> =
  | { readonly kind: 'message'; readonly message: M; readonly end: number }
  /** More bytes are needed. `head`: the message's head was complete. */
  | { readonly kind: 'partial'; readonly head: boolean }
  | { readonly kind: 'violation'; readonly why: string }

export interface RequestRules {
  /**
   * Also hold the request against what a careful proxy emits: HTTP/1.1, lower-case `chunked`, no white space around it,
   * chunk sizes without leading zeros or extensions, no empty lines between requests, no trailer that means anything to
   * framing.
   */
  readonly canonical: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** VCHAR without `#`. RFC 3986 forbids some of these too (`|`, `"`, `<` …), but no parser cuts a line there. */
const TARGET = /^[\x21\x22\x24-\x7e]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const CHUNK_EXTENSION = /^[\t ]*;[\t\x20-\x7e\x80-\xff]*$/
const FRAMING = new Set(['transfer-encoding'])
const NOT_IN_TRAILERS = new Set([
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'proxy-connection',
  'keep-alive',
  'trailer',
  'te',
  'upgrade',
])

class Violation extends Error {}
class Partial extends Error {}

/** Reads one line that must end in CRLF; `end` is the offset after it. */
const line = (bytes: Latin1, from: number): { text: string; end: number } => {
  const lf = bytes.indexOf('\n', from)
  const cr = bytes.indexOf('\r', from)
  if (cr !== -1 && cr + 1 < bytes.length && bytes[cr + 1] !== '\n') throw new Violation('bare CR')
  if (lf === -1) {
    if (bytes.indexOf('\0', from) !== -1) throw new Violation('NUL')
    throw new Partial()
  }
  if (cr !== lf - 1) throw new Violation('bare LF')
  return { text: bytes.slice(from, cr), end: lf + 1 }
}

const fields = (bytes: Latin1, from: number, canonical: boolean) => {
  const headers: [string, string][] = []
  for (let at = from; ; ) {
    const { text, end } = line(bytes, at)
    at = end
    if (text === '') return { headers, end }
    if (text[0] === ' ' || text[0] === '\t') throw new Violation('folded line or space before the first field')
    const colon = text.indexOf(':')
    if (colon === -1) throw new Violation(`a field without a colon: ${JSON.stringify(text)}`)
    const name = text.slice(0, colon)
    if (!TOKEN.test(name)) throw new Violation(`field name ${JSON.stringify(name)}`)
    const raw = text.slice(colon + 1)
    if (!VALUE.test(raw)) throw new Violation(`control byte in the value of ${name}`)
    const value = raw.replace(/^[\t ]+|[\t ]+$/g, '')
    // llhttp, for one, refuses a tab around `chunked`; a proxy that means what it says writes it without.
    if (canonical && FRAMING.has(name.toLowerCase()) && raw !== value && raw !== ` ${value}`) {
      throw new Violation(`white space around the value of ${name}`)
    }
    headers.push([name.toLowerCase(), value])
  }
}

export const valuesOf = ({ headers }: Fields, name: string): readonly string[] =>
  headers.filter(([n]) => n === name).map(([, value]) => value)

const length = (digits: string): number => {
  if (!/^[0-9]+$/.test(digits)) throw new Violation(`Content-Length: ${JSON.stringify(digits)}`)
  const n = Number(digits)
  if (!Number.isSafeInteger(n)) throw new Violation(`Content-Length overflows: ${digits}`)
  return n
}

const chunkedBody = (bytes: Latin1, from: number, canonical: boolean) => {
  let body = ''
  for (let at = from; ; ) {
    const { text, end } = line(bytes, at)
    const size = /^[0-9A-Fa-f]+/.exec(text)?.[0]
    if (size === undefined) throw new Violation(`chunk size ${JSON.stringify(text)}`)
    const extension = text.slice(size.length)
    if (extension !== '' && !CHUNK_EXTENSION.test(extension)) throw new Violation(`chunk size ${JSON.stringify(text)}`)
    if (canonical && extension !== '') throw new Violation(`chunk extension ${JSON.stringify(text)}`)
    if (canonical && size.length > 1 && size[0] === '0') throw new Violation(`chunk size with leading zeros: ${size}`)
    const n = Number.parseInt(size, 16)
    if (!Number.isSafeInteger(n) || size.length > 16) throw new Violation(`chunk size overflows: ${size}`)
    if (n === 0) {
      const trailers = fields(bytes, end, canonical)
      const wrong = canonical && trailers.headers.find(([name]) => NOT_IN_TRAILERS.has(name))
      if (wrong) throw new Violation(`${wrong[0]} in a trailer`)
      return { body, trailers: trailers.headers, end: trailers.end }
    }
    const after = end + n
    if (bytes.length > after && bytes[after] !== '\r') throw new Violation('no CRLF after a chunk')
    if (bytes.length > after + 1 && bytes[after + 1] !== '\n') throw new Violation('no CRLF after a chunk')
    if (bytes.length < after + 2) throw new Partial()
    body += bytes.slice(end, after)
    at = after + 2
  }
}

const attempt = <M>(read: (seenHead: () => void) => { message: M; end: number }): Reading<M> => {
  let head = false
  try {
    return {
      kind: 'message',
      ...read(() => {
        head = true
      }),
    }
  } catch (error) {
    if (error instanceof Violation) return { kind: 'violation', why: error.message }
    if (error instanceof Partial) return { kind: 'partial', head }
    throw error
  }
}

const connectionOptions = (message: Fields) =>
  valuesOf(message, 'connection')
    .join(',')
    .split(',')
    .map((option) => option.trim().toLowerCase())

/** Body and framing of a request or a response, from its fields alone; undefined: the fields declare no body. */
const framed = (message: Fields, bytes: Latin1, from: number, version: '1.0' | '1.1', canonical: boolean) => {
  const encodings = valuesOf(message, 'transfer-encoding')
  const lengths = valuesOf(message, 'content-length')
  if (encodings.length > 0) {
    if (lengths.length > 0) throw new Violation('Transfer-Encoding and Content-Length')
    if (version === '1.0') throw new Violation('Transfer-Encoding in HTTP/1.0')
    if (encodings.length > 1) throw new Violation('two Transfer-Encoding lines')
    const coding = encodings[0]!
    if (coding.toLowerCase() !== 'chunked' || (canonical && coding !== 'chunked')) {
      throw new Violation(`Transfer-Encoding: ${JSON.stringify(coding)}`)
    }
    return chunkedBody(bytes, from, canonical)
  }
  if (lengths.length > 1) throw new Violation('two Content-Length lines')
  if (lengths.length === 0) return undefined
  const n = length(lengths[0]!)
  if (bytes.length < from + n) throw new Partial()
  return { body: bytes.slice(from, from + n), trailers: [], end: from + n }
}

/** Reads the request that begins at `from`. */
export const readRequest = (bytes: Latin1, from: number, rules: RequestRules): Reading<ReadRequest> =>
  attempt((seenHead) => {
    let at = from
    // RFC 9112 2.2: a server should ignore an empty line before the request line.
    if (!rules.canonical) while (bytes.startsWith('\r\n', at)) at += 2
    if (at === bytes.length) throw new Partial()
    const { text, end } = line(bytes, at)
    const match = /^([^ ]+) ([^ ]+) HTTP\/1\.([01])$/.exec(text)
    if (match === null) throw new Violation(`request line ${JSON.stringify(text)}`)
    const method = match[1]!
    const target = match[2]!
    const version = match[3] === '1' ? '1.1' : '1.0'
    if (!TOKEN.test(method)) throw new Violation(`method ${JSON.stringify(method)}`)
    if (!TARGET.test(target)) throw new Violation(`request target ${JSON.stringify(target)}`)
    if (target[0] !== '/' && !(target === '*' && method === 'OPTIONS')) throw new Violation(`target form of ${target}`)
    const head = fields(bytes, end, rules.canonical)
    const hosts = valuesOf(head, 'host').length
    if (hosts > 1) throw new Violation('two Host lines')
    if (hosts === 0 && version === '1.1') throw new Violation('no Host')
    if (rules.canonical && version !== '1.1') throw new Violation('HTTP/1.0')
    seenHead()
    const body = framed(head, bytes, head.end, version, rules.canonical) ?? { body: '', trailers: [], end: head.end }
    const options = connectionOptions(head)
    const keepAlive = version === '1.1' ? !options.includes('close') : options.includes('keep-alive')
    return {
      message: { method, target, version, headers: head.headers, body: body.body, trailers: body.trailers, keepAlive },
      end: body.end,
    }
  })

/**
 * Reads the final response to a request of `method` that begins at `from`, after any 1xx (given to `interim`).
 *
 * @param ended the sender closed the connection: a body without framing ends there
 */
export const readResponse = (
  bytes: Latin1,
  from: number,
  method: string,
  ended: boolean,
  interim: (status: number) => void = () => {},
): Reading<ReadResponse> =>
  attempt((seenHead) => {
    for (let at = from; ; ) {
      if (at === bytes.length) throw new Partial()
      const { text, end } = line(bytes, at)
      // Without a reason the space before it is often left out too, against RFC 9112 4; nobody reads it differently.
      const match = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])( [\t\x20-\x7e\x80-\xff]*)?$/.exec(text)
      if (match === null) throw new Violation(`status line ${JSON.stringify(text)}`)
      const version = match[1] === '1' ? '1.1' : '1.0'
      const status = Number(match[2])
      const head = fields(bytes, end, false)
      if (status < 200 && status !== 101) {
        interim(status)
        at = head.end
        continue
      }
      seenHead()
      const options = connectionOptions(head)
      const keepAlive = version === '1.1' ? !options.includes('close') : options.includes('keep-alive')
      const base = { status, version, headers: head.headers } as const
      const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101
      if (bodiless) return { message: { ...base, body: '', keepAlive }, end: head.end }
      const body = framed(head, bytes, head.end, version, false)
      if (body !== undefined) return { message: { ...base, body: body.body, keepAlive }, end: body.end }
      if (!ended) throw new Partial()
      return { message: { ...base, body: bytes.slice(head.end), keepAlive: false }, end: bytes.length }
    }
  })

export interface Conversation {
  readonly requests: readonly ReadRequest[]
  /** What follows the last request: nothing, the beginning of another, or something no server may accept. */
  readonly rest: { readonly kind: 'none' } | Exclude<Reading<ReadRequest>, { kind: 'message' }>
  /** The last request was the sender's last; what follows it means nothing. */
  readonly closed: boolean
}

/** Every request in `bytes`, read as one connection. */
export const readRequests = (bytes: Latin1, rules: RequestRules = { canonical: false }): Conversation => {
  const requests: ReadRequest[] = []
  for (let at = 0; ; ) {
    if (
      at === bytes.length ||
      (!rules.canonical && /^(\r\n)*\r?$/.test(bytes.slice(at, at + 64)) && bytes.length - at < 64)
    ) {
      return { requests, rest: { kind: 'none' }, closed: false }
    }
    const reading = readRequest(bytes, at, rules)
    if (reading.kind !== 'message') return { requests, rest: reading, closed: false }
    requests.push(reading.message)
    at = reading.end
    if (!reading.message.keepAlive) return { requests, rest: { kind: 'none' }, closed: true }
  }
}
