/** Servers that somebody else runs: their addresses as the user gives them, and whether they can be reached. */

import { Redis } from 'ioredis'
import pg from 'pg'

/** `postgres://user:password@host:5432/database?sslmode=require` → Synapse's `database.args`. Throws for what is no such address. */
export const databaseArgs = (text: string): Readonly<Record<string, string | number>> => {
  const url = parsed(text, ['postgres:', 'postgresql:'], '--postgres', 'postgres://user:password@host:5432/database')
  const args: Record<string, string | number> = {}
  const set = (key: string, value: string) => {
    if (value !== '') args[key] = key === 'port' ? Number(value) : value
  }
  set('user', decodeURIComponent(url.username))
  set('password', decodeURIComponent(url.password))
  set('host', decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1')))
  set('port', url.port)
  set('dbname', decodeURIComponent(url.pathname.slice(1)))
  // libpq's parameters, such as sslmode; a host with a slash is the folder of a unix socket.
  for (const [key, value] of url.searchParams) set(key, value)
  if (args.dbname === undefined) throw new Error(`--postgres: the address names no database: ${hidden(url)}`)
  return args
}

/** `redis://:password@host:6379/0`, `rediss://…` for TLS → Synapse's `redis`. Throws for what is no such address. */
export const redisSettings = (text: string): Readonly<Record<string, unknown>> => {
  const url = parsed(text, ['redis:', 'rediss:'], '--redis', 'redis://host:6379')
  const dbid = url.pathname.slice(1)
  if (!/^\d*$/.test(dbid)) throw new Error(`--redis: expected the number of a database after the host, not ${dbid}`)
  return {
    host: decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1')) || 'localhost',
    port: Number(url.port || 6379),
    ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    ...(dbid !== '' && { dbid: Number(dbid) }),
    ...(url.protocol === 'rediss:' && { use_tls: true }),
  }
}

function parsed(text: string, protocols: readonly string[], flag: string, example: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // The text is not repeated: there may be a password in it.
  if (url === undefined || !protocols.includes(url.protocol))
    throw new Error(`${flag}: expected an address such as ${example}`)
  return url
}

function hidden(url: URL): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return shown.href
}

/** Rejects, with what is wrong, if a connection cannot be made. */
export const tryPostgres = async (text: string): Promise<void> => {
  const client = new pg.Client({ connectionString: text, connectionTimeoutMillis: 5_000 })
  try {
    await client.connect()
    await client.query('select 1')
  } catch (error) {
    throw new Error(`--postgres ${hidden(new URL(text))}: ${reasonOf(error)}`)
  } finally {
    await client.end().catch(() => {})
  }
}

/** As {@link tryPostgres}. */
export const tryRedis = async (text: string): Promise<void> => {
  const client = new Redis(text, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 })
  let reason: unknown
  client.on('error', (error) => {
    reason ??= error
  })
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    throw new Error(`--redis ${hidden(new URL(text))}: ${reasonOf(reason ?? error)}`)
  } finally {
    client.disconnect()
  }
}

/** An error of several addresses that were tried has no message of its own. */
const reasonOf = (error: unknown): string => {
  const { message, errors, code } = error as AggregateError & { code?: string }
  return message || (errors ?? []).map((one: Error) => one.message).join(', ') || code || 'no connection'
}
