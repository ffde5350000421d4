/** Whom the kills are for: what `npm start` starts, or a Synapse of the same shape. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Child, startChild } from '../../fleet/child.ts'
import { startEmbeddedPostgres } from '../../fleet/embedded-postgres.ts'
import { mortal } from '../../fleet/mortal.ts'
import { findPostgres } from '../../fleet/postgres-programs.ts'
import { startFleet } from '../../fleet/start.ts'
import { open, startDeployment } from '../harness/fleet-processes.ts'
import { freePort } from '../harness/free-port.ts'
import { killTree } from '../harness/process-tree.ts'
import { programPath } from '../servers.ts'
import { synapsePython } from '../synapse/install.ts'
import type { Target } from './run.ts'

export interface StartedTarget extends Target {
  readonly stop: () => Promise<void>
}

const UP_MS = 60_000
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Kills it, and waits until the one that follows it is up. */
const killed = async (child: Child): Promise<void> => {
  const pid = child.pid()
  // It is down from another kill, and on its way.
  if (pid !== undefined) killTree(pid)
  const deadline = performance.now() + UP_MS
  while (child.pid() === pid || child.pid() === undefined || !(await child.isUp().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not up within ${UP_MS / 1000} s`)
    await sleep(20)
  }
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const startRedis = async (folder: string, say: (line: string) => void) => {
  const program = programPath('redis-server')
  if (program === undefined) return undefined
  const port = await freePort()
  const flags = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, '--save', '', '--appendonly', 'no']
  const [command, args] = mortal('TERM', program, flags)
  const log = join(folder, 'redis.log')
  const child = await startChild({ name: 'redis', command, args, log, isUp: () => isListening(port), say })
  return { port, child }
}

/** As `npm start` starts and restarts it; `folder` is empty. Without a Redis on the machine, or with `redis: false`, Postgres is the bus. */
export const startPlexus = async (
  root: string,
  folder: string,
  redis: boolean,
  say: (line: string) => void,
): Promise<StartedTarget> => {
  const data = join(folder, 'data')
  mkdirSync(join(data, 'conf.d'), { recursive: true, mode: 0o711 })
  writeFileSync(join(data, 'conf.d/open.yaml'), stringify(open, { version: '1.1' }))
  const server = redis ? await startRedis(folder, say) : undefined
  const fleet = await startFleet(
    {
      port: 0,
      adminPort: 0,
      data,
      workers: 2,
      postgres: undefined,
      redis: server && `redis://127.0.0.1:${server.port}`,
      serverName: 'kill.test',
    },
    { root, say, signal: new AbortController().signal },
  )
  const kind =
    (...names: readonly string[]) =>
    (random: { pick<T>(of: readonly T[]): T }) => {
      const picked = random.pick(names)
      return killed(fleet.children().find(({ name }) => name === picked)!)
    }
  const kinds = new Map([
    ['main', kind('main')],
    ['generic', kind('generic1', 'generic2')],
    ['sync', kind('sync1', 'sync2')],
    ['persister', kind('persister1', 'persister2')],
    ['Postgres', kind('Postgres')],
    ['router', kind('router')],
    ...(server ? [['Redis', () => killed(server.child)] as const] : []),
  ])
  return {
    url: fleet.url,
    kinds,
    async stop() {
      await fleet.stop()
      await server?.child.stop(2_000)
    },
  }
}

/** Of the same shape, restarted as fast: what the tool says of a server that is known to be good. */
export const startSynapse = async (folder: string, say: (line: string) => void): Promise<StartedTarget> => {
  const postgres = await startEmbeddedPostgres({
    postgres: findPostgres(folder),
    data: join(folder, 'postgres'),
    sockets: join(folder, 'pg'),
    log: join(folder, 'postgres.log'),
    say,
  })
  const redis = await startRedis(folder, say)
  if (redis === undefined) throw new Error('redis-server is not installed')
  const stops: (() => Promise<void>)[] = []
  const { processes, url } = await startDeployment({
    folder,
    flavour: 'synapse',
    roles: ['sync', 'sync', 'generic', 'generic', 'persister', 'persister'],
    database: { ...postgres.database, cp_min: 1, cp_max: 8 },
    redis: { host: '127.0.0.1', port: redis.port },
    python: await synapsePython(),
    atEnd: (work) => stops.push(work),
  })
  const kind =
    (...names: readonly string[]) =>
    async (random: { pick<T>(of: readonly T[]): T }) => {
      const one = processes.get(random.pick(names))!
      await one.kill()
      await sleep(250)
      await one.start()
    }
  return {
    url,
    kinds: new Map([
      ['main', kind('main')],
      ['generic', kind('generic1', 'generic2')],
      ['sync', kind('sync1', 'sync2')],
      ['persister', kind('persister1', 'persister2')],
      ['router', kind('router')],
      ['Postgres', () => killed(postgres.child)],
      ['Redis', () => killed(redis.child)],
    ]),
    async stop() {
      for (const stop of stops) await stop()
      await redis.child.stop(2_000)
      await postgres.child.stop(10_000)
    },
  }
}
