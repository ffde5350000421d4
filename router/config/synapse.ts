/**
 * A deployment of Synapse, read from its own files: `homeserver.yaml` and one file a worker. Read as Synapse reads them:
 * YAML 1.1, and of several files given to one process the later one's top-level keys replace the earlier one's.
 */

import { isNode, LineCounter, parseDocument } from 'yaml'
import { type Address, isLoopback } from '../../shared/config/address.ts'
import type { Place, Problem } from '../../shared/config/problem.ts'

export interface SourceFile {
  readonly file: string
  readonly text: string
}

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
  /** Streams whose writer is given as `main`, which no process of Synapse calls itself there. */
  readonly misnamedMain: ReadonlySet<string>
  readonly instanceMap: ReadonlySet<string>
  /** Jobs without endpoints → who does them. */
  readonly jobs: ReadonlyMap<string, readonly string[]>
  readonly replicationSecret: boolean
  readonly redis: boolean
  /** The MAS' address, `''` when it is delegated to a service whose internal address is unknown, or undefined. */
  readonly mas?: string
  readonly sso: boolean
  readonly maxUploadSize?: string
  readonly problems: readonly Problem[]
  /** The place of a setting in the shared configuration. */
  readonly placeOf: (...path: readonly (string | number)[]) => Place | undefined
}

type Settings = Readonly<Record<string, unknown>>

/** The main process in lists of processes. */
export const MASTER = 'master'

interface Parsed {
  readonly file: string
  readonly settings: Settings
  readonly placeOf: (path: readonly (string | number)[]) => Place | undefined
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

const parse = ({ file, text }: SourceFile, problems: Problem[]): Parsed | undefined => {
  const lines = new LineCounter()
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const refuse = (message: string, offset = 0): undefined => {
    problems.push({ place: place(offset), path: '', message, severity: 'error' })
  }
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error', // 'silent' would pass over a second document
    })
    const error = document.errors[0]
    if (error?.code === 'MULTIPLE_DOCS')
      return refuse('a second document begins here, and Synapse reads files of one: remove the ---', error.pos[0])
    if (error) return refuse(`not YAML: ${error.message}`, error.pos[0])
    // Nothing but comments, as packages leave in conf.d: Synapse passes over it too.
    const settings: unknown = document.toJS() ?? {}
    if (!isSettings(settings)) return refuse('expected a map of settings, as Synapse has them')
    return {
      file,
      settings,
      placeOf: (path) => {
        const node = document.getIn(path, true)
        return isNode(node) && node.range ? place(node.range[0]) : undefined
      },
    }
  } catch (error) {
    return refuse(`not YAML: ${(error as Error).message}`)
  }
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '::', '', '*']

const readListener = (
  raw: unknown,
  path: string,
  host: string | undefined,
  place: Place | undefined,
): Listener | undefined => {
  const settings = asSettings(raw)
  const type = String(settings.type ?? 'http')
  const resources = new Set(asList(settings.resources).flatMap((resource) => asNames(asSettings(resource).names)))
  const common = {
    http: type === 'http',
    resources: type === 'metrics' ? new Set(['metrics']) : resources,
    tls: settings.tls === true,
    path,
    ...(place && { place }),
  }
  if (typeof settings.path === 'string')
    return { ...common, address: { kind: 'unix', path: settings.path }, xForwarded: true, loopback: true }
  const port = Number(settings.port)
  if (!Number.isInteger(port) || port < 1 || port > 65535) return undefined

  const bound = [...asList(settings.bind_address), ...asList(settings.bind_addresses)].map(String)
  const wildcard = bound.length === 0 || bound.some((address) => WILDCARDS.includes(address))
  const remote = host !== undefined && !isLoopback(host) && !WILDCARDS.includes(host) ? host : undefined
  // Debian binds ::1 and 127.0.0.1, also where the machine has no IPv6.
  const local = bound.find((address) => address.startsWith('127.')) ?? bound.find(isLoopback)
  const reached = wildcard ? (remote ?? '127.0.0.1') : (local ?? bound[0]!)
  const said = bound.length === 0 ? 'all addresses' : bound.join(', ')
  return {
    ...common,
    address: { kind: 'tcp', host: reached, port },
    ...(wildcard && { note: remote ? `bound to ${said}; the host is that of instance_map` : `bound to ${said}` }),
    xForwarded: settings.x_forwarded === true,
    loopback: !wildcard && bound.every(isLoopback),
  }
}

