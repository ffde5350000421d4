import type { EndpointClass, Sticky } from '../../shared/endpoints/types.ts'

/** The pools that the built-in rules know. */
export type BuiltInPool = EndpointClass | 'generic'

export interface ClassRouting {
  /**
   * The pools that take the class, the first that is configured. When none is, `generic` takes what any worker may answer,
   * and `main` the rest.
   */
  readonly pools: readonly EndpointClass[]
  /** What most of the class's endpoints stick to: the `sticky` to give to a pool of its name. */
  readonly sticky?: Sticky
}

/**
 * Where each class goes. A stream's endpoints go to their writer's pool or to `main`, which is the writer when nobody else
 * is; never to `generic`, whose workers answer the hard ones 500. `sso`, one process by nature, has no other pool either.
 */
export const CLASSES: Readonly<Record<EndpointClass, ClassRouting>> = {
  sync: { pools: ['sync'], sticky: 'user' },
  initial_sync: { pools: ['initial_sync', 'sync'], sticky: 'user' },
  sliding_sync: { pools: ['sliding_sync', 'sync'], sticky: 'user' },

  client_read: { pools: ['client_read'], sticky: 'user' },
  room_read: { pools: ['room_read', 'client_read'], sticky: 'room' },
  messages: { pools: ['messages', 'room_read', 'client_read'], sticky: 'room' },
  event_send: { pools: ['event_send'], sticky: 'room' },
  account: { pools: ['account', 'client_read'], sticky: 'user' },
  user_directory: { pools: ['user_directory', 'client_read'], sticky: 'user' },
  e2ee: { pools: ['e2ee', 'client_read'], sticky: 'user' },

  login: { pools: ['login'], sticky: 'source_ip' },
  register: { pools: ['register', 'login'], sticky: 'source_ip' },
  sso: { pools: ['sso'], sticky: 'source_ip' },
  mas: { pools: ['mas'] },

  typing: { pools: ['typing'], sticky: 'room' },
  to_device: { pools: ['to_device'], sticky: 'user' },
  account_data: { pools: ['account_data'], sticky: 'user' },
  receipts: { pools: ['receipts'], sticky: 'user' },
  presence: { pools: ['presence'], sticky: 'user' },
  push_rules: { pools: ['push_rules'], sticky: 'user' },
  device_lists: { pools: ['device_lists'], sticky: 'user' },
  keys_upload: { pools: ['keys_upload', 'device_lists'], sticky: 'user' },
  thread_subscriptions: { pools: ['thread_subscriptions'], sticky: 'user' },

  media: { pools: ['media'], sticky: 'media' },
  media_admin: { pools: ['media_admin', 'media'] },
  // A writer's class, yet with other pools: only a process with the media repository has these endpoints, so where there is
  // a media pool its workers must be the writers, and main, with `enable_media_repo: false`, does not know the paths.
  quarantined_media_changes: { pools: ['quarantined_media_changes', 'media_admin', 'media'] },

  federation_in: { pools: ['federation_in'], sticky: 'origin' },
  federation_read: { pools: ['federation_read'], sticky: 'room' },
  federation_write: { pools: ['federation_write', 'federation_read'], sticky: 'room' },
  keys: { pools: ['keys', 'federation_read'] },

  admin: { pools: ['admin'] },
  // Last, so that a list of rules may leave them out: what no rule matches goes to main.
  main: { pools: [] },
}
