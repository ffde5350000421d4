/**
 * A deployment as Synapse's own files describe it: homeserver.yaml for all, a file for each worker, and the routes.yaml
 * that follows from them. They start Synapse as they start Plexus.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { importSynapse } from '../router/config/import.ts'
import { formatProblem } from '../shared/config/problem.ts'
import { readConfigFiles, readWorkerFiles } from '../shared/synapse-config/sources.ts'
import type { PlannedResource, ProcessPlan } from './plan.ts'
import type { Secrets } from './secrets.ts'

/** Where a process listens: a unix socket, or a port of 127.0.0.1. */
export type Place = { readonly path: string } | { readonly port: number }

export interface Deployment {
  /** For the files that are written: homeserver.yaml, workers/, routes.yaml. */
  readonly folder: string
  readonly serverName: string
  /** Main first. */
  readonly processes: readonly ProcessPlan[]
  /** Of a process' socket for requests, or for the other processes. */
  readonly placeOf: (name: string, what: 'http' | 'replication') => Place
  /** Synapse's `database.args`. */
  readonly database: Readonly<Record<string, string | number>>
  /** Synapse's `redis`. Undefined: the bus is Postgres. */
  readonly redis?: Readonly<Record<string, unknown>> | undefined
  readonly secrets: Secrets
  readonly publicBaseUrl?: string | undefined
  /** Further keys of homeserver.yaml. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** The path of a `log_config` for each process. */
  readonly logConfigOf?: (name: string) => string
  /** Files of the administrator's own, or folders of such, read after homeserver.yaml. */
  readonly more?: readonly string[]
}

export interface ConfiguredProcess {
  readonly name: string
  /** For `--config`, in this order. */
  readonly files: readonly string[]
  /** Where `/health` is asked. */
  readonly http: Place
}

const BANNER = '# Written anew at each start: changes are lost.'

/** Writes all but routes.yaml; files of workers that are no more go. */
export const writeConfiguration = (deployment: Deployment): readonly ConfiguredProcess[] => {
  const { folder, processes, placeOf, logConfigOf, more = [] } = deployment
  const workers = join(folder, 'workers')
  rmSync(workers, { recursive: true, force: true })
  mkdirSync(workers, { recursive: true, mode: 0o700 })
  const homeserver = join(folder, 'homeserver.yaml')
  write(homeserver, sharedSettings(deployment))
  return processes.map((plan): ConfiguredProcess => {
    const http = placeOf(plan.name, 'http')
    if (plan.name === 'main') return { name: 'main', files: [homeserver, ...more], http }
    const file = join(workers, `${plan.name}.yaml`)
    write(file, {
      worker_app: 'synapse.app.generic_worker',
      worker_name: plan.name,
      ...(logConfigOf && { worker_log_config: logConfigOf(plan.name) }),
      worker_listeners: listenersOf(plan, placeOf),
    })
    return { name: plan.name, files: [homeserver, ...more, file], http }
  })
}

const write = (file: string, settings: object): void =>
  // YAML 1.1, as Synapse's reader: a text such as 1e6 or yes gets quotes.
  writeFileSync(file, `${BANNER}\n${stringify(settings, { version: '1.1' })}`, { mode: 0o600 })

/** Who is spoken to by other processes. */
const isTarget = ({ name, writes }: ProcessPlan): boolean => name === 'main' || writes.length > 0

const listenersOf = (plan: ProcessPlan, placeOf: Deployment['placeOf']) => [
  listener(placeOf(plan.name, 'http'), plan.resources),
  ...(isTarget(plan) ? [listener(placeOf(plan.name, 'replication'), ['replication'])] : []),
]

const listener = (place: Place, names: readonly (PlannedResource | 'replication')[]) => ({
  type: 'http',
  ...('path' in place
    ? // Who may enter the folder may connect.
      { path: place.path, mode: 0o600 }
    : { port: place.port, bind_addresses: ['127.0.0.1'], x_forwarded: !names.includes('replication') }),
  resources: [{ names: [...names] }],
})

const sharedSettings = (deployment: Deployment) => {
  const { folder, serverName, processes, placeOf, database, redis, secrets, publicBaseUrl, settings } = deployment
  const main = processes[0]!
  const location = (name: string) => {
    const place = placeOf(name, 'replication')
    return 'path' in place ? place : { host: '127.0.0.1', ...place }
  }
  const writers = new Map<string, string[]>()
  for (const { name, writes } of processes)
    for (const stream of writes) writers.set(stream, [...(writers.get(stream) ?? []), name])
  return {
    server_name: serverName,
    ...(publicBaseUrl !== undefined && { public_baseurl: publicBaseUrl }),
    trusted_key_servers: [],
    signing_key_path: join(folder, 'signing.key'),
    media_store_path: join(folder, 'media'),
    ...(deployment.logConfigOf && { log_config: deployment.logConfigOf('main') }),
    listeners: listenersOf(main, placeOf),
    database: { name: 'psycopg2', args: database },
    ...(redis && { redis: { enabled: true, ...redis } }),
    instance_map: Object.fromEntries(processes.filter(isTarget).map(({ name }) => [name, location(name)])),
    ...(writers.size > 0 && { stream_writers: Object.fromEntries(writers) }),
    worker_replication_secret_path: secrets.replication,
    registration_shared_secret_path: secrets.registration,
    macaroon_secret_key_path: secrets.macaroon,
    form_secret_path: secrets.form,
    ...settings,
  }
}

export interface RouterSettings {
  /** Of 127.0.0.1, for clients and other servers. */
  readonly port: number
  /** In its place: routes.yaml's `listen`. */
  readonly listen?: readonly RouterListener[] | undefined
  /** `http://127.0.0.1:9180`, `unix:/path`. */
  readonly admin: string
  /** How long running requests may take once it was told to stop. */
  readonly drain?: string
}

/** One of routes.yaml's `listen`: `https://0.0.0.0:8448`, with the paths of two PEM files where there is TLS. */
export interface RouterListener {
  readonly address: string
  readonly certificate?: string
  readonly key?: string
}

/** Writes routes.yaml for the files that {@link writeConfiguration} wrote, and returns its path. Throws for files that contradict. */
export const writeRoutes = (
  { folder, processes, more = [] }: Deployment,
  { port, listen, admin, drain }: RouterSettings,
): string => {
  const shared = readConfigFiles([join(folder, 'homeserver.yaml'), ...more])
  // A pattern that finds nothing is a mistake elsewhere; main alone has no workers.
  const workers = processes.length > 1 ? readWorkerFiles([join(folder, 'workers')]) : []
  if (typeof shared === 'string' || typeof workers === 'string') throw new Error(`${shared}${workers}`)
  const { text, problems } = importSynapse(shared, workers, port)
  if (text === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  const file = join(folder, 'routes.yaml')
  const settings = { ...(listen && { listen }), admin, access_log: 'off', ...(drain && { drain }) }
  write(file, { ...(parse(text) as object), ...settings })
  return file
}
