/**
 * Stand-in workers for load: each listens on a port of its own, all in this one process, and answers with the sizes and
 * framing of Synapse as cheaply as possible. A forked process: it is sent `{ workers: names }`, and sends back `{ ports }`.
 */

import { createServer, type Socket } from 'node:net'
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

const serve = (socket: Socket, answers: Record<Kind, Buffer>): void => {
  /** Bytes of body still to come; -1: a chunked body, which ends where a chunk does; -2: between requests. */
  let bodyLeft = -2
  let kind: Kind = 'sync'
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
    socket.write(answers[kind])
  })
}

process.on('disconnect', () => process.exit())
process.once('message', async ({ workers }: { workers: readonly string[] }) => {
  const ports = await Promise.all(
    workers.map((worker) => {
      const answers = Object.fromEntries(
        (Object.keys(KINDS) as Kind[]).map((kind) => [kind, answer(worker, kind)]),
      ) as Record<Kind, Buffer>
      const server = createServer((socket) => serve(socket, answers))
      return new Promise<number>((resolve) => {
        server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
          const address = server.address()
          resolve(typeof address === 'object' && address ? address.port : 0)
        })
      })
    }),
  )
  process.send!({ ports })
})
