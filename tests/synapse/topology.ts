/**
 * The deployment: which processes there are, and Synapse's own configuration files for them. Every kind of process that
 * serves requests is there, every stream that can be moved has a writer of its own, and two streams have two.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { Failed } from './report.ts'

export interface SynapseProcess {
  readonly name: string
  readonly app: string
  readonly resources: readonly string[]
  /** Streams it writes, as `stream_writers` calls them. */
  readonly streams: readonly string[]
  readonly port: number
  /** Port of its replication listener. */
  readonly replicationPort?: number
  readonly configs: readonly string[]
  /** Its own log, where each request it served has a line. */
  readonly log: string
}

export interface Topology {
  readonly folder: string
  readonly serverName: string
  readonly processes: readonly SynapseProcess[]
  readonly main: SynapseProcess
  readonly homeserverYaml: string
  /** A glob pattern. */
  readonly workerYamls: string
  readonly postgresPort: number
  readonly redisPort: number
  readonly edgePort: number
  readonly edgeAdminPort: number
  /** Of the other server in federation. */
  readonly remotePort: number
  readonly registrationSecret: string
  readonly appserviceToken: string
}

const GENERIC = ['client', 'federation']

interface Worker {
  readonly name: string
  readonly resources?: readonly string[]
  readonly streams?: readonly string[]
}

const WORKERS: readonly Worker[] = [
  { name: 'sync1', resources: GENERIC },
  { name: 'sync2', resources: GENERIC },
  { name: 'client1', resources: GENERIC },
  { name: 'client2', resources: GENERIC },
  { name: 'persister1', streams: ['events'] },
  { name: 'persister2', streams: ['events'] },
  { name: 'typing1', resources: GENERIC, streams: ['typing'] },
  { name: 'to_device1', resources: GENERIC, streams: ['to_device'] },
  { name: 'account_data1', resources: GENERIC, streams: ['account_data'] },
  { name: 'receipts1', resources: GENERIC, streams: ['receipts'] },
  { name: 'receipts2', resources: GENERIC, streams: ['receipts'] },
  { name: 'presence1', resources: GENERIC, streams: ['presence'] },
  { name: 'push_rules1', resources: GENERIC, streams: ['push_rules'] },
  { name: 'device_lists1', resources: GENERIC, streams: ['device_lists'] },
  { name: 'threads1', resources: GENERIC, streams: ['thread_subscriptions'] },
  { name: 'media1', resources: ['media'], streams: ['quarantined_media_changes'] },
  { name: 'user_dir1', resources: GENERIC },
  { name: 'fedsender1' },
]

/**
 * `count` ports that nothing listens on, below the range from which the kernel takes the ports of outgoing connections:
 * a free port from that range may be somebody's by the time a worker gets to listen on it.
 */
const freePorts = async (count: number): Promise<number[]> => {
  const free = (port: number) =>
    new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
    })
  const ports: number[] = []
  const first = 15_000 + Math.floor(Math.random() * 12_000)
  for (let port = first; port < 32_000 && ports.length < count; port++) if (await free(port)) ports.push(port)
  if (ports.length < count) throw new Failed(`no ${count} free ports between ${first} and 32000`)
  return ports
}

const listener = (port: number, names: readonly string[]) => ({
  type: 'http',
  port,
  bind_addresses: ['127.0.0.1'],
  x_forwarded: !names.includes('replication'),
  resources: [{ names: [...names] }],
})

const logConfig = (file: string) => ({
  version: 1,
  formatters: { plain: { format: '%(asctime)s - %(name)s - %(levelname)s - %(request)s - %(message)s' } },
  handlers: { file: { class: 'logging.FileHandler', formatter: 'plain', filename: file } },
  root: { level: 'INFO', handlers: ['file'] },
  disable_existing_loggers: false,
})

/** Rate limits far above what the run needs: it is not them that are looked at. */
const unlimited = () => {
  const fast = { per_second: 1e6, burst_count: 1e6 }
  return {
    rc_message: fast,
    rc_registration: fast,
    rc_registration_token_validity: fast,
    rc_login: { address: fast, account: fast, failed_attempts: fast },
    rc_joins: { local: fast, remote: fast },
    rc_joins_per_room: fast,
    rc_admin_redaction: fast,
    rc_invites: { per_room: fast, per_user: fast, per_issuer: fast },
    rc_third_party_invite: fast,
    rc_3pid_validation: fast,
    rc_media_create: fast,
    rc_key_requests: fast,
    rc_presence: { per_user: fast },
    rc_delayed_event_mgmt: fast,
    rc_reports: fast,
    rc_room_creation: fast,
    rc_user_directory: fast,
    rc_profile: fast,
    rc_federation: {
      window_size: 1000,
      sleep_limit: 1_000_000,
      sleep_delay: 1,
      reject_limit: 1_000_000,
      concurrent: 1000,
    },
  }
}

