/**
 * Every key of `routes.yaml`: its type, default, documentation and an example. The loader reads with it, the messages
 * quote it, and `docs/routes-yaml.md` is printed from it (reference.ts); nothing about a key is written anywhere else.
 */

import type { Address } from '../../shared/config/address.ts'
import {
  boolean,
  fill,
  integer,
  list,
  mapped,
  type ObjectOf,
  object,
  oneOf,
  optional,
  type Parsed,
  record,
  required,
  scalar,
  scalarOr,
  string,
  type Type,
  withDefault,
} from '../../shared/config/decode.ts'
import {
  parseDuration,
  parseListenAddress,
  parseNetwork,
  parseServerName,
  parseSize,
  parseSynapseVersion,
  parseWorkerAddress,
} from './values.ts'

const duration = scalar('a duration such as 30s', parseDuration)

/** An address with the text it was written as, which is its name. */
const workerAddress: Type<{ readonly name: string; readonly address: Address }> = scalar(
  'host:port or unix:/path',
  (text) => {
    const parsed = parseWorkerAddress(text)
    return 'value' in parsed ? { value: { name: text, address: parsed.value } } : parsed
  },
)

export const workerObject = object(
  {
    address: required(
      workerAddress,
      '`host:port`, `[ipv6]:port` or `unix:/path`; also its name in logs and metrics.',
      '127.0.0.1:8013',
    ),
    weight: withDefault(
      scalar('a number above 0', (text) =>
        /^\d+(\.\d+)?$/.test(text) && Number(text) > 0 ? { value: Number(text) } : { expected: 'a number above 0' },
      ),
      '1',
      'Its share of keys and load relative to the other workers of the pool.',
      '2',
    ),
    drain: withDefault(
      boolean,
      'false',
      'True: gets no new request and finishes those it has, before it is stopped.',
      'true',
    ),
  },
  'a map with address',
)

const worker = scalarOr(
  mapped(workerAddress, (address) => fill(workerObject, { address })),
  workerObject,
  'host:port, unix:/path or {address, weight, drain}',
)

export const timeoutsObject = object(
  {
    connect: withDefault(duration, '5s', 'To open a connection to a worker; then the next worker is tried.', '2s'),
    read: withDefault(
      duration,
      '180s',
      'Without a byte of the answer, from the last byte sent; a long poll’s `timeout=` is added. Then 504.',
      '10m',
    ),
    queue: withDefault(duration, '60s', 'In the queue of a pool that is at its `concurrency`. Then 503.', '5s'),
  },
  'a map of timeouts',
)

const parseHttpPath = (text: string): Parsed<string> =>
  /^\/[!-~]*$/.test(text) ? { value: text } : { expected: 'a path such as /health' }

const parseHostName = (text: string) =>
  /^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text) ? { value: text } : { expected: 'a host name' }

export const healthObject = object(
  {
    path: withDefault(
      scalar('a path such as /health', parseHttpPath),
      '/health',
      'What is asked of each worker; 200 is healthy.',
      '/health',
    ),
    interval: withDefault(duration, '2s', 'Between two questions.', '10s'),
    timeout: withDefault(
      duration,
      '2s',
      'Without an answer for so long, or with one that is not 200, it is asked once more, and has half the time. Then it is not healthy; it is at once if it refuses connections.',
      '3s',
    ),
  },
  'a map with path, interval, timeout',
)

const health = scalarOr(
  scalar('false or a path such as /health', (text) => {
    if (text === 'false') return { value: fill(healthObject, { path: '' }) }
    const parsed = parseHttpPath(text)
    return 'value' in parsed
      ? { value: fill(healthObject, { path: parsed.value }) }
      : { expected: 'false or a path such as /health' }
  }),
  healthObject,
  'false, a path or {path, interval, timeout}',
)

const poolName = (text: string): Parsed<string> =>
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(text)
    ? { value: text }
    : { mistake: 'the name of a pool has letters, digits, _ and -, at most 63 of them' }

