/**
 * The differential fuzzer. For each stream of `streams.ts` through the edge:
 *
 * - what reaches the worker is, request for request, what the strict parser reads in the client's bytes: same order, method,
 *   target and body, each answered with its own answer, and none that the client did not send;
 * - what is not valid ends in a closed connection;
 * - llhttp reads the forwarded bytes of each worker connection exactly as the strict parser does;
 * - what llhttp refuses in the client's bytes is not forwarded, save for the differences explained below.
 */

import assert from 'node:assert/strict'
import { METHODS } from 'node:http'
import { type Conversation, type Latin1, readRequests, valuesOf } from '../../harness/http1.ts'
import { type LlhttpReading, llhttpReads } from '../../harness/llhttp.ts'
import { makeRandom, splitAtRandom } from '../../harness/random.ts'
import { connectRaw, type RawClient } from '../../harness/raw-client.ts'
import { echo, HEALTH, type RecordedRequest, type UpstreamConnection } from '../../harness/recording-upstream.ts'
import { type Bed, DEADLINE_MS, forget } from './bed.ts'
import { type Stream, streamOf } from './streams.ts'

export interface Tally {
  streams: number
  /** Requests that the strict parser read in the clients' bytes. */
  intended: number
  forwarded: number
  /** Valid in the strict parser's eyes, refused by the router. */
  stricter: number
  /** Streams with a request forwarded that llhttp did not read in the client's bytes, by explanation. */
  readonly explained: Record<string, number>
}

/** A worker connection is ended after so many requests, so that its bytes can be read again by llhttp as a whole. */
const REQUESTS_PER_CONNECTION = 50

interface Difference {
  readonly reason: string
  holds(intended: Conversation, llhttp: LlhttpReading, bytes: Latin1): boolean
}

/** Why llhttp may refuse what is rightly forwarded. */
const DIFFERENCES: readonly Difference[] = [
  {
    reason: 'llhttp reads nothing behind an offer to upgrade; the router declines it by leaving it out (RFC 9110 7.8)',
    holds: ({ requests }, { requests: read, error }) =>
      error === undefined && read.length > 0 && valuesOf(requests[read.length - 1]!, 'upgrade').length > 0,
  },
  {
    reason:
      'llhttp refuses a tab around `chunked`, which is optional white space (RFC 9110 5.6.3); the router writes its own line',
    holds: ({ requests }, { requests: read, error }, bytes) =>
      error === 'HPE_INVALID_TRANSFER_ENCODING' &&
      valuesOf(requests[read.length]!, 'transfer-encoding').length === 1 &&
      /\r\ntransfer-encoding:[ \t]*chunked[ \t]*\t[ \t]*\r\n/i.test(bytes),
  },
  {
    reason: 'llhttp takes Proxy-Connection for Connection; RFC 9110 knows no such field, so that it closes nothing',
    holds: ({ requests }, { requests: read, error }) =>
      error === 'HPE_CLOSED_CONNECTION' &&
      /close/i.test(valuesOf(requests[read.length - 1]!, 'proxy-connection').join()),
  },
  {
    reason: 'llhttp knows a fixed list of methods; any other token is a method too (RFC 9110 9.1)',
    holds: ({ requests }, { requests: read }) => !METHODS.includes(requests[read.length]?.method ?? 'GET'),
  },
]

type Plain = { readonly method: string; readonly target: string; readonly body: Latin1 }
const plain = ({ method, target, body }: Plain): Plain => ({ method, target, body })

/** Sends one stream and waits until all that can come of it has come. */
const exchange = async (
  bed: Bed,
  stream: Stream,
  pieces: readonly Latin1[],
): Promise<{ intended: Conversation; client: RawClient }> => {
  const intended = readRequests(stream.bytes)
  const { requests, rest, closed } = intended
  const client = await connectRaw(
    bed.edge.port,
    requests.map(({ method }) => method),
  )
  void client.send(...pieces)
  const over = rest.kind === 'violation' || closed
  await client.until(
    () => client.closed || (!over && client.responses.length >= requests.length),
    over ? 'the end of the connection' : 'every answer',
    DEADLINE_MS,
  )
  if (!client.closed && rest.kind === 'partial') {
    client.end()
    await client.until(() => client.closed, 'the end after half a request', DEADLINE_MS)
  }
  client.destroy()
  return { intended, client }
}

const checkSeen = (intended: Conversation, client: RawClient, seen: readonly RecordedRequest[], pure: boolean) => {
  const { requests } = intended
  assert.equal(client.violation, undefined, 'the client gets HTTP')
  const served = requests.filter((request, i) => {
    const answer = client.responses[i]
    if (answer === undefined || answer.status !== 200) return false
    const expected = echo({ ...request, body: request.body })[0] as string
    assert.ok(expected.endsWith(`\r\n\r\n${answer.body}`), `answer ${i} is another request's: ${answer.body}`)
    return true
  })
  assert.ok(client.responses.length <= requests.length + 1, 'no more answers than requests, and one refusal')
  const extra = client.responses[requests.length]
  assert.ok(extra === undefined || extra.status >= 400, 'what is not valid is not served')
  assert.deepEqual(seen.slice(0, served.length).map(plain), served.map(plain), 'the worker saw what was answered')
  // Sent on, but cut off before the answer was there.
  const unanswered = requests.slice(client.responses.length)
  const more = seen.slice(served.length)
  assert.deepEqual(more.map(plain), unanswered.slice(0, more.length).map(plain), 'the worker saw nothing else')
  if (pure) assert.equal(served.length, requests.length, 'a valid stream is served whole')
  return served.length + more.length
}

