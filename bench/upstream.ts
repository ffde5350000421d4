/**
 * A stand-in worker for the demonstration: says who it is and echoes what reached it, as JSON. A /sync with `since` and
 * `timeout` is held for that time, as a homeserver holds it when nothing is new.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Upstream {
  readonly name: string
  readonly port: number
  close(): void
}

const LONGEST_HOLD_MS = 60_000

/** Tokens are not repeated, not even to the one who sent them: answers are pasted into bug reports. */
const withoutTokens = (req: IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i]!
    const value = req.rawHeaders[i + 1]!
    headers[name] = /^(authorization|cookie)$/i.test(name) ? `${value.split(' ', 1)[0]} <redacted>` : value
  }
  return headers
}

const holdMs = (target: string): number => {
  const query = target.indexOf('?')
  if (query < 0 || !target.slice(0, query).endsWith('/sync')) return 0
  const args = new URLSearchParams(target.slice(query))
  return args.get('since') ? Math.min(Number(args.get('timeout')) || 0, LONGEST_HOLD_MS) : 0
}

const answer = async (name: string, req: IncomingMessage, res: ServerResponse): Promise<void> => {
  const target = req.url!
  if (target === '/health') {
    res.end('OK')
    return
  }
  let bodyBytes = 0
  for await (const chunk of req) bodyBytes += (chunk as Buffer).length
  const hold = holdMs(target)
  if (hold > 0) {
    const gone = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, hold, false)
      res.once('close', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    if (gone) return
  }
  const told = {
    worker: name,
    method: req.method,
    target: target.replace(/([?&](?:access_token|client_secret)=)[^&]*/g, '$1<redacted>'),
    headers: withoutTokens(req),
    body_bytes: bodyBytes,
    ...(hold > 0 && { held_ms: hold }),
  }
  const text = `${JSON.stringify(told, null, 2)}\n`
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

/** Listens on 127.0.0.1, on a port of the system's choice. */
export const startUpstream = async (name: string): Promise<Upstream> => {
  const server = createServer((req, res) => {
    answer(name, req, res).catch(() => res.destroy())
  })
  server.keepAliveTimeout = 75_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    name,
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
