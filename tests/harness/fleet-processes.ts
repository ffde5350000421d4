/**
 * The processes of a homeserver as a test wants them: Plexus' or Synapse's, from the same files. Each can be stopped, killed
 * and started again; none outlives the test.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ConfiguredProcess,
  type Deployment,
  type Place,
  writeConfiguration,
  writeRoutes,
} from '../../fleet/configuration.ts'
import { isHealthy } from '../../fleet/health.ts'
import { mortal } from '../../fleet/mortal.ts'
import { planOf } from '../../fleet/plan.ts'
import { makeSecrets } from '../../fleet/secrets.ts'
import { freePort } from './free-port.ts'

export type Flavour = 'plexus' | 'synapse'

export interface DeploymentOptions {
  /** Short, as sockets are in it. */
  readonly folder: string
  readonly flavour: Flavour
  /** As {@link planOf} takes them. */
  readonly roles: readonly string[]
  /** Synapse's `database.args`. */
  readonly database: Deployment['database']
  readonly redis?: Deployment['redis']
  /** Further keys of homeserver.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly serverName?: string
  /** The interpreter of Synapse's virtual environment. */
  readonly python?: string
  /** Takes what ends the processes. */
  readonly atEnd: (work: () => Promise<void>) => void
}

export interface DeployedProcess {
  readonly name: string
  readonly pid: () => number
  /** Where it serves; of the router, its port for clients. */
  readonly place: Place
  /** Ready when it settles. */
  readonly start: () => Promise<void>
  /** SIGTERM, and SIGKILL after `patienceMs`. Resolves to the exit status or the signal. */
  readonly stop: (patienceMs?: number) => Promise<number | string>
  readonly kill: () => Promise<void>
  /** All that it wrote to standard output and error. */
  readonly log: () => string
}

export interface RunningDeployment {
  readonly folder: string
  readonly serverName: string
  /** Of the router. */
  readonly url: string
  /** By name: `main`, `sync1` …, and `router`. */
  readonly processes: ReadonlyMap<string, DeployedProcess>
  readonly homeserverYaml: string
}

const root = join(import.meta.dirname, '../..')

export const startDeployment = async (options: DeploymentOptions): Promise<RunningDeployment> => {
  const { folder, flavour, roles, database, redis, serverName = 'hs.test', settings, python, atEnd } = options
  const port = await freePort()
  const admin = await freePort()
  const deployment: Deployment = {
    folder,
    serverName,
    processes: planOf(roles),
    placeOf: (name, what) => ({ path: join(folder, `${name}.${what === 'http' ? 'sock' : 'repl'}`) }),
    database,
    redis,
    secrets: makeSecrets(join(folder, 'secrets')),
    publicBaseUrl: `http://127.0.0.1:${port}/`,
    settings: { ...open, ...(flavour === 'synapse' && forSynapse(folder)), ...settings },
    ...(flavour === 'synapse' && { logConfigOf: (name) => writeLogConfig(folder, name) }),
  }
  const configured = writeConfiguration(deployment)
  const routes = writeRoutes(deployment, { port, admin: `http://127.0.0.1:${admin}` })
  const commandOf = flavour === 'plexus' ? plexus : synapse(python!)
  const processes = new Map<string, DeployedProcess>()
  for (const one of configured) processes.set(one.name, makeProcess(one.name, commandOf(one), one.http, folder))
  processes.set(
    'router',
    makeProcess('router', [process.execPath, join(root, 'bin/router.js'), '--routes', routes], { port }, folder, {
      port: admin,
    }),
  )
  atEnd(async () => {
    await Promise.all([...processes.values()].map((one) => one.stop(5_000)))
  })
  const [main, ...others] = [...processes.values()]
  if (flavour === 'synapse') {
    const homeserver = join(folder, 'homeserver.yaml')
    execFileSync(python!, ['-m', 'synapse.app.homeserver', '-c', homeserver, '--generate-keys'], { cwd: folder })
    // It makes the tables; its workers end where there are none.
    await main!.start()
    await Promise.all(others.map((one) => one.start()))
  } else await Promise.all([...processes.values()].map((one) => one.start()))
  return {
    folder,
    serverName,
    url: `http://127.0.0.1:${port}`,
    processes,
    homeserverYaml: join(folder, 'homeserver.yaml'),
  }
}

const plexus = ({ files }: ConfiguredProcess) => [
  process.execPath,
  join(root, 'bin/worker.js'),
  ...files.flatMap((file) => ['--config', file]),
]

const synapse =
  (python: string) =>
  ({ name, files }: ConfiguredProcess) => [
    python,
    '-m',
    `synapse.app.${name === 'main' ? 'homeserver' : 'generic_worker'}`,
    ...files.flatMap((file) => ['--config-path', file]),
  ]

const fast = { per_second: 1e6, burst_count: 1e6 }
/** Who wants may register, as often as they like: it is not rate limits that are looked at. */
export const open = {
  enable_registration: true,
  enable_registration_without_verification: true,
  bcrypt_rounds: 4,
  rc_message: fast,
  rc_registration: fast,
  rc_login: { address: fast, account: fast, failed_attempts: fast },
  rc_joins: { local: fast, remote: fast },
  rc_joins_per_room: fast,
  rc_room_creation: fast,
  rc_admin_redaction: fast,
  rc_invites: { per_room: fast, per_user: fast, per_issuer: fast },
}

const forSynapse = (folder: string) => ({
  report_stats: false,
  suppress_key_server_warning: true,
  pid_file: join(folder, 'main.pid'),
  url_preview_enabled: false,
})

const writeLogConfig = (folder: string, name: string): string => {
  const file = join(folder, `${name}.log.yaml`)
  const content = {
    version: 1,
    formatters: {
      precise: { format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s' },
    },
    handlers: { out: { class: 'logging.FileHandler', formatter: 'precise', filename: join(folder, `${name}.out`) } },
    root: { level: 'INFO', handlers: ['out'] },
    disable_existing_loggers: false,
  }
  writeFileSync(file, JSON.stringify(content))
  return file
}

const START_MS = 180_000

function makeProcess(
  name: string,
  [command, ...args]: readonly string[],
  place: Place,
  folder: string,
  healthAt: Place = place,
): DeployedProcess {
  const file = join(folder, `${name}.out`)
  let child: ChildProcess | undefined
  const log = () => readFileSync(file, 'utf8')
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
  return {
    name,
    place,
    log,
    pid: () => child!.pid!,
    async start() {
      const output = openSync(file, 'a')
      // Its channel tells it, should the test be killed.
      const isNode = command === process.execPath
      const [program, all] = isNode ? [command!, args] : mortal('TERM', command!, args)
      const started = spawn(program, [...all], {
        stdio: ['ignore', output, output, ...(isNode ? (['ipc'] as const) : [])],
        cwd: folder,
        env: { ...process.env, ...(isNode && { PLEXUS_HANDED_OVER: '1' }) },
      })
      child = started
      closeSync(output)
      const deadline = performance.now() + START_MS
      while (!(await isHealthy(healthAt).catch(() => false))) {
        if (!isRunning() || performance.now() > deadline)
          throw new Error(`${name} does not start:\n${log().slice(-3_000)}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    async stop(patienceMs = 10_000) {
      if (isRunning()) {
        const kill = setTimeout(() => child!.kill('SIGKILL'), patienceMs)
        child!.kill('SIGTERM')
        await once(child!, 'exit')
        clearTimeout(kill)
      }
      return child?.signalCode ?? child?.exitCode ?? 0
    },
    async kill() {
      if (!isRunning()) return
      child!.kill('SIGKILL')
      await once(child!, 'exit')
    },
  }
}
