/** A `routes.yaml` for a deployment of Synapse as its own files describe it, with a comment for where each line is from. */

import { addressesCollide, addressKey } from '../../shared/config/address.ts'
import type { Problem } from '../../shared/config/problem.ts'
import type { Sticky } from '../../shared/endpoints/types.ts'
import type { SourceFile } from '../../shared/synapse-config/file.ts'
import { deploymentProblems } from './deployment-problems.ts'
import { type Deployment, httpListener, type Listener, type Process, readDeployment } from './synapse.ts'
import { type Kind, kindOf } from './worker-kind.ts'

export interface Imported {
  /** Absent if there is an error among the problems. */
  readonly text?: string
  readonly problems: readonly Problem[]
}

/** The router listens on `port` of 127.0.0.1; without one, on the first from 8080 on that no process has. */
export const importSynapse = (
  shared: readonly SourceFile[],
  workers: readonly SourceFile[],
  port?: number,
): Imported => {
  const { deployment, problems: unread } = readDeployment(shared, workers)
  if (!deployment || unread.some(({ severity }) => severity === 'error')) return { problems: unread }
  const main = mainListener(deployment)
  if ('severity' in main) return { problems: [...unread, main] }
  const { pools, problems } = poolsOf(deployment, main)
  const all = [...unread, ...deploymentProblems(deployment), ...problems]
  return { text: print(deployment, pools, shared, all, port ?? freePort(deployment, 8080)), problems: all }
}

interface Entry {
  readonly address: string
  readonly comment: string
}

interface Pool {
  readonly name: string
  readonly comment?: string
  readonly entries: readonly Entry[]
  readonly sticky?: Sticky
  readonly strict?: true
  readonly maxBody?: string
  readonly fallback: readonly string[]
}

const mainListener = (deployment: Deployment): Listener | Problem => {
  const { main, placeOf } = deployment
  const listener = httpListener(main, 'client', 'federation') ?? httpListener(main, 'client')
  if (listener) return listener
  const place = placeOf('listeners')
  const hasTls = main.listeners.some(({ tls, resources }) => tls && resources.has('client'))
  return {
    path: 'listeners',
    message: `the main process has no plain HTTP listener with the client resource, which the router needs${hasTls ? ': it has one with TLS, give it another without' : ''}`,
    severity: 'error',
    ...(place && { place }),
  }
}

// ---- who does what ----

const STREAM_POOLS: ReadonlyMap<string, Sticky> = new Map([
  ['typing', 'room'],
  ['to_device', 'user'],
  ['account_data', 'user'],
  ['receipts', 'user'],
  ['presence', 'user'],
  ['push_rules', 'user'],
  ['device_lists', 'user'],
  ['thread_subscriptions', 'user'],
])

const isSame = (a: readonly Process[], b: readonly Process[]) =>
  a.length === b.length && a.every((process) => b.includes(process))

