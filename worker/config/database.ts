/** `database`, with libpq's environment for what its `args` do not say. */

import type { DatabaseArgs } from './schema/storage.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { DatabaseConfig } from './types.ts'

/** The variables that libpq reads, by the parameter that each stands for. */
const VARIABLES: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslnegotiation: 'PGSSLNEGOTIATION',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  options: 'PGOPTIONS',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
}

const fromEnvironment = (env: Readonly<Record<string, string | undefined>>, args: DatabaseArgs): DatabaseArgs =>
  Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([name, variable]) => {
      const value = env[variable]
      // The file has it under its other name.
      const isSaid = name === 'dbname' && args.database !== undefined
      return value === undefined || value === '' || isSaid ? [] : [[name, value]]
    }),
  )

export const databaseOf = (
  { database }: SynapseValues,
  env: Readonly<Record<string, string | undefined>>,
  { error, has }: Telling,
): DatabaseConfig => {
  if (!has('database') && !has('databases') && !has('database_path'))
    error('database', 'missing: Plexus needs PostgreSQL, {name: psycopg2, args: {…}}')
  const args = database?.args ?? {}
  return {
    args: { ...fromEnvironment(env, args), ...args },
    allowUnsafeLocale: database?.allowUnsafeLocale ?? false,
    statementTimeoutMs: database?.statementTimeoutMs ?? 0,
    idleInTransactionSessionTimeoutMs: database?.idleInTransactionSessionTimeoutMs ?? 0,
    synchronousCommit: database?.synchronousCommit ?? true,
  }
}
