/** Plexus and Synapse in the same shape: main, a worker that syncs, a worker for all else that persists events too. */

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startChild } from '../../fleet/child.ts'
import { startEmbeddedPostgres } from '../../fleet/embedded-postgres.ts'
import { mortal } from '../../fleet/mortal.ts'
import { findPostgres } from '../../fleet/postgres-programs.ts'
import { type Flavour, startDeployment } from '../../tests/harness/fleet-processes.ts'
import { freePort } from '../../tests/harness/free-port.ts'
import { programPath } from '../../tests/servers.ts'
import { synapsePython, synapseVersion } from '../../tests/synapse/install.ts'
import { ROOT } from '../contestants.ts'
import type { Group } from './cpu.ts'
import type { Sockets } from './world.ts'

export interface RunningContestant {
  readonly name: Flavour
  readonly version: string
  readonly sockets: Sockets
  /** Of the server, then Postgres and Redis. */
  readonly groups: readonly Group[]
}

/** Groups that are the server's own processes. */
export const isServer = (name: string): boolean => name !== 'postgres' && name !== 'redis'

/** Of both: what a small server would have, and commits that wait for the disk. */
export const POSTGRES_SETTINGS = { shared_buffers: '256MB', fsync: 'on', synchronous_commit: 'on' }
const ROLES = ['sync', 'client+events']

/** Each has a Postgres and a Redis of its own. `atEnd` takes what stops them, in the order to stop in. */
export const startContestant = async (
  name: Flavour,
  folder: string,
  atEnd: (work: () => Promise<void>) => void,
): Promise<RunningContestant> => {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const say = (line: string) => console.error(`${name}: ${line}`)
  const { child: postgres, database } = await startEmbeddedPostgres({
    postgres: findPostgres(folder),
    data: join(folder, 'postgres'),
    sockets: join(folder, 'pg'),
    log: join(folder, 'postgres.log'),
    settings: POSTGRES_SETTINGS,
    say,
  })
  const port = await freePort()
  const redis = await startRedis(folder, port, say)
  const stops: (() => Promise<void>)[] = []
  atEnd(async () => {
    for (const stop of stops) await stop()
    await redis.stop(2_000)
    await postgres.stop(10_000)
  })
  const { processes } = await startDeployment({
    folder,
    flavour: name,
    roles: ROLES,
    database: { ...database, ...(name === 'synapse' && { cp_min: 5, cp_max: 10 }) },
    redis: { host: '127.0.0.1', port },
    // Plexus has none yet, and Synapse pays for it with every sync.
    settings: { presence: { enabled: false } },
    ...(name === 'synapse' && { python: await synapsePython() }),
    atEnd: (work) => stops.push(work),
  })
  const place = (process: string) => (processes.get(process)!.place as { path: string }).path
  return {
    name,
    version: name === 'synapse' ? synapseVersion : ownVersion(),
    sockets: { sync: place('sync1'), client: place('client1') },
    groups: [
      ...['main', 'sync1', 'client1'].map((process) => ({ name: process, pid: processes.get(process)!.pid() })),
      { name: 'postgres', pid: postgres.pid()!, withChildren: true },
      { name: 'redis', pid: redis.pid()! },
    ],
  }
}

const startRedis = (folder: string, port: number, say: (line: string) => void): Promise<Child> => {
  const program = programPath('redis-server')
  if (program === undefined) throw new Error('redis-server is not installed: apt-get install redis-server')
  const log = join(folder, 'redis.log')
  const flags = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, '--save', '', '--appendonly', 'no']
  const [command, args] = mortal('TERM', program, flags)
  return startChild({
    name: 'redis',
    command,
    args,
    log,
    isUp: async () => readFileSync(log, 'utf8').includes('eady to accept connections'),
    say,
  })
}

const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
