/**
 * Requests as raw bytes, each with what may become of it. Data only; `requests.test.ts` sends them.
 *
 * The names in brackets are the classes of `Http11Probe` and `http_desync_guardian`, whose lists this one follows.
 */

import type { Latin1 } from '../../harness/http1.ts'

/** A request as the worker must see it. */
export interface Seen {
  readonly method: string
  readonly target: string
  readonly body?: Latin1
  /** Lower-case names; `undefined`: the field must be absent. */
  readonly headers?: Readonly<Record<string, Latin1 | undefined>>
}

export interface Case {
  readonly name: string
  readonly send: Latin1
  /** Allowed: exactly these reach the worker, and each is answered. */
  readonly forwarded?: readonly Seen[]
  /** Allowed: the last answer has one of these statuses, and the connection is closed. */
  readonly refused?: readonly number[]
  /** Requests before the refused one, which are served. */
  readonly before?: readonly Seen[]
  /** The fault is in the body, after the head may have gone out: the worker may see the beginning of a request, then the end of the connection. */
  readonly begun?: true
  /** The connection is closed after the last answer. */
  readonly closes?: true
}

/** A path no table knows: it goes to main, like all that Plexus does not know better. */
export const T = '/_matrix/client/v3/t'
/** What an attacker would like the worker to see. */
export const EVIL = '/_matrix/client/v3/evil'

const H = 'Host: example.org\r\n'
const smuggled = `GET ${EVIL} HTTP/1.1\r\n${H}\r\n`
const get = (extra = '', target = T) => `GET ${target} HTTP/1.1\r\n${H}${extra}\r\n`
const post = (fields: string, body: string, target = T) => `POST ${target} HTTP/1.1\r\n${H}${fields}\r\n${body}`
const chunked = (body: string, target = T) => post('Transfer-Encoding: chunked\r\n', body, target)

const seeGet = (target = T, headers: Seen['headers'] = {}): Seen => ({ method: 'GET', target, headers })
const seePost = (body: string, target = T, headers: Seen['headers'] = {}): Seen => ({
  method: 'POST',
  target,
  body,
  headers,
})

const BAD = [400]
const bad = (name: string, send: Latin1, refused: readonly number[] = BAD): Case => ({ name, send, refused })
const badBody = (name: string, send: Latin1): Case => ({ name, send, refused: BAD, begun: true })
const good = (name: string, send: Latin1, ...forwarded: Seen[]): Case => ({ name, send, forwarded })
const goodClosing = (name: string, send: Latin1, ...forwarded: Seen[]): Case => ({
  name,
  send,
  forwarded,
  closes: true,
})
/** The RFC allows it, a router may still find it too odd. */
const either = (name: string, send: Latin1, ...forwarded: Seen[]): Case => ({ name, send, forwarded, refused: BAD })

const plain: readonly Case[] = [
  good('a GET', get(), seeGet(T, { host: 'example.org', connection: undefined })),
  good(
    'a port in Host is kept',
    `GET ${T} HTTP/1.1\r\nHost: example.org:8448\r\n\r\n`,
    seeGet(T, { host: 'example.org:8448' }),
  ),
  good(
    'no white space after the colon',
    `GET ${T} HTTP/1.1\r\nHost:example.org\r\nX-A:b\r\n\r\n`,
    seeGet(T, { 'x-a': 'b' }),
  ),
  good('tabs and spaces around a value', get('X-A: \t b c \t\r\n'), seeGet(T, { 'x-a': 'b c' })),
  good('an empty value', get('X-A:\r\nX-B: \r\n'), seeGet(T, { 'x-a': '', 'x-b': '' })),
  good('bytes above 127 in a value (obs-text)', get('X-A: \xe9\xff\r\n'), seeGet(T, { 'x-a': '\xe9\xff' })),
  good('a field twice keeps both lines, in order', get('X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n'), seeGet()),
  good(
    'every token character in a field name',
    get("!#$%&'*+-.^_`|~09AZaz: x\r\n"),
    seeGet(T, { "!#$%&'*+-.^_`|~09azaz": 'x' }),
  ),
  good(
    'a POST with Content-Length',
    post('Content-Length: 5\r\n', 'hello'),
    seePost('hello', T, { 'content-length': '5' }),
  ),
  good('a POST with Content-Length 0', post('Content-Length: 0\r\n', ''), seePost('')),
  good('a POST without a body', post('', ''), seePost('')),
  good('every byte value in a body', post('Content-Length: 256\r\n', allBytes()), seePost(allBytes())),
  good('a body that looks like a request', post(`Content-Length: ${smuggled.length}\r\n`, smuggled), seePost(smuggled)),
  good(
    'field names in any case',
    `POST ${T} HTTP/1.1\r\nhOsT: example.org\r\ncOnTeNt-LeNgTh: 3\r\n\r\nabc`,
    seePost('abc'),
  ),
  good('a GET with a body', `GET ${T} HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`, {
    method: 'GET',
    target: T,
    body: 'abc',
  }),
  ...['HEAD', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'PROPFIND'].map((method) =>
    good(`the method ${method}`, `${method} ${T} HTTP/1.1\r\n${H}\r\n`, { method, target: T }),
  ),
  good('an unknown method', `FR0_B-1 ${T} HTTP/1.1\r\n${H}\r\n`, {
    method: 'FR0_B-1',
    target: T,
  }),
  either('every token character in a method', `A!#$%&'*+-.^_\`|~0 ${T} HTTP/1.1\r\n${H}\r\n`, {
    method: "A!#$%&'*+-.^_`|~0",
    target: T,
  }),
  good('HEAD with Content-Length of the answer only', `HEAD ${T} HTTP/1.1\r\n${H}\r\n`, {
    method: 'HEAD',
    target: T,
    body: '',
  }),
  ...[
    '//a//b',
    '/a/../b',
    '/a/./b',
    '/a/%2e%2e/b',
    '/a%2Fb',
    '/%73ync',
    '/a%0d%0ab',
    '/a%00',
    '/%zz',
    '/%',
    '/a|b^c{d}`e`',
    '/a"b<c>',
    '/a\\b',
    '/a?',
    '/a??',
    '/a?q=a|b\'c"d',
    '/a;b=c',
    '/!r:hs/$e',
    '/@u:hs',
    '/a?b#'.slice(0, 4),
    '/~',
    '/a?http://x/',
  ].map((rest) => {
    const target = `/_matrix/client/v3${rest}`
    return good(`the target's bytes are kept: ${rest}`, get('', target), seeGet(target))
  }),
  good('CRLF before the request line (RFC 9112 2.2)', `\r\n${get()}`, seeGet()),
  good('CRLF between two requests', `${post('Content-Length: 1\r\n', 'a')}\r\n${get()}`, seePost('a'), seeGet()),
]

