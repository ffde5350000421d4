/**
 * Synapse's `database.args` are what psycopg2 hands to libpq, so they and libpq's environment mean here what they mean
 * there (PostgreSQL manual, "Parameter Key Words" and "Environment Variables").
 */

import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { libpqVariables } from '../../../shared/synapse-config/libpq-variables.ts'
import {
  defaultSettings,
  type Host,
  type SslMode,
  type StorageSettings,
  sslModes,
  type TlsSettings,
} from './settings.ts'

type Value = string | number | boolean | null | undefined
/** libpq's parameters by their own names; Synapse's `cp_min` and `cp_max` may be among them. */
export type LibpqArgs = Readonly<Record<string, Value>>
export type Environment = Readonly<Record<string, string | undefined>>

export interface LibpqProblem {
  readonly key: string
  readonly message: string
  /** Without `fatal` the key is ignored. */
  readonly fatal: boolean
}

const alsoRead = ['database', 'sslpassword', 'keepalives', 'keepalives_idle', 'cp_min', 'cp_max'] as const
const known: ReadonlySet<string> = new Set([...Object.keys(libpqVariables), ...alsoRead])

/** Those that change whom we talk to or what we trust: ignoring them would be wrong, not just less. */
const refused: Readonly<Record<string, string>> = {
  dsn: 'give host, user, password and database one by one',
  service: 'service files are not read; give host, user, password and database',
  hostaddr: 'give the address as host',
  sslcrl: 'revocation lists are not checked',
  sslcrldir: 'revocation lists are not checked',
  krbsrvname: 'Kerberos is not supported',
  requirepeer: 'the owner of a socket is not checked',
}

/**
 * Settings from `args`, `environment` for what they do not say, and libpq's defaults for the rest. Files that libpq looks
 * for in `~/.postgresql` are found there. With a fatal problem there are no settings.
 */
export function settingsFromLibpq(
  args: LibpqArgs,
  environment: Environment = {},
  overrides: Partial<StorageSettings> = {},
): { readonly settings?: StorageSettings; readonly problems: readonly LibpqProblem[] } {
  const problems: LibpqProblem[] = []
  const problem = (key: string, message: string, fatal = true) => void problems.push({ key, message, fatal })
  const get = (key: string): string | undefined => {
    const value = args[key] ?? environment[libpqVariables[key] ?? '']
    return value === undefined || value === null || value === '' ? undefined : String(value)
  }
  const number = (key: string): number | undefined => {
    const value = get(key)
    if (value === undefined) return undefined
    if (/^-?\d+$/.test(value)) return Number(value)
    problem(key, `expected a whole number, got ${JSON.stringify(value)}`)
    return undefined
  }
  const oneOf = <T extends string>(key: string, allowed: readonly T[]): T | undefined => {
    const value = get(key)
    if (value === undefined || (allowed as readonly string[]).includes(value)) return value as T | undefined
    problem(key, `expected one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`)
    return undefined
  }

  for (const [key, value] of Object.entries(args)) {
    if (known.has(key) || value === undefined || value === null) continue
    if (refused[key] === undefined) problem(key, 'is not known here, and ignored', false)
    else problem(key, refused[key])
  }
  if (args.dbname != null && args.database != null) problem('database', 'stands beside dbname, which means the same')

  const user = get('user') ?? userInfo().username
  const password = get('password')
  const options = get('options')
  const timeout = number('connect_timeout')
  const keepAliveIdle = number('keepalives_idle')
  const connections = number('cp_max')
  if (connections !== undefined && connections < 1) problem('cp_max', 'expected 1 or more')
  const settings: StorageSettings = {
    ...defaultSettings,
    hosts: hostsOf(get('host'), get('port'), problem),
    user,
    ...(password === undefined ? {} : { password }),
    database: get('database') ?? get('dbname') ?? user,
    tls: tlsOf({ get, oneOf, problem }),
    // A primary is also "read-write"; standbys are of no use to us, so `prefer-standby` and the like are refused.
    targetSession: oneOf('target_session_attrs', ['any', 'read-write', 'primary']) === undefined ? 'any' : readWrite(),
    ...(options === undefined ? {} : { options }),
    applicationName: get('application_name') ?? defaultSettings.applicationName,
    // libpq: 0 or less is without limit, and 1 is taken as 2.
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout <= 0 ? 0 : Math.max(2, timeout) * 1000 }),
    keepAlive: get('keepalives') !== '0',
    ...(keepAliveIdle === undefined || keepAliveIdle <= 0 ? {} : { keepAliveIdleMs: keepAliveIdle * 1000 }),
    ...(connections === undefined ? {} : { connections }),
    ...overrides,
  }
  return problems.some(({ fatal }) => fatal) ? { problems } : { settings, problems }

  function readWrite(): 'any' | 'read-write' {
    return get('target_session_attrs') === 'any' ? 'any' : 'read-write'
  }
}

