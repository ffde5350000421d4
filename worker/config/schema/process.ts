/** Which process this is, where it listens, and who does what in the deployment. */

import { optional, type Type, withDefault } from '../../../shared/config/decode.ts'
import { didYouMean } from '../../../shared/config/did-you-mean.ts'
import { instanceMapType } from '../../../shared/synapse-config/instance-map.ts'
import { listenersType } from '../../../shared/synapse-config/listener.ts'
import { REMOVED_KEYS, WORKER_APPS, type WorkerApp } from '../../../shared/synapse-config/processes.ts'
import { streamWritersType } from '../../../shared/synapse-config/stream-writers.ts'
import { filledText, flag, listOf, text } from '../../../shared/synapse-config/types.ts'
import { noEffect, notYet, type PassedKey, refused } from '../keys.ts'

const PREFIX = 'synapse.app.'

const workerApp: Type<WorkerApp> = {
  expected: 'the name of a worker application',
  read: (node, path, reading) => {
    const written = filledText('the name of a worker application').read(node, path, reading)
    if (written === undefined) return undefined
    const app = WORKER_APPS.find((name) => `${PREFIX}${name}` === written)
    if (app !== undefined) return app
    const meant = didYouMean(written.startsWith(PREFIX) ? written.slice(PREFIX.length) : written, WORKER_APPS)
    reading.problem(
      path,
      `no worker application is called ${JSON.stringify(written)}: ${meant === undefined ? `write ${PREFIX}generic_worker` : `did you mean ${PREFIX}${meant}?`}`,
      node && { node },
    )
    return undefined
  },
}

const processNames = listOf(filledText('a name'), 'a list of names')
const processName = filledText('the name of a process')

export const processKeys = {
  worker_app: optional(
    workerApp,
    'this is the main process',
    '`synapse.app.generic_worker`. The names of old are understood too: `pusher`, `federation_sender`, `appservice` and `user_dir` do that job (where `start_pushers: false` and the like allow it), `media_repository` serves media, the rest are generic workers. `synapse.app.homeserver` is the main process.',
    'synapse.app.generic_worker',
  ),
  worker_name: optional(filledText('a name'), '`worker_app`', 'The name of this worker, its own among all.', 'sync1'),
  listeners: withDefault(listenersType, '[]', 'Where the main process listens; see below.', '[]'),
  worker_listeners: withDefault(listenersType, '[]', 'Where this worker listens, in the same form.', '[]'),
  instance_map: withDefault(
    instanceMapType,
    '{}',
    'Where the processes reach each other over HTTP: `main` and every stream writer; see below.',
    '{main: {host: localhost, port: 9093}}',
  ),
  stream_writers: withDefault(
    streamWritersType,
    '{}',
    'For each stream the process that writes it, or a list of them where it may have several: `events`, `receipts`, `device_lists`, `thread_subscriptions`, `quarantined_media_changes`; one: `typing`, `to_device`, `account_data`, `presence`, `push_rules`. Not named: main, which is called `master` here.',
    '{events: [persister1, persister2], typing: typing1}',
  ),
  worker_replication_secret: optional(
    text('a secret'),
    'none',
    'What processes show each other over HTTP. Without it whoever reaches a `replication` listener can act as any user.',
    'fEdcBa9876',
  ),
  worker_replication_secret_path: optional(
    filledText('a path'),
    'none',
    'The file of that secret.',
    '/run/secrets/replication',
  ),
  federation_sender_instances: optional(
    processNames,
    'main, unless `send_federation` is false',
    'The processes that send to other servers, each its share of them, in this order on all processes.',
    '[federation_sender1, federation_sender2]',
  ),
  send_federation: optional(flag, 'true', 'Of old: false where a `synapse.app.federation_sender` does it.', 'false'),
  pusher_instances: optional(
    processNames,
    'main, unless `start_pushers` is false',
    'The processes that send push notifications, each its share of the users.',
    '[pusher1]',
  ),
  start_pushers: optional(flag, 'true', 'Of old: false where a `synapse.app.pusher` does it.', 'false'),
  notify_appservices_from_worker: optional(
    processName,
    'main',
    'The process that sends to application services.',
    'appservice1',
  ),
  notify_appservices: optional(flag, 'true', 'Of old: false where a `synapse.app.appservice` does it.', 'false'),
  update_user_directory_from_worker: optional(
    processName,
    'main',
    'The process that keeps the user directory.',
    'user_dir1',
  ),
  update_user_directory: optional(flag, 'true', 'Of old: false where a `synapse.app.user_dir` does it.', 'false'),
  run_background_tasks_on: optional(
    processName,
    'main',
    'The process for what is done from time to time.',
    'background1',
  ),
  enable_media_repo: withDefault(
    flag,
    'true',
    'Whether this process serves media, if a listener has the `media` resource. A `synapse.app.media_repository` always does.',
    'false',
  ),
  media_instance_running_background_jobs: optional(
    processName,
    'any media repository',
    'Of several media repositories the one that removes what is old.',
    'media1',
  ),
  outbound_federation_restricted_to: optional(
    processNames,
    'any process',
    'The only processes that ask other servers; the rest ask through them. They must be in `instance_map`, and there must be a `worker_replication_secret`.',
    '[federation_sender1]',
  ),
  pid_file: noEffect('processes stay in the foreground, where a service manager knows them', {
    example: '/run/hs.pid',
  }),
  worker_pid_file: noEffect('processes stay in the foreground, where a service manager knows them', {
    example: '/run/w.pid',
  }),
  print_pidfile: noEffect('processes stay in the foreground, where a service manager knows them', { harmless: 'off' }),
  daemonize: notYet('the process stays in the foreground: start it with a service manager, of type simple'),
  worker_daemonize: notYet('the process stays in the foreground: start it with a service manager, of type simple'),
  manhole: notYet('there is no Python to open a shell in', { example: '9000' }),
  worker_manhole: notYet('there is no Python to open a shell in', { example: '9000' }),
  manhole_settings: noEffect('there is no manhole', { example: '{username: me}' }),
  bind_port: refused('from before listeners: write it as one', { example: '8448' }),
  unsecure_port: refused('from before listeners: write it as one', { example: '8008' }),
  bind_host: noEffect('belongs to bind_port: see listeners', { example: '127.0.0.1' }),
  gzip_responses: noEffect('belongs to bind_port: see compress of a listener', { example: 'true' }),
  no_tls: refused('remove the listeners that have tls: true'),
  metrics_port: refused('write a listener of type metrics', { example: '9000' }),
  metrics_bind_host: noEffect('belongs to metrics_port: see listeners', { example: '127.0.0.1' }),
  worker_main_http_uri: noEffect('unused since Synapse 1.73: see instance_map', { example: 'http://localhost:8008' }),
  ...(Object.fromEntries(
    Object.entries(REMOVED_KEYS).map(([name, why]) => [name, refused(why, { example: '9093' })]),
  ) as Record<`worker_replication_${'host' | 'port' | 'http_port' | 'http_tls'}`, PassedKey>),
}