function allBytes() {
  return String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
}

const hopByHop: readonly Case[] = [
  good(
    'Connection: keep-alive is not forwarded',
    get('Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n'),
    seeGet(T, { 'keep-alive': undefined }),
  ),
  good(
    'fields that Connection names are removed',
    get('Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n'),
    seeGet(T, { 'x-a': undefined, 'x-b': undefined, 'x-c': '3' }),
  ),
  good(
    'two Connection lines',
    get('Connection: X-A\r\nConnection: X-B\r\nX-A: 1\r\nX-B: 2\r\n'),
    seeGet(T, { 'x-a': undefined, 'x-b': undefined }),
  ),
  either(
    'Connection cannot name Content-Length',
    post('Connection: Content-Length\r\nContent-Length: 3\r\n', 'abc'),
    seePost('abc', T, { 'content-length': '3' }),
  ),
  either(
    'Connection cannot name Transfer-Encoding',
    post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    seePost('abc'),
  ),
  either('Connection cannot name Host', get('Connection: Host\r\n'), seeGet(T, { host: 'example.org' })),
  either(
    'Connection cannot name X-Forwarded-For',
    get('Connection: X-Forwarded-For\r\n'),
    seeGet(T, { 'x-forwarded-for': '127.0.0.1' }),
  ),
  either(
    'Connection cannot name Authorization away unseen',
    get('Connection: close, X-A\r\nX-A: 1\r\n'),
    seeGet(T, { 'x-a': undefined }),
  ),
  good('TE is removed', get('TE: trailers\r\nConnection: TE\r\n'), seeGet(T, { te: undefined })),
  good('Upgrade is removed', get('Upgrade: websocket\r\nConnection: Upgrade\r\n'), seeGet(T, { upgrade: undefined })),
  good(
    'an offer of h2c is removed',
    get('Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    seeGet(T, { upgrade: undefined, 'http2-settings': undefined }),
  ),
  good(
    'Proxy-Connection is removed',
    get('Proxy-Connection: keep-alive\r\n'),
    seeGet(T, { 'proxy-connection': undefined }),
  ),
  good(
    "a client's X-Forwarded-For is overwritten",
    get('X-Forwarded-For: 1.2.3.4\r\n'),
    seeGet(T, { 'x-forwarded-for': '127.0.0.1' }),
  ),
  good(
    'two X-Forwarded-For lines are overwritten',
    get('X-Forwarded-For: 1.2.3.4\r\nx-forwarded-FOR: 5.6.7.8\r\n'),
    seeGet(T, { 'x-forwarded-for': '127.0.0.1' }),
  ),
  good(
    'framing with an underscore is no framing, and goes no further',
    get('Content_Length: 5\r\nTransfer_Encoding: chunked\r\n'),
    seeGet(T, { content_length: undefined, transfer_encoding: undefined }),
  ),
  good(
    "a client's X-Forwarded-Proto is overwritten",
    get('X-Forwarded-Proto: gopher\r\n'),
    seeGet(T, { 'x-forwarded-proto': 'http' }),
  ),
].map((c) => (c.name.includes('unseen') ? { ...c, closes: true as const } : c))

const lengths: readonly Case[] = [
  ...[
    '+5',
    '-5',
    '-0',
    '5 5',
    '5,5',
    '5, 5',
    ',5',
    '5,',
    '0x5',
    '5h',
    'five',
    '5.0',
    '5e0',
    '\x0b5',
    '5\x0c',
    '',
    '٥',
    '"5"',
    '5;a=b',
    '18446744073709551621',
    '9223372036854775808',
    '9007199254740993',
    '99999999999999999999999999',
    '4294967301x',
    "5'",
    '5\t5',
    '_5',
    '5_0',
  ].map((value) =>
    bad(
      `Content-Length: ${JSON.stringify(value)}`,
      post(`Content-Length: ${latin1(value)}\r\n`, 'hello'),
      /^[0-9]+$/.test(value) ? [400, 413] : BAD,
    ),
  ),
  { ...either('Content-Length with leading zeros', post('Content-Length: 005\r\n', 'hello'), seePost('hello')) },
  bad(
    'two different Content-Length lines (the first fits)',
    post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'),
  ),
  bad(
    'two different Content-Length lines (the second fits)',
    post('Content-Length: 6\r\nContent-Length: 5\r\n', 'hello'),
  ),
  bad('two equal Content-Length lines', post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')),
  bad('two Content-Length lines in different case', post('Content-Length: 5\r\ncontent-length: 5\r\n', 'hello')),
  bad('two Content-Length lines apart', post('Content-Length: 0\r\nX-A: b\r\nContent-Length: 33\r\n', smuggled)),
  bad(
    'Content-Length: 0 and a second that hides a request',
    post(`Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`, smuggled),
  ),
  bad('Content-Length of a GET that hides a request', `GET ${T} HTTP/1.1\r\n${H}Content-Length: +0\r\n\r\n${smuggled}`),
  good('Content_Length is another field', post('Content_Length: 9\r\n', ''), { method: 'POST', target: T, body: '' }),
  bad('a length larger than any limit', post('Content-Length: 9007199254740991\r\n', 'x'), [400, 413]),
]

function latin1(text: string) {
  return Buffer.from(text, 'utf8').toString('latin1')
}

const both: readonly Case[] = [
  bad('CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG')),
  bad(
    'CL.TE with a whole request',
    post(`Content-Length: ${5 + smuggled.length}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${smuggled}`),
  ),
  bad(
    'TE.CL',
    post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5c\r\n${smuggled.padEnd(0x5c)}\r\n0\r\n\r\n`),
  ),
  bad('TE.CL with a length of 0', post('Transfer-Encoding: chunked\r\nContent-Length: 0\r\n', '0\r\n\r\n')),
  bad(
    'Content-Length and an unknown coding',
    post('Content-Length: 5\r\nTransfer-Encoding: identity\r\n', 'hello'),
    [400, 501],
  ),
  bad('Content-Length and an empty coding', post('Content-Length: 5\r\nTransfer-Encoding:\r\n', 'hello')),
  bad(
    'CL.TE where Connection names Transfer-Encoding',
    post('Connection: Transfer-Encoding\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'),
  ),
  bad(
    'TE.CL where Connection names Content-Length',
    post('Connection: Content-Length\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ),
  bad(
    'CL.TE in HTTP/1.0',
    `POST ${T} HTTP/1.0\r\n${H}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
  ),
  bad('Transfer-Encoding in HTTP/1.0', `POST ${T} HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
]

/** Ways to write `Transfer-Encoding: chunked` that one parser reads and another does not. Always with a tail to smuggle. */
const obfuscations: readonly string[] = [
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  ' Transfer-Encoding: chunked',
  '\tTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'Transfer-Encoding: x\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-encoding: cow',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: , chunked',
  'Transfer-Encoding: chunked;',
  'Transfer-Encoding: chunked;a=b',
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: 'chunked'",
  'Transfer-Encoding: chunked x',
  'Transfer-Encoding: x chunked',
  'Transfer-Encoding: chunk',
  'Transfer-Encoding: chunkedchunked',
  'Transfer-Encoding: chun\tked',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: \x0cchunked',
  'Transfer-Encoding: chunked\x0b',
  'Transfer-Encoding: \x00chunked',
  'Transfer-Encoding: chunked\x00',
  'Transfer-Encoding: \x7fchunked',
  'Transfer-Encoding: \xa0chunked',
  'Transfer-Encoding: \x85chunked',
  'Transfer-Encoding: \xffchunked',
  'Transfer-Encoding:',
  'Transfer-Encoding: ',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding: x\r\n chunked',
  'Transfer-Encoding:\n chunked',
  'Transfer-Encoding: chunked\r',
  'Transfer-Encoding: \rchunked',
  'Transfer-Encoding\r: chunked',
  'Transfer-Encoding\n: chunked',
  'X: x\nTransfer-Encoding: chunked',
  'X: x\rTransfer-Encoding: chunked',
  'Transfer\x00-Encoding: chunked',
  'Transfer-Encoding\x00: chunked',
  'Transfer-Encoding;: chunked',
  'Transfer Encoding: chunked',
  '\x00Transfer-Encoding: chunked',
  'Transfer-Encoding chunked',
  'Transfer-Encoding= chunked',
  '"Transfer-Encoding": chunked',
  'Transfer-Encodin\xe7: chunked',
  '\u017fransfer-Encoding: chunked'.replace('\u017f', '\xc5\xbf'),
  'Transfer-Encoding: \xe2\x84\xaahunked',
  'Transfer-Encoding: ch\x01unked',
  'Transfer-Encoding: chunked\r\n\tx',
  'Foo: bar\r\n\r: x\r\nTransfer-Encoding: chunked',
]

const transferEncodings: readonly Case[] = [
  ...obfuscations.flatMap((line) => [
    bad(`TE.TE ${JSON.stringify(line)}`, post(`${line}\r\n`, `0\r\n\r\n${smuggled}`), [400, 501]),
    bad(
      `CL.TE.TE ${JSON.stringify(line)}`,
      post(`Content-Length: 4\r\n${line}\r\n`, `5e\r\n${smuggled}\r\n0\r\n\r\n`),
      [400, 501],
    ),
  ]),
  either(
    'Transfer-Encoding: Chunked (case)',
    post('Transfer-Encoding: Chunked\r\n', '1\r\na\r\n0\r\n\r\n'),
    seePost('a', T),
  ),
  either('white space around a length', post('Content-Length: \t 5 \t\r\n', 'hello'), seePost('hello')),
  either(
    'white space around chunked',
    post('Transfer-Encoding: \t chunked \t\r\n', '1\r\na\r\n0\r\n\r\n'),
    seePost('a', T),
  ),
  good(
    'tRANSFER-eNCODING (case of the name)',
    post('tRANSFER-eNCODING: chunked\r\n', '1\r\na\r\n0\r\n\r\n'),
    seePost('a'),
  ),
  good('Transfer_Encoding is another field', post('Transfer_Encoding: chunked\r\n', ''), seePost('')),
]

const chunks: readonly Case[] = [
  good('one chunk', chunked('5\r\nhello\r\n0\r\n\r\n'), seePost('hello')),
  good('no chunk but the last', chunked('0\r\n\r\n'), seePost('')),
  good('several chunks', chunked('1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n'), seePost('abcdef')),
  good(
    'hexadecimal sizes in both cases',
    chunked(`a\r\n${'x'.repeat(10)}\r\nB\r\n${'y'.repeat(11)}\r\n0\r\n\r\n`),
    seePost('x'.repeat(10) + 'y'.repeat(11)),
  ),
  good('a chunk that looks like the end', chunked('5\r\n0\r\n\r\n\r\n0\r\n\r\n'), seePost('0\r\n\r\n')),
  good(
    'a chunk that looks like a request',
    chunked(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`),
    seePost(smuggled),
  ),
  good('every byte value in a chunk', chunked(`100\r\n${allBytes()}\r\n0\r\n\r\n`), seePost(allBytes())),
  either('leading zeros in a size', chunked('0005\r\nhello\r\n000\r\n\r\n'), seePost('hello')),
  either('very many leading zeros in a size', chunked(`${'0'.repeat(300)}5\r\nhello\r\n0\r\n\r\n`), seePost('hello')),
  either('an extension', chunked('5;a=b\r\nhello\r\n0;c\r\n\r\n'), seePost('hello')),
  either('several extensions, with white space', chunked('5; a = b ;c;d="e"\r\nhello\r\n0\r\n\r\n'), seePost('hello')),
  either(
    'a quoted extension with an escaped quote',
    chunked('5;a="b\\"\\\\c"\r\nhello\r\n0\r\n\r\n'),
    seePost('hello'),
  ),
  ...[';', '; ', ';;', ';a;', ';=b', ';a=', ';bad[=x', ';a=[', ';a b', ';a="b', ';a="b"c', ';a="b\\', ';a=b=c'].map(
    (extension) =>
      badBody(`the extension ${JSON.stringify(extension)}`, chunked(`5${extension}\r\nhello\r\n0\r\n\r\n`)),
  ),
  either('a quoted extension', chunked('5;a="b;c"\r\nhello\r\n0\r\n\r\n'), seePost('hello')),
  either('white space before an extension', chunked('5 ;a=b\r\nhello\r\n0\r\n\r\n'), seePost('hello')),
  either('a long extension', chunked(`5;${'a'.repeat(3000)}\r\nhello\r\n0\r\n\r\n`), seePost('hello')),
  ...[
    '0x5',
    '0X5',
    'x5',
    '+5',
    '-5',
    '-0',
    ' 5',
    '\t5',
    '5 ',
    '5\t',
    '5 5',
    '',
    ' ',
    'g',
    '5g',
    '5.',
    '5,',
    '"5"',
    '5\x00',
    '\x005',
    '5\x0b',
    '5_0',
    '5h',
    '\xb5',
    '5\xa0',
    '10000000000000005',
    'fffffffffffffffff',
    'ffffffffffffffff',
    '8000000000000000',
    '20000000000001',
    '100000000000000000000005',
    '5\r',
    '5;a\nb',
    '5;\n',
    '5;a\rb',
    '5;a\x00',
  ].map((size) => ({
    // 413: a size that cannot be held is above the limit long before its last digit.
    ...badBody(`chunk size ${JSON.stringify(size)}`, chunked(`${size}\r\nhello\r\n0\r\n\r\n`)),
    refused: [...BAD, 413],
  })),
  badBody('a size that ends in LF', chunked('5\nhello\r\n0\r\n\r\n')),
  badBody('a size that ends in CR', chunked('5\rhello\r\n0\r\n\r\n')),
  badBody('a size that ends in CR CR LF', chunked('5\r\r\nhello\r\n0\r\n\r\n')),
  badBody(
    'an extension that ends in LF (TERM.EXT)',
    chunked(`2;\nxx\r\n${(0x26).toString(16)}\r\n0\r\n\r\n${smuggled}`),
  ),
  badBody('an extension that ends in CR (EXT.TERM)', chunked(`2;\rxx\r\n0\r\n\r\n${smuggled}`)),
  badBody('a chunk that ends in LF', chunked('5\r\nhello\n0\r\n\r\n')),
  badBody('a chunk that ends in CR', chunked('5\r\nhello\r0\r\n\r\n')),
  badBody('a chunk that ends in nothing', chunked('5\r\nhello0\r\n\r\n')),
  badBody('a chunk longer than its size (TERM.SPILL)', chunked('5\r\nhelloXX\r\n0\r\n\r\n')),
  badBody('a chunk that spills two bytes taken for CRLF', chunked('5\r\nhelloXX0\r\n\r\n')),
  badBody('a chunk shorter than its size', chunked('6\r\nhello\r\n0\r\n\r\n')),
  badBody('a last chunk that ends in LF', chunked('0\n\n')),
  badBody('a last chunk and a bare LF', chunked('0\r\n\n')),
  badBody('a last chunk and a bare CR', chunked(`0\r\n\r${smuggled}`)),
  badBody('a last chunk and no empty line', chunked(`0\r\n${smuggled}`)),
  badBody('a last chunk and a byte', chunked(`0\r\nX\r\n${smuggled}`)),
  badBody('CRLF before the first size', chunked('\r\n5\r\nhello\r\n0\r\n\r\n')),
  {
    ...badBody('an endless extension', chunked(`5;${'a'.repeat(200_000)}\r\nhello\r\n0\r\n\r\n`)),
    refused: [400, 413, 431],
  },
  { ...badBody('an endless size', chunked('0'.repeat(200_000))), refused: [400, 413, 431] },
  { ...badBody('endless trailers', chunked(`0\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`)), refused: [400, 413, 431] },
  either('a trailer', chunked('5\r\nhello\r\n0\r\nX-A: b\r\n\r\n'), seePost('hello')),
  ...[
    'Transfer-Encoding: chunked',
    'Content-Length: 50',
    'Host: evil',
    'Connection: close',
    // llhttp closes after it, even in a trailer.
    'Proxy-Connection: close',
    'Keep-Alive: timeout=1',
    'Upgrade: h2c',
    'X-Forwarded-For: 1.2.3.4',
    'Authorization: Bearer x',
  ].map(
    (field): Case => ({
      ...either(
        `a trailer must not become a field: ${field}`,
        chunked(`5\r\nhello\r\n0\r\n${field}\r\n\r\n`),
        seePost('hello', T, {
          'content-length': undefined,
          host: 'example.org',
          authorization: undefined,
          'x-forwarded-for': '127.0.0.1',
        }),
      ),
      begun: true,
    }),
  ),
  badBody('space before the colon of a trailer', chunked(`0\r\nX-A : b\r\n\r\n${smuggled}`)),
  badBody('a folded trailer', chunked(`0\r\nX-A: b\r\n c\r\n\r\n${smuggled}`)),
  badBody('a trailer that ends in LF', chunked(`0\r\nX-A: b\n\r\n${smuggled}`)),
  badBody('NUL in a trailer', chunked(`0\r\nX-A: \0\r\n\r\n${smuggled}`)),
].map((c) => (c.refused && c.forwarded ? { ...c, begun: true as const } : c))

