/**
 * http-proxy and http-proxy-3 used as one would for this: keep-alive upstream connections, the documented regexes tried
 * in order, targets parsed once. `node bench/rivals/http-proxy.ts <module> <setup.json>`
 */

import { createWriteStream, readFileSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Setup } from '../contestants.ts'
import { DOCUMENTED, GROUPS, type HashKey } from './table.ts'

interface Proxy {
  web(req: IncomingMessage, res: ServerResponse, options: { target: URL }): void
  on(event: 'error', listener: (error: Error, req: IncomingMessage, res: ServerResponse) => void): void
}

interface Library {
  createProxyServer(options: object): Proxy
}

const [, , module, setupFile] = process.argv
const { port, upstreams, folder, log } = JSON.parse(readFileSync(setupFile!, 'utf8')) as Setup

const imported = (await import(module!)) as { default?: Library } & Library
const { createProxyServer } = imported.default ?? imported
const proxy = createProxyServer({
  agent: new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 256 }),
  xfwd: true,
})

const rules = DOCUMENTED.map(([regex, group]) => ({ regex: new RegExp(regex), group }))
const groups = new Map(
  GROUPS.map(({ name, hash }) => [
    name,
    { hash, next: 0, targets: upstreams[name]!.map((worker) => new URL(`http://127.0.0.1:${worker}`)) },
  ]),
)

const keyOf: Record<HashKey, (req: IncomingMessage, path: string) => string> = {
  user: (req) => /^Bearer syt_([^_]*)_/.exec(req.headers.authorization ?? '')?.[1] ?? req.headers.authorization ?? '',
  room: (_, path) => decodeURIComponent(/\/(?:rooms|join|knock)\/([^/]+)/.exec(path)?.[1] ?? path),
  source_ip: (req) => req.socket.remoteAddress ?? '',
}

const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

const target = (req: IncomingMessage): URL => {
  const url = req.url!
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  let name = rules.find(({ regex }) => regex.test(path))?.group ?? 'main'
  if (name === 'by since') name = /[?&]since=[^&]/.test(url) ? 'sync' : 'initial_sync'
  const group = groups.get(name)!
  const n = group.hash ? fnv1a(keyOf[group.hash](req, path)) : group.next++
  return group.targets[n % group.targets.length]!
}

const accessLog = log ? createWriteStream(`${folder}/${module}.access.log`) : undefined
proxy.on('error', (error, _, res) => {
  console.error(error.message)
  if (!res.headersSent) res.writeHead(502)
  res.end()
})

const server = createServer((req, res) => {
  if (accessLog) {
    res.on('finish', () =>
      accessLog.write(
        `${req.socket.remoteAddress} ${new Date().toISOString()} "${req.method} ${req.url}" ${res.statusCode}\n`,
      ),
    )
  }
  proxy.web(req, res, { target: target(req) })
})
server.keepAliveTimeout = 75_000
server.listen(port, '127.0.0.1', 4096)
