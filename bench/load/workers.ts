/**
 * Stand-in workers for load: each listens on a port of its own, all in this one process, and answers with the sizes and
 * framing of Synapse as cheaply as possible. A forked process: it is sent `{ workers: names }`, and sends back `{ ports }`.
 * With `hold: true`, a sync with a timeout is held until `{ release: true }`; any message is answered with `{ held }`.
 */

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { KINDS, type Kind } from './requests.ts'

const answer = (worker: string, kind: Kind): Buffer => {
  const { answerBytes, chunked } = KINDS[kind]
  const json = `{"x":"${'y'.repeat(Math.max(0, answerBytes - 8))}"}`
  const head =
    'HTTP/1.1 200 OK\r\nServer: Synapse/1.163.2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n' +
    `X-Worker: ${worker}\r\n` +
    `Content-Type: ${kind === 'download' ? 'image/jpeg' : 'application/json'}\r\n` +
    'Cache-Control: no-cache, no-store, must-revalidate\r\nAccess-Control-Allow-Origin: *\r\n' +
    'Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n' +
    'Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n' +
    'Access-Control-Expose-Headers: Synapse-Trace-Id, Server\r\n'
  if (!chunked)
    return Buffer.concat([Buffer.from(`${head}Content-Length: ${answerBytes}\r\n\r\n`), Buffer.alloc(answerBytes, 'x')])
  return Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`)
}

const kindOf = (head: string): Kind => {
  if (head.startsWith('PUT')) return 'send'
  if (head.startsWith('POST')) return 'upload'
  if (head.includes('/sync')) return 'sync'
  if (head.includes('/media/download/')) return 'download'
  return 'pushrules'
}

/** Long polls that wait for `release`. */
let held: (() => void)[] = []

const serve = (socket: Socket, answers: Record<Kind, Buffer>, hold: boolean): void => {
  /** Bytes of body still to come; -1: a chunked body, which ends where a chunk does; -2: between requests. */
  let bodyLeft = -2
  let kind: Kind = 'sync'
  let waits = false
  let pending: Buffer = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('data', (data: Buffer) => {
    let at = 0
    if (bodyLeft === -2) {
      const bytes = pending.length === 0 ? data : Buffer.concat([pending, data])
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        pending = bytes
        return
      }
      if (pending.length > 0) pending = Buffer.alloc(0)
      const head = bytes.toString('latin1', 0, end)
      kind = kindOf(head)
      waits = hold && kind === 'sync' && !head.includes('timeout=0&')
      at = end + 4
      bodyLeft = 0
      if (kind === 'send' || kind === 'upload') {
        const length = /\r\ncontent-length: *(\d+)/i.exec(head)
        bodyLeft = length ? Number(length[1]) : /\r\ntransfer-encoding: *chunked/i.test(head) ? -1 : 0
      }
      if (bodyLeft === -1) {
        // Only the last chunk's end matters here: the bodies hold no such bytes themselves.
        if (!bytes.subarray(-5).toString('latin1').endsWith('0\r\n\r\n')) return
        bodyLeft = 0
      } else bodyLeft -= bytes.length - at
    } else if (bodyLeft === -1) {
      if (!data.subarray(-5).toString('latin1').endsWith('0\r\n\r\n')) return
      bodyLeft = 0
    } else bodyLeft -= data.length
    if (bodyLeft > 0) return
    bodyLeft = -2
    if (waits) held.push(() => socket.write(answers[kind]))
    else socket.write(answers[kind])
  })
}

process.on('disconnect', () => process.exit())
const listen = (worker: string, hold: boolean): Promise<number> => {
  const answers = Object.fromEntries(
    (Object.keys(KINDS) as Kind[]).map((kind) => [kind, answer(worker, kind)]),
  ) as Record<Kind, Buffer>
  const server = createServer((socket) => serve(socket, answers, hold))
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => resolve((server.address() as AddressInfo).port))
  })
}

export type WorkersMessage =
  | { readonly workers: readonly string[]; readonly hold?: boolean }
  | { readonly release: boolean }

process.on('message', async (message: WorkersMessage) => {
  if ('workers' in message) {
    const ports = await Promise.all(message.workers.map((worker) => listen(worker, message.hold ?? false)))
    process.send!({ ports })
    return
  }
  const waiting = held
  if (message.release) {
    held = []
    for (const answerOne of waiting) answerOne()
  }
  process.send!({ held: waiting.length })
})
