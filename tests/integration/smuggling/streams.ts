/** Streams of requests for the fuzzers: a grammar of what must pass, and mutations of it. */

import type { Latin1 } from '../../harness/http1.ts'
import { makeRandom, type Random } from '../../harness/random.ts'

export interface Stream {
  readonly bytes: Latin1
  /** Straight from the grammar: every request of it must be served. */
  readonly pure: boolean
}

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']
const TAILS = [
  '',
  '',
  '?',
  '?a=b',
  '?a=%00&b',
  '/%2F',
  '/..',
  '/%2e%2e/x',
  '//',
  '/!r:hs/$e',
  '?q=a|b^c{d}`e"<>',
  '/\\',
  '/;a=b',
  '/~@:,',
]
const NAMES = [
  'X-A',
  'accept',
  'User-Agent',
  'X-Content-Length',
  'X-Transfer-Encoding',
  'Cookie',
  'Authorization',
  'X',
  'Range',
  'If-None-Match',
  '~',
]
const VALUES = [
  '',
  'a',
  'chunked',
  '5',
  'Bearer x',
  'a, b',
  '"',
  'a:b',
  '\xe9',
  'GET / HTTP/1.1',
  'x'.repeat(300),
  'a\tb',
  '0',
  ':',
  'HTTP/1.1',
]
const CONNECTIONS = ['keep-alive', 'Keep-Alive', 'X-Hop', 'keep-alive, X-Hop', 'TE', 'Upgrade']

/** What parsers disagree about. */
const BYTES = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '1',
  'f',
  '\0',
  '\x0b',
  '\x0c',
  '\x1f',
  '\x7f',
  '\x80',
  '\xa0',
  '\xff',
  '+',
  '-',
  'x',
  '#',
  '*',
  '/',
  'HTTP/1.0',
  '\r\n ',
  '_',
  '.',
]
const LINES = [
  'Transfer-Encoding: chunked',
  'transfer-encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: chunked, ',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: xchunked',
  'Transfer_Encoding: chunked',
  ' Transfer-Encoding: chunked',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 00',
  'content-length: 33',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length : 5',
  'Content-Length:',
  'Content-Length: 0x5',
  'Content-Length: 99999999999999999999',
  'Content_Length: 5',
  'Host: evil',
  'Host:',
  ' folded',
  '\tfolded',
  'Connection: close',
  'Connection: close, keep-alive',
  'Connection: Content-Length',
  'Connection: Transfer-Encoding',
  'Connection: Host',
  'Connection: X-A',
  'Expect: 100-continue',
  'Expect: x',
  'Upgrade: h2c',
  'TE: trailers',
  'Trailer: X-A',
  'Keep-Alive: timeout=1',
  'Proxy-Connection: close',
  'X-Forwarded-For: 1.1.1.1',
  'X-HTTP-Method-Override: PUT',
  ': x',
  'x',
  'X-\xc9: y',
  '0',
  '5',
  '5;a',
  '5;a=b',
  '05',
  '5 ',
  '0x5',
  '-5',
  'ffffffffffffffff',
  '',
]

const bodyOf = (random: Random): Latin1 => {
  switch (random.int(6)) {
    case 0:
      return ''
    case 1:
      return 'GET /_matrix/client/v3/smuggled HTTP/1.1\r\nHost: example.org\r\n\r\n'
    case 2:
      return '0\r\n\r\n'
    case 3:
      return Array.from({ length: random.int(40) }, () => String.fromCharCode(random.int(256))).join('')
    case 4:
      return '{"msgtype":"m.text","body":"hello"}'
    default:
      return '\r\n'.repeat(random.int(4))
  }
}

const chunkedOf = (random: Random, body: Latin1): Latin1 => {
  let text = ''
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + random.int(20))
    const digits = size.toString(16)
    text += `${random.oneIn(2) ? digits.toUpperCase() : digits}\r\n${body.slice(at, at + size)}\r\n`
    at += size
  }
  return `${text}0\r\n\r\n`
}

