/**
 * A deployment of Synapse, read from its own files: `homeserver.yaml` and one file a worker. Read as Synapse reads them:
 * YAML 1.1, and of several files given to one process the later one's top-level keys replace the earlier one's.
 */

import { type Address, isLoopback } from '../../shared/config/address.ts'
import { isNothing, type Type } from '../../shared/config/decode.ts'
import type { Place, Problem } from '../../shared/config/problem.ts'
import {
  mergeFiles,
  placeIn,
  readSynapseFile,
  type Settings,
  type SourceFile,
  type SynapseFile,
} from '../../shared/synapse-config/file.ts'
import { instanceMapType } from '../../shared/synapse-config/instance-map.ts'
import { isLocal, listenersType, type Listener as SynapseListener } from '../../shared/synapse-config/listener.ts'
import { MASTER, REMOVED_KEYS } from '../../shared/synapse-config/processes.ts'
import { streamWritersType } from '../../shared/synapse-config/stream-writers.ts'

export interface Listener {
  readonly address: Address
  /** Said when the address is not the one in the file. */
  readonly note?: string
  readonly http: boolean
  readonly resources: ReadonlySet<string>
  readonly tls: boolean
  readonly xForwarded: boolean
  /** Every address it is bound to is this machine's own. */
  readonly loopback: boolean
  readonly path: string
  readonly place?: Place
}

export interface Process {
  readonly name: string
  readonly file: string
  /** `generic_worker`, `synchrotron` …: `worker_app` without `synapse.app.`. */
  readonly app: string
  readonly listeners: readonly Listener[]
  /** May it run the media repository? */
  readonly mediaRepository: boolean
  readonly place?: Place
}

export interface Deployment {
  readonly serverName?: string
  readonly main: Process
  readonly workers: readonly Process[]
  /** Stream → names of its writers, `main` among them; streams that are not named are main's. */
  readonly streamWriters: ReadonlyMap<string, readonly string[]>
  readonly instanceMap: ReadonlySet<string>
  /** Jobs without endpoints → who does them. */
  readonly jobs: ReadonlyMap<string, readonly string[]>
  readonly replicationSecret: boolean
  readonly redis: boolean
  /** The MAS' address, `''` when it is delegated to a service whose internal address is unknown, or undefined. */
  readonly mas?: string
  readonly sso: boolean
  readonly maxUploadSize?: string
  /** The place of a setting in the shared configuration. */
  readonly placeOf: (...path: readonly (string | number)[]) => Place | undefined
}

const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const asSettings = (value: unknown): Settings => (isSettings(value) ? value : {})
const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
const asNames = (value: unknown): readonly string[] => asList(value).map(String)
/** Names of processes, of which the main one is `main` here. */
const asProcesses = (value: unknown): readonly string[] =>
  asNames(value).map((name) => (name === MASTER ? 'main' : name))

const WILDCARDS: readonly string[] = ['0.0.0.0', '::', '', '*']

/** A listener as the router reaches it. `host`: where `instance_map` says that the process is. */
const asReached = (listener: SynapseListener, path: string, host: string | undefined, place?: Place): Listener => {
  const common = {
    http: listener.type === 'http',
    resources: new Set<string>(
      listener.type === 'metrics' ? ['metrics'] : listener.resources.flatMap(({ names }) => names),
    ),
    xForwarded: listener.xForwarded,
    loopback: isLocal(listener),
    path,
    ...(place && { place }),
  }
  if (listener.kind === 'unix') return { ...common, address: { kind: 'unix', path: listener.path }, tls: false }
  const { port, bindAddresses: bound, tls } = listener
  const wildcard = bound.some((address) => WILDCARDS.includes(address))
  const remote = host !== undefined && !isLoopback(host) && !WILDCARDS.includes(host) ? host : undefined
  // Debian binds ::1 and 127.0.0.1, also where the machine has no IPv6.
  const local = bound.find((address) => address.startsWith('127.')) ?? bound.find(isLoopback)
  const reached = wildcard ? (remote ?? '127.0.0.1') : (local ?? bound[0]!)
  const said = bound.join(', ')
  return {
    ...common,
    tls,
    address: { kind: 'tcp', host: reached, port },
    ...(wildcard && { note: remote ? `bound to ${said}; the host is that of instance_map` : `bound to ${said}` }),
  }
}

/** Keys that say that a file is a worker's. */
const WORKER_KEYS = ['worker_app', 'worker_name', 'worker_listeners'] as const
/** Python's logging configurations lie among the workers' files in many deployments. */
const isLogConfig = (settings: Settings): boolean =>
  'handlers' in settings || 'formatters' in settings || 'root' in settings

