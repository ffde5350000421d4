/**
 * A request and its answer, as the parts of the data path hand it on, and as the log and the metrics are told of it. One
 * for each client connection, filled anew by every request: nothing is allocated for a request that a string does not hold.
 */

import { NO_KEY } from '../balancing/key.ts'
import type { Route, UpstreamPool, UpstreamWorker } from './gateway.ts'

export interface Exchange {
  /** `performance.now()` at the request's head, or at its first byte while the head is incomplete; 0 between requests. */
  startedAt: number
  /** `''` if the head could not be read. */
  method: string
  isHead: boolean
  /** The client speaks HTTP/1.x. */
  minor: number
  expectsContinue: boolean
  /** The client's address: the peer's, or what a trusted proxy says. */
  address: string
  /** In `X-Request-ID` to the worker, and in the access log. */
  requestId: string
  /** The head as it goes to the worker and as much of the body as was kept; null: it cannot be sent again. */
  request: string | null
  /** A first stretch of body too long for {@link request}. */
  firstBody: Buffer | null
  /** `METHOD target`, where {@link request} may be gone before the log asks for it. */
  requestLine: string
  route: Route | null
  /** What it sticks to, or NO_KEY. */
  keyHash: number
  /** Of the alias that names the room, until the answer tells which room that is. */
  aliasHash: number
  /** How long the worker may be silent. */
  readMs: number
  /** It is a long poll: it says itself how long it wants to wait. */
  polls: boolean
  /** Where it was admitted, and who has it. */
  pool: UpstreamPool | null
  worker: UpstreamWorker | null
  /** How often it was sent, or was to be. */
  attempts: number
  bytesIn: number
  bytesOut: number
}

export const makeExchange = (): Exchange => ({
  startedAt: 0,
  method: '',
  isHead: false,
  minor: 1,
  expectsContinue: false,
  address: '',
  requestId: '',
  request: null,
  firstBody: null,
  requestLine: '',
  route: null,
  keyHash: NO_KEY,
  aliasHash: NO_KEY,
  readMs: 0,
  polls: false,
  pool: null,
  worker: null,
  attempts: 0,
  bytesIn: 0,
  bytesOut: 0,
})

/** Forgets a request that is over. */
export const clearExchange = (exchange: Exchange): void => {
  exchange.startedAt = 0
  exchange.method = exchange.requestId = exchange.requestLine = ''
  exchange.request = exchange.firstBody = exchange.route = exchange.pool = exchange.worker = null
  exchange.attempts = exchange.bytesIn = exchange.bytesOut = 0
}

/** The request target as it came; `''` if the head could not be read. */
export const targetOf = ({ method, requestLine, request }: Exchange): string => {
  const start = method.length + 1
  if (requestLine !== '') return requestLine.slice(start)
  return request === null ? '' : request.slice(start, request.indexOf(' ', start))
}