export const poolObject = object(
  {
    workers: required(
      list(worker, 'a list of workers', 1),
      'Where the pool’s requests go.',
      '[127.0.0.1:8013, unix:/run/sync2.sock]',
    ),
    sticky: optional(
      oneOf('user', 'token', 'room', 'source_ip', 'origin', 'media', 'uri'),
      'the least loaded worker serves',
      'Requests with the same key share a worker, and its caches: the `user` of the access token, the `token` itself (a device), the `room` of the path, the client’s `source_ip`, the sending server (`origin`), the `media` ID, or the whole `uri`. A worker more or less moves only its share of the keys.',
      'user',
    ),
    strict: withDefault(
      boolean,
      'false',
      'True: a key’s own worker or nobody, whatever its load or health. For what lives in one process’ memory: SSO sessions, the pagination of a room. Needs `sticky`.',
      'true',
    ),
    concurrency: withDefault(
      scalar<number>('a number above 0, or unlimited', (text) =>
        text === 'unlimited'
          ? { value: Number.POSITIVE_INFINITY }
          : /^[1-9]\d{0,14}$/.test(text)
            ? { value: Number(text) }
            : { expected: 'a number above 0, or unlimited' },
      ),
      'unlimited',
      'Requests in flight in the whole pool, and of other pools that fall back on it; more wait in its queue.',
      '50',
    ),
    queue: withDefault(integer('a number', 0), '1000', 'Requests that may wait; more are answered 503 at once.', '200'),
    timeouts: withDefault(timeoutsObject, '{}', 'See below.', '{read: 10m}'),
    max_body: optional(
      scalar('a size such as 50M', parseSize),
      'the limit of each endpoint, Synapse’s 12.5 MiB for most',
      'The largest request body; more is answered 413. For media: Synapse’s `max_upload_size`.',
      '50M',
    ),
    health: withDefault(
      health,
      '/health',
      '`false`: no questions, only what requests show. A path, or a map (see below).',
      '{interval: 10s}',
    ),
    fallback: withDefault(
      list(string('the name of a pool'), 'a list of pools'),
      '[]',
      'Pools tried in this order when this one has no live worker.',
      '[main]',
    ),
  },
  'a map with workers',
)

const listenAddress = scalar('http://host:port, https://host:port or unix:/path', parseListenAddress)

export const listenObject = object(
  {
    address: required(
      listenAddress,
      '`http://host:port`, `https://host:port` or `unix:/path`. Port 0: any free one. A socket’s file is open to every user who may enter its folder.',
      'https://0.0.0.0:8448',
    ),
    certificate: optional(
      string('the path of a PEM file'),
      'no TLS',
      'The certificate with its chain, PEM; read again at each reload. Relative to this file’s folder.',
      '/etc/ssl/example.org.pem',
    ),
    key: optional(
      string('the path of a PEM file'),
      'no TLS',
      'The certificate’s private key, PEM.',
      '/etc/ssl/example.org.key',
    ),
    expose: withDefault(
      list(oneOf('client', 'federation', 'admin'), 'a list of client, federation, admin', 1),
      '[client, federation]',
      'What this listener lets through. `federation`: `/_matrix/federation`, keys, media. `admin`: `/_synapse/admin`, `/_synapse/mas` and the like. `client`: media, `/_synapse/client` and all other paths. What it does not is answered 404, `/_synapse/replication` and `/_synapse/metrics` always.',
      '[federation]',
    ),
  },
  'a map with address',
)

const listener = scalarOr(
  mapped(listenAddress, (address) => fill(listenObject, { address })),
  listenObject,
  'http://host:port, unix:/path or {address, certificate, key, expose}',
)

export const whenObject = object(
  {
    initial_sync: optional(
      boolean,
      'not asked',
      'True: no `since` or an empty one, or `full_state=true`. False: the opposite.',
      'true',
    ),
    query: optional(
      record<boolean | string>(
        (text) => (text === '' ? { expected: 'the name of a query argument' } : { value: text }),
        scalar<boolean | string>('true, false or a value', (text) => ({
          value: text === 'true' ? true : text === 'false' ? false : text,
        })),
        'a map of query arguments',
      ),
      'not asked',
      'For each query argument: `true` (present and not empty), `false` (absent or empty), or its exact decoded value.',
      '{dir: b, from: true}',
    ),
  },
  'a map with initial_sync, query',
)