/** Reads a deployment; undefined if a file of it cannot be read. */
export const readDeployment = (
  shared: readonly SourceFile[],
  workerFiles: readonly SourceFile[],
): { readonly deployment?: Deployment; readonly problems: readonly Problem[] } => {
  const files = shared.map(readSynapseFile)
  const parsedWorkers = workerFiles.map(readSynapseFile)
  const isUnreadable = ({ reporter }: SynapseFile) => reporter.problems().some(({ severity }) => severity === 'error')
  const unreadable = new Set([...files, ...parsedWorkers].filter(isUnreadable))
  /** What can be read is imported: mistakes in it are warnings, as it is for Synapse to refuse them. */
  const told = (): readonly Problem[] =>
    [...files, ...parsedWorkers].flatMap((file) =>
      file.reporter
        .problems()
        .map((problem): Problem => (unreadable.has(file) ? problem : { ...problem, severity: 'warning' })),
    )
  if (files.some((file) => unreadable.has(file))) return { problems: told() }

  const problems: Problem[] = []
  const { settings, fileOf, placeOf } = mergeFiles(files)
  const read = <T>(type: Type<T>, key: string, file = fileOf(key)): T | undefined => {
    const entry = file?.entries.get(key)
    return file && entry && !isNothing(entry.value) ? type.read(entry.value, key, file.reporter) : undefined
  }
  const instances = read(instanceMapType, 'instance_map') ?? new Map()
  const writers = read(streamWritersType, 'stream_writers') ?? new Map<string, readonly string[]>()
  const listenersOf = (key: string, name: string, file: SynapseFile | undefined) => {
    const location = instances.get(name)
    const host = location?.kind === 'tcp' ? location.host : undefined
    return ((file && read(listenersType, key, file)) ?? []).map(({ value: listener, position }) =>
      asReached(listener, `${key}[${position}]`, host, placeIn(file!, [key, position])),
    )
  }

  const workers = parsedWorkers.flatMap((worker): readonly Process[] => {
    if (unreadable.has(worker)) return []
    const own = worker.settings
    const placed = (key: string) => {
      const place = placeIn(worker, [key])
      return place && { place }
    }
    if (!WORKER_KEYS.some((key) => key in own)) {
      if (!isLogConfig(own))
        problems.push({
          path: '',
          place: { file: worker.file, line: 1, column: 1 },
          message: 'left out: no worker_app and no worker_name, so this is no worker',
          severity: 'warning',
        })
      return []
    }
    const app = String(own.worker_app ?? settings.worker_app ?? 'synapse.app.generic_worker').replace(
      /^synapse\.app\./,
      '',
    )
    if (app === 'homeserver') {
      problems.push({
        path: 'worker_app',
        message: 'left out: this is the main process, give its file with --homeserver',
        severity: 'warning',
        ...placed('worker_app'),
      })
      return []
    }
    for (const [key, message] of Object.entries(REMOVED_KEYS))
      if (key in own) problems.push({ path: key, message, severity: 'warning', ...placed(key) })
    const name = String(own.worker_name ?? app)
    const enabled = own.enable_media_repo ?? settings.enable_media_repo
    return [
      {
        name,
        file: worker.file,
        app,
        listeners: listenersOf('worker_listeners', name, worker),
        mediaRepository: app === 'media_repository' || enabled !== false,
        ...placed('worker_name'),
      },
    ]
  })
  const mainListeners = listenersOf('listeners', 'main', fileOf('listeners'))

  const instanceNames = (...keys: readonly string[]) => keys.flatMap((key) => asProcesses(settings[key]))
  const legacy = (app: string) => workers.filter((worker) => worker.app === app).map(({ name }) => name)
  const mas = asSettings(settings.matrix_authentication_service)
  const msc3861 = asSettings(asSettings(settings.experimental_features).msc3861)
  const masAddress = mas.enabled === true ? String(mas.endpoint ?? '') : msc3861.enabled === true ? '' : undefined
  const oidc = asSettings(settings.oidc_config)
  const saml = asSettings(settings.saml2_config)
  const homeserver = files[0]!

  const deployment: Deployment = {
    ...(typeof settings.server_name === 'string' && { serverName: settings.server_name }),
    main: {
      name: 'main',
      file: fileOf('listeners')?.file ?? homeserver.file,
      app: 'homeserver',
      listeners: mainListeners,
      mediaRepository: settings.enable_media_repo !== false,
    },
    workers,
    streamWriters: new Map([...writers].map(([stream, names]) => [stream, asProcesses(names)])),
    instanceMap: new Set(instances.keys()),
    jobs: new Map([
      ['federation sender', [...instanceNames('federation_sender_instances'), ...legacy('federation_sender')]],
      ['pusher', [...instanceNames('pusher_instances'), ...legacy('pusher')]],
      ['background tasks', instanceNames('run_background_tasks_on')],
      ['appservice sender', [...instanceNames('notify_appservices_from_worker'), ...legacy('appservice')]],
      ['user directory', [...instanceNames('update_user_directory_from_worker'), ...legacy('user_dir')]],
    ]),
    replicationSecret: Boolean(settings.worker_replication_secret || settings.worker_replication_secret_path),
    redis: asSettings(settings.redis).enabled === true,
    ...(masAddress !== undefined && { mas: masAddress }),
    sso:
      asList(settings.oidc_providers).length > 0 ||
      oidc.enabled === true ||
      asSettings(settings.cas_config).enabled === true ||
      (saml.enabled !== false && 'sp_config' in saml),
    ...(settings.max_upload_size !== undefined && { maxUploadSize: String(settings.max_upload_size) }),
    placeOf,
  }
  return { deployment, problems: [...told(), ...problems] }
}

/** The plain HTTP listener on which `process` serves all of `resources`, if there is one. */
export const httpListener = ({ listeners }: Process, ...resources: readonly string[]): Listener | undefined =>
  listeners.find(({ http, tls, resources: has }) => http && !tls && resources.every((name) => has.has(name)))