/**
 * `postgres://user:password@host:port/database?sslmode=…` as the arguments above. A host may be a percent-encoded socket
 * folder, or stand in `?host=`. Throws `TypeError` for what is no such URL; the message never has the URL, which may
 * hold a password.
 */
export function argsFromUrl(text: string): LibpqArgs {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new TypeError('expected postgres://user@host:port/database')
  const parts: Record<string, string> = {
    host: decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1')),
    port: url.port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    dbname: decodeURIComponent(url.pathname.slice(1)),
  }
  const given = Object.entries(parts).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(given), ...Object.fromEntries(url.searchParams) }
}

type Report = (key: string, message: string, fatal?: boolean) => void

/** Hosts and ports are lists that run side by side; one port serves all hosts. */
function hostsOf(host: string | undefined, port: string | undefined, problem: Report): readonly Host[] {
  const names = host?.split(',').map((name) => name.trim()) ?? [socketFolder() ?? 'localhost']
  const ports = (port ?? '5432').split(',').map((text) => text.trim())
  if (ports.length !== 1 && ports.length !== names.length)
    problem('port', `expected one port, or as many as hosts (${names.length}), got ${ports.length}`)
  return names.map((name, index) => {
    const text = ports[ports.length === 1 ? 0 : index] ?? ''
    const number = text === '' ? 5432 : Number(text)
    if (!Number.isInteger(number) || number < 1 || number > 65_535)
      problem('port', `expected a port, got ${JSON.stringify(text)}`)
    return { host: name === '' ? (socketFolder() ?? 'localhost') : name, port: number }
  })
}

/** Where Debian's and everyone else's servers put their socket. */
const socketFolder = (): string | undefined => ['/var/run/postgresql', '/tmp'].find(hasSocket)
const hasSocket = (folder: string): boolean => existsSync(join(folder, '.s.PGSQL.5432'))

function tlsOf({
  get,
  oneOf,
  problem,
}: {
  readonly get: (key: string) => string | undefined
  readonly oneOf: <T extends string>(key: string, allowed: readonly T[]) => T | undefined
  readonly problem: Report
}): TlsSettings {
  const mode: SslMode = oneOf('sslmode', sslModes) ?? (get('sslrootcert') === 'system' ? 'verify-full' : 'prefer')
  const usual = (name: string): string | undefined => {
    const path = join(homedir(), '.postgresql', name)
    return mode !== 'disable' && existsSync(path) ? path : undefined
  }
  const rootCert = get('sslrootcert') ?? usual('root.crt')
  const cert = get('sslcert') ?? usual('postgresql.crt')
  const key = get('sslkey') ?? usual('postgresql.key')
  const keyPassphrase = get('sslpassword')
  const minVersion = oneOf('ssl_min_protocol_version', ['TLSv1.2', 'TLSv1.3'])
  const negotiation = oneOf('sslnegotiation', ['postgres', 'direct'])
  if (mode === 'verify-ca' && rootCert === 'system')
    problem('sslmode', 'with the system’s authorities it must be verify-full: anyone can get a certificate of theirs')
  if ((mode === 'verify-ca' || mode === 'verify-full') && rootCert === undefined)
    problem('sslrootcert', `is needed with sslmode ${mode} (a file, or "system")`)
  if (negotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(mode))
    problem('sslnegotiation', 'direct needs sslmode require or stricter')
  for (const [name, path] of Object.entries({ sslrootcert: rootCert, sslcert: cert, sslkey: key }))
    if (path !== undefined && path !== 'system' && !existsSync(path)) problem(name, `there is no file ${path}`)
  return {
    mode,
    ...(rootCert === undefined ? {} : { rootCert }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(keyPassphrase === undefined ? {} : { keyPassphrase }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(negotiation === undefined ? {} : { negotiation }),
  }
}