/** How workers found main before `instance_map` had it. */
const REMOVED_KEYS = [
  'worker_replication_host',
  'worker_replication_port',
  'worker_replication_http_port',
  'worker_replication_http_tls',
] as const

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
  const problems: Problem[] = []
  const configs = shared.map((file) => parse(file, problems))
  const parsedWorkers = workerFiles.map((file) => parse(file, problems))
  if (configs.some((config) => !config)) return { problems }
  const files = configs as readonly Parsed[]

  const settings: Settings = Object.assign({}, ...files.map((config) => config.settings))
  const placeOf = (...path: readonly (string | number)[]): Place | undefined =>
    files.findLast((config) => String(path[0]) in config.settings)?.placeOf(path)
  const instances = asSettings(settings.instance_map)
  const hostOf = (name: string): string | undefined => {
    const host = asSettings(instances[name]).host
    return typeof host === 'string' ? host : undefined
  }
  const listenersOf = (
    key: string,
    of: Settings,
    name: string,
    at: (path: readonly (string | number)[]) => Place | undefined,
  ) => asList(of[key]).flatMap((raw, i) => readListener(raw, `${key}[${i}]`, hostOf(name), at([key, i])) ?? [])

  const workers = parsedWorkers.flatMap((worker): readonly Process[] => {
    if (!worker) return []
    const own = worker.settings
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
      const at = worker.placeOf(['worker_app'])
      problems.push({
        path: 'worker_app',
        message: 'left out: this is the main process, give its file with --homeserver',
        severity: 'warning',
        ...(at && { place: at }),
      })
      return []
    }
    for (const key of REMOVED_KEYS) {
      const at = worker.placeOf([key])
      if (key in own)
        problems.push({
          path: key,
          message: 'no Synapse from 1.88 on starts with it: put main into instance_map',
          severity: 'warning',
          ...(at && { place: at }),
        })
    }
    const place = worker.placeOf(['worker_name'])
    const name = String(own.worker_name ?? app)
    const enabled = own.enable_media_repo ?? settings.enable_media_repo
    return [
      {
        name,
        file: worker.file,
        app,
        listeners: listenersOf('worker_listeners', own, name, worker.placeOf),
        mediaRepository: app === 'media_repository' || enabled !== false,
        ...(place && { place }),
      },
    ]
  })

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
      file: files.findLast((config) => 'listeners' in config.settings)?.file ?? homeserver.file,
      app: 'homeserver',
      listeners: listenersOf('listeners', settings, 'main', (path) => placeOf(...path)),
      mediaRepository: settings.enable_media_repo !== false,
    },
    workers,
    streamWriters: new Map(
      Object.entries(asSettings(settings.stream_writers)).map(([stream, names]) => [stream, asProcesses(names)]),
    ),
    misnamedMain: new Set(
      Object.entries(asSettings(settings.stream_writers)).flatMap(([stream, names]) =>
        asNames(names).includes('main') ? [stream] : [],
      ),
    ),
    instanceMap: new Set(Object.keys(instances)),
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
    problems,
    placeOf,
  }
  return { deployment, problems }
}

/** The plain HTTP listener on which `process` serves all of `resources`, if there is one. */
export const httpListener = ({ listeners }: Process, ...resources: readonly string[]): Listener | undefined =>
  listeners.find(({ http, tls, resources: has }) => http && !tls && resources.every((name) => has.has(name)))
