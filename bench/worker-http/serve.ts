/** A contestant: a process that answers whoami and typing, by whichever means it is told to. Sends its port. */

import { openSync, write } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net'
import fastify from 'fastify'
import { typingEndpoints } from '../../shared/endpoints/client/typing.ts'
import { whoamiEndpoints } from '../../shared/endpoints/client/whoami.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { makeAccessLog } from '../../worker/http/access-log.ts'
import { operations } from '../../worker/http/handlers.ts'
import { makeHttpMetrics } from '../../worker/http/metrics.ts'
import { makeHttpServer } from '../../worker/http/server.ts'
import { makeLogger } from '../../worker/logging/logger.ts'

export const contestants = ['net', 'node:http', 'fastify', 'worker/http', 'worker/http, access log'] as const
export type Contestant = (typeof contestants)[number]

const userId = '@alice:example.org' as UserId
const requester = { userId, deviceId: 'ABCDEFGHIJ', isGuest: false, isShadowBanned: false, authenticatedEntity: userId }
const whoami = { user_id: userId, is_guest: false, device_id: 'ABCDEFGHIJ' }
const body = JSON.stringify(whoami)
const headers = {
  Server: 'Plexus/bench',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'X-Requested-With, Content-Type, Authorization, Date',
  'Access-Control-Expose-Headers': 'Synapse-Trace-Id, Server, Retry-After',
  'Content-Type': 'application/json',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
}

/** Lines to nowhere, in pieces of 64 KiB, as `shared/log-file.ts` writes them. */
function makeSink(): (line: string) => void {
  const fd = openSync('/dev/null', 'w')
  let pending = ''
  return (line) => {
    pending += line
    if (pending.length < 65_536) return
    write(fd, Buffer.from(pending), () => {})
    pending = ''
  }
}

function ours(hasAccessLog: boolean): RequestListener {
  const sink = makeSink()
  const server = makeHttpServer({
    product: 'Plexus/bench',
    operations: [
      ...operations('client/whoami', whoamiEndpoints, {
        getTokenOwner: ({ requester: { userId, isGuest, deviceId } }) => ({
          user_id: userId,
          is_guest: isGuest,
          device_id: deviceId,
        }),
      }),
      ...operations('client/typing', typingEndpoints, { setTyping: () => ({}) }),
    ],
    mounts: [],
    requesters: { byAccessToken: () => requester, isAdmin: () => false, actAs: (appservice) => appservice },
    tableDigest: '',
    metrics: makeHttpMetrics('example.org'),
    log: makeLogger({ level: hasAccessLog ? 'info' : 'warn', instance: 'bench', destination: { write: sink } }),
    accessLog: makeAccessLog('bench', sink),
    maxBodyBytes: 12_500_000,
    maxUploadBytes: 50_000_000,
    now: Date.now,
  })
  return server.listener({ name: 'bench', resources: ['client'], xForwarded: true, isTls: false })
}

/** Heads are cut at their line ends, and that is all: what a server of our own would have to start from. */
const bare = () =>
  createNetServer({ noDelay: true }, (socket) => {
    let pending = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      pending += data.toString('latin1')
      for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
        const fields = new Map<string, string>()
        for (const line of pending.slice(0, end).split('\r\n').slice(1)) {
          const colon = line.indexOf(':')
          fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
        }
        pending = pending.slice(end + 4 + Number(fields.get('content-length') ?? 0))
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
        const date = `Date: ${new Date().toUTCString()}\r\n`
        socket.write(
          `HTTP/1.1 200 OK\r\n${lines.join('')}${date}Content-Length: ${body.length}\r\n\r\n${body}`,
          'latin1',
        )
      }
    })
  })

/** Not listening yet. */
export async function serverOf(contestant: Contestant): Promise<Server> {
  if (contestant === 'net') return bare()
  if (contestant === 'fastify') {
    const app = fastify({ keepAliveTimeout: 75_000 })
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
    app.get('/_matrix/client/v3/account/whoami', (_request, reply) => reply.send(body))
    const schema = {
      body: {
        type: 'object',
        required: ['typing'],
        properties: { typing: { type: 'boolean' }, timeout: { type: 'integer', minimum: 0 } },
      },
    }
    app.put('/_matrix/client/v3/rooms/:roomId/typing/:userId', { schema }, (_request, reply) => reply.send('{}'))
    await app.ready()
    return app.server
  }
  const head = Object.entries(headers).flat()
  const plain: RequestListener = (request, response) => {
    const answer = (text: string): void => {
      response.writeHead(200, [...head, 'Content-Length', String(text.length)])
      response.end(text)
    }
    if (request.method === 'GET') answer(body)
    else request.on('data', (data: Buffer) => JSON.parse(data.toString())).on('end', () => answer('{}'))
  }
  const options = { keepAliveTimeout: 75_000, requestTimeout: 0, noDelay: true }
  return createServer(options, contestant === 'node:http' ? plain : ours(contestant.endsWith('log')))
}

if (process.send !== undefined && import.meta.main) {
  process.on('disconnect', () => process.exit())
  process.once('message', async ({ contestant }: { contestant: Contestant }) => {
    const server = await serverOf(contestant)
    server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
  })
}
