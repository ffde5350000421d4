/** Every case of `cases.ts` through the edge: whole, byte by byte, and cut at random. DESIGN 3.2, item 6. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { valuesOf } from '../../harness/http1.ts'
import { makeRandom, splitAtRandom } from '../../harness/random.ts'
import { connectRaw } from '../../harness/raw-client.ts'
import { assertUpstreamClean, type Bed, DEADLINE_MS, forget, makeBed, OURS, tryCase } from './bed.ts'
import { CASES, T } from './cases.ts'

/** Between the largest body the cases expect to pass and the smallest they expect to be refused. */
const MAX_BODY_BYTES = 1_000_000
/** Above this a case is not sent byte by byte: the long ones are about limits, not about the parser's states. */
const MAX_BYTES_ONE_BY_ONE = 1500

describe('requests', () => {
  let bed: Bed
  const cleanups: (() => Promise<void>)[] = []
  before(async () => {
    bed = await makeBed({ after: (fn) => cleanups.unshift(fn) }, { max_body: MAX_BODY_BYTES })
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  test('case names are unique', () => {
    const names = CASES.map(({ name }) => name)
    assert.deepEqual(names, [...new Set(names)])
  })

  describe('in one piece', () => {
    for (const c of CASES) test(c.name, () => tryCase(bed, c, [c.send]))
  })

  describe('byte by byte', () => {
    for (const c of CASES) {
      if (c.send.length <= MAX_BYTES_ONE_BY_ONE) test(c.name, () => tryCase(bed, c, [...c.send]))
    }
  })

  describe('cut at random', () => {
    const random = makeRandom(20_260_101)
    for (const c of CASES) {
      const cuts = [1, 4].map((n) => splitAtRandom(random, c.send, n))
      test(c.name, async () => {
        for (const pieces of cuts) await tryCase(bed, c, pieces)
      })
    }
  })

  describe('a client that leaves', () => {
    const requests = {
      'a request without a body': `GET ${T}/leave HTTP/1.1\r\nHost: example.org\r\n\r\n`,
      'a request with a length': `POST ${T}/leave HTTP/1.1\r\nHost: example.org\r\nContent-Length: 12\r\n\r\nhello, world`,
      'a request with chunks': `POST ${T}/leave HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n`,
    }
    for (const [name, request] of Object.entries(requests)) {
      for (const how of ['end', 'fin', 'reset'] as const) {
        test(`after each byte of ${name}: ${how}`, async () => {
          for (let n = 1; n < request.length; n += 1) {
            const from = bed.upstream.requests.length
            const client = await connectRaw(bed.edge.port)
            await client.send(request.slice(0, n))
            if (how === 'end') {
              client.end()
              await client.until(() => client.closed, `the close after ${n} bytes`, DEADLINE_MS)
              assert.ok(
                client.responses.every(({ status }) => status >= 400),
                'half a request is not served',
              )
              client.destroy()
            } else {
              client.destroy(how)
            }
            // Each tenth time is enough for the wait; the requests are counted each time.
            const seen = n % 10 === 0 ? await bed.seenSince(from) : bed.upstream.requests.slice(from)
            assert.deepEqual(
              seen.filter(({ target }) => target.endsWith('/leave')),
              [],
              `cut after ${n} bytes`,
            )
          }
          await bed.barrier()
          await assertUpstreamClean(bed, true)
          forget(bed)
          assert.ok(bed.upstream.requests.every(({ target }) => !target.endsWith('/leave')))
        })
      }
    }
  })

  test('a slow head is served when it comes in time', async () => {
    const from = bed.upstream.requests.length
    const client = await connectRaw(bed.edge.port)
    for (const piece of [`GET ${T}`, ' HTTP/1.1\r\nHo', 'st: example.org\r', '\n\r', '\n']) {
      await client.send(piece)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    await client.until(() => client.responses.length === 1, 'the answer', DEADLINE_MS)
    assert.equal(client.responses[0]?.body, `GET ${T} 0`)
    client.destroy()
    assert.equal((await bed.seenSince(from)).length, 1)
  })

  test('many idle heads do not keep others waiting', async () => {
    const idle = await Promise.all(Array.from({ length: 100 }, () => connectRaw(bed.edge.port)))
    await Promise.all(idle.map((client) => client.send(`GET ${T} HTTP/1.1\r\nX-A: `)))
    await bed.barrier()
    for (const client of idle) client.destroy()
    await bed.barrier()
  })

  test('OPTIONS * is about the router, and TRACE is nobody’s', { skip: !OURS }, async () => {
    const from = bed.upstream.requests.length
    const options = await connectRaw(bed.edge.port, ['OPTIONS'])
    await options.send(`OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    await options.until(() => options.responses.length === 1, 'the answer', DEADLINE_MS)
    assert.equal(options.responses[0]?.status, 204)
    assert.match(String(valuesOf(options.responses[0]!, 'allow')), /GET.*OPTIONS/)
    const trace = await connectRaw(bed.edge.port)
    await trace.send(`TRACE ${T} HTTP/1.1\r\nHost: example.org\r\nMax-Forwards: 1\r\n\r\n`)
    await trace.until(() => trace.responses.length === 1, 'the answer', DEADLINE_MS)
    assert.equal(trace.responses[0]?.status, 405)
    assert.match(String(valuesOf(trace.responses[0]!, 'allow')), /GET/)
    assert.deepEqual(await bed.seenSince(from), [])
  })

  test('Expect: 100-continue is answered before the body is sent', async () => {
    const client = await connectRaw(bed.edge.port)
    await client.send(`POST ${T} HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
    await client.until(() => client.interim.length > 0 || client.closed, '100 Continue', DEADLINE_MS)
    assert.deepEqual(client.interim, [100])
    await client.send('hello')
    await client.until(() => client.responses.length === 1 || client.closed, 'the answer', DEADLINE_MS)
    assert.equal(client.responses[0]?.body, `POST ${T} 5`)
    client.destroy()
  })

  test('requests on one connection are sent to workers one after the other', { skip: !OURS }, async () => {
    const { upstream } = bed
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { answer } = upstream
    upstream.answer = (request, connection) =>
      request.target.endsWith('/held') ? [held, ...answer(request, connection)] : answer(request, connection)
    try {
      const client = await connectRaw(bed.edge.port)
      const from = upstream.requests.length
      const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: example.org\r\n\r\n`
      await client.send(get(`${T}/held`) + get(`${T}/next`))
      await upstream.until(() => upstream.requests.length > from, 'the first request', DEADLINE_MS)
      const first = upstream.requests[from]!
      // Whatever was to be sent along with it has arrived once another client is served.
      await bed.barrier()
      assert.deepEqual(upstream.connections[first.connection]?.requests.at(-1)?.target, `${T}/held`)
      assert.equal(upstream.connections[first.connection]?.leftover, '')
      assert.equal(client.responses.length, 0)
      release()
      await client.until(() => client.responses.length === 2 || client.closed, 'both answers', DEADLINE_MS)
      assert.deepEqual(
        client.responses.map(({ body }) => body),
        [`GET ${T}/held 0`, `GET ${T}/next 0`],
      )
      client.destroy()
    } finally {
      upstream.answer = answer
      release()
    }
  })
})