/** Writes homeserver.yaml and workers/*.yaml into `folder` and returns what they say. */
export const writeTopology = async (folder: string): Promise<Topology> => {
  const ports = await freePorts(7 + 2 * WORKERS.length)
  const port = (): number => ports.shift()!
  const [postgresPort, redisPort, edgePort, edgeAdminPort, remotePort, mainPort, mainReplicationPort] = [
    port(),
    port(),
    port(),
    port(),
    port(),
    port(),
    port(),
  ]
  const serverName = `localhost:${edgePort}`
  const secret = () => randomBytes(16).toString('hex')
  const registrationSecret = secret()
  const appserviceToken = secret()
  await Promise.all(
    ['logs', 'logging', 'workers', 'media'].map((name) => mkdir(join(folder, name), { recursive: true })),
  )

  const homeserverYaml = join(folder, 'homeserver.yaml')
  const file = (...names: string[]) => join(folder, ...names)
  const writeYaml = async (path: string, content: unknown): Promise<string> => {
    await writeFile(path, stringify(content))
    return path
  }
  const logFor = async (name: string) => ({
    log: file('logs', `${name}.log`),
    config: await writeYaml(file('logging', `${name}.yaml`), logConfig(file('logs', `${name}.log`))),
  })

  // An application service that is sent nothing: its token is what its endpoints ask for.
  const appservice = await writeYaml(file('appservice.yaml'), {
    id: 'bridge',
    url: null,
    as_token: appserviceToken,
    hs_token: secret(),
    sender_localpart: 'bridge',
    namespaces: { users: [{ exclusive: true, regex: '@bridge_.*' }] },
  })
  const mainLog = await logFor('main')
  const main: SynapseProcess = {
    name: 'main',
    app: 'synapse.app.homeserver',
    resources: GENERIC,
    streams: [],
    port: mainPort,
    replicationPort: mainReplicationPort,
    configs: [homeserverYaml],
    log: mainLog.log,
  }
  const processes = [main]
  const streamWriters: Record<string, string[]> = {}
  for (const { name, resources = [], streams = [] } of WORKERS) {
    const { log, config } = await logFor(name)
    const own = port()
    const replicationPort = streams.length > 0 ? port() : undefined
    for (const stream of streams) streamWriters[stream] = [...(streamWriters[stream] ?? []), name]
    const yaml = await writeYaml(file('workers', `${name}.yaml`), {
      worker_app: 'synapse.app.generic_worker',
      worker_name: name,
      worker_log_config: config,
      worker_listeners: [
        listener(own, resources.length > 0 ? resources : ['health']),
        ...(replicationPort === undefined ? [] : [listener(replicationPort, ['replication'])]),
      ],
      ...(resources.includes('media') ? { enable_media_repo: true } : {}),
    })
    processes.push({
      name,
      app: 'synapse.app.generic_worker',
      resources,
      streams,
      port: own,
      ...(replicationPort === undefined ? {} : { replicationPort }),
      configs: [homeserverYaml, yaml],
      log,
    })
  }

  await writeYaml(homeserverYaml, {
    server_name: serverName,
    public_baseurl: `http://localhost:${edgePort}/`,
    pid_file: file('main.pid'),
    report_stats: false,
    // Where it thinks its streams are.
    enable_metrics: true,
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    signing_key_path: file('signing.key'),
    media_store_path: file('media'),
    log_config: mainLog.config,
    listeners: [listener(mainPort, [...GENERIC, 'metrics']), listener(mainReplicationPort, ['replication'])],
    database: {
      name: 'psycopg2',
      args: { user: 'synapse', dbname: 'synapse', host: '127.0.0.1', port: postgresPort, cp_min: 1, cp_max: 8 },
    },
    redis: { enabled: true, host: '127.0.0.1', port: redisPort },
    worker_replication_secret: secret(),
    instance_map: Object.fromEntries(
      processes.flatMap(({ name, replicationPort }) =>
        replicationPort === undefined ? [] : [[name, { host: '127.0.0.1', port: replicationPort }]],
      ),
    ),
    stream_writers: streamWriters,
    enable_media_repo: false,
    media_instance_running_background_jobs: 'media1',
    update_user_directory_from_worker: 'user_dir1',
    federation_sender_instances: ['fedsender1'],
    // The other server of the federation checks is on loopback, with a certificate of its own making.
    ip_range_blacklist: [],
    federation_verify_certificates: false,
    enable_registration: true,
    enable_registration_without_verification: true,
    registration_shared_secret: registrationSecret,
    macaroon_secret_key: secret(),
    form_secret: secret(),
    app_service_config_files: [appservice],
    bcrypt_rounds: 4,
    user_directory: { enabled: true, search_all_users: true },
    allow_public_rooms_without_auth: true,
    allow_public_rooms_over_federation: true,
    url_preview_enabled: false,
    // Without it Synapse makes a room with `visibility: public` and leaves it out of the directory, without an error.
    room_list_publication_rules: [{ action: 'allow' }],
    max_event_delay_duration: '24h',
    server_notices: { system_mxid_localpart: 'notices', room_name: 'Notices' },
    dynamic_thumbnails: true,
    // Flags that open endpoints of the table which are closed by default.
    experimental_features: {
      msc4306_enabled: true,
      msc3814_enabled: true,
      msc4143_enabled: true,
      msc4370_enabled: true,
    },
    ...unlimited(),
  })
  return {
    folder,
    serverName,
    processes,
    main,
    homeserverYaml,
    workerYamls: file('workers', '*.yaml'),
    postgresPort,
    redisPort,
    edgePort,
    edgeAdminPort,
    remotePort,
    registrationSecret,
    appserviceToken,
  }
}

/** The process that listens on `address` (`127.0.0.1:8008`), if it is one of ours. */
export const processAt = (topology: Topology, address: string): SynapseProcess | undefined =>
  topology.processes.find(({ port }) => address === `127.0.0.1:${port}`)
