/**
 * The router as integration tests start it, or another edge in its place: `EDGE=nginx`, `EDGE=haproxy`, or
 * `EDGE=host:port` with `EDGE_UPSTREAM_PORT` the port that edge forwards to.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { loadConfig } from '../../router/config/load.ts'
import type { RouterConfig } from '../../router/config/types.ts'
import { type RunningRouter, startRouter } from '../../router/start.ts'
import { tables } from '../../router/tables.ts'
import { makeMetrics } from '../../router/telling/metrics.ts'
import { formatProblem } from '../../shared/config/problem.ts'
import { freePort } from './free-port.ts'

/** Keys as in `routes.yaml`. */
export interface TestRouterOptions {
  readonly pools: Readonly<Record<string, { readonly workers: readonly string[]; readonly [key: string]: unknown }>>
  readonly routes?: readonly Readonly<Record<string, unknown>>[]
  /** Further top-level keys. */
  readonly settings?: Readonly<Record<string, unknown>>
}

export interface TestRouter {
  readonly port: number
  close(): Promise<void>
}

/** What of `node:test`'s context is used. */
export interface Cleanup {
  after(fn: () => Promise<void>): void
}

export const EDGE = process.env.EDGE ?? 'router'

/** The port a recording upstream must listen on: given for an edge that runs elsewhere, else any. */
export const UPSTREAM_PORT = Number(process.env.EDGE_UPSTREAM_PORT ?? 0)

export const startTestRouter = async (t: Cleanup, options: TestRouterOptions): Promise<TestRouter> => {
  const edge = await start(options)
  let closing: Promise<void> | undefined
  const router = { port: edge.port, close: () => (closing ??= edge.close()) }
  t.after(router.close)
  return router
}

const start = (options: TestRouterOptions): Promise<TestRouter> => {
  if (EDGE === 'router') return startPlexus(options)
  if (EDGE === 'nginx') return startEdge(options, (port, dir) => nginx(options, port, dir))
  if (EDGE === 'haproxy') return startEdge(options, (port, dir) => haproxy(options, port, dir))
  return Promise.resolve({ port: Number(EDGE.slice(EDGE.lastIndexOf(':') + 1)), close: async () => {} })
}

/** Says nothing of workers that come and go: tests make them. */
const quiet = { info() {}, warn() {}, error() {} }

/** The configuration that a `routes.yaml` with these contents has; throws if it has errors. */
export const testConfig = ({ pools, routes, settings }: TestRouterOptions): RouterConfig => {
  const text = stringify({
    listen: ['http://127.0.0.1:0'],
    access_log: 'off',
    synapse: '1.163',
    pools,
    ...(routes && { routes }),
    ...settings,
  })
  const { config, problems } = loadConfig('routes.yaml', text, tables)
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  return config
}

/** The running router itself, for tests that reload it or look at its state. */
export const startInProcess = async (t: Cleanup, options: TestRouterOptions): Promise<RunningRouter> => {
  const router = await startRouter(testConfig(options), { log: quiet, metrics: makeMetrics() })
  t.after(() => router.close())
  return router
}

const startPlexus = async (options: TestRouterOptions): Promise<TestRouter> => {
  const router = await startRouter(testConfig({ ...options, settings: { drain: '1s', ...options.settings } }), {
    log: quiet,
    metrics: makeMetrics(),
  })
  return { port: router.listeners[0]!.port, close: () => router.close() }
}

interface Command {
  readonly path: string
  readonly args: readonly string[]
  readonly file: string
  readonly config: string
}

const startEdge = async (
  options: TestRouterOptions,
  command: (port: number, dir: string) => Command,
): Promise<TestRouter> => {
  const workers = Object.values(options.pools).flatMap((pool) => pool.workers)
  if (workers.length !== 1) throw new Error('nginx and haproxy stand in with one worker only')
  const dir = await mkdtemp(join(tmpdir(), 'plexus-edge-'))
  const port = await freePort()
  const { path, args, file, config } = command(port, dir)
  await writeFile(file, config)
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    if (tries > 100 || child.exitCode !== null) throw new Error(`${path} does not start: ${said}`)
    await delay(50)
  }
  return {
    port,
    close: async () => {
      await stop(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const stop = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

const nginx = ({ pools }: TestRouterOptions, port: number, dir: string): Command => ({
  path: '/usr/sbin/nginx',
  args: ['-p', dir, '-e', join(dir, 'error.log'), '-c', join(dir, 'nginx.conf')],
  file: join(dir, 'nginx.conf'),
  config: `
daemon off;
master_process off;
pid ${dir}/pid;
error_log ${dir}/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  upstream main { server ${Object.values(pools)[0]!.workers[0]}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 1m;
    client_header_timeout 5s;
    location / {
      proxy_pass http://main;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
})

const haproxy = ({ pools }: TestRouterOptions, port: number, dir: string): Command => ({
  path: '/usr/sbin/haproxy',
  args: ['-db', '-q', '-f', join(dir, 'haproxy.cfg')],
  file: join(dir, 'haproxy.cfg'),
  config: `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-request 5s
  option http-keep-alive
  http-reuse always
frontend edge
  bind 127.0.0.1:${port}
  default_backend main
backend main
  http-request set-header X-Forwarded-For %[src]
  server main ${Object.values(pools)[0]!.workers[0]}
`,
})
