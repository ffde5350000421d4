/** Makes a request that goes to a worker of a head that was read: its text, its route, and what it sticks to. */

import { keyHash, NO_KEY, namesAlias } from '../balancing/key.ts'
import { methodBit } from '../routing/method.ts'
import type { Exchange } from './exchange.ts'
import { forbidden } from './exposure.ts'
import { clientAddressOf, protoOf } from './forwarded-for.ts'
import type { Gateway, Listener, Route } from './gateway.ts'
import { latin1, SLASH } from './grammar.ts'
import { pollTimeoutMs } from './poll-timeout.ts'
import { aboutRouter, type Refusal, refusals } from './refusal.ts'
import { forwardedHead, head, MAX_HEAD_BYTES, readRequestHead } from './request-head.ts'

/** Where the requests of a connection come from. */
export interface Origin {
  readonly listener: Listener
  /** The address at the other end, in canonical form. */
  readonly peer: string
  /** The peer is a trusted proxy. */
  readonly trusted: boolean
  /** What ends every head, from its X-Request-ID's line end on, where the peer is not trusted and they are always the same. */
  readonly forwarded: string
}

export const makeOrigin = ({ snapshot }: Gateway, listener: Listener, peer: string): Origin => ({
  listener,
  peer,
  trusted: snapshot.trusts(peer),
  forwarded: `\r\nX-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: ${listener.scheme}\r\n\r\n`,
})

/**
 * Fills `exchange` from the head read last, which ends at `bytes[headEnd]`; of the body nothing is looked at. Returns why
 * the request goes to no worker, or null.
 */
export const takeRequest = (
  exchange: Exchange,
  bytes: Buffer,
  headEnd: number,
  origin: Origin,
  gateway: Gateway,
): Refusal | null => {
  exchange.method = methodOf(bytes)
  exchange.isHead = exchange.method === 'HEAD'
  exchange.minor = head.minor
  exchange.expectsContinue = head.expectsContinue
  exchange.bytesIn = headEnd - head.start
  let { forwarded } = origin
  if (origin.trusted) {
    const { snapshot } = gateway
    const hops = head.forwardedForBefore + latin1(bytes, head.forwardedForStart, head.forwardedForEnd)
    exchange.address = clientAddressOf(hops, origin.peer, snapshot)
    const proto = protoOf(bytes, head.forwardedProtoStart, head.forwardedProtoEnd, origin.listener.scheme)
    forwarded = `\r\nX-Forwarded-For: ${exchange.address}\r\nX-Forwarded-Proto: ${proto}\r\n\r\n`
  }
  const forwardable = forwardedHead(bytes, headEnd)
  exchange.requestId = gateway.requestIdPrefix + ++gateway.requests
  let request = forwardable
  if (!head.hasHost) request += `Host: ${gateway.snapshot.serverName}\r\n`
  if (head.chunked) request += 'Transfer-Encoding: chunked\r\n'
  else if (head.rewriteLength) request += `Content-Length: ${head.contentLength}\r\n`
  request += `X-Request-ID: ${exchange.requestId}${forwarded}`
  const unserved =
    bytes[head.targetStart] !== SLASH
      ? aboutRouter
      : forbidden(bytes, head.targetStart, head.targetEnd, origin.listener.exposes)
        ? refusals.notExposed
        : null
  if (unserved !== null || head.chunked || head.contentLength > 0 || request.length > MAX_HEAD_BYTES)
    exchange.requestLine = forwardable.slice(0, head.targetEnd - head.start)
  if (unserved !== null) return unserved
  decide(exchange, bytes, gateway)
  if (request.length > MAX_HEAD_BYTES) return refusals.headTooLarge
  exchange.request = request
  return null
}

/** Finds the route of the head read last, what it sticks to and how long it may take, by the snapshot in force. */
const decide = (exchange: Exchange, bytes: Buffer, { snapshot, aliases }: Gateway): void => {
  const { targetStart, targetEnd } = head
  const route = snapshot.route(bytes, targetStart, targetEnd, methodBit(exchange.method))
  exchange.route = route
  const pollMs = pollTimeoutMs(bytes, targetStart, targetEnd)
  exchange.polls = pollMs > 0
  exchange.readMs = route.pool.config.timeouts.readMs + pollMs
  exchange.aliasHash = NO_KEY
  if (route.sticky === undefined) {
    exchange.keyHash = NO_KEY
    return
  }
  keySource.bytes = bytes
  keySource.targetStart = targetStart
  keySource.targetEnd = targetEnd
  keySource.authorizationStart = head.authorizationStart
  keySource.authorizationEnd = head.authorizationEnd
  keySource.clientAddress = exchange.address
  let hash = keyHash(route.sticky, keySource)
  if (hash === NO_KEY) {
    if (route.otherwise !== undefined) hash = keyHash(route.otherwise, keySource)
  } else if (route.sticky === 'room') {
    if (namesAlias(keySource)) exchange.aliasHash = hash
    hash = aliases.resolve(hash)
  }
  exchange.keyHash = hash
}

/** Decides again, by the snapshot in force now, where a request goes that was not sent yet. */
export const decideAgain = (exchange: Exchange, gateway: Gateway): void => {
  const bytes = Buffer.from(exchange.request!, 'latin1')
  readRequestHead(bytes, 0, bytes.length)
  decide(exchange, bytes, gateway)
}

/** How large a body the request may have whose head was read last, and whose route is `route`. */
export const bodyLimit = (route: Route, bytes: Buffer, method: string, { snapshot }: Gateway): number => {
  if (route.endpoint !== undefined || route.pool.config.maxBodyBytes !== undefined) return route.maxBodyBytes
  const endpoint = snapshot.endpoint(bytes, head.targetStart, head.targetEnd, methodBit(method))
  return endpoint?.maxBodyBytes ?? route.maxBodyBytes
}

/** Filled for each request that needs a key. */
const keySource = {
  bytes: Buffer.alloc(0) as Buffer,
  targetStart: 0,
  targetEnd: 0,
  authorizationStart: 0,
  authorizationEnd: 0,
  clientAddress: '',
}

/** The method of the head read last; the common ones without making a string. */
const methodOf = (bytes: Buffer): string => {
  const { start, methodEnd } = head
  const first = bytes[start]
  switch (methodEnd - start) {
    case 3:
      if (first === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return 'GET'
      if (first === 0x50 && bytes[start + 1] === 0x55 && bytes[start + 2] === 0x54) return 'PUT'
      break
    case 4:
      if (first === 0x50 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x53 && bytes[start + 3] === 0x54)
        return 'POST'
      break
  }
  return latin1(bytes, start, methodEnd)
}
