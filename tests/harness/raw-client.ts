/** A client that sends bytes as they are, in pieces as told, and reads answers with the strict parser of `http1.ts`. */

import { once } from 'node:events'
import * as net from 'node:net'
import { type Latin1, type ReadResponse, readResponse } from './http1.ts'

export interface RawClient {
  /** Everything received so far. */
  readonly received: Latin1
  /** Complete final responses so far, in order. */
  readonly responses: readonly ReadResponse[]
  /** Status codes of the 1xx so far. */
  readonly interim: readonly number[]
  /** Bytes after the last complete response. */
  readonly leftover: Latin1
  /** The other side ended or reset the connection. */
  readonly closed: boolean
  /** Set once: what came is no HTTP response. */
  readonly violation: string | undefined
  /** Writes each piece after the one before was handed to the kernel; settles when all were, or when the connection is gone. */
  send(...pieces: readonly Latin1[]): Promise<void>
  /** Half-closes. */
  end(): void
  /** Goes away, with FIN or with RST. */
  destroy(how?: 'fin' | 'reset'): void
  /** Settles once `predicate` holds (asked after each change), rejects after `deadlineMs`. */
  until(predicate: () => boolean, what: string, deadlineMs?: number): Promise<void>
}

/**
 * @param methods the methods of the requests that will be sent, in order: an answer to HEAD has no body. GET where absent.
 */
export const connectRaw = async (
  port: number,
  methods: readonly string[] = [],
  host = '127.0.0.1',
): Promise<RawClient> => {
  const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true })
  await once(socket, 'connect')
  let received = ''
  let closed = false
  let violation: string | undefined
  let at = 0
  const responses: ReadResponse[] = []
  /** 1xx before the responses that are complete, and before the one that is not yet: the latter are read again each time. */
  const interimBefore: number[] = []
  let interimNow: number[] = []
  const watchers = new Set<() => void>()

  const read = () => {
    while (violation === undefined && at < received.length) {
      const method = methods[responses.length] ?? 'GET'
      interimNow = []
      const reading = readResponse(received, at, method, closed, (status) => interimNow.push(status))
      if (reading.kind === 'violation') violation = reading.why
      if (reading.kind !== 'message') break
      responses.push(reading.message)
      at = reading.end
      interimBefore.push(...interimNow)
      interimNow = []
    }
  }
  const changed = () => {
    read()
    for (const watcher of watchers) watcher()
  }
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    changed()
  })
  const ended = () => {
    if (closed) return
    closed = true
    changed()
  }
  socket.on('end', ended)
  socket.on('close', ended)
  socket.on('error', () => {})

  return {
    get received() {
      return received
    },
    responses,
    get interim() {
      return [...interimBefore, ...interimNow]
    },
    get leftover() {
      return received.slice(at)
    },
    get closed() {
      return closed
    },
    get violation() {
      return violation
    },
    async send(...pieces) {
      for (const piece of pieces) {
        if (socket.destroyed || !socket.writable) return
        await new Promise<void>((resolve) => socket.write(piece, 'latin1', () => resolve()))
        // One turn of the event loop, so that a router in this process reads this piece before the next is there.
        if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve))
      }
    },
    end: () => void socket.end(),
    destroy: (how = 'fin') => (how === 'reset' && !socket.destroyed ? socket.resetAndDestroy() : socket.destroy()),
    until: (predicate, what, deadlineMs = 5000) =>
      new Promise((resolve, reject) => {
        const settle = (error?: Error) => {
          clearTimeout(timer)
          watchers.delete(check)
          error ? reject(error) : resolve()
        }
        const check = () => predicate() && settle()
        const timer = setTimeout(
          () =>
            settle(
              new Error(`not within ${deadlineMs} ms: ${what}; received ${JSON.stringify(received.slice(0, 400))}`),
            ),
          deadlineMs,
        )
        watchers.add(check)
        check()
      }),
  }
}
