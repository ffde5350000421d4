/** One edge in front of one recording worker, and what is asserted after every exchange through them. */

import assert from 'node:assert/strict'
import { type Latin1, type ReadResponse, valuesOf } from '../../harness/http1.ts'
import { connectRaw, type RawClient } from '../../harness/raw-client.ts'
import {
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../../harness/recording-upstream.ts'
import { type Cleanup, EDGE, startTestRouter, type TestRouter, UPSTREAM_PORT } from '../../harness/router.ts'
import type { Case, Seen } from './cases.ts'

export const OURS = EDGE === 'router'
/** Long enough for a busy machine; reached only by a failing case. */
export const DEADLINE_MS = OURS ? 5000 : 1000

export interface Bed {
  readonly edge: TestRouter
  readonly upstream: RecordingUpstream
  /**
   * Another client's request, on its own connection. When it is answered, with its own answer, whatever an earlier exchange
   * sent to the worker has arrived there too.
   */
  barrier(): Promise<void>
  /** What the worker has seen since `from`, barriers left out, once all is quiet: see `barrier`. */
  seenSince(from: number): Promise<readonly RecordedRequest[]>
}

const BARRIER = '/_matrix/client/v3/barrier/'

/**
 * @param pool further keys of the pool
 * @param worker a worker that runs already and is closed by who started it
 */
export const makeBed = async (
  t: Cleanup,
  pool: Readonly<Record<string, unknown>> = {},
  worker?: RecordingUpstream,
): Promise<Bed> => {
  const upstream = worker ?? (await startRecordingUpstream({ port: UPSTREAM_PORT, canonical: OURS }))
  if (worker === undefined) t.after(upstream.close)
  const edge = await startTestRouter(t, {
    settings: { synapse: '1.163' },
    pools: { main: { workers: [`127.0.0.1:${upstream.port}`], ...pool } },
  })
  let client: RawClient | undefined
  t.after(async () => client?.destroy())
  let count = 0

  const barrier = async () => {
    count += 1
    // Not for ever on one connection: what it received, and all its answers with it, stays in memory.
    if (client !== undefined && client.responses.length >= 100) client.destroy()
    if (client === undefined || client.closed || client.responses.length >= 100) client = await connectRaw(edge.port)
    const before = client.responses.length
    const target = `${BARRIER}${count}`
    const { closed, responses } = client
    assert.ok(!closed)
    await client.send(`GET ${target} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    await client.until(() => responses.length > before || client!.closed, 'the answer to another client', DEADLINE_MS)
    const answer = responses[before]
    assert.ok(answer, 'another client gets an answer')
    assert.equal(answer.body, `GET ${target} 0`, 'another client gets its own answer')
    assert.equal(client.leftover, '', 'another client gets no more than its answer')
    if (!answer.keepAlive) client = undefined
    await upstream.until(
      () => upstream.requests.some((request) => request.target === target),
      'its record',
      DEADLINE_MS,
    )
  }

  return {
    edge,
    upstream,
    barrier,
    seenSince: async (from) => {
      await barrier()
      return upstream.requests.slice(from).filter((request) => !request.target.startsWith(BARRIER))
    },
  }
}

/** The worker must never be left in the middle of a request on a connection that lives, nor be sent what it must refuse. */
export const assertUpstreamClean = async ({ upstream }: Bed, begun: boolean): Promise<void> => {
  const violation = upstream.connections.find((connection) => connection.violation !== undefined)
  assert.equal(violation?.violation, undefined, `the worker was sent ${JSON.stringify(violation?.bytes.slice(-400))}`)
  const unfinished = () => upstream.connections.filter((connection) => connection.leftover !== '')
  if (!begun) {
    const [connection] = unfinished()
    assert.equal(connection?.leftover, undefined, 'the worker was left with part of a request')
  }
  const live = () => unfinished().filter((connection) => !connection.ended)
  await upstream.until(() => live().length === 0, 'a worker connection with part of a request is closed', DEADLINE_MS)
}

/** Forgets what was seen, so that one case's faults are not told again by the next. */
export const forget = ({ upstream }: Bed) => {
  for (const connection of upstream.connections) {
    connection.leftover = ''
    connection.bytes = ''
    delete connection.violation
  }
}

const assertSeen = (seen: readonly RecordedRequest[], expected: readonly Seen[]) => {
  assert.deepEqual(
    seen.map(({ method, target, body }) => ({ method, target, body })),
    expected.map(({ method, target, body = '' }) => ({ method, target, body })),
    'what the worker saw',
  )
  for (const [i, { headers = {} }] of expected.entries()) {
    for (const [name, value] of Object.entries(headers)) {
      assert.deepEqual(valuesOf(seen[i]!, name), value === undefined ? [] : [value], `${name} of request ${i}`)
    }
  }
}

const assertEchoes = (answers: readonly ReadResponse[], expected: readonly Seen[]) => {
  assert.deepEqual(
    answers.map(({ status, body }) => `${status} ${body}`),
    expected.map(({ method, target, body = '' }) =>
      method === 'HEAD' ? '200 ' : `200 ${method} ${target} ${body.length}`,
    ),
    'the answers, in the order of the requests',
  )
}

/** An answer that the router itself made: Matrix JSON that a browser may read, and the end of the connection. */
export const assertMatrixError = (answer: ReadResponse) => {
  if (!OURS) return
  const { errcode, error } = JSON.parse(answer.body) as { errcode: unknown; error: unknown }
  assert.match(String(errcode), /^M_[A-Z_]+$/)
  assert.equal(typeof error, 'string')
  assert.deepEqual(valuesOf(answer, 'access-control-allow-origin'), ['*'])
  assert.match(String(valuesOf(answer, 'content-type')[0]), /^application\/json/)
  // IMF-fixdate (RFC 9110 5.6.7).
  assert.match(String(valuesOf(answer, 'date')), /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/)
}

const FOLLOW_UP: Seen = { method: 'GET', target: '/_matrix/client/v3/follow-up' }

/** Sends a case in the given pieces and holds every side against what the case allows. */
export const tryCase = async (bed: Bed, c: Case, pieces: readonly Latin1[]): Promise<void> => {
  const from = bed.upstream.requests.length
  const { forwarded, refused, before = [] } = c
  const client = await connectRaw(
    bed.edge.port,
    (forwarded ?? before).map(({ method }) => method),
  )
  try {
    void client.send(...pieces)
    const isRefusal = () => (client.responses.at(-1)?.status ?? 0) >= 400
    const isForwarded = () => forwarded !== undefined && client.responses.length >= forwarded.length && !isRefusal()
    await client.until(() => client.closed || isForwarded(), refused ? 'refusal and close' : 'answers', DEADLINE_MS)
    assert.equal(client.violation, undefined, 'every answer is HTTP')

    if (isRefusal()) {
      const answers = client.responses
      assert.ok(refused, `refused: ${JSON.stringify(client.received)}`)
      assert.equal(client.leftover, '', 'nothing follows the refusal')
      assertEchoes(answers.slice(0, -1), before)
      const last = answers.at(-1)!
      assert.ok(refused.includes(last.status), `status ${last.status}, allowed ${refused}`)
      assert.equal(last.keepAlive, false, 'the refusal announces the close')
      assertMatrixError(last)
      assertSeen(await bed.seenSince(from), before)
    } else {
      assert.ok(forwarded, `not refused: ${JSON.stringify(client.received.slice(0, 400))}`)
      if (c.closes) await client.until(() => client.closed, 'the close', DEADLINE_MS)
      assertEchoes(client.responses, forwarded)
      assert.equal(client.leftover, '')
      if (!c.closes) {
        assert.equal(client.closed, false, 'the connection stays open')
        await client.send(`GET ${FOLLOW_UP.target} HTTP/1.1\r\nHost: example.org\r\n\r\n`)
        await client.until(
          () => client.responses.length > forwarded.length || client.closed,
          'the next answer',
          DEADLINE_MS,
        )
        assertEchoes(client.responses.slice(forwarded.length), [FOLLOW_UP])
      }
      assertSeen(await bed.seenSince(from), c.closes ? forwarded : [...forwarded, FOLLOW_UP])
    }
    await assertUpstreamClean(bed, c.begun === true)
  } finally {
    client.destroy()
    forget(bed)
  }
}
