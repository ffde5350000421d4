/**
 * Everything that storage throws about Postgres. Values never get into an error: `detail` and `where` of the server name
 * keys and parameters (tokens among them), so they are left behind, and messages that quote a value are shortened.
 */

export type StorageErrorKind =
  /** Another transaction was in the way. */
  | 'conflict'
  /** Postgres cannot be reached, is starting, stopping, full, or only reads. */
  | 'unavailable'
  /** It took longer than it may: the statement, a lock, or waiting for a connection. */
  | 'timeout'
  /** A unique key, a foreign key, a check: see `constraint`. */
  | 'constraint'
  /** Postgres lets us not in, or not do that. */
  | 'refused'
  /** A prepared statement is out of date, as its tables were altered. */
  | 'stale'
  /** A mistake in the statement or in its parameters. */
  | 'failed'

export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly kind: StorageErrorKind
  /** https://www.postgresql.org/docs/current/errcodes-appendix.html, or what the socket said (`ECONNREFUSED`). */
  readonly code: string | undefined
  readonly constraint: string | undefined
  readonly table: string | undefined
  /** The same may succeed in a moment, with nothing changed by us. */
  readonly tryAgain: boolean
  /** The connection broke after the commit was sent: nobody knows whether it was done. */
  readonly mayHaveCommitted: boolean

  constructor(
    message: string,
    about: {
      readonly kind: StorageErrorKind
      readonly code?: string | undefined
      readonly constraint?: string | undefined
      readonly table?: string | undefined
      readonly tryAgain?: boolean
      readonly mayHaveCommitted?: boolean
    },
  ) {
    super(message)
    this.kind = about.kind
    this.code = about.code
    this.constraint = about.constraint
    this.table = about.table
    this.tryAgain = about.tryAgain ?? false
    this.mayHaveCommitted = about.mayHaveCommitted ?? false
  }
}

/** Is it a breach of this unique key (of any, without a name)? */
export const isUniqueViolation = (error: unknown, constraint?: string): error is StorageError =>
  error instanceof StorageError &&
  error.code === '23505' &&
  (constraint === undefined || error.constraint === constraint)

/** What the server and the socket say, by code or class of codes: [kind, is another attempt of use]. */
const meanings: Readonly<Record<string, readonly [StorageErrorKind, boolean]>> = {
  '40001': ['conflict', true], // serialization_failure
  '40P01': ['conflict', true], // deadlock_detected
  '40': ['conflict', true],
  '08': ['unavailable', true],
  '08P01': ['refused', false], // protocol_violation: PgBouncer on a parameter that it does not know
  '57P01': ['unavailable', true], // admin_shutdown
  '57P02': ['unavailable', true], // crash_shutdown
  '57P03': ['unavailable', true], // cannot_connect_now: it is starting
  '57P04': ['refused', false], // database_dropped
  '57P05': ['unavailable', true], // idle_session_timeout
  '57014': ['timeout', false], // query_canceled, by statement_timeout too
  '25P03': ['timeout', true], // idle_in_transaction_session_timeout
  '25P04': ['timeout', false], // transaction_timeout
  '55P03': ['timeout', true], // lock_not_available
  '25006': ['unavailable', true], // read_only_sql_transaction: this was the primary once
  '53300': ['unavailable', true], // too_many_connections
  '53': ['unavailable', false], // disk full, out of memory: not in a moment
  '58': ['unavailable', false], // files of the server
  '23': ['constraint', false],
  '28': ['refused', false],
  '3D': ['refused', false], // there is no such database
  '42501': ['refused', false], // insufficient_privilege
  '26000': ['stale', false], // the prepared statement is another session's: see `pgBouncer`
  ECONNREFUSED: ['unavailable', true],
  ECONNRESET: ['unavailable', true],
  EPIPE: ['unavailable', true],
  ETIMEDOUT: ['unavailable', true],
  EHOSTUNREACH: ['unavailable', true],
  ENETUNREACH: ['unavailable', true],
  ENOENT: ['unavailable', true], // a socket that is not there
  EAI_AGAIN: ['unavailable', true],
  ENOTFOUND: ['unavailable', true],
  EACCES: ['refused', false],
  EPERM: ['refused', false],
}

/** What `pg` throws, as what we throw. `doing` says what was done: "select users", "connecting to …". */
export function storageError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error
  const { code, message = String(error), constraint, table } = error as Partial<Record<string, string>>
  if (code === undefined) return withoutCode(message, doing)
  const [kind, tryAgain] = meaningOf(code, message)
  return new StorageError(`${doing}: ${withoutValues(code, message)} (${code})`, {
    kind,
    code,
    constraint,
    table,
    tryAgain,
  })
}

function meaningOf(code: string, message: string): readonly [StorageErrorKind, boolean] {
  if (code === '0A000' && message.includes('cached plan')) return ['stale', false]
  const known = meanings[code] ?? (code.length === 5 ? meanings[code.slice(0, 2)] : undefined)
  return known ?? [isAboutTls(`${code} ${message}`) ? 'refused' : 'failed', false]
}

/** Node has many codes: `DEPTH_ZERO_SELF_SIGNED_CERT`, `ERR_TLS_CERT_ALTNAME_INVALID` … */
const isAboutTls = (text: string): boolean => /\bSSL|TLS|certificate|_CERT|SIGNATURE/i.test(text)

/** pg's own errors have no code. Those about the connection are about Postgres being away; others are ours. */
function withoutCode(message: string, doing: string): StorageError {
  const isAway = /^Connection terminated|^timeout expired|not queryable|^Client was closed|^read ECONN/i.test(message)
  const kind = isAway ? 'unavailable' : isAboutTls(message) ? 'refused' : 'failed'
  return new StorageError(`${doing}: ${message}`, { kind, tryAgain: isAway })
}

/** Data exceptions (class 22) and parse errors quote what they were given. */
const withoutValues = (code: string, message: string): string =>
  code.startsWith('22') || code.startsWith('42') ? message.replace(/: ".*$/s, '') : message
