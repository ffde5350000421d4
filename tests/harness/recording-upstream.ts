/** A worker that writes down every byte it is sent, and reads them with the strict parser of `http1.ts`. */

import { once } from 'node:events'
import * as net from 'node:net'
import { type Latin1, type ReadRequest, readRequest } from './http1.ts'

/** What goes back for a request: bytes as they are, or `close` to end the connection, or a pause until a promise settles. */
export type Answer = readonly (Latin1 | 'close' | 'reset' | Promise<unknown>)[]

export interface UpstreamConnection {
  readonly id: number
  /** Everything received, in order, once read off the socket. */
  bytes: Latin1
  readonly requests: RecordedRequest[]
  /** Bytes after the last complete request: the beginning of one more. */
  leftover: Latin1
  /** Set once: the strict parser refused what was forwarded. Nothing after it is read. */
  violation?: string
  ended: boolean
  /** Writes bytes that nobody asked for. */
  write(bytes: Latin1): void
}

export interface RecordedRequest extends ReadRequest {
  readonly connection: number
}

export interface RecordingUpstream {
  readonly port: number
  readonly connections: readonly UpstreamConnection[]
  /** Every complete request of every connection in the order of completion; health checks are left out. */
  readonly requests: readonly RecordedRequest[]
  /** What the next requests are answered, by default an echo (see `echo`). */
  answer: (request: RecordedRequest, connection: UpstreamConnection) => Answer
  /** Settles once `predicate` holds; asked after each change. */
  until(predicate: () => boolean, what: string, deadlineMs?: number): Promise<void>
  /** For long runs: drops all requests, and connections that are over. `connection` then no longer is an index. */
  forget(): void
  close(): Promise<void>
}

/** Answers 200 and tells which request it answers, so that an answer given to the wrong client is seen. */
export const echo = (request: ReadRequest): Answer => {
  const body = `${request.method} ${request.target} ${request.body.length}`
  const shown = request.method === 'HEAD' ? '' : body
  return [`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${shown}`]
}

/** The path of active health checks, never recorded. */
export const HEALTH = '/health'

/**
 * @param port 0 for a free one
 * @param canonical see `RequestRules`; false for other people's proxies
 */
export const startRecordingUpstream = async ({ port = 0, canonical = true } = {}): Promise<RecordingUpstream> => {
  const connections: UpstreamConnection[] = []
  let opened = 0
  const requests: RecordedRequest[] = []
  const sockets = new Set<net.Socket>()
  const watchers = new Set<() => void>()
  const changed = () => {
    for (const watcher of watchers) watcher()
  }

  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    let unread = ''
    let continued = false
    const connection: UpstreamConnection = {
      id: opened++,
      bytes: '',
      requests: [],
      leftover: '',
      ended: false,
      write: (bytes) => socket.write(bytes, 'latin1'),
    }
    connections.push(connection)

    const give = async (answer: Answer) => {
      for (const part of answer) {
        if (part === 'close') socket.end()
        else if (part === 'reset') socket.resetAndDestroy()
        else if (typeof part === 'string') socket.writable && socket.write(part, 'latin1')
        else await part
      }
    }

    // Answers in the order of requests: if a proxy pipelines, that is seen in `requests`, not hidden by a race here.
    let answers: Promise<void> = Promise.resolve()
    const read = () => {
      while (unread !== '' && connection.violation === undefined) {
        const reading = readRequest(unread, 0, { canonical })
        if (reading.kind === 'partial') {
          // As Twisted does, once per request, when the head is there and the body is not.
          if (reading.head && !continued && /\r\nexpect: *100-continue\r\n/i.test(unread)) {
            continued = true
            answers = answers.then(() => give(['HTTP/1.1 100 Continue\r\n\r\n']))
          }
          break
        }
        continued = false
        if (reading.kind === 'violation') {
          connection.violation = reading.why
          answers = answers.then(() => give(['HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', 'close']))
          break
        }
        unread = unread.slice(reading.end)
        const request = { ...reading.message, connection: connection.id }
        if (request.target === HEALTH) {
          answers = answers.then(() => give(['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK']))
          continue
        }
        connection.requests.push(request)
        requests.push(request)
        const answer = upstream.answer(request, connection)
        answers = answers.then(() => give(answer))
      }
      connection.leftover = unread
    }
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      connection.bytes += text
      unread += text
      read()
      changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      connection.ended = true
      sockets.delete(socket)
      changed()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const upstream: RecordingUpstream = {
    port: (server.address() as net.AddressInfo).port,
    connections,
    requests,
    answer: echo,
    until: (predicate, what, deadlineMs = 5000) =>
      new Promise((resolve, reject) => {
        const settle = (error?: Error) => {
          clearTimeout(timer)
          watchers.delete(check)
          error ? reject(error) : resolve()
        }
        const check = () => predicate() && settle()
        const timer = setTimeout(() => settle(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
        watchers.add(check)
        check()
      }),
    forget: () => {
      requests.length = 0
      connections.splice(0, connections.length, ...connections.filter(({ ended }) => !ended))
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return upstream
}