const lineEnds: readonly Case[] = [
  bad('the request line ends in LF', `GET ${T} HTTP/1.1\n${H}\r\n`),
  bad('the request line ends in CR', `GET ${T} HTTP/1.1\r${H}\r\n`),
  bad('every line ends in LF', `GET ${T} HTTP/1.1\nHost: example.org\n\n`),
  bad('every line ends in CR', `GET ${T} HTTP/1.1\rHost: example.org\r\r\n\r\n`),
  bad('a field ends in LF', `GET ${T} HTTP/1.1\r\nHost: example.org\nX-A: b\r\n\r\n`),
  bad('the last field ends in LF', `GET ${T} HTTP/1.1\r\nHost: example.org\n\r\n`),
  bad('the head ends in LF', `GET ${T} HTTP/1.1\r\nHost: example.org\r\n\n`),
  bad('the head ends in CRLF CR', `GET ${T} HTTP/1.1\r\nHost: example.org\r\n\rX`),
  bad(
    'the head ends in LF LF in the middle',
    `GET ${T} HTTP/1.1\r\nHost: example.org\r\nX: a\n\nGET ${EVIL} HTTP/1.1\r\n${H}\r\n`,
  ),
  bad('a field ends in CR CR LF', `GET ${T} HTTP/1.1\r\nHost: example.org\r\r\n\r\n`),
  bad('a field ends in LF CR', get('X-A: b\n\rX-B: c\r\n')),
  bad('CR in a value', get('X-A: b\rc\r\n')),
  bad('CR at the start of a value', get('X-A: \rb\r\n')),
  bad('CR in a field name', get('X\r-A: b\r\n')),
  bad('LF in a field name', get('X\n-A: b\r\n')),
  bad('CR in the target', `GET ${T}\r HTTP/1.1\r\n${H}\r\n`),
  bad('CR in the method', `G\rET ${T} HTTP/1.1\r\n${H}\r\n`),
  bad('LF before the request line', `\n${get()}`),
  bad('CR before the request line', `\r${get()}`),
  bad('CR CR LF before the request line', `\r\r\n${get()}`),
  bad('a folded value', get('X-A: b\r\n c\r\n')),
  bad('a value folded with a tab', get('X-A: b\r\n\tc\r\n')),
  bad('an empty folded line', get('X-A: b\r\n \r\n')),
  bad('a folded first field', `GET ${T} HTTP/1.1\r\n X-A: b\r\n${H}\r\n`),
  bad('a folded Content-Length', post('Content-Length:\r\n 5\r\n', 'hello')),
  bad('a folded Host', `GET ${T} HTTP/1.1\r\nHost: example.org\r\n evil\r\n\r\n`),
]

