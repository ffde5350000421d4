/**
 * The vocabulary of the endpoint table. One entry is one operation of the Matrix specification (its `operationId` is the
 * key) or one servlet of Synapse outside it; everything that must agree about endpoints is derived from these entries:
 * the router's built-in tables, `routes.yaml`, `docs/endpoints.md`, and what a worker serves.
 */

import type { Schema } from '../schema.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS'

/** A Synapse release as `[major, minor]`, e.g. `[1, 163]`. */
export type SynapseVersion = readonly [major: number, minor: number]

/** Streams with writers that own endpoints (`stream_writers` in homeserver.yaml). */
export type Stream =
  | 'typing'
  | 'to_device'
  | 'account_data'
  | 'receipts'
  | 'presence'
  | 'push_rules'
  | 'device_lists'
  | 'thread_subscriptions'
  | 'quarantined_media_changes'

/** The names a pool in `routes.yaml` can have to take a class of endpoints out of `main`. */
export type EndpointClass =
  | 'sync'
  | 'initial_sync'
  | 'sliding_sync'
  | 'client_read'
  | 'room_read'
  | 'messages'
  | 'event_send'
  | 'account'
  | 'login'
  | 'register'
  | 'sso'
  | 'e2ee'
  | 'keys_upload'
  | 'device_lists'
  | 'to_device'
  | 'typing'
  | 'receipts'
  | 'presence'
  | 'account_data'
  | 'push_rules'
  | 'thread_subscriptions'
  | 'user_directory'
  | 'media'
  | 'media_admin'
  | 'quarantined_media_changes'
  | 'federation_read'
  | 'federation_write'
  | 'federation_in'
  | 'keys'
  | 'admin'
  | 'mas'
  | 'main'

/**
 * Which processes may answer:
 * - `main`: the main process alone;
 * - `generic`: any worker with the listener's resource, and main;
 * - `media`: a media repository (or main while `enable_media_repo` is on);
 * - `sso`: exactly one process, as the session lives in its memory;
 * - a stream's writer. `hard`: any other process answers 500, so it is the writer or nobody; not hard: another worker
 *   forwards over HTTP replication, at the price of a hop.
 */
export type Served = 'main' | 'generic' | 'media' | 'sso' | { readonly writer: Stream; readonly hard: boolean }

/** What the requests of one key share, so that they share a worker and its caches. */
export type Sticky = 'user' | 'token' | 'room' | 'source_ip' | 'origin' | 'media' | 'uri'

/** May a request that was sent, but not answered, be sent again: to any worker, to the same one only, or never. */
export type Replay = 'any' | 'same' | 'never'

export interface Endpoint {
  readonly method: Method
  /** Prefixes the path is served under, e.g. `/_matrix/client/v3`. */
  readonly under: readonly string[]
  /** The spec's path with its parameters as `{roomId}`; a parameter is one path segment. */
  readonly path: string
  /** `user?`: a token is used if there is one. */
  readonly auth: 'none' | 'user' | 'user?' | 'federation' | 'appservice' | 'admin'
  readonly served: Served
  readonly class: EndpointClass
  /** The class of those requests that start from nothing: no `since` or an empty one, or `full_state=true`. */
  readonly initialClass?: EndpointClass
  readonly sticky?: Sticky
  /** The first Synapse release in which a worker serves it; before it, main does. Absent: since 1.93 or longer. */
  readonly since?: SynapseVersion
  /** The last Synapse release in which a worker serves it. */
  readonly until?: SynapseVersion
  /**
   * Whether it exists with authentication delegated to the Matrix Authentication Service. `on`: only with it; `off`: only
   * without; `delegated`: with it the service itself answers (class `mas`), without it Synapse does.
   */
  readonly mas?: 'on' | 'off' | 'delegated'
  /** Absent: `any` for GET and HEAD, `never` for the rest. */
  readonly replay?: Replay
  /** The largest request body accepted, in bytes. Absent: Synapse's 12.5 MiB. */
  readonly maxBodyBytes?: number
  /**
   * Parameters that must not be empty. All others may be, as in Synapse's servlets: `state/m.room.name/` has an empty
   * state key.
   */
  readonly nonEmpty?: readonly string[]
  /** The path may also end in one slash more. */
  readonly optionalSlash?: true
  /** Guests are served too (client-server-api, "Guest Access", and what Synapse allows beyond it). */
  readonly guests?: true
  /** Users whose account is locked or has expired, or whose access token has, are served too. */
  readonly barred?: true
  /** Users whose account has expired are served too. */
  readonly expired?: true
  /** What the body must be. Absent: the handler reads it, if it wants one. */
  readonly body?: Schema<unknown>
  /** An empty body is taken for `{}`. */
  readonly emptyBody?: true
}

export type Endpoints = Readonly<Record<string, Endpoint>>

/** Keeps the literal types of a file's entries while checking each against {@link Endpoint}. */
export const endpoints = <const T extends Endpoints>(table: T): T => table

/** `/_matrix/client/` followed by each of `versions`: `clientVersions('r0', 'v3')`. */
export const clientVersions = (...versions: readonly string[]): readonly string[] =>
  versions.map((version) => `/_matrix/client/${version}`)
