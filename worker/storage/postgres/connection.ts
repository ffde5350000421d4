/**
 * One connection. Statements are sent as they come, without waiting for the answers to those before (`pg`'s pipeline
 * mode), each with a Sync of its own: one that fails takes no other with it. Answers come in the order of sending.
 */

import pg from 'pg'
import { StorageError, storageError } from './errors.ts'
import type { Host, StorageSettings } from './settings.ts'
import type { Statement } from './statement.ts'
import { type TlsAttempt, tlsAttempts } from './tls.ts'
import { type Param, typeParsers } from './values.ts'

export interface Answer {
  readonly rows: readonly unknown[]
  /** Rows selected or changed. */
  readonly count: number
  /** The server's word for what it did: `INSERT`, `COMMIT`, `ROLLBACK` … */
  readonly command: string
}

export interface Connection {
  /** Statements that were sent and are not answered. */
  readonly inFlight: () => number
  /** When the oldest of them was sent, on `performance.now()`'s clock; undefined when there is none. */
  readonly waitingSince: () => number | undefined
  /** False from the moment it is broken, or was told to end. */
  readonly usable: () => boolean
  /** Rejects with a `StorageError`. */
  readonly send: (statement: Statement, params: readonly Param[]) => Promise<Answer>
  /** Several statements in one text, without parameters. */
  readonly script: (sql: string) => Promise<Answer>
  /** Waits for what is in flight, then says goodbye. Never rejects. */
  readonly end: () => Promise<void>
  /** Closes the socket at once; what is in flight fails. */
  readonly destroy: () => void
}

/**
 * Opens a connection to the first host that takes us. Throws the last host's `StorageError`.
 * `onLost` is called once if it breaks after that, with nothing or something in flight.
 */
export const connect = async (settings: StorageSettings, onLost: (error: StorageError) => void): Promise<Connection> =>
  makeConnection(await openClient(settings, { pipeline: true }), onLost)

/** As {@link connect}: `pg`'s own client, connected, for what needs a session of its own (`LISTEN`). Nobody listens to it yet. */
export async function openClient(settings: StorageSettings, more: pg.ClientConfig = {}): Promise<pg.Client> {
  let last: unknown
  for (const host of settings.hosts) {
    try {
      return await connectTo(settings, host, more)
    } catch (error) {
      last = error
    }
  }
  throw last
}

const clientConfig = (settings: StorageSettings, { host, port }: Host, ssl: TlsAttempt): pg.ClientConfig => ({
  host,
  port,
  user: settings.user,
  // `pg` would look into files and the environment for a password that is not given.
  password: settings.password ?? (() => ''),
  database: settings.database,
  ssl,
  ...(settings.tls.negotiation === undefined || ssl === false ? {} : { sslnegotiation: settings.tls.negotiation }),
  application_name: settings.applicationName,
  connectionTimeoutMillis: settings.connectTimeoutMs,
  keepAlive: settings.keepAlive,
  keepAliveInitialDelayMillis: settings.keepAliveIdleMs,
  types: typeParsers,
  // PgBouncer refuses what it does not know, `options` among it.
  ...(settings.pgBouncer ? {} : { options: sessionOptions(settings) }),
})

/** Given at the start of the session, so that no statement is needed for it. The admin's own options win. */
const sessionOptions = (settings: StorageSettings): string =>
  [
    `-c statement_timeout=${settings.statementTimeoutMs}`,
    `-c idle_in_transaction_session_timeout=${settings.idleInTransactionTimeoutMs}`,
    // Compiling pays for reports; here a statement of a millisecond, if its cost is overrated, takes ten or a hundred more.
    '-c jit=off',
    // Postgres plans a statement anew for each set of parameters where it expects to gain by that, which it misjudges where
    // lists are short: counting what is unread took 0.7 ms to plan and 0.04 ms to do.
    '-c plan_cache_mode=force_generic_plan',
    ...(settings.synchronousCommit ? [] : ['-c synchronous_commit=off']),
    ...(settings.options === undefined ? [] : [settings.options]),
  ].join(' ')

async function connectTo(settings: StorageSettings, host: Host, more: pg.ClientConfig): Promise<pg.Client> {
  const place = host.host.startsWith('/') ? `${host.host}/.s.PGSQL.${host.port}` : `${host.host}:${host.port}`
  const doing = `connecting to Postgres at ${place} as ${settings.user}, database ${settings.database}`
  const attempts = tlsAttempts(settings.tls, host.host)
  for (const [index, ssl] of attempts.entries()) {
    const client = new pg.Client({ ...clientConfig(settings, host, ssl), ...more })
    // An error may come after the one that `connect` rejects with; nobody else listens.
    const ignore = () => undefined
    client.on('error', ignore)
    try {
      await client.connect()
      if (settings.targetSession === 'read-write') await mustWrite(client, doing)
    } catch (error) {
      // Not `end`, which waits until the other side has closed too.
      destroy(client)
      if (index + 1 < attempts.length && isAboutTls(error)) continue
      throw storageError(error, doing)
    }
    client.off('error', ignore)
    return client
  }
  throw new Error('there is always a last attempt')
}

/** The server does not do what this attempt asked for: no TLS there, or only (not) with TLS, says its pg_hba.conf. */
const isAboutTls = (error: unknown): boolean =>
  (error as { code?: string }).code === '28000' || /does not support SSL/.test((error as Error).message)

async function mustWrite(client: pg.Client, doing: string): Promise<void> {
  const { rows } = await client.query<{ readonly: string }>(
    "select current_setting('transaction_read_only') as readonly",
  )
  if (rows[0]?.readonly === 'off') return
  throw new StorageError(`${doing}: this server only reads`, { kind: 'unavailable', code: '25006', tryAgain: true })
}

function makeConnection(client: pg.Client, onLost: (error: StorageError) => void): Connection {
  /** Times of sending, oldest first: answers come in this order. */
  const sent: number[] = []
  let usable = true
  let lost = false

  const lose = (error: Error) => {
    usable = false
    if (lost) return
    lost = true
    onLost(storageError(error, 'Postgres'))
  }
  client.on('error', lose)
  client.on('end', () => lose(new Error('Connection terminated')))

  const query = (config: pg.QueryConfig): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    let isAnswered = false
    sent.push(performance.now())
    client.query(config, (error: Error | null, result: pg.QueryResult) => {
      if (isAnswered) return
      isAnswered = true
      sent.shift()
      if (error) reject(error)
      else resolve({ rows: result.rows, count: result.rowCount ?? 0, command: result.command })
    })
    return promise
  }

  return {
    inFlight: () => sent.length,
    waitingSince: () => sent[0],
    usable: () => usable,
    async send(statement, params) {
      const { text, name, description } = statement
      const values = params as unknown[]
      try {
        return await query(name === undefined ? { text, values } : { name, text, values })
      } catch (error) {
        // Made here, after an `await`, it has the callers in its stack; pg's has only the socket.
        throw storageError(error, description)
      }
    },
    async script(sql) {
      try {
        return await query({ text: sql })
      } catch (error) {
        throw storageError(error, 'script')
      }
    },
    async end() {
      usable = false
      lost = true
      await client.end().catch(() => undefined)
    },
    destroy() {
      usable = false
      destroy(client)
    },
  }
}

/** Closes the socket. `pg` has no public way to; `end` waits for what is in flight. */
const destroy = (client: pg.Client): void =>
  (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream.destroy()