const poolsOf = (
  deployment: Deployment,
  mainAt: Listener,
): { readonly pools: readonly Pool[]; readonly problems: readonly Problem[] } => {
  const { main, workers, streamWriters, placeOf } = deployment
  const problems: Problem[] = []
  const warn = (path: string, message: string, place = placeOf(path)) =>
    problems.push({ path, message, severity: 'warning', ...(place && { place }) })

  const ofKind = (kind: Kind, resource = 'client') =>
    workers.filter((worker) => kindOf(worker, deployment) === kind && httpListener(worker, resource))
  const unnamed = workers.filter((worker) => kindOf(worker, deployment) === 'generic')
  // A writer serves the rest only where nobody else does: its stream waits for it.
  const writers = new Set([...deployment.streamWriters.values()].flat())
  const free = unnamed.filter((worker) => !writers.has(worker.name))
  const named = free.length > 0 || ofKind('client_read').length > 0 ? free : unnamed
  // Without workers that are for anything, those for clients are.
  const everything = named.length > 0 ? named : workers.filter((worker) => kindOf(worker, deployment) === 'client_read')
  const clients = everything.filter((worker) => httpListener(worker, 'client'))
  const servers = everything.filter((worker) => httpListener(worker, 'federation'))
  const generic = everything.filter((worker) => httpListener(worker, 'client', 'federation'))
  const byName = new Map([main, ...workers].map((process) => [process.name, process]))
  const orElse = (...choices: readonly (readonly Process[])[]) => choices.find((choice) => choice.length > 0) ?? []

  const entry = (process: Process, listener: Listener): Entry => ({
    address: addressKey(listener.address),
    comment: `${process.name}, ${process.file}${listener.note ? ` (${listener.note})` : ''}`,
  })
  const pools = new Map<string, Pool>()
  const add = (
    name: string,
    processes: readonly Process[],
    resource: 'client' | 'federation' | 'media',
    { fallback = [], ...settings }: Partial<Pick<Pool, 'sticky' | 'strict' | 'maxBody' | 'fallback' | 'comment'>> = {},
  ) => {
    const seen = new Set<string>()
    const entries = processes.flatMap((process) => {
      const own = resource === 'federation' ? mainForServers : undefined
      const listener = process === main ? (own ?? mainAt) : httpListener(process, resource)
      if (!listener) return []
      const made = entry(process, listener)
      return seen.has(made.address) ? [] : seen.add(made.address) && [made]
    })
    if (entries.length > 0) pools.set(name, { name, entries, fallback, ...settings })
  }

  /** Main's listener for other servers, where it is not the one for clients: then `main`, the pool, answers them 404. */
  const mainForServers = mainAt.resources.has('federation') ? undefined : httpListener(main, 'federation')
  // A fallback to `generic` only for pools whose workers are others.
  const thenMain = (processes: readonly Process[], last = 'main') =>
    generic.length === 0 || isSame(processes, generic) ? [last] : ['generic', last]
  const lastForServers = mainForServers ? 'main_federation' : 'main'

  add('main', [main], 'client')
  if (!mainAt.resources.has('federation'))
    warn(
      'listeners',
      mainForServers
        ? 'main has no plain listener with both client and federation: what only main serves to other servers (openid/userinfo, its media) is answered 404'
        : "main has no plain listener with federation: other servers' requests that no worker serves are answered 404",
    )

  if (generic.length > 0) add('generic', generic, 'client', { fallback: ['main'] })
  else {
    for (const name of ['client_read', 'login']) add(name, clients, 'client', { fallback: ['main'] })
    add('federation_read', servers, 'federation', { fallback: [lastForServers] })
  }

  const sync = orElse(ofKind('sync'), clients)
  const initial = ofKind('initial_sync')
  add('sync', orElse(sync, initial), 'client', { sticky: 'user', fallback: ['main'] })
  if (initial.length > 0 && sync.length > 0)
    add('initial_sync', initial, 'client', { sticky: 'user', fallback: ['sync', 'main'] })
  const sliding = ofKind('sliding_sync')
  if (sliding.length > 0)
    add('sliding_sync', sliding, 'client', {
      sticky: 'user',
      fallback: pools.has('sync') ? ['sync', 'main'] : ['main'],
    })

  const rooms = ofKind('room_read')
  const senders = orElse(ofKind('event_send'), rooms, clients)
  add('event_send', senders, 'client', { sticky: 'room', fallback: thenMain(senders) })
  add('room_read', rooms, 'client', { sticky: 'room', fallback: thenMain(rooms) })
  const readers = named.length > 0 ? ofKind('client_read') : []
  if (readers.length > 0) add('client_read', readers, 'client', { fallback: thenMain(readers) })
  add('messages', orElse(rooms, readers, clients), 'client', {
    sticky: 'room',
    strict: true,
    comment: 'the pagination of a room belongs to one worker',
  })
  const logins = ofKind('login')
  if (logins.length > 0)
    add(deployment.mas === undefined ? 'login' : 'register', logins, 'client', { fallback: thenMain(logins) })
  const proxies = ofKind('keys_upload')
  if (proxies.length > 0) add('keys_upload', proxies, 'client', { sticky: 'user', fallback: thenMain(proxies) })
  const directories = ofKind('user_directory')
  add('user_directory', directories, 'client', { fallback: thenMain(directories) })

  const federation = ofKind('federation_read', 'federation')
  if (federation.length > 0)
    add('federation_read', federation, 'federation', {
      sticky: 'room',
      fallback: thenMain(federation, lastForServers),
    })
  const inbound = orElse(ofKind('federation_in', 'federation'), federation, servers)
  // The manual says by source IP, which is that of a proxy where one is in front, and not always one to a server.
  add('federation_in', inbound, 'federation', { sticky: 'origin', fallback: thenMain(inbound, lastForServers) })
  if (mainForServers)
    for (const name of ['federation_read', 'federation_in'])
      if (!pools.has(name))
        add(
          name,
          generic.length > 0 ? generic : [main],
          'federation',
          generic.length > 0 ? { fallback: [lastForServers] } : {},
        )

  for (const [stream, sticky] of STREAM_POOLS) {
    const writers = (streamWriters.get(stream) ?? []).flatMap((name) => byName.get(name) ?? [])
    if (writers.some((writer) => writer !== main))
      add(stream, writers, 'client', {
        comment: `stream_writers.${stream}`,
        ...(writers.length > 1 && { sticky }),
      })
  }

  const media = workers.filter((worker) => worker.mediaRepository && httpListener(worker, 'media'))
  if (media.length === 0 && main.mediaRepository && deployment.maxUploadSize !== undefined)
    add('media', [main], 'media', { maxBody: deployment.maxUploadSize, comment: 'max_body is max_upload_size' })
  add('media', media, 'media', {
    sticky: 'media',
    maxBody: deployment.maxUploadSize ?? '50M',
    comment: `max_body is max_upload_size${deployment.maxUploadSize === undefined ? ', whose default is 50M' : ''}`,
    fallback: main.mediaRepository ? ['main'] : [],
  })
  const quarantine = (streamWriters.get('quarantined_media_changes') ?? []).flatMap((name) => byName.get(name) ?? [])
  const isWriter = media.filter((worker) => quarantine.includes(worker))
  if (media.length > 0 && isWriter.length === 0)
    warn(
      'stream_writers',
      'no media worker writes quarantined_media_changes: from Synapse 1.152 on, quarantining media is answered 500',
    )
  else if (isWriter.length < media.length)
    add('media_admin', isWriter, 'media', { comment: 'stream_writers.quarantined_media_changes' })

  if (deployment.sso && deployment.mas === undefined)
    add('sso', logins.length > 0 ? logins.slice(0, 1) : [main], 'client', {
      sticky: 'source_ip',
      strict: true,
      comment: 'an SSO login lives in the memory of the process that began it: one, and no other in its place',
    })
  if (deployment.mas !== undefined) {
    const url = /^http:\/\/([^/]+)\/?$/.exec(deployment.mas)
    const address = url && (/:\d+$/.test(url[1]!) ? url[1]! : `${url[1]}:80`)
    if (address)
      pools.set('mas', {
        name: 'mas',
        entries: [{ address, comment: 'matrix_authentication_service.endpoint' }],
        fallback: [],
        comment: 'login, logout and refresh are answered by the Matrix Authentication Service',
      })
    else
      warn(
        deployment.mas === '' ? 'experimental_features' : 'matrix_authentication_service',
        'the address at which the router reaches the Matrix Authentication Service over plain HTTP is not here: add a pool mas for /login, /logout and /refresh',
      )
  }
  if (mainForServers && [...pools.values()].some(({ fallback }) => fallback.includes(lastForServers)))
    pools.set(lastForServers, {
      name: lastForServers,
      comment: "main's listener for other servers",
      entries: [entry(main, mainForServers)],
      fallback: [],
    })
  return { pools: [...pools.values()], problems }
}

