/**
 * The routing that Synapse's documentation of workers tells for this deployment, as rules tried in order. It is the
 * control: with `--edge nginx` the same checks run behind an nginx that has these rules, which tells a fault of the
 * router from one of Synapse or of a check; with `--routes documented` the router runs on them.
 */

import type { SynapseProcess, Topology } from './topology.ts'

export interface DocumentedRoute {
  readonly pool: string
  readonly match: string
  readonly methods?: readonly string[]
  readonly when?: { readonly initial_sync: true }
}

export interface Documented {
  readonly pools: Readonly<
    Record<string, { readonly workers: readonly string[]; readonly sticky?: 'user' | 'room' | 'source_ip' }>
  >
  readonly routes: readonly DocumentedRoute[]
}

const all = '(api/v1|r0|v3|unstable)'
const some = '(r0|v3|unstable)'

const ROUTES: readonly DocumentedRoute[] = [
  { pool: 'sync', match: '^/_matrix/client/(r0|v3)/sync$', methods: ['GET'] },
  { pool: 'sync', match: '^/_matrix/client/unstable/org\\.matrix\\.simplified_msc3575/sync$' },
  { pool: 'sync', match: '^/_matrix/client/(api/v1|r0|v3)/(events|initialSync|rooms/[^/]+/initialSync)$' },

  { pool: 'typing', match: `^/_matrix/client/${all}/rooms/[^/]+/typing/` },
  { pool: 'to_device', match: `^/_matrix/client/${some}/sendToDevice/` },
  { pool: 'receipts', match: `^/_matrix/client/${some}/rooms/[^/]+/(receipt|read_markers)` },
  { pool: 'presence', match: `^/_matrix/client/${all}/presence/` },
  { pool: 'push_rules', match: `^/_matrix/client/${all}/pushrules/` },
  { pool: 'device_lists', match: `^/_matrix/client/${some}/delete_devices$`, methods: ['POST'] },
  { pool: 'device_lists', match: `^/_matrix/client/${all}/devices(/|$)` },
  { pool: 'device_lists', match: `^/_matrix/client/${some}/keys/(upload|device_signing/upload|signatures/upload)$` },
  { pool: 'thread_subscriptions', match: '^/_matrix/client/unstable/io\\.element\\.msc430[68]/' },
  { pool: 'account_data', match: `^/_matrix/client/${some}/user/[^/]+/(rooms/[^/]+/)?(tags|account_data)` },

  { pool: 'room', match: `^/_matrix/client/${all}/rooms/[^/]+/(redact|send|state)/` },
  { pool: 'room', match: `^/_matrix/client/${all}/rooms/[^/]+/(join|invite|leave|ban|unban|kick)$` },
  { pool: 'room', match: `^/_matrix/client/${all}/(join|knock)/` },
  { pool: 'room', match: `^/_matrix/client/${all}/rooms/[^/]+/messages$` },

  { pool: 'generic', match: `^/_matrix/client/${all}/profile/` },
  { pool: 'generic', match: `^/_matrix/client/${all}/login$` },
  { pool: 'generic', match: `^/_matrix/client/${some}/(register|register/available|password_policy)$` },
  { pool: 'generic', match: '^/_matrix/client/v1/register/m\\.login\\.registration_token/validity$' },
  { pool: 'media', match: '^/_matrix/(media|client/v1/media|federation/v1/media)/' },
  {
    pool: 'media',
    match:
      '^/_synapse/admin/v1/(purge_media_cache$|room/[^/]+/media|user/[^/]+/media|media/|quarantine_media/|users/[^/]+/media$)',
  },
  { pool: 'user_dir', match: `^/_matrix/client/${some}/user_directory/search$` },
  { pool: 'federation_in', match: '^/_matrix/federation/v1/send/' },
  {
    pool: 'generic',
    match:
      '^/_matrix/federation/v1/(version$|event/|state/|state_ids/|backfill/|get_missing_events/|publicRooms|query/|make_join/|make_leave/|make_knock/|send_knock/|event_auth/|timestamp_to_event/|exchange_third_party_invite/|user/devices/|hierarchy/)',
  },
  { pool: 'generic', match: '^/_matrix/federation/(v1|v2)/(send_join|send_leave|invite)/' },
  { pool: 'generic', match: '^/_matrix/key/v2/query' },
  { pool: 'generic', match: `^/_matrix/client/${all}/(createRoom|publicRooms|voip/turnServer|joined_rooms|search)$` },
  { pool: 'generic', match: `^/_matrix/client/${all}/rooms/[^/]+/(joined_members|members|state)$` },
  { pool: 'generic', match: `^/_matrix/client/${all}/rooms/[^/]+/(context|event)/` },
  { pool: 'generic', match: '^/_matrix/client/v1/rooms/[^/]+/(hierarchy|threads|timestamp_to_event)$' },
  { pool: 'generic', match: '^/_matrix/client/(v1|unstable)/rooms/[^/]+/relations/' },
  { pool: 'generic', match: '^/_matrix/client/v1/room_summary/' },
  { pool: 'generic', match: `^/_matrix/client/${some}/account/(3pid|whoami|deactivate)$` },
  { pool: 'generic', match: '^/_matrix/client/versions$' },
  { pool: 'generic', match: `^/_matrix/client/${some}/user/[^/]+/filter(/|$)` },
  { pool: 'generic', match: `^/_matrix/client/${all}/directory/room/` },
  { pool: 'generic', match: `^/_matrix/client/${some}/(capabilities|notifications)$` },
  { pool: 'generic', match: `^/_matrix/client/${some}/keys/(query|changes|claim)$` },
  { pool: 'generic', match: `^/_matrix/client/${some}/room_keys/` },
  { pool: 'main', match: '^/' },
]

