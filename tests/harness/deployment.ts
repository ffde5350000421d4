/**
 * Processes of a server, from files like those that Synapse is given: each is `worker --config …`, listens on unix sockets in
 * a temporary folder, and ends with the test.
 *
 *     const deployment = makeDeployment(t, await postgres.emptyDatabase(), { workers: { sync1: {} } })
 *     const main = await deployment.start('master')
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { StorageSettings } from '../../worker/storage/postgres/settings.ts'
import { until } from './until.ts'

type Yaml = Readonly<Record<string, unknown>>

export interface DeploymentOptions {
  /** Keys of homeserver.yaml besides those that are here anyway. */
  readonly shared?: Yaml
  /** Each worker's own file, by its name. */
  readonly workers?: Readonly<Record<string, Yaml>>
  /** Of the stream writers, as in the file. */
  readonly streamWriters?: Yaml
  readonly redis?: { readonly host: string; readonly port: number }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Process {
  readonly name: string
  readonly child: ChildProcess
  /** Lines of its log, read. */
  readonly log: Readonly<Record<string, unknown>>[]
  /** What it said on standard error. */
  readonly said: () => string
  /** Settles when it is up; fails if it ends before. */
  readonly up: () => Promise<void>
  /** The exit status, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Signals it, and waits for its end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>
  /** With a body, as JSON. */
  readonly send: (
    method: string,
    path: string,
    body: Yaml,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
  /** The value of a metric with all these labels; undefined if there is none. */
  readonly metric: (name: string, labels?: Readonly<Record<string, string>>) => Promise<number | undefined>
}

export interface Deployment {
  /** Where its files are. */
  readonly folder: string
  /** `master`, or a worker: started; it may not be up yet. */
  readonly spawn: (name: string) => Process
  /** As {@link spawn}, and up. */
  readonly start: (name: string) => Promise<Process>
}

const SERVER = 'hs.test'
const root = join(import.meta.dirname, '../..')

export function makeDeployment(
  t: { after(fn: () => Promise<void>): void },
  settings: StorageSettings,
  { shared = {}, workers = {}, streamWriters, redis }: DeploymentOptions = {},
): Deployment {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-'))
  const at = (name: string) => join(folder, name)
  const write = (name: string, content: Yaml) => writeFileSync(at(name), stringify(content))
  const socket = (name: string) => at(`${name}.sock`)
  const listenersOf = (name: string) => [
    {
      type: 'http',
      path: socket(name),
      resources: [{ names: ['client', 'federation', 'replication', 'metrics'] }],
    },
  ]
  const [host] = settings.hosts
  write('homeserver.yaml', {
    server_name: SERVER,
    database: {
      name: 'psycopg2',
      args: {
        host: host!.host,
        port: host!.port,
        user: settings.user,
        database: settings.database,
        sslmode: 'disable',
      },
    },
    signing_key_path: at('signing.key'),
    media_store_path: at('media'),
    macaroon_secret_key: 'macaroon',
    form_secret: 'form',
    report_stats: false,
    enable_metrics: true,
    worker_replication_secret: 'replication',
    instance_map: Object.fromEntries(
      ['main', ...Object.keys(workers)].map((name) => [name, { path: socket(name === 'main' ? 'master' : name) }]),
    ),
    ...(streamWriters && { stream_writers: streamWriters }),
    redis: redis === undefined ? { enabled: false } : { enabled: true, ...redis },
    listeners: listenersOf('master'),
    ...shared,
  })
  for (const [name, own] of Object.entries(workers))
    write(`${name}.yaml`, {
      worker_app: 'synapse.app.generic_worker',
      worker_name: name,
      worker_listeners: listenersOf(name),
      ...own,
    })

  t.after(async () => rmSync(folder, { recursive: true, force: true }))

  const spawnProcess = (name: string): Process => {
    const files = ['homeserver.yaml', ...(name === 'master' ? [] : [`${name}.yaml`])]
    return startProcess(t, name, files.map(at), { socketPath: socket(name) })
  }
  return {
    folder,
    spawn: spawnProcess,
    async start(name) {
      const started = spawnProcess(name)
      await started.up()
      return started
    },
  }
}

/** `worker` with these files; `address` is a listener of its, for questions. It ends with the test, if not before. */
export function startProcess(
  t: { after(fn: () => Promise<void>): void },
  name: string,
  files: readonly string[],
  address: Address,
): Process {
  const child = spawn(process.execPath, [join(root, 'bin/worker.js'), ...files.flatMap((file) => ['--config', file])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: withoutPostgres(process.env),
  })
  const made = makeProcess(name, child, address)
  t.after(async () => void (await made.stop('SIGKILL')))
  return made
}

type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** What the machine's environment says of its own Postgres is not meant. */
const withoutPostgres = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PG')))

function makeProcess(name: string, child: ChildProcess, address: Address): Process {
  const log: Readonly<Record<string, unknown>>[] = []
  let said = ''
  let rest = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) log.push(JSON.parse(line) as Readonly<Record<string, unknown>>)
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode!)
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const ask = (method: string, path: string, headers: Readonly<Record<string, string>>, body = '') =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request({ ...address, method, path, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (more: string) => {
          text += more
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
        response.on('error', reject)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  const get: Process['get'] = (path, headers = {}) => ask('GET', path, headers)
  return {
    name,
    child,
    log,
    said: () => said,
    async up() {
      await until(async () => {
        if (isOver()) throw new Error(`${name} ended before it was up: ${said}${JSON.stringify(log.at(-1))}`)
        return get('/health').then(
          ({ status }) => status === 200,
          () => false,
        )
      }, 60_000).catch((error: unknown) => {
        throw new Error(`${name} is not up: ${said}${JSON.stringify(log.at(-1))}`, { cause: error })
      })
    },
    ended,
    async stop(signal = 'SIGTERM') {
      if (!isOver()) child.kill(signal)
      return ended
    },
    get,
    send: (method, path, body, headers = {}) => ask(method, path, headers, JSON.stringify(body)),
    async metric(metric, labels = {}) {
      const { text } = await get('/_synapse/metrics')
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      const line = text
        .split('\n')
        .find((each) => /^[^{ ]+/.exec(each)?.[0] === metric && wanted.every((label) => each.includes(label)))
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
    },
  }
}
