/** `database`, with libpq's environment for what its `args` do not say. */

import { libpqVariables } from '../../shared/synapse-config/libpq-variables.ts'
import type { DatabaseArgs } from './schema/storage.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { DatabaseConfig } from './types.ts'

const fromEnvironment = (env: Readonly<Record<string, string | undefined>>, args: DatabaseArgs): DatabaseArgs =>
  Object.fromEntries(
    Object.entries(libpqVariables).flatMap(([name, variable]) => {
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