const requestOf = (random: Random, path: string): Latin1 => {
  const method = random.pick(METHODS)
  const lines = ['Host: example.org']
  for (let n = random.int(4); n > 0; n -= 1) lines.push(`${random.pick(NAMES)}: ${random.pick(VALUES)}`)
  if (random.oneIn(4)) lines.push(`Connection: ${random.pick(CONNECTIONS)}`)
  if (random.oneIn(6)) lines.push('X-Hop: 1')
  let body = ''
  if (random.oneIn(2)) {
    body = bodyOf(random)
    if (random.oneIn(2)) {
      lines.push(`Content-Length: ${body.length}`)
    } else {
      lines.push('Transfer-Encoding: chunked')
      body = chunkedOf(random, body)
    }
    if (random.oneIn(12)) lines.push('Expect: 100-continue')
  }
  // The order of fields must mean nothing.
  for (let i = lines.length - 1; i > 0; i -= 1) {
    const j = random.int(i + 1)
    ;[lines[i], lines[j]] = [lines[j]!, lines[i]!]
  }
  return `${method} ${path}${random.pick(TAILS)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

const spliced = (text: string, at: number, remove: number, insert: string) =>
  text.slice(0, at) + insert + text.slice(at + remove)

/** The place of a random line end, so that mutations hit structure more often than content. */
const lineEnd = (random: Random, text: string): number => {
  const at = text.indexOf('\r\n', random.int(text.length + 1))
  return at === -1 ? random.int(text.length + 1) : at
}

const mutate = (random: Random, text: Latin1): Latin1 => {
  const anywhere = random.int(text.length + 1)
  const end = lineEnd(random, text)
  switch (random.int(12)) {
    case 0:
      return spliced(text, anywhere, 0, random.pick(BYTES))
    case 1:
      return spliced(text, anywhere, 1, random.pick(BYTES))
    case 2:
      return spliced(text, anywhere, 1 + random.int(4), '')
    case 3:
      return spliced(
        text,
        end,
        2,
        random.pick(['\n', '\r', '', '\r\r\n', '\n\r', ' \r\n', '\t\r\n', '\r\n ', '\0\r\n', '\x0b\r\n']),
      )
    case 4:
    case 5:
    case 6:
      return spliced(text, end, 0, `\r\n${random.pick(LINES)}`)
    case 7: {
      const next = text.indexOf('\r\n', end + 2)
      return next === -1 ? text : spliced(text, end, 0, text.slice(end, next))
    }
    case 8: {
      const next = text.indexOf('\r\n', end + 2)
      return next === -1 ? text : spliced(text, end, next - end, '')
    }
    case 9: {
      const digit = /[0-9a-f]+(?=\r\n)/g
      digit.lastIndex = anywhere
      const found = digit.exec(text)
      if (found === null) return text
      const n = Number.parseInt(found[0], 16) + random.pick([-2, -1, 1, 2, 16])
      return spliced(text, found.index, found[0].length, random.oneIn(4) ? `0${found[0]}` : Math.abs(n).toString(16))
    }
    case 10:
      return text.slice(0, anywhere)
    default: {
      const from = random.int(text.length + 1)
      return spliced(text, anywhere, 0, text.slice(from, from + random.int(80)))
    }
  }
}

/** The `n`-th stream of a seed; any of them can be made again alone. */
export const streamOf = (seed: number, n: number): Stream => {
  const random = makeRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b))
  const count = 1 + random.int(4)
  let bytes = Array.from({ length: count }, (_, i) => requestOf(random, `/_matrix/client/v3/f/${n}.${i}`)).join('')
  const mutations = random.oneIn(5) ? 0 : 1 + random.int(3)
  for (let i = 0; i < mutations; i += 1) bytes = mutate(random, bytes)
  return { bytes, pure: mutations === 0 }
}
