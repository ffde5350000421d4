import type { Deployment, Process } from './synapse.ts'

/** What a worker's name, or its legacy `worker_app`, says that it is for. */
export type Kind =
  | 'sync'
  | 'initial_sync'
  | 'sliding_sync'
  | 'federation_in'
  | 'federation_read'
  | 'event_send'
  | 'room_read'
  | 'login'
  | 'client_read'
  | 'user_directory'
  | 'keys_upload'
  | 'media'
  | 'generic'
  | 'none'

const LEGACY_APPS: Readonly<Record<string, Kind>> = {
  synchrotron: 'sync',
  client_reader: 'client_read',
  federation_reader: 'federation_read',
  event_creator: 'event_send',
  frontend_proxy: 'keys_upload',
  media_repository: 'media',
  user_dir: 'user_directory',
  pusher: 'none',
  appservice: 'none',
  federation_sender: 'none',
}

/** The first that matches; names are those of the guides: `synapse-initial-sync-1`, `federation_reader2`, `rooms3`. */
const NAMES: readonly (readonly [RegExp, Kind])[] = [
  [/fed\w*[-_]?sender|pusher|appservice|background|\bbg\b|persister/, 'none'],
  [/initial/, 'initial_sync'],
  [/sliding/, 'sliding_sync'],
  [/sync/, 'sync'],
  [/synchrotron/, 'sync'],
  [/fed\w*?[-_]?(inbound|in(?![a-z])|receiver|transaction)/, 'federation_in'],
  [/fed/, 'federation_read'],
  [/media/, 'media'],
  [/user[-_]?dir/, 'user_directory'],
  [/frontend[-_]?proxy/, 'keys_upload'],
  [/login|regist|sso/, 'login'],
  [/event[-_]?(creator|send)/, 'event_send'],
  [/room/, 'room_read'],
  [/client/, 'client_read'],
]

/** What `worker` is for. `none`: not for requests of clients or servers, but for a stream or a job. */
export const kindOf = (worker: Process, { streamWriters, jobs }: Deployment): Kind => {
  const legacy = LEGACY_APPS[worker.app]
  if (legacy) return legacy
  const name = worker.name.toLowerCase()
  const isWriter = [...streamWriters.values()].some((names) => names.includes(worker.name))
  // A writer that is named for it is left to its stream: `typing1`, `stream_writer2`.
  const plain = name.replaceAll(/[^a-z]/g, '')
  if (
    isWriter &&
    (/stream|writer|persister/.test(plain) ||
      [...streamWriters.keys()].some((stream) => plain.includes(stream.replaceAll('_', ''))))
  )
    return 'none'
  for (const [job, names] of jobs)
    if (names.includes(worker.name)) return job === 'user directory' ? 'user_directory' : 'none'
  return NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? 'generic'
}
