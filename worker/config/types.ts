/** The configuration of one process: plain data. Durations are in ms and sizes in bytes, as their names say. */

import type { Stream } from '../../shared/endpoints/types.ts'
import type { ServerName } from '../../shared/matrix/ids.ts'
import type { SigningKey } from '../../shared/matrix/signing/ed25519.ts'
import type { InstanceLocation } from '../../shared/synapse-config/instance-map.ts'
import type { Resource } from '../../shared/synapse-config/listener.ts'
import type { WorkerApp } from '../../shared/synapse-config/processes.ts'
import type { AppserviceConfig } from './appservices.ts'
import type { DatabaseArgs } from './schema/storage.ts'
import type { SynapseValues } from './schema.ts'

/** What `stream_writers` may name. */
export type WriterStream = 'events' | Stream

export interface ListenerConfig {
  readonly type: 'http' | 'metrics'
  readonly address:
    | { readonly kind: 'tcp'; readonly port: number; readonly bindAddresses: readonly string[] }
    /** `mode`: permissions of the socket's file. */
    | { readonly kind: 'unix'; readonly path: string; readonly mode: number }
  readonly resources: readonly Resource[]
  /** Resources whose answers may be compressed. */
  readonly compress: readonly Resource[]
  readonly xForwarded: boolean
  readonly tls: boolean
  readonly tag: string
  readonly requestIdHeader: string | undefined
}

export interface RedisConfig {
  /** Unused where there is a `path`. */
  readonly host: string
  readonly port: number
  readonly path?: string
  readonly dbid?: number
  readonly username?: string
  readonly password?: string
  /** PEM. Empty: TLS with the system's authorities. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export interface DatabaseConfig {
  readonly args: DatabaseArgs
  readonly allowUnsafeLocale: boolean
  /** 0: none. */
  readonly statementTimeoutMs: number
  readonly idleInTransactionSessionTimeoutMs: number
  readonly synchronousCommit: boolean
}

/** As pino calls them. */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

export interface LogLevels {
  readonly level: Level
  /** Levels of parts, by Synapse's names of loggers: `synapse.storage.SQL`. */
  readonly loggers: ReadonlyMap<string, Level>
}

/** Who does the work that is not tied to a request, by names of instances; undefined: a process that these files do not name. */
export interface Duties {
  /** In this order; each has its share of the destinations. Empty: a process that these files do not name. */
  readonly federationSenders: readonly string[]
  /** As above, by user. */
  readonly pushers: readonly string[]
  readonly backgroundTasks: string
  readonly appservices: string | undefined
  readonly userDirectory: string | undefined
  /** Undefined: every media repository. */
  readonly mediaCleanup: string | undefined
}

/** Keys whose values appear in {@link WorkerConfig} in another form. */
export const REPLACED = [
  'workerApp',
  'workerName',
  'workerListeners',
  'workerReplicationSecret',
  'workerReplicationSecretPath',
  'federationSenderInstances',
  'sendFederation',
  'pusherInstances',
  'startPushers',
  'notifyAppservicesFromWorker',
  'notifyAppservices',
  'updateUserDirectoryFromWorker',
  'updateUserDirectory',
  'runBackgroundTasksOn',
  'enableMediaRepo',
  'mediaInstanceRunningBackgroundJobs',
  'outboundFederationRestrictedTo',
  'publicBaseurl',
  'usePresence',
  'registrationSharedSecret',
  'registrationSharedSecretPath',
  'macaroonSecretKey',
  'macaroonSecretKeyPath',
  'formSecret',
  'formSecretPath',
  'turnSharedSecretPath',
  'signingKey',
  'signingKeyPath',
  'tlsCertificatePath',
  'tlsPrivateKeyPath',
  'logConfig',
  'workerLogConfig',
  'appServiceConfigFiles',
  'recaptchaPublicKey',
  'recaptchaPublicKeyPath',
  'recaptchaPrivateKey',
  'recaptchaPrivateKeyPath',
  'recaptchaSiteverifyApi',
] as const satisfies readonly (keyof SynapseValues)[]
type Replaced =
  | (typeof REPLACED)[number]
  | 'serverName'
  | 'presence'
  | 'database'
  | 'redis'
  | 'instanceMap'
  | 'streamWriters'
  | 'listeners'

export interface WorkerConfig extends Omit<SynapseValues, Replaced> {
  readonly serverName: ServerName
  /** The files, in the order in which they were read. */
  readonly files: readonly string[]
  readonly isMain: boolean
  /** `master`, or the worker's name. */
  readonly instanceName: string
  readonly app: WorkerApp
  readonly listeners: readonly ListenerConfig[]
  /** By names of instances: the main process is `master`. */
  readonly instanceMap: ReadonlyMap<string, InstanceLocation>
  /** By names of instances, in the order that shares of rooms and users follow. Never empty. */
  readonly streamWriters: Readonly<Record<WriterStream, readonly string[]>>
  readonly duties: Duties
  readonly hasMediaRepo: boolean
  readonly replicationSecret: string | undefined
  /** The only instances that ask other servers; undefined: all. */
  readonly outboundFederation: readonly string[] | undefined
  /** Ends in `/`. */
  readonly publicBaseUrl: string
  /** Do clients learn `publicBaseUrl` from well-known and logins? */
  readonly servesClientWellKnown: boolean
  readonly presence: Omit<SynapseValues['presence'], 'enabled'> & {
    readonly enabled: boolean
    /** Not tracked: nobody's presence follows from what they do. */
    readonly tracked: boolean
  }
  readonly appservices: readonly AppserviceConfig[]
  /** Undefined: there is no reCAPTCHA. */
  readonly recaptcha:
    | { readonly publicKey: string; readonly privateKey: string; readonly verifyUrl: string }
    | undefined
  readonly registrationSharedSecret: string | undefined
  readonly macaroonSecretKey: Uint8Array
  readonly formSecret: string | undefined
  readonly database: DatabaseConfig
  /** Absent: the bus is Postgres. */
  readonly redis: RedisConfig | undefined
  /** Where the keys are; undefined if the key itself is in the configuration. */
  readonly signingKeyPath: string | undefined
  /** The first one signs. Empty while the file is not there, as before a first start. */
  readonly signingKeys: readonly SigningKey[]
  /** For listeners with `tls`. PEM files. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | undefined
  readonly logging: LogLevels
}