const names: readonly Case[] = [
  bad('space before the colon', get('X-A : b\r\n')),
  bad('tab before the colon', get('X-A\t: b\r\n')),
  bad('space before the colon of Content-Length', post('Content-Length : 5\r\n', 'hello')),
  bad('space before the colon of Host', `GET ${T} HTTP/1.1\r\nHost : example.org\r\n\r\n`),
  bad('space in a field name', get('X A: b\r\n')),
  bad('an empty field name', get(': b\r\n')),
  bad('a line without a colon', get('X-A\r\n')),
  bad('a line of spaces', get('   \r\n')),
  bad('a request line among the fields', get(`GET ${EVIL} HTTP/1.1\r\n`)),
  ...[
    '(',
    ')',
    ',',
    '/',
    ';',
    '<',
    '=',
    '>',
    '?',
    '@',
    '[',
    '\\',
    ']',
    '{',
    '}',
    '"',
    '\x01',
    '\x7f',
    '\x80',
    '\xff',
  ].map((c) => bad(`${JSON.stringify(c)} in a field name`, get(`X${c}A: b\r\n`))),
  ...['\0', '\x01', '\x07', '\x08', '\x0b', '\x0c', '\x1b', '\x1f', '\x7f'].map((c) =>
    bad(`${JSON.stringify(c)} in a value`, get(`X-A: b${c}c\r\n`)),
  ),
  bad('NUL at the end of a value', get('X-A: b\0\r\n')),
  bad('NUL after the head has begun', `GET ${T} HTTP/1.1\r\n\0${H}\r\n`),
]