export const documented = (topology: Topology): Documented => {
  const address = ({ port }: SynapseProcess) => `127.0.0.1:${port}`
  const named = (...names: string[]) => topology.processes.filter(({ name }) => names.includes(name)).map(address)
  const writers = (stream: string) => topology.processes.filter(({ streams }) => streams.includes(stream)).map(address)
  return {
    pools: {
      main: { workers: [address(topology.main)] },
      sync: { workers: named('sync1', 'sync2'), sticky: 'user' },
      generic: { workers: named('client1', 'client2') },
      room: { workers: named('client1', 'client2'), sticky: 'room' },
      federation_in: { workers: named('client1', 'client2'), sticky: 'source_ip' },
      media: { workers: named('media1') },
      user_dir: { workers: named('user_dir1') },
      receipts: { workers: writers('receipts'), sticky: 'room' },
      ...Object.fromEntries(
        ['typing', 'to_device', 'account_data', 'presence', 'push_rules', 'device_lists', 'thread_subscriptions'].map(
          (stream) => [stream, { workers: writers(stream) }],
        ),
      ),
    },
    routes: ROUTES,
  }
}

/** The pool of the first rule that matches. */
export const documentedPool = ({ routes }: Documented, method: string, target: string): string => {
  const [path = ''] = target.split('?', 1)
  return (
    routes.find(({ match, methods }) => (!methods || methods.includes(method)) && new RegExp(match).test(path))?.pool ??
    'main'
  )
}

/** An nginx configuration with these rules, on the path as sent. */
export const nginxConf = ({ pools, routes }: Documented, folder: string, port: number): string => {
  // nginx has one key for all rules of a pool, and matches "METHOD /path".
  const keys = { user: '$user_key', room: '$room_key', source_ip: '$remote_addr' }
  const upstreams = Object.entries(pools).map(
    ([name, { workers, sticky }]) =>
      `upstream ${name} { ${sticky ? `hash ${keys[sticky]} consistent; ` : ''}${workers.map((worker) => `server ${worker};`).join(' ')} keepalive 16; }`,
  )
  const rules = routes.map(
    ({ pool, match, methods }) => `"~^(${methods?.join('|') ?? '[A-Z]+'}) ${match.replace(/^\^/, '')}" ${pool};`,
  )
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${folder}/nginx-${what};`,
  )
  return `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 50m; ${temporary.join(' ')}
  map_hash_bucket_size 512;
  map $http_authorization $user_key { default $http_authorization; "~^Bearer syt_(?<localpart>[^_]*)_" $localpart; }
  map $request_uri $raw_path { default $request_uri; "~^(?<before>[^?]*)" $before; }
  map $raw_path $room_key { default $raw_path; "~/rooms/(?<room>[^/]+)" $room; "~/(join|knock)/(?<alias>[^/]+)" $alias; }
  map "$request_method $raw_path" $pool {
    default main;
    ${rules.join('\n    ')}
  }
  ${upstreams.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://$pool; proxy_http_version 1.1; proxy_read_timeout 120s; proxy_next_upstream off;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`
}
