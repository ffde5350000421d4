/** Postgres, Redis and Synapse, started on loopback in a temporary folder. */

import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type Child, type Children, command, tail } from './children.ts'
import type { Installed } from './install.ts'
import { Failed, progress } from './report.ts'
import type { SynapseProcess, Topology } from './topology.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Waits until `ready`; fails as soon as the process has ended, with the end of its output. */
export const untilUp = async (
  child: Child,
  log: string,
  ready: () => Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> => {
  const end = performance.now() + timeoutMs
  while (!(await ready().catch(() => false))) {
    const ended = child.ended()
    if (ended !== undefined || performance.now() > end) {
      const what = ended === undefined ? `is not up after ${timeoutMs / 1000} s` : `ended at start (${ended})`
      throw new Failed(
        `${child.name} ${what}\n${await tail(child.output)}\n${log === child.output ? '' : await tail(log)}`,
      )
    }
    await sleep(100)
  }
}

/** Postgres refuses to run as root: there it runs as Debian's user for it. */
const postgresUser = (): { uid: number; gid: number } | Record<string, never> => {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    throw new Failed(
      'this is root, as which Postgres refuses to run, and there is no user postgres: adduser --system postgres',
    )
  }
}

const startPostgres = async (installed: Installed, children: Children, topology: Topology): Promise<void> => {
  const user = postgresUser()
  const data = join(topology.folder, 'postgres')
  await mkdir(data, { mode: 0o700 })
  if (user.uid !== undefined) {
    await chown(data, user.uid, user.gid)
    await chmod(topology.folder, 0o755)
  }
  const program = (name: string) => join(installed.postgresBin, name)
  await command(
    'initdb',
    program('initdb'),
    ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...user, cwd: data },
  )
  const settings = {
    port: topology.postgresPort,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 300,
    shared_buffers: '128MB',
    // The data live no longer than the run.
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  }
  const output = join(topology.folder, 'logs', 'postgres.out')
  const child = children.start({
    name: 'postgres',
    command: program('postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    output,
    cwd: data,
    stopSignal: 'SIGINT', // "fast": does not wait for clients
    ...user,
  })
  const psql = (...sql: string[]) =>
    command('psql', program('psql'), [
      '-qAtX',
      '-h',
      '127.0.0.1',
      '-p',
      String(topology.postgresPort),
      '-U',
      'postgres',
      ...sql.flatMap((line) => ['-c', line]),
    ])
  await untilUp(child, output, async () => (await psql('select 1')).trim() === '1', 30_000)
  await psql(
    'create role synapse login',
    "create database synapse owner synapse encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0",
  )
}

const startRedis = async (installed: Installed, children: Children, topology: Topology): Promise<void> => {
  const output = join(topology.folder, 'logs', 'redis.out')
  const child = children.start({
    name: 'redis',
    command: installed.redisServer,
    args: [
      '--bind',
      '127.0.0.1',
      '--port',
      String(topology.redisPort),
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      topology.folder,
    ],
    output,
  })
  await untilUp(child, output, async () => (await tail(output, 50)).includes('Ready to accept connections'), 30_000)
}

export const startProcess = async (
  installed: Installed,
  children: Children,
  topology: Topology,
  one: SynapseProcess,
): Promise<Child> => {
  const child = children.start({
    name: one.name,
    command: installed.python,
    args: ['-m', one.app, ...one.configs.flatMap((path) => ['--config-path', path])],
    output: join(topology.folder, 'logs', `${one.name}.out`),
    cwd: topology.folder,
  })
  await untilUp(child, one.log, async () => (await fetch(`http://127.0.0.1:${one.port}/health`)).ok)
  return child
}

export const startDeployment = async (installed: Installed, children: Children, topology: Topology): Promise<void> => {
  await progress('starting Postgres and Redis', () =>
    Promise.all([startPostgres(installed, children, topology), startRedis(installed, children, topology)]),
  )
  await command(
    'making the signing key',
    installed.python,
    ['-m', 'synapse.app.homeserver', '--config-path', topology.homeserverYaml, '--generate-keys'],
    {
      cwd: topology.folder,
    },
  )
  // Main makes the schema; the others want to find it.
  await progress('starting main', () => startProcess(installed, children, topology, topology.main))
  const workers = topology.processes.filter((one) => one !== topology.main)
  await progress(`starting ${workers.length} workers`, async () => {
    const waiting = [...workers]
    // Starting is all CPU: one more than there are cores, so that none is idle, and each is up long before its time is over.
    const lanes = Array.from({ length: cpus().length + 1 }, async () => {
      for (let one = waiting.shift(); one; one = waiting.shift()) await startProcess(installed, children, topology, one)
    })
    await Promise.all(lanes)
  })
}

/** Resident memory of the Synapse processes together, in MiB (shared pages counted once for each). */
export const memoryMiB = async (children: Children, topology: Topology): Promise<number> => {
  let total = 0
  for (const { name } of topology.processes) {
    const status = await tail(`/proc/${children.find(name)?.pid}/status`, 100)
    total += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
  }
  return Math.round(total / 1024)
}