const hosts: readonly Case[] = [
  bad('no Host', `GET ${T} HTTP/1.1\r\n\r\n`),
  bad('no Host, other fields', `GET ${T} HTTP/1.1\r\nX-Host: a\r\n\r\n`),
  bad('two Host lines', get('Host: evil\r\n')),
  bad('two equal Host lines', get(H)),
  bad('two Host lines in different case', get('HOST: example.org\r\n')),
  ...['a b', 'a, b', 'a/b', 'a@b', 'a?b', 'a#b', 'a\\b', 'http://a'].map((host) =>
    either(`Host: ${host}`, `GET ${T} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, seeGet(T, { host })),
  ),
  ...['a:b', 'a:80:80', 'a:8x', ':80', '[::1', '::1', '[]', '[g::1]', '[::1]x', '[::1]:x', 'a[::1]', '[[::1]]'].map(
    (host) => bad(`Host: ${host}`, `GET ${T} HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
  ),
  ...['[::1]', '[2001:db8::192.0.2.1]:8448', '192.0.2.1:8448', 'a:', 'xn--a_b.example'].map((host) =>
    good(`Host: ${host}`, `GET ${T} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, seeGet(T, { host })),
  ),
  either('an empty Host', `GET ${T} HTTP/1.1\r\nHost:\r\n\r\n`, seeGet(T, { host: '' })),
]

const requestLines: readonly Case[] = [
  bad('absolute-form', `GET http://example.org${T} HTTP/1.1\r\n${H}\r\n`),
  bad('absolute-form of another host', `GET http://evil${T} HTTP/1.1\r\n${H}\r\n`),
  bad('absolute-form, upper-case scheme', `GET HTTP://example.org${T} HTTP/1.1\r\n${H}\r\n`),
  bad('absolute-form, another scheme', `GET file:///etc/passwd HTTP/1.1\r\n${H}\r\n`),
  bad('authority-form', `CONNECT example.org:443 HTTP/1.1\r\n${H}\r\n`, [400, 405, 501]),
  bad('authority-form with GET', `GET example.org:443 HTTP/1.1\r\n${H}\r\n`),
  bad('asterisk-form with GET', `GET * HTTP/1.1\r\n${H}\r\n`),
  bad('two asterisks with OPTIONS', `OPTIONS ** HTTP/1.1\r\n${H}\r\n`),
  bad('TRACE', `TRACE ${T} HTTP/1.1\r\n${H}\r\n`, [405, 501]),
  bad('a target without a slash', `GET _matrix HTTP/1.1\r\n${H}\r\n`),
  bad('CONNECT of a path', `CONNECT ${T} HTTP/1.1\r\n${H}\r\n`, [400, 405, 501]),
  bad('a fragment', get('', `${T}#a`)),
  bad('a fragment in the query', get('', `${T}?a=b#c`)),
  bad('a byte above 127 in the target', get('', `${T}/\xe9`)),
  bad('UTF-8 in the target', get('', `${T}/\xc3\xa9`)),
  bad('0xff in the query', get('', `${T}?\xff`)),
  ...['\0', '\x01', '\t', '\x0b', '\x0c', '\x1f', '\x7f', '\x80', '\xa0'].map((c) =>
    bad(`${JSON.stringify(c)} in the target`, get('', `${T}${c}x`)),
  ),
  bad('space in the target', get('', `${T} x`)),
  bad('no target', `GET HTTP/1.1\r\n${H}\r\n`),
  bad('an empty target', `GET  HTTP/1.1\r\n${H}\r\n`),
  bad('two spaces after the method', `GET  ${T} HTTP/1.1\r\n${H}\r\n`),
  bad('two spaces before the version', `GET ${T}  HTTP/1.1\r\n${H}\r\n`),
  bad('a tab after the method', `GET\t${T} HTTP/1.1\r\n${H}\r\n`),
  bad('a tab before the version', `GET ${T}\tHTTP/1.1\r\n${H}\r\n`),
  bad('a space after the version', `GET ${T} HTTP/1.1 \r\n${H}\r\n`),
  bad('a space before the method', ` ${get()}`),
  bad('a tab before the method', `\t${get()}`),
  bad('CRLF and a space before the method', `\r\n ${get()}`),
  bad('no method', `${T} HTTP/1.1\r\n${H}\r\n`),
  ...['get', 'Get', 'gET'].map((method) => bad(`the method ${method}`, `${method} ${T} HTTP/1.1\r\n${H}\r\n`)),
  ...['G@T', 'GE(T', 'GET:', 'G\0T', 'G\x7fT', 'G\xc9T', '"GET"', 'GET,'].map((method) =>
    bad(`the method ${JSON.stringify(method)}`, `${method} ${T} HTTP/1.1\r\n${H}\r\n`),
  ),
  bad('a very long method', `${'A'.repeat(9000)} ${T} HTTP/1.1\r\n${H}\r\n`, [400, 414, 431, 501]),
  ...['HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9'].map((version) =>
    bad(version, `GET ${T} ${version}\r\n${H}\r\n`, [400, 505]),
  ),
  ...[
    'HTTP/1.1x',
    'HTTP/1.10',
    'HTTP/01.1',
    'HTTP/1.01',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/11',
    'HTTP/1,1',
    'http/1.1',
    'Http/1.1',
    'HTTP /1.1',
    'HTTP/ 1.1',
    'HTTP/1 .1',
    'HTTPS/1.1',
    'ICE/1.0',
    'HTTP/-1.1',
    'HTTP/+1.1',
    'HTTP/1.\x31\0',
    'RTSP/1.0',
  ].map((version) => bad(`version ${JSON.stringify(version)}`, `GET ${T} ${version}\r\n${H}\r\n`, [400, 505])),
  bad('a request line without a version', `GET ${T}\r\n\r\n`),
  bad('a request line without a version, with fields', `GET ${T}\r\n${H}\r\n`),
  bad('the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]),
  bad('a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz\r\n\r\n'),
  bad('the PROXY protocol', `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${get()}`),
  bad(
    'the PROXY protocol, binary',
    `\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02${get()}`,
  ),
  bad('an SMTP greeting', 'EHLO evil\r\n\r\n'),
]

const sizes: readonly Case[] = [
  good('a head just below the limit', get(`X-A: ${'a'.repeat(15_000)}\r\n`), seeGet(T, { 'x-a': 'a'.repeat(15_000) })),
  good('a long target', get('', `${T}?${'a'.repeat(7000)}`), seeGet(`${T}?${'a'.repeat(7000)}`)),
  // Twisted refuses what has more than 500 lines when it arrives there.
  goodClosing(
    'as many field lines as a worker takes',
    `GET ${T} HTTP/1.0\r\n${'X-A: b\r\n'.repeat(496)}\r\n`,
    seeGet(),
  ),
  bad('more field lines than a worker takes', get('X-A: b\r\n'.repeat(496)), [431]),
  good('400 field lines', get('X-A: b\r\n'.repeat(400)), seeGet()),
  bad('a head above the limit', get(`X-A: ${'a'.repeat(17_000)}\r\n`), [400, 431]),
  bad('a head above the limit without an end', `GET ${T} HTTP/1.1\r\nX-A: ${'a'.repeat(17_000)}`, [400, 431]),
  bad('a head far above the limit', get(`X-A: ${'a'.repeat(300_000)}\r\n`), [400, 431]),
  bad('a field name above the limit', get(`${'a'.repeat(17_000)}: b\r\n`), [400, 431]),
  bad('a target above the limit', get('', `${T}?${'a'.repeat(17_000)}`), [400, 414, 431]),
  bad('a target above the limit without an end', `GET ${T}?${'a'.repeat(17_000)}`, [400, 414, 431]),
  bad('600 field lines', get('X-A: b\r\n'.repeat(600)), [400, 431]),
  bad('many field lines, without an end', `GET ${T} HTTP/1.1\r\n${'a: b\r\n'.repeat(5000)}`, [400, 431]),
  bad('endless CRLF before the request line', '\r\n'.repeat(20_000), [400, 431]),
  bad('a body above the limit, by length', post('Content-Length: 2000000\r\n', ''), [413]),
  { ...badBody('a body above the limit, by chunk size', chunked('7fffffff\r\nhello')), refused: [413] },
  {
    ...badBody('a body above the limit, by chunks', chunked(`10000\r\n${'x'.repeat(65536)}\r\n`.repeat(24))),
    refused: [413],
  },
]

const pipelines: readonly Case[] = [
  good('two requests in one packet', get('', `${T}/1`) + get('', `${T}/2`), seeGet(`${T}/1`), seeGet(`${T}/2`)),
  good(
    'twenty requests in one packet, answered in order',
    Array.from({ length: 20 }, (_, i) => get('', `${T}/${i}`)).join(''),
    ...Array.from({ length: 20 }, (_, i) => seeGet(`${T}/${i}`)),
  ),
  good(
    'a body, then a request',
    post('Content-Length: 5\r\n', 'hello') + get('', `${T}/2`),
    seePost('hello'),
    seeGet(`${T}/2`),
  ),
  good(
    'chunks, then a request',
    chunked('5\r\nhello\r\n0\r\n\r\n') + get('', `${T}/2`),
    seePost('hello'),
    seeGet(`${T}/2`),
  ),
  good(
    'HEAD, then GET',
    `HEAD ${T} HTTP/1.1\r\n${H}\r\n${get('', `${T}/2`)}`,
    { method: 'HEAD', target: T },
    seeGet(`${T}/2`),
  ),
  { ...bad('a request, then garbage', `${get()}garbage\r\n\r\n`), before: [seeGet()] },
  {
    ...bad(
      'a request, then an ambiguous one',
      get() + post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'),
    ),
    before: [seeGet()],
  },
  {
    ...bad('a body longer than its length', `${post('Content-Length: 3\r\n', 'hello')}\r\n\r\n`),
    before: [seePost('hel')],
  },
  { ...bad('a GET with a body it does not declare', `${get()}hello\r\n\r\n`), before: [seeGet()] },
  { ...bad('a POST with chunks it does not declare', `${post('', '')}5\r\nhello\r\n0\r\n\r\n`), before: [seePost('')] },
  bad('after a refusal nothing is read', `GET ${T} HTTP/1.1\r\n\r\n${smuggled}`),
  bad('after a refused length nothing is read', post('Content-Length: x\r\n', smuggled)),
  bad('after 413 nothing is read', post('Content-Length: 2000000\r\n', smuggled), [413]),
  goodClosing(
    'after Connection: close nothing is read',
    get('Connection: close\r\n') + smuggled,
    seeGet(T, { connection: undefined }),
  ),
  goodClosing(
    'after Connection: CLOSE among others nothing is read',
    get('Connection: x, CLOSE\r\n') + smuggled,
    seeGet(),
  ),
  goodClosing(
    'close wins over a later keep-alive',
    get('Connection: close\r\nConnection: keep-alive\r\n') + smuggled,
    seeGet(),
  ),
  goodClosing('close wins within a line', get('Connection: close, keep-alive\r\n') + smuggled, seeGet()),
  goodClosing(
    'close wins over keep-alive',
    get('Connection: keep-alive\r\nConnection: close\r\n') + smuggled,
    seeGet(),
  ),
]

const versions10: readonly Case[] = [
  goodClosing('HTTP/1.0', `GET ${T} HTTP/1.0\r\n${H}\r\n`, seeGet()),
  goodClosing('HTTP/1.0 with a length', `POST ${T} HTTP/1.0\r\n${H}Content-Length: 3\r\n\r\nabc`, seePost('abc')),
  goodClosing('after HTTP/1.0 nothing is read', `GET ${T} HTTP/1.0\r\n${H}\r\n${smuggled}`, seeGet()),
  // The worker is spoken to in HTTP/1.1, where a Host is needed: one is made up, or the request refused.
  { ...either('HTTP/1.0 without Host', `GET ${T} HTTP/1.0\r\n\r\n`, seeGet()), closes: true },
  goodClosing(
    'HTTP/1.0 with keep-alive is closed too',
    `GET ${T} HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n${smuggled}`,
    seeGet(),
  ),
  bad('HTTP/1.0 with two Host lines', `GET ${T} HTTP/1.0\r\n${H}${H}\r\n`),
  bad('HTTP/1.0 with a bad length', `POST ${T} HTTP/1.0\r\n${H}Content-Length: +3\r\n\r\nabc`),
]

const expectations: readonly Case[] = [
  good('Expect: 100-continue', post('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'), seePost('hello')),
  good('Expect: 100-Continue (case)', post('Expect: 100-Continue\r\nContent-Length: 5\r\n', 'hello'), seePost('hello')),
  good(
    'Expect: 100-continue with chunks',
    post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    seePost('hello'),
  ),
  either('Expect: 100-continue without a body', get('Expect: 100-continue\r\n'), seeGet()),
  bad('another expectation', post('Expect: 200-ok\r\nContent-Length: 5\r\n', 'hello'), [400, 417]),
  bad('an expectation and 100-continue', post('Expect: 100-continue, x\r\nContent-Length: 5\r\n', 'hello'), [400, 417]),
  bad(
    'an obfuscated expectation (0.CL)',
    `GET ${T} HTTP/1.1\r\n${H}Expect: y 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    [400, 417],
  ),
]

export const CASES: readonly Case[] = [
  ...plain,
  ...hopByHop,
  ...lengths,
  ...both,
  ...transferEncodings,
  ...chunks,
  ...lineEnds,
  ...names,
  ...hosts,
  ...requestLines,
  ...sizes,
  ...pipelines,
  ...versions10,
  ...expectations,
]