export const routeObject = object(
  {
    pool: required(string('the name of a pool'), 'Where the requests go.', 'sync'),
    match: required(
      string('a regular expression'),
      'A regular expression as Synapse’s documentation prints them, on the raw path before `?`; as there, `.` and `.*` also match `/`. Syntax beyond theirs is refused.',
      "'^/_matrix/client/(r0|v3)/sync$'",
    ),
    methods: optional(
      list(oneOf('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'), 'a list of methods', 1),
      'every method',
      'GET includes HEAD; an OPTIONS request takes the first route whose path matches.',
      '[GET]',
    ),
    when: optional(
      whenObject,
      'any query',
      'Conditions on the query; all must hold. See below.',
      '{initial_sync: true}',
    ),
  },
  'a map with pool and match',
)

const ADMIN_ADDRESS = 'http://host:port or unix:/path'

export const accessLogObject = object(
  {
    file: required(
      string('a path'),
      'The file; opened again on SIGUSR1 and on SIGHUP, for log rotation.',
      '/var/log/router/access.log',
    ),
  },
  'a map with file',
)

const accessLog = scalarOr(
  scalar<'off' | 'stdout' | { readonly file: string }>('off, stdout or the path of a file', (text) => {
    if (text === 'off' || text === 'stdout') return { value: text }
    return text.includes('/') ? { value: { file: text } } : { expected: 'off, stdout or the path of a file' }
  }),
  accessLogObject,
  'off, stdout, a path or {file}',
)

export const fileObject = object(
  {
    listen: required(
      list(listener, 'a list of listeners', 1),
      'Where clients and other servers connect: URLs, `unix:/path`, or maps (see below).',
      '[http://127.0.0.1:8080]',
    ),
    pools: required(
      record(poolName, poolObject, 'a map of pools'),
      'Where the workers are. `main` must exist. See below.',
      '{main: {workers: [127.0.0.1:8008]}}',
    ),
    routes: optional(
      list(routeObject, 'a list of routes'),
      'the built-in table, in which a pool takes the endpoints of the class it is named for',
      'Routes of your own in place of the built-in table; the first that matches wins, what matches none goes to `main`. See below.',
      "[{pool: sync, match: '^/_matrix/client/(r0|v3)/sync$', methods: [GET]}]",
    ),
    server_name: optional(
      scalar('a server name such as example.org', parseServerName),
      'unknown',
      'The name of the homeserver, as in `homeserver.yaml`.',
      'example.org',
    ),
    synapse: withDefault(
      scalar("a Synapse release such as '1.163', or auto", parseSynapseVersion),
      'auto',
      'The Synapse release whose built-in table is used; `auto` asks `main`.',
      "'1.163'",
    ),
    mas: withDefault(
      boolean,
      'false',
      'True: logins are delegated to the Matrix Authentication Service, so that Synapse serves none.',
      'true',
    ),
    trusted_proxies: withDefault(
      list(scalar('an address or a network such as 10.0.0.0/8', parseNetwork), 'a list of addresses and networks'),
      '[]',
      'Proxies in front of the router whose X-Forwarded-For and X-Forwarded-Proto are believed; anyone else’s are overwritten.',
      '[10.0.0.0/8, ::1]',
    ),
    admin: optional(
      scalar<Address>(ADMIN_ADDRESS, (text) => {
        const parsed = parseListenAddress(text)
        if (!('value' in parsed)) return 'expected' in parsed ? { expected: ADMIN_ADDRESS } : parsed
        return parsed.value.tls ? { expected: ADMIN_ADDRESS } : { value: parsed.value.address }
      }),
      'none',
      '`http://host:port` or `unix:/path`. Metrics, health, explain, draining. Anyone who reaches it can use it: loopback or a private network only, never a listener of `listen`. Read at the start only.',
      'http://127.0.0.1:9180',
    ),
    admin_hosts: withDefault(
      list(scalar('a host name', parseHostName), 'a list of host names'),
      '[]',
      'Names besides addresses, local names and the machine’s own by which the admin address may be called: a web page on any other name could be one that was pointed here. Read at the start only.',
      '[router.example.org]',
    ),
    access_log: withDefault(
      accessLog,
      'stdout',
      '`off`, `stdout`, or a file. One JSON line a request, access tokens left out. Read at the start only.',
      '/var/log/router/access.log',
    ),
    drain: withDefault(
      duration,
      '35s',
      'How long running requests may take to finish after SIGTERM; a long poll takes 30 s.',
      '60s',
    ),
  },
  'a map with listen and pools',
  { extensions: true },
)

export type FileContents = ObjectOf<typeof fileObject.keys>
export type PoolContents = ObjectOf<typeof poolObject.keys>
