/**
 * What a process does with its database before anything else: on an empty one the tables are created, one of ours is
 * brought up to date, one of Synapse's is looked at and left as it is, any other is refused.
 *
 * Our version stands in `plexus_schema_version`. Synapse's `schema_version` is never written: Synapse would take the
 * database for one of its own.
 */

import type { Db, Queries } from './db.ts'
import { type Migration, readMigrations } from './migrations.ts'
import { StorageError } from './postgres/errors.ts'

/** The newest schema of Synapse's that this program was written for, and the oldest it can work with. */
export const SYNAPSE_SCHEMA = { newest: 94, oldest: 84 }
const OLDEST_POSTGRES = 14

export interface PreparedDatabase {
  readonly madeBy: 'plexus' | 'synapse'
  /** Ours, or Synapse's `schema_version`. */
  readonly version: number
  /** What is not as it should be, and works nevertheless. */
  readonly warnings: readonly string[]
}

export interface PrepareOptions {
  /** Synapse's `database.allow_unsafe_locale`. */
  readonly allowUnsafeLocale?: boolean
  /** Told before each step, as steps may take long on a large database. */
  readonly say?: (message: string) => void
  readonly migrations?: readonly Migration[]
}

/**
 * Any number of processes may do this at once: one of them migrates, the others wait. Throws a `StorageError` of kind
 * `refused`, whose message says what to do, for a database that cannot be used.
 */
export async function prepareDatabase(db: Db, options: PrepareOptions = {}): Promise<PreparedDatabase> {
  const { allowUnsafeLocale = false, say = () => undefined, migrations = readMigrations() } = options
  const warnings = await checkServer(db, allowUnsafeLocale)
  const found = await look(db)
  if (found === 'foreign')
    throw refused('the database has tables, but neither of Plexus nor of Synapse: give it a database of its own')
  if (found === 'synapse') {
    const { version, warnings: more } = await checkSynapse(db)
    return { madeBy: 'synapse', version, warnings: [...warnings, ...more] }
  }
  const version = await migrate(db, migrations, say)
  return { madeBy: 'plexus', version, warnings }
}

const refused = (message: string) => new StorageError(message, { kind: 'refused' })

/** Text must sort by bytes, the same on every machine: indexes made under another C library's rules are broken. */
async function checkServer(db: Queries, allowUnsafeLocale: boolean): Promise<readonly string[]> {
  const { version, encoding, collate, ctype } = (await db.one<
    Record<'encoding' | 'collate' | 'ctype' | 'version', string>
  >(
    `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
       datcollate as "collate", datctype as ctype
     from pg_database where datname = current_database()`,
  ))!
  if (Number(version) < OLDEST_POSTGRES * 10_000)
    throw refused(`PostgreSQL ${OLDEST_POSTGRES} or newer is needed, this is ${Math.floor(Number(version) / 10_000)}`)
  const make = `create database … encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0`
  if (encoding !== 'UTF8') throw refused(`the database's encoding is ${encoding}, and must be UTF8 (${make})`)
  const wrong = Object.entries({ collation: collate, ctype }).filter(([, value]) => value !== 'C' && value !== 'POSIX')
  const messages = wrong.map(([what, value]) => `the database's ${what} is ${value}, and should be C (${make})`)
  if (messages.length > 0 && !allowUnsafeLocale)
    throw refused(`${messages.join('; ')}. database.allow_unsafe_locale: true goes on nevertheless`)
  return messages
}

async function look(db: Queries): Promise<'empty' | 'plexus' | 'synapse' | 'foreign'> {
  const rows = await db.rows<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema()',
  )
  const tables = new Set(rows.map(({ name }) => name))
  if (tables.size === 0) return 'empty'
  if (tables.has('plexus_schema_version')) return 'plexus'
  return tables.has('schema_version') && tables.has('events') ? 'synapse' : 'foreign'
}

async function checkSynapse(db: Queries) {
  const versions = await db.one<{ version: number | null; compat: number | null; waiting: number }>(
    `select (select version from schema_version) as version,
       (select compat_version from schema_compat_version) as compat,
       (select count(*) from background_updates)::int as waiting`,
  )
  const { version, compat, waiting } = versions!
  const { oldest, newest } = SYNAPSE_SCHEMA
  if (version === null) throw refused('schema_version is empty: Synapse did not finish making this database')
  if (version < oldest)
    throw refused(`Synapse's schema is version ${version}; ${oldest} or newer is needed: update Synapse first`)
  if (compat !== null && compat > newest)
    throw refused(`Synapse's schema can be used by programs that know version ${compat}; this one knows ${newest}`)
  const warnings = []
  if (version < newest)
    warnings.push(
      `Synapse's schema is version ${version}: what needs the tables of later ones (to ${newest}) will fail`,
    )
  if (waiting > 0)
    warnings.push(`Synapse has ${waiting} background updates to finish: some queries are slow until then`)
  return { version, warnings }
}

/** 'plex' and 'us' as numbers: nobody else's advisory lock. */
const LOCK = [0x706c6578, 0x7573] as const

/** One migration a transaction, so that what was done stays done. Returns the version it is at then. */
async function migrate(db: Db, migrations: readonly Migration[], say: (message: string) => void): Promise<number> {
  const latest = migrations.at(-1)?.version ?? 0
  for (;;) {
    const at = await db.transaction('read committed', async function migrateDatabase(tx) {
      // Others wait here while a migration runs, and see its result after.
      await tx.run("select set_config('statement_timeout', '0', true)")
      await tx.run('select pg_advisory_xact_lock($1, $2)', LOCK)
      await tx.script(`create table if not exists plexus_schema_version (
        version integer primary key,
        name text not null,
        compatible_with integer not null,
        applied_ts bigint not null
      )`)
      const state = await tx.one<{ version: number; needs: number }>(
        `select coalesce(max(version), 0) as version, coalesce(max(compatible_with), 0) as needs
         from plexus_schema_version`,
      )
      const { version, needs } = state!
      if (needs > latest)
        throw refused(
          `the database is at version ${version}, made by a newer release; this one knows ${latest}: update this one too`,
        )
      const next = migrations.find((migration) => migration.version > version)
      if (next === undefined) return version
      say(`database: version ${next.version} of ${latest}, ${next.name}`)
      await tx.script(next.sql).catch((error: StorageError) => {
        throw new StorageError(`migration ${next.version}, ${next.name}: ${error.message}`, error)
      })
      await tx.run(
        `insert into plexus_schema_version (version, name, compatible_with, applied_ts)
         values ($1, $2, $3, $4)`,
        [next.version, next.name, next.compatibleWith, Date.now()],
      )
      return next.version
    })
    if (at >= latest) return at
  }
}