const checkForwarded = async (connection: UpstreamConnection) => {
  const { requests: all, error } = await llhttpReads(connection.bytes)
  const requests = all.filter(({ target }) => target !== HEALTH)
  // llhttp reads up to a method it does not know, be it that of a request that was cut off.
  const cutOff = /^([^ ]*) /.exec(connection.leftover)?.[1] ?? 'GET'
  const methods = [...connection.requests.map(({ method }) => method), cutOff]
  const unknown = methods.findIndex((method) => !METHODS.includes(method))
  const strict = connection.requests.slice(0, unknown === -1 ? undefined : unknown)
  assert.deepEqual(
    requests.slice(0, strict.length),
    strict.map(plain),
    'llhttp reads what was forwarded as the strict parser does',
  )
  if (unknown !== -1) return
  assert.equal(requests.length, strict.length, 'llhttp reads no more than the strict parser')
  assert.equal(error, undefined, `llhttp refuses what was forwarded: ${error} at ${connection.bytes.slice(-300)}`)
}

/**
 * @param more asked before each stream, with its number: false ends the run
 * @param first the number of the first stream
 * @param alsoRead given each worker connection that is over, before its bytes are forgotten
 * @throws with the seed, the number and the bytes of the stream that failed
 */
export const fuzz = async (
  bed: Bed,
  seed: number,
  more: (n: number) => boolean,
  { first = 0, alsoRead = async (_: UpstreamConnection) => {} } = {},
): Promise<Tally> => {
  const { upstream } = bed
  const tally: Tally = { streams: 0, intended: 0, forwarded: 0, stricter: 0, explained: {} }
  const checked = new WeakSet<UpstreamConnection>()
  upstream.answer = (request, connection) =>
    connection.requests.length < REQUESTS_PER_CONNECTION
      ? echo(request)
      : [String(echo(request)[0]).replace('\r\n', '\r\nConnection: close\r\n'), 'close']
  const checkConnections = async (all: boolean) => {
    for (const connection of upstream.connections) {
      if (checked.has(connection) || !(all || connection.ended)) continue
      await checkForwarded(connection)
      await alsoRead(connection)
      checked.add(connection)
    }
  }

  for (let n = first; more(n); n += 1) {
    const stream = streamOf(seed, n)
    const random = makeRandom(seed + n)
    const pieces = random.oneIn(2) ? [stream.bytes] : splitAtRandom(random, stream.bytes, 1 + random.int(6))
    try {
      const from = upstream.requests.length
      const { intended, client } = await exchange(bed, stream, pieces)
      const seen = await bed.seenSince(from)
      const forwarded = checkSeen(intended, client, seen, stream.pure)
      const violation = upstream.connections.find((connection) => connection.violation !== undefined)
      assert.equal(
        violation?.violation,
        undefined,
        `the worker was sent ${JSON.stringify(violation?.bytes.slice(-400))}`,
      )
      await upstream.until(
        () => upstream.connections.every(({ leftover, ended }) => leftover === '' || ended),
        'no living connection with part of a request',
        DEADLINE_MS,
      )
      await checkConnections(false)

      const llhttp = await llhttpReads(stream.bytes)
      if (forwarded > llhttp.requests.length) {
        const difference = DIFFERENCES.find(({ holds }) => holds(intended, llhttp, stream.bytes))
        assert.ok(difference, `forwarded, but llhttp reads ${llhttp.requests.length} requests: ${llhttp.error}`)
        tally.explained[difference.reason] = (tally.explained[difference.reason] ?? 0) + 1
      }
      const both = Math.min(seen.length, llhttp.requests.length)
      if (
        seen.length === forwarded &&
        both > 0 &&
        client.responses.slice(0, both).every(({ status }) => status === 200)
      ) {
        assert.deepEqual(
          llhttp.requests.slice(0, both),
          seen.slice(0, both).map(plain),
          "llhttp reads the client's bytes alike",
        )
      }
      if (n % 500 === 0) upstream.forget()
      tally.streams += 1
      tally.intended += intended.requests.length
      tally.forwarded += forwarded
      tally.stricter += intended.requests.length - forwarded
    } catch (error) {
      const { message } = error as Error
      throw new Error(`seed ${seed}, stream ${n}: ${message}\nsent as ${JSON.stringify(pieces)}`, { cause: error })
    }
  }
  await checkConnections(true)
  forget(bed)
  return tally
}