// ---- printing ----

const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
/** Text as a YAML scalar; quoted unless it can be nothing but a string. */
const scalar = (text: string): string =>
  /^[A-Za-z0-9_][A-Za-z0-9_./:@+-]*[A-Za-z0-9_]$|^[A-Za-z0-9]$/.test(text) ? text : JSON.stringify(text)

/** The first port from `port` on at which no process of the deployment listens. */
const freePort = ({ main, workers }: Deployment, port: number): number => {
  const taken = [main, ...workers].flatMap(({ listeners }) => listeners.map(({ address }) => address))
  let free = port
  while (taken.some((address) => addressesCollide(address, { kind: 'tcp', host: '0.0.0.0', port: free }))) free++
  return free
}

const printPool = ({ name, comment, entries, sticky, strict, maxBody, fallback }: Pool): readonly string[] => [
  `  ${name}:${comment ? ` # ${oneLine(comment)}` : ''}`,
  '    workers:',
  ...entries.map(({ address, comment: from }) => `      - ${scalar(address)} # ${oneLine(from)}`),
  ...(sticky ? [`    sticky: ${sticky}`] : []),
  ...(strict ? ['    strict: true'] : []),
  ...(maxBody ? [`    max_body: ${scalar(maxBody)}`] : []),
  ...(fallback.length > 0 ? [`    fallback: [${fallback.join(', ')}]`] : []),
]

