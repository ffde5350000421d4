/** What a worker may send, and what of it a client may see. A worker is trusted with content, never with framing. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Latin1, valuesOf } from '../../harness/http1.ts'
import { connectRaw } from '../../harness/raw-client.ts'
import { type Answer, echo } from '../../harness/recording-upstream.ts'
import { assertMatrixError, assertUpstreamClean, type Bed, DEADLINE_MS, forget, makeBed } from './bed.ts'

interface ResponseCase {
  readonly name: string
  readonly method?: string
  readonly answer: Answer
  /** Allowed: this, whole. */
  readonly passes?: { readonly status: number; readonly body: Latin1 }
  /** Allowed: the router's own 502. */
  readonly gateway?: true
  /** Allowed: the beginning of an answer, then the end of the connection, so that the client knows that it is not whole. */
  readonly cut?: true
  /** The worker's connection may serve another request. */
  readonly reusable?: true
}

const OK = 'HTTP/1.1 200 OK\r\n'
const EVIL = `${OK}Content-Length: 4\r\n\r\nEVIL`
const pass = (name: string, answer: Answer | Latin1, body: Latin1, more: Partial<ResponseCase> = {}): ResponseCase => ({
  name,
  answer: typeof answer === 'string' ? [answer] : answer,
  passes: { status: 200, body },
  ...more,
})
const refuse = (name: string, answer: Answer | Latin1, more: Partial<ResponseCase> = {}): ResponseCase => ({
  name,
  answer: typeof answer === 'string' ? [answer, 'close'] : answer,
  gateway: true,
  ...more,
})
const hello = `${OK}Content-Length: 5\r\n\r\nhello`

