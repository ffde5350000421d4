/** How to reach Postgres and how to behave there: plain data, made by `libpq.ts` from Synapse's `database.args`. */

export interface Host {
  /** Name, address, or the folder of a Unix socket (starts with `/`). */
  readonly host: string
  readonly port: number
}

/** libpq's `sslmode`, in its order of trust. */
export const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

export interface TlsSettings {
  readonly mode: SslMode
  /** Files in PEM form. `rootCert` may be `system`: the authorities that Node trusts. */
  readonly rootCert?: string
  readonly cert?: string
  readonly key?: string
  readonly keyPassphrase?: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** `direct`: TLS from the first byte (Postgres 17). */
  readonly negotiation?: 'postgres' | 'direct'
}

export interface StorageSettings {
  /** Tried in this order. */
  readonly hosts: readonly Host[]
  readonly user: string
  readonly password?: string
  readonly database: string
  readonly tls: TlsSettings
  /** `read-write` passes over hosts that only read (a standby). */
  readonly targetSession: 'any' | 'read-write'
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Command-line options for the server's process, as in `PGOPTIONS`. */
  readonly options?: string
  readonly connectTimeoutMs: number
  readonly keepAlive: boolean
  readonly keepAliveIdleMs: number
  /** Connections at most, for this process. */
  readonly connections: number
  /** A statement that runs longer is ended by the server. 0: never. */
  readonly statementTimeoutMs: number
  /** A transaction in which nothing happens for so long is ended by the server. 0: never. */
  readonly idleInTransactionTimeoutMs: number
  /** How long a statement waits for a connection (also while Postgres is away) before it fails. */
  readonly acquireTimeoutMs: number
  /** A connection that had nothing to do for so long is closed, but the last one. */
  readonly idleTimeoutMs: number
  /** `off`: a commit does not wait for the disk. What was acknowledged last may be lost when the machine fails. */
  readonly synchronousCommit: boolean
  /**
   * PgBouncer in transaction mode stands between: nothing may be kept in a session, so statements are not prepared by
   * name and neither the timeouts above nor `jit` and `plan_cache_mode` are set (`alter role … set statement_timeout = …` does it).
   */
  readonly pgBouncer: boolean
}

/** Timeouts are Synapse’s. Of connections it takes 5; with 4, twenty processes fit into the 100 of a Postgres as it comes. */
export const defaultSettings = {
  targetSession: 'any',
  applicationName: 'plexus',
  connectTimeoutMs: 10_000,
  keepAlive: true,
  keepAliveIdleMs: 30_000,
  connections: 4,
  statementTimeoutMs: 10 * 60_000,
  idleInTransactionTimeoutMs: 30 * 60_000,
  acquireTimeoutMs: 15_000,
  idleTimeoutMs: 5 * 60_000,
  synchronousCommit: true,
  pgBouncer: false,
} satisfies Partial<StorageSettings>