const print = (
  deployment: Deployment,
  pools: readonly Pool[],
  shared: readonly SourceFile[],
  problems: readonly Problem[],
  port: number,
): string => {
  const { workers, jobs, serverName, mas } = deployment
  const used = new Set(pools.flatMap(({ entries }) => entries.map(({ address }) => address)))
  const idle = workers.filter(({ listeners }) => !listeners.some(({ address }) => used.has(addressKey(address))))
  const jobOf = (name: string) =>
    [
      ...[...jobs].filter(([, names]) => names.includes(name)).map(([job]) => job),
      ...[...deployment.streamWriters]
        .filter(([, names]) => names.includes(name))
        .map(([stream]) => `writes ${stream}`),
    ].join(', ')
  return [
    `# Made by router import from ${shared.map(({ file }) => oneLine(file)).join(', ')} and ${workers.length} worker${workers.length === 1 ? '' : 's'}.`,
    ...(problems.length > 0
      ? [`# ${problems.length} warning${problems.length === 1 ? '' : 's'}: see what the command printed.`]
      : []),
    ...(serverName !== undefined ? [`server_name: ${scalar(serverName)}`] : []),
    '',
    '# Where nginx, or whatever stood before Synapse, listened.',
    'listen:',
    `  - http://127.0.0.1:${port}`,
    '# Proxies before the router whose X-Forwarded-For is to be believed, if any.',
    'trusted_proxies: []',
    `admin: http://127.0.0.1:${port === 0 ? 0 : freePort(deployment, Math.max(9180, port + 1))}`,
    ...(mas === undefined
      ? []
      : ['', '# matrix_authentication_service, or experimental_features.msc3861', 'mas: true']),
    '',
    '# Endpoints whose class has no pool here go to generic, if any worker may serve them, else to main.',
    'pools:',
    ...pools.flatMap(printPool),
    ...(idle.length > 0
      ? [
          '',
          '# Without requests from the router:',
          ...idle.map(
            ({ name, file }) =>
              `#   ${oneLine(name)}, ${oneLine(file)}${jobOf(name) ? `: ${oneLine(jobOf(name))}` : ''}`,
          ),
        ]
      : []),
    '',
  ].join('\n')
}