const CASES: readonly ResponseCase[] = [
  pass('a length', hello, 'hello', { reusable: true }),
  pass('a length of 0', `${OK}Content-Length: 0\r\n\r\n`, '', { reusable: true }),
  pass('chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, 'hello', { reusable: true }),
  pass('no framing: until the connection ends', [`${OK}\r\nhello`, 'close'], 'hello'),
  pass(
    'Connection: close with a length',
    [`${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`, 'close'],
    'hello',
  ),
  pass('HTTP/1.0 with a length', ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'close'], 'hello', {
    gateway: true,
  }),
  pass('HTTP/1.0 without framing', ['HTTP/1.0 200 OK\r\n\r\nhello', 'close'], 'hello', { gateway: true }),
  pass('an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello', 'hello', { reusable: true }),
  pass('no space after the status', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello', 'hello', {
    gateway: true,
    reusable: true,
  }),
  pass('obs-text in the reason', 'HTTP/1.1 200 \xe9\r\nContent-Length: 5\r\n\r\nhello', 'hello', {
    gateway: true,
    reusable: true,
  }),
  pass('a body that looks like an answer', `${OK}Content-Length: ${EVIL.length}\r\n\r\n${EVIL}`, EVIL, {
    reusable: true,
  }),
  pass('a large body', `${OK}Content-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`, 'x'.repeat(300_000), {
    reusable: true,
  }),
  pass(
    'a large chunked body',
    `${OK}Transfer-Encoding: chunked\r\n\r\n${`8000\r\n${'x'.repeat(0x8000)}\r\n`.repeat(8)}0\r\n\r\n`,
    'x'.repeat(0x8000 * 8),
    { reusable: true },
  ),
  pass('HEAD with the length of a body', `${OK}Content-Length: 5\r\n\r\n`, '', { method: 'HEAD', reusable: true }),
  pass('HEAD with chunked and no body', `${OK}Transfer-Encoding: chunked\r\n\r\n`, '', {
    method: 'HEAD',
    reusable: true,
  }),
  pass('204', 'HTTP/1.1 204 No Content\r\n\r\n', '', { passes: { status: 204, body: '' }, reusable: true }),
  pass('204 with the length of no body', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', '', {
    passes: { status: 204, body: '' },
    reusable: true,
  }),
  pass('304 with the length of a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', '', {
    passes: { status: 304, body: '' },
    reusable: true,
  }),
  pass('an unknown status', 'HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\nhello', 'hello', {
    passes: { status: 299, body: 'hello' },
    reusable: true,
  }),
  pass('100 before the answer', `HTTP/1.1 100 Continue\r\n\r\n${hello}`, 'hello', { reusable: true }),
  pass('103 before the answer', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${hello}`, 'hello', { reusable: true }),
  pass(
    '102, 102, 103 before the answer',
    `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(2)}HTTP/1.1 103 Early Hints\r\n\r\n${hello}`,
    'hello',
    { reusable: true },
  ),

  // Extra bytes: the client may have its answer, the connection is spoilt.
  pass('bytes after the answer', `${hello}${EVIL}`, 'hello', { gateway: true }),
  pass('one byte after the answer', `${hello}X`, 'hello', { gateway: true }),
  pass('CRLF after the answer', `${hello}\r\n`, 'hello', { gateway: true }),
  pass('bytes after the last chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`, '', { gateway: true }),
  pass('HEAD answered with a body', `${OK}Content-Length: 4\r\n\r\nEVIL`, '', { method: 'HEAD', gateway: true }),
  pass('HEAD answered with chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n`, '', {
    method: 'HEAD',
    gateway: true,
  }),
  pass('204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nEVIL', '', {
    passes: { status: 204, body: '' },
    gateway: true,
  }),
  pass('204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n', '', {
    passes: { status: 204, body: '' },
    gateway: true,
  }),
  pass('304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nEVIL', '', {
    passes: { status: 304, body: '' },
    gateway: true,
  }),
  pass('two answers', hello + EVIL, 'hello', { gateway: true }),

  // Framing that two parsers could read differently.
  ...['x', '+5', '-5', '5,5', '5 5', '0x5', '', '5;', '99999999999999999999', '5, 6'].map((value) =>
    refuse(`Content-Length: ${JSON.stringify(value)}`, `${OK}Content-Length: ${value}\r\n\r\nhello`),
  ),
  refuse('two different lengths', `${OK}Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello`),
  refuse('two equal lengths', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  refuse('chunks and a length', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`),
  ...[
    'gzip',
    'identity',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'xchunked',
    '',
    'chunked;a',
    '\x0bchunked',
  ].map((value) =>
    refuse(`Transfer-Encoding: ${JSON.stringify(value)}`, `${OK}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`),
  ),
  refuse(
    'two Transfer-Encoding lines',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  refuse('Transfer-Encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  refuse('space before the colon of the length', `${OK}Content-Length : 5\r\n\r\nhello`),
  refuse('space before the colon of Transfer-Encoding', `${OK}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`),

  // Heads.
  refuse('bare LF everywhere', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'),
  refuse('bare LF after the status line', 'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello'),
  refuse('bare LF after a field', `${OK}X-A: b\nContent-Length: 5\r\n\r\nhello`),
  refuse('bare LF at the end of the head', `${OK}Content-Length: 5\r\n\nhello`),
  refuse('bare CR in a value', `${OK}X-A: b\rX-B: c\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('bare CR in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello'),
  refuse('NUL in a value', `${OK}X-A: b\0c\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello'),
  refuse('a control byte in a value', `${OK}X-A: b\x01c\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('a folded value', `${OK}X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('a folded first field', `${OK} X-A: b\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('a line without a colon', `${OK}X-A\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('an empty field name', `${OK}: b\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('a space in a field name', `${OK}X A: b\r\nContent-Length: 5\r\n\r\nhello`),
  refuse('garbage before the status line', `garbage\r\n${hello}`),
  refuse('CRLF before the status line', `\r\n${hello}`, { passes: { status: 200, body: 'hello' } }),
  refuse('NUL before the status line', `\0${hello}`),
  refuse('no HTTP', 'SSH-2.0-OpenSSH_9\r\n'),
  refuse('HTTP/0.9', 'hello'),
  ...[
    'HTTP/2 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.10 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 abc OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1\t200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1',
    'HTTP/1.1 0 OK',
  ].map((status) => refuse(`status line ${JSON.stringify(status)}`, `${status}\r\nContent-Length: 5\r\n\r\nhello`)),
  refuse('an endless head', `${OK}${'X-A: b\r\n'.repeat(40_000)}`),
  refuse('an endless line', `${OK}X-A: ${'b'.repeat(400_000)}`),
  refuse(
    '101 that nobody asked for',
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${EVIL}`,
  ),
  refuse('101 before an answer', `HTTP/1.1 101 Switching Protocols\r\n\r\n${hello}`),
  refuse('endless 1xx', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(5000)),
  refuse('many 1xx, then an answer', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500)}${hello}`, {
    passes: { status: 200, body: 'hello' },
  }),
  // After an interim answer went out the router can still answer 502, or cut.
  refuse('100 and nothing', 'HTTP/1.1 100 Continue\r\n\r\n', { cut: true }),
  refuse('100 with a length is not a body', `HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nEVIL${hello}`, {
    cut: true,
  }),

  // Ends.
  refuse('no answer', ['close']),
  refuse('a reset instead of an answer', ['reset']),
  ...[1, 8, 12, 16, 17, 20, 35, 36, 37].map((n) =>
    refuse(`the end after ${n} bytes of the head`, [hello.slice(0, n), 'close']),
  ),
  { name: 'the end at the start of the body', answer: [hello.slice(0, -5), 'close'], cut: true, gateway: true },
  { name: 'the end in the body', answer: [hello.slice(0, -1), 'close'], cut: true, gateway: true },
  { name: 'a reset in the body', answer: [hello.slice(0, -1), 'reset'], cut: true, gateway: true },
  ...[0, 1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14].map(
    (n): ResponseCase => ({
      name: `the end after ${n} bytes of a chunked body`,
      answer: [`${OK}Transfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n0\r\n\r\n'.slice(0, n)}`, 'close'],
      cut: true,
      gateway: true,
    }),
  ),
  ...['x', '0x5', '+5', '-5', ' 5', '5\x00', '', '5 5', 'fffffffffffffffff', '5;a\nb'].map(
    (size): ResponseCase => ({
      name: `chunk size ${JSON.stringify(size)}`,
      answer: [`${OK}Transfer-Encoding: chunked\r\n\r\n${size}\r\nhello\r\n0\r\n\r\n`, 'close'],
      cut: true,
      gateway: true,
    }),
  ),
  ...[
    '5\nhello\r\n0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello0\r\n\r\n',
    '5\r\nhelloXX0\r\n\r\n',
    '5\r\nhello\r\n0\r\nX\r\n\r\n',
    '5\r\nhello\r\n0\r\n\n',
  ].map(
    (body): ResponseCase => ({
      name: `chunks ${JSON.stringify(body)}`,
      answer: [`${OK}Transfer-Encoding: chunked\r\n\r\n${body}`, 'close'],
      cut: true,
      gateway: true,
    }),
  ),
]

const TARGET = '/_matrix/client/v3/answered'

describe('responses', () => {
  let bed: Bed
  const cleanups: (() => Promise<void>)[] = []
  before(async () => {
    bed = await makeBed({ after: (fn) => cleanups.unshift(fn) })
    bed.upstream.answer = (request) => (request.target === TARGET ? scripted : echo(request))
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })
  let scripted: Answer = []

  const tryAnswer = async (c: ResponseCase, answer: Answer) => {
    scripted = answer
    const { upstream } = bed
    const from = upstream.requests.length
    const client = await connectRaw(bed.edge.port, [c.method ?? 'GET'])
    try {
      await client.send(`${c.method ?? 'GET'} ${TARGET} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
      await client.until(
        () => client.closed || client.violation !== undefined || client.responses.length > 0,
        'an answer or the end',
        DEADLINE_MS,
      )
      const first = client.responses[0]
      assert.equal(client.violation, undefined, 'what the client gets is HTTP')
      if (first === undefined) {
        assert.ok(c.cut, `cut: ${JSON.stringify(client.received)}`)
      } else if (first.status === 502 && c.passes?.status !== 502) {
        assert.ok(c.gateway, `502: ${client.received}`)
        assertMatrixError(first)
      } else {
        assert.deepEqual({ status: first.status, body: first.body }, c.passes, 'the answer')
        if (first.status === 204)
          assert.doesNotMatch(client.received, /content-length|transfer-encoding/i, 'RFC 9110 8.6, 9112 6.1')
      }
      // The barrier is another client, and by then anything extra would have come.
      await bed.barrier()
      assert.equal(client.leftover, first === undefined ? client.leftover : '', 'nothing after the answer')
      assert.ok(client.responses.length <= 1, 'one answer to one request')

      const used = upstream.requests.slice(from).filter(({ target }) => target === TARGET)
      assert.ok(used.length >= 1)
      if (!c.reusable) {
        for (const { connection } of used) {
          const { requests } = upstream.connections[connection]!
          assert.equal(requests.at(-1)?.target, TARGET, 'a spoilt connection serves nobody')
          await upstream.until(() => upstream.connections[connection]!.ended, 'its end', DEADLINE_MS)
        }
      } else if (first?.status !== 502) {
        assert.equal(used.length, 1, 'a good answer is asked for once')
        // The connection must still be in step on both sides.
        if (!client.closed) {
          await client.send('GET /_matrix/client/v3/next HTTP/1.1\r\nHost: example.org\r\n\r\n')
          await client.until(() => client.responses.length === 2 || client.closed, 'the next answer', DEADLINE_MS)
          assert.equal(client.responses[1]?.body, 'GET /_matrix/client/v3/next 0')
        }
      }
      await assertUpstreamClean(bed, false)
    } finally {
      client.destroy()
      forget(bed)
    }
  }

  /** Each byte in a segment of its own, as far as the kernel and the event loop let that be. */
  const byteByByte = (answer: Answer): Answer =>
    answer.flatMap((part) =>
      typeof part === 'string' && part !== 'close' && part !== 'reset'
        ? [...part].flatMap((byte) => [byte, new Promise<void>((resolve) => setImmediate(resolve))])
        : [part],
    )
  const length = (answer: Answer) => answer.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0)

  test('case names are unique', () => {
    const names = CASES.map(({ name }) => name)
    assert.deepEqual(names, [...new Set(names)])
  })
  describe('in one piece', () => {
    for (const c of CASES) test(c.name, () => tryAnswer(c, c.answer))
  })
  describe('byte by byte', () => {
    for (const c of CASES) if (length(c.answer) < 1000) test(c.name, () => tryAnswer(c, byteByByte(c.answer)))
  })

  test('a client of HTTP/1.0 is not given chunks', async () => {
    scripted = [`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`]
    const client = await connectRaw(bed.edge.port)
    await client.send(`GET ${TARGET} HTTP/1.0\r\nHost: example.org\r\n\r\n`)
    await client.until(() => client.closed, 'the close', DEADLINE_MS)
    const [answer] = client.responses
    assert.equal(answer?.body, 'hello')
    assert.deepEqual(valuesOf(answer, 'transfer-encoding'), [], 'no Transfer-Encoding, RFC 9112 6.1')
    await bed.barrier()
    forget(bed)
  })

  test('fields for the worker connection only stay behind, and the version is our own', async () => {
    scripted = [
      'HTTP/1.0 200 OK\r\nX-A: a\r\nConnection: X-Hop, keep-alive\r\nX-HOP: b\r\nKeep-Alive: timeout=5\r\nX-B: c\r\nContent-Length: 2\r\n\r\nok',
    ]
    const client = await connectRaw(bed.edge.port)
    await client.send(`GET ${TARGET} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    await client.until(() => client.responses.length === 1, 'the answer', DEADLINE_MS)
    assert.equal(client.received, 'HTTP/1.1 200 OK\r\nX-A: a\r\nX-B: c\r\nContent-Length: 2\r\n\r\nok')
    scripted = [`${OK}Connection: Content-Length\r\nContent-Length: 2\r\n\r\nok`]
    await client.send(`GET ${TARGET} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    await client.until(() => client.responses.length === 2, 'the next answer', DEADLINE_MS)
    assert.equal(client.responses[1]?.status, 502)
    client.destroy()
    await bed.barrier()
    forget(bed)
  })

  test('bytes on an idle connection are given to nobody', async () => {
    const { upstream } = bed
    for (const bytes of [EVIL, 'X', '\r\n', EVIL.repeat(3)]) {
      scripted = [hello]
      const from = upstream.requests.length
      const client = await connectRaw(bed.edge.port)
      await client.send(`GET ${TARGET} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
      await client.until(() => client.responses.length === 1, 'the answer', DEADLINE_MS)
      const connection = upstream.connections[upstream.requests[from]!.connection]!
      assert.equal(connection.ended, false, 'the connection to the worker is kept')
      connection.write(bytes)
      await upstream.until(() => connection.ended, 'the end of the connection that spoke unasked', DEADLINE_MS)
      await client.send('GET /_matrix/client/v3/next HTTP/1.1\r\nHost: example.org\r\n\r\n')
      await client.until(() => client.responses.length === 2 || client.closed, 'the next answer', DEADLINE_MS)
      assert.equal(client.responses[1]?.body, 'GET /_matrix/client/v3/next 0')
      client.destroy()
      await bed.barrier()
    }
  })

  test('an answer before the request is complete leaves both sides in step', async () => {
    const { upstream } = bed
    const from = upstream.connections.length
    const client = await connectRaw(bed.edge.port)
    const send = client.send(
      `POST /_matrix/client/v3/early HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\n\r\nhello`,
    )
    await send
    await upstream.until(
      () => upstream.connections.some(({ leftover }) => leftover.includes('/early')),
      'the beginning of the request',
      DEADLINE_MS,
    )
    const connection = upstream.connections.find(({ leftover }) => leftover.includes('/early'))!
    connection.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    await client.until(() => client.responses.length === 1 || client.closed, 'the early answer', DEADLINE_MS)
    assert.equal(client.responses[0]?.body, 'no')
    await client.send('world', 'GET /_matrix/client/v3/next HTTP/1.1\r\nHost: example.org\r\n\r\n')
    await client.until(() => client.responses.length === 2 || client.closed, 'the next answer or the end', DEADLINE_MS)
    if (client.responses.length === 2) assert.equal(client.responses[1]?.body, 'GET /_matrix/client/v3/next 0')
    client.destroy()
    await bed.barrier()
    assert.ok(upstream.connections.slice(from).every(({ violation }) => violation === undefined))
    // Either the whole request arrived, or its connection is gone: the rest of it never belongs to another request.
    await upstream.until(() => connection.leftover === '' || connection.ended, 'whole, or gone', DEADLINE_MS)
    forget(bed)
  })

  test('a body that turns out invalid while its answer passes breaks the answer off: there is never a second one in it', async () => {
    const { upstream } = bed
    const client = await connectRaw(bed.edge.port)
    const head = 'POST /_matrix/client/v3/broken HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n'
    await client.send(`${head}5\r\nhello\r\n`)
    const begun = () => upstream.connections.find(({ leftover }) => leftover.includes('/broken'))
    await upstream.until(() => begun() !== undefined, 'the beginning of the request', DEADLINE_MS)
    begun()!.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun')
    await client.until(() => client.received.endsWith('begun') || client.closed, 'the early answer', DEADLINE_MS)
    await client.send('no size\r\n')
    await client.until(() => client.closed, 'the end', DEADLINE_MS)
    assert.ok(client.received.endsWith('begun'), client.received)
    assert.equal(client.responses.length, 0)
    client.destroy()
    await bed.barrier()
    forget(bed)
  })

  test('a client that leaves spoils the connection its answer comes on', async () => {
    const { upstream } = bed
    let release = () => {}
    scripted = [
      new Promise<void>((resolve) => {
        release = resolve
      }),
      EVIL,
    ]
    const from = upstream.requests.length
    const client = await connectRaw(bed.edge.port)
    await client.send(`GET ${TARGET} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    await upstream.until(() => upstream.requests.length > from, 'the request', DEADLINE_MS)
    const { connection } = upstream.requests[from]!
    client.destroy()
    await upstream.until(() => upstream.connections[connection]!.ended, 'the cancelled request', DEADLINE_MS)
    release()
    await bed.barrier()
  })
})
