/** What Synapse calls its processes, and the kinds that there are. */

/** The main process, wherever an instance is named: stream positions, `stream_writers`, jobs. */
export const MASTER = 'master'
/** The main process in `instance_map`, and only there. */
export const MAIN = 'main'

/** `worker_app` without `synapse.app.`. Those but `homeserver` and `generic_worker` are names of old: each was a kind of program. */
export const WORKER_APPS = [
  'homeserver',
  'generic_worker',
  'appservice',
  'client_reader',
  'event_creator',
  'federation_reader',
  'federation_sender',
  'frontend_proxy',
  'media_repository',
  'pusher',
  'synchrotron',
  'user_dir',
] as const
export type WorkerApp = (typeof WORKER_APPS)[number]

/** How workers found main before `instance_map` had it, and what to do now. */
export const REMOVED_KEYS: Readonly<Record<string, string>> = {
  worker_replication_host: 'no Synapse from 1.88 on starts with it: put main into instance_map',
  worker_replication_port: 'no Synapse from 1.88 on starts with it: put main into instance_map',
  worker_replication_http_port: 'no Synapse from 1.88 on starts with it: put main into instance_map',
  worker_replication_http_tls: 'no Synapse from 1.88 on starts with it: put main into instance_map',
}
