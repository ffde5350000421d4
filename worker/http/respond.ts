/** Answers on the wire. */

import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Exchange } from './exchange.ts'
import type { Reply } from './reply.ts'

/** What Synapse sends where a handler says nothing: neither the client nor a cache in between keeps the answer. */
const NO_STORE = ['Cache-Control', 'no-cache, no-store, must-revalidate']

/**
 * How long a client that is told "too large" may go on sending. Were the connection closed at once, its system would
 * answer our bytes with a reset, and the client would never see the answer.
 */
const LINGER_MS = 1_000

export interface RespondOptions {
  /** Names and values in turn: what every answer of the server has, CORS where it applies. */
  readonly common: readonly string[]
  /** The connection is not used further. */
  readonly close: boolean
}

/**
 * Sends the answer; resolves with the bytes of its body when they are handed to the socket. A client that has left gets
 * nothing. Rejects if a stream fails: the connection is cut then, as the answer is incomplete.
 */
export async function respond(exchange: Exchange, reply: Reply, { common, close }: RespondOptions): Promise<number> {
  const { request, response } = exchange
  const { body } = reply
  if (exchange.hasLeft || response.headersSent) {
    if (body instanceof Readable) body.destroy()
    return 0
  }
  const isUnfinished = exchange.isBodyUnread
  // Of a body within the limit the rest is read and forgotten; any other ends the connection.
  const isRefused =
    exchange.isHeldBack || (isUnfinished && !((exchange.head.contentLength ?? Infinity) <= exchange.maxBodyBytes))
  const headers = [...common, ...reply.headers]
  if (!hasHeader(reply.headers, 'Cache-Control') && body !== undefined) headers.push(...NO_STORE)
  if (close || isRefused) headers.push('Connection', 'close')
  if (exchange.head.hasBody && !request.readableEnded) request.resume()

  if (body instanceof Readable) return await respondStream(exchange, reply, body, headers)
  const length = typeof body === 'string' ? Buffer.byteLength(body) : (body?.byteLength ?? 0)
  if (reply.status !== 204 && reply.status !== 304) headers.push('Content-Length', String(length))
  response.writeHead(reply.status, headers)
  if (isRefused && isUnfinished && !exchange.isHeldBack) linger(exchange, body ?? '')
  else if (typeof body === 'string' && length === body.length) response.end(body, 'latin1')
  else response.end(body)
  return length
}

const hasHeader = (headers: readonly string[], name: string): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

/** Node closes the connection when the answer has ended: so it ends once the client has stopped sending, or was told to long enough. */
function linger({ request, response }: Exchange, body: string | Uint8Array): void {
  response.write(body)
  const end = (): void => {
    clearTimeout(timer)
    request.off('end', end)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.on('end', end)
  response.on('close', () => clearTimeout(timer))
}

async function respondStream(
  { method, response }: Exchange,
  reply: Reply,
  body: Readable,
  headers: string[],
): Promise<number> {
  if (reply.length !== undefined) headers.push('Content-Length', String(reply.length))
  response.writeHead(reply.status, headers)
  if (method === 'HEAD') {
    body.destroy()
    response.end()
    return 0
  }
  let sent = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length
      done(null, chunk)
    },
  })
  try {
    await pipeline(body, count, response)
  } catch (error) {
    response.destroy()
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
  return sent
}
