/** What Node's own server, llhttp in its strict mode, reads in a connection's bytes. */

import * as http from 'node:http'
import { Duplex } from 'node:stream'
import type { Latin1 } from './http1.ts'

export interface LlhttpRequest {
  readonly method: string
  readonly target: string
  readonly body: Latin1
}

export interface LlhttpReading {
  /** Complete requests in order. */
  readonly requests: readonly LlhttpRequest[]
  /** What llhttp, or Node with it, refused; undefined: all was read, or the bytes ended in a request. */
  readonly error?: string
}

/** A socket that gives `bytes`, then the end, and takes what is written to it. */
class Replay extends Duplex {
  // Node's server sets these on what it takes for a socket.
  setTimeout() {
    return this
  }
  setKeepAlive() {
    return this
  }
  setNoDelay() {
    return this
  }
  override _read() {}
  override _write(_chunk: unknown, _encoding: string, done: () => void) {
    done()
  }
}

/** Reads `bytes` as one connection that its sender then half-closes. */
export const llhttpReads = (bytes: Latin1): Promise<LlhttpReading> =>
  new Promise((resolve) => {
    const requests: LlhttpRequest[] = []
    let error: string | undefined
    const server = http.createServer({
      insecureHTTPParser: false,
      requireHostHeader: true,
      keepAliveTimeout: 0,
    })
    server.maxHeadersCount = 0
    const record = (request: http.IncomingMessage, response: http.ServerResponse) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('error', () => {})
      request.on('end', () => {
        const body = Buffer.concat(pieces).toString('latin1')
        requests.push({ method: request.method ?? '', target: request.url ?? '', body })
        response.end()
      })
      response.on('error', () => {})
    }
    server.on('request', record)
    server.on('checkContinue', record)
    server.on('checkExpectation', record)
    server.on('connect', (_request, socket) => {
      error = 'CONNECT'
      socket.destroy()
    })
    server.on('clientError', (e: Error & { code?: string }, socket) => {
      if (e.code !== 'HPE_INVALID_EOF_STATE') error ??= e.code ?? e.message
      // The requests before the fault have been parsed, and are told in the turns to come.
      setImmediate(() => setImmediate(() => socket.destroy()))
    })
    const replay = new Replay({ allowHalfOpen: true })
    replay.on('error', () => {})
    replay.on('close', () => resolve(error === undefined ? { requests } : { requests, error }))
    server.emit('connection', replay)
    if (bytes !== '') replay.push(Buffer.from(bytes, 'latin1'))
    replay.push(null)
  })
