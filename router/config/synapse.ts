/**
 * A deployment of Synapse, read from its own files: `homeserver.yaml` and one file a worker. Read as Synapse reads them:
 * YAML 1.1, and of several files given to one process the later one's top-level keys replace the earlier one's.
 */

import { isNode, LineCounter, parseDocument } from 'yaml'
import { HARD_STREAMS, SINGLE_WRITERS, STREAMS } from './streams.ts'
import type { Address, Place, Problem } from './types.ts'
import { didYouMean, isPrivateHost } from './values.ts'

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

const MASTER = 'master'

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
/** Names of processes; the main process is `master` in every list of them, and `main` here. */
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
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')

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

const describe = (address: Address): string =>
  address.kind === 'unix'
    ? address.path
    : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`

/** What cannot work, or not as meant, in a deployment: said where the setting stands. */
export const deploymentProblems = (deployment: Deployment): readonly Problem[] => {
  const { main, workers, streamWriters, instanceMap, placeOf } = deployment
  const problems: Problem[] = []
  const warn = (path: string, message: string, place?: Place) =>
    problems.push({ path, message, severity: 'warning', ...(place && { place }) })

  const byName = new Map<string, Process>([['main', main]])
  for (const worker of workers) {
    const twin = byName.get(worker.name)
    if (twin)
      warn(
        'worker_name',
        `${worker.name} is also the name in ${twin.file}: two processes of one name take each other's work`,
        worker.place,
      )
    else byName.set(worker.name, worker)
  }

  const bound: { readonly process: Process; readonly listener: Listener }[] = []
  for (const process of [main, ...workers])
    for (const listener of process.listeners) {
      const { address, resources, path, place } = listener
      const clash = bound.find(({ listener: other }) => describe(other.address) === describe(address))
      if (clash)
        warn(path, `${describe(address)} is also the address of ${clash.process.name} (${clash.process.file})`, place)
      bound.push({ process, listener })
      const serves = resources.has('client') || resources.has('federation') || resources.has('media')
      if (listener.http && serves && listener.tls)
        warn(
          path,
          `${process.name} speaks TLS here, the router plain HTTP to workers: give it a listener without tls`,
          place,
        )
      else if (listener.http && serves && !listener.xForwarded)
        warn(
          path,
          `${process.name} has no x_forwarded: true here: it will take all clients for the router, and rate-limit them as one`,
          place,
        )
      if (resources.has('replication') && !listener.loopback && !deployment.replicationSecret) {
        const open = address.kind === 'tcp' && (listener.note !== undefined || !isPrivateHost(address.host))
        warn(
          path,
          `replication of ${process.name} is ${open ? 'open to all' : 'not on a loopback address'} without worker_replication_secret: who reaches it can act as any user`,
          place,
        )
      }
    }

  for (const [stream, writers] of streamWriters) {
    const place = placeOf('stream_writers', stream)
    const path = `stream_writers.${stream}`
    if (!STREAMS.has(stream)) {
      const meant = didYouMean(stream, STREAMS)
      warn(
        path,
        `no stream of Synapse${meant === undefined ? '' : `, did you mean ${meant}?`}: it will not start with it`,
        place,
      )
    }
    if (writers.length === 0) warn(path, 'nobody writes it: Synapse will not start', place)
    if (deployment.misnamedMain.has(stream))
      warn(path, `the main process is called ${MASTER} here: no worker will start with main`, place)
    if (SINGLE_WRITERS.has(stream) && SINGLE_WRITERS.get(stream) === undefined && writers.length > 1)
      warn(path, `${stream} has one writer in Synapse, not ${writers.length}: ${writers.join(', ')}`, place)
    for (const name of writers) {
      if (name === 'main') continue
      const writer = byName.get(name)
      if (!instanceMap.has(name)) warn(path, `${name} is not in instance_map: Synapse will not start`, place)
      if (!writer) {
        warn(
          path,
          `${name} is no worker of the files given${HARD_STREAMS.has(stream) ? `: requests for ${stream} will be answered 500` : ''}`,
          place,
        )
        continue
      }
      if (!writer.listeners.some(({ resources }) => resources.has('replication')))
        warn(path, `${name} has no replication listener: others cannot hand it their writes`, place)
      const resource = stream === 'quarantined_media_changes' ? 'media' : 'client'
      if (HARD_STREAMS.has(stream) && !httpListener(writer, resource))
        warn(path, `${name} has no ${resource} listener: requests for ${stream} go to main, which answers 500`, place)
    }
  }

  if (workers.length > 0) {
    if (!instanceMap.has('main'))
      warn('instance_map', 'main is not in it: no worker will start', placeOf('instance_map'))
    if (!deployment.redis) warn('redis', 'workers need redis: {enabled: true}', placeOf('redis'))
  }
  if (!main.mediaRepository && !workers.some((worker) => worker.mediaRepository && httpListener(worker, 'media')))
    warn(
      'enable_media_repo',
      'false, and no worker has a media listener: media is answered 404',
      placeOf('enable_media_repo'),
    )
  for (const [job, names] of deployment.jobs)
    for (const name of names) if (!byName.has(name)) warn(job, `${name} is no worker of the files given`)
  return problems
}
