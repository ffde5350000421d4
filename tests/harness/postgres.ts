/**
 * A real Postgres for one test file: Debian's newest, else the one that npm brings. Its data live in a temporary folder,
 * it listens on a Unix socket there, and it ends with the file.
 *
 *     const postgres = await startPostgres()
 *     test('…', async (t) => { const db = await postgres.db(t) … })
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { type Db, makeDb } from '../../worker/storage/db.ts'
import { readMigrations } from '../../worker/storage/migrations.ts'
import type { Observer } from '../../worker/storage/observer.ts'
import { defaultSettings, type StorageSettings } from '../../worker/storage/postgres/settings.ts'
import { prepareDatabase } from '../../worker/storage/prepare-database.ts'
import { findPrograms, type Programs } from './postgres-programs.ts'
import { makeServer } from './postgres-server.ts'

export interface TestPostgres {
  /** The folder of its socket. */
  readonly socketFolder: string
  readonly port: number
  /** Settings of a new database with all tables and nothing in them. */
  readonly database: () => Promise<StorageSettings>
  /** Settings of a new database without tables. `options` of `create database`, after its name. */
  readonly emptyDatabase: (options?: string) => Promise<StorageSettings>
  /**
   * A database with all tables and nothing in them, opened; closed with the test. It may be one that another test had, and
   * that was emptied: who alters tables takes `database`.
   */
  readonly db: (
    t: { after(fn: () => Promise<void>): void },
    overrides?: Partial<StorageSettings>,
    observers?: readonly Observer[],
  ) => Promise<Db>
  /** For what no other connection is needed: database `postgres`. */
  readonly admin: Db
  readonly start: () => Promise<void>
  /** `SIGINT`: clients are thrown out. `SIGKILL`: as when the machine fails. */
  readonly stop: (signal?: 'SIGINT' | 'SIGKILL') => Promise<void>
}

const run = promisify(execFile)
const TEMPLATE = 'plexus_template'
/** A clone of it that is there from the start. */
const FIRST = 'test_0'
const LOCALE = "encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0"
export interface StartOptions {
  /** Of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** May put files into the data folder, before the first start. */
  readonly prepareFolder?: (folder: string) => void
  /** Where to leave what is to be done at the end, in the order of calls. */
  readonly atEnd?: (work: () => Promise<void>) => void
}

/** Starts one, which is stopped after the file's last test. */
export async function startPostgres({
  settings = {},
  prepareFolder = () => undefined,
  atEnd = after,
}: StartOptions = {}): Promise<TestPostgres> {
  const folder = mkdtempSync(join(fastFolder(), 'plexus-postgres-'))
  chmodSync(folder, 0o755)
  const programs = findPrograms()
  const { user } = programs
  const owned = (path: string) => user.uid !== undefined && chownSync(path, user.uid, user.gid ?? user.uid)
  owned(folder)
  const data = join(folder, 'data')
  await run('cp', ['-a', await preparedData(folder, programs), data])
  prepareFolder(data)
  for (const name of readdirSync(data)) owned(join(data, name))

  const port = Number(settings.port ?? 5432)
  const server = makeServer(programs, data, folder, {
    // A Unix socket alone takes no port from anyone.
    listen_addresses: '',
    unix_socket_directories: folder,
    max_connections: 60,
    // The data live no longer than the test.
    fsync: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    ...settings,
  })
  const settingsOf = settingsFor(folder, port)
  const admin = makeDb({ ...settingsOf('postgres'), connections: 2 })
  atEnd(async () => {
    await admin.close()
    await server.stop()
    for (const path of [folder, programs.copy])
      if (path !== undefined) rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  })
  await server.start()

  let count = 0
  const create = async (options: string): Promise<StorageSettings> => {
    const name = `test_${++count}`
    await admin.run(`create database ${name} ${options}`)
    return settingsOf(name)
  }
  const database = () => create(`template ${TEMPLATE}`)
  /** Databases that tests are through with. To empty one takes a tenth of the time that another takes. */
  const free: StorageSettings[] = []
  let first: StorageSettings | undefined = settingsOf(FIRST)
  const take = async () => {
    const used = first ?? free.pop()
    if (used === undefined) return database()
    if (first === undefined) await empty(used)
    first = undefined
    return used
  }

  return {
    socketFolder: folder,
    port,
    database,
    emptyDatabase: (options = LOCALE) => create(options),
    async db(t, overrides = {}, observers = []) {
      const settings = await take()
      const db = makeDb({ ...settings, ...overrides }, observers)
      t.after(async () => {
        await db.close()
        free.push(settings)
      })
      return db
    },
    admin,
    ...server,
  }
}

/** In memory, where there is plenty: thousands of small files are copied. */
function fastFolder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    accessSync('/dev/shm', constants.W_OK)
    if (bavail * bsize > 2 ** 31) return '/dev/shm'
  } catch {
    // Not Linux, or a container without.
  }
  return tmpdir()
}

/** What migrations put into tables, and what says that they were run. */
const seeded = [
  'plexus_schema_version',
  'appservice_stream_position',
  'delayed_events_stream_pos',
  'device_lists_changes_converted_stream_position',
  'device_lists_changes_in_room_max_pruned_stream_id',
  'event_push_summary_last_receipt_stream_id',
  'event_push_summary_stream_ordering',
  'federation_stream_position',
  'room_forgetter_stream_pos',
  'stats_incremental_position',
  'user_directory_stream_pos',
]

async function empty(settings: StorageSettings): Promise<void> {
  const db = makeDb({ ...settings, connections: 1 })
  const list = seeded.map((table) => `'${table}'`).join(', ')
  await db.transaction('read committed', (tx) =>
    tx.script(`do $$
      declare
        name text;
        has_rows boolean;
        names text[] := '{}';
      begin
        for name in select tablename from pg_tables where schemaname = 'public' and tablename not in (${list}) loop
          execute format('select exists (select from %I)', name) into has_rows;
          if has_rows then names := names || quote_ident(name); end if;
        end loop;
        if names <> '{}' then execute 'truncate ' || array_to_string(names, ', ') || ' cascade'; end if;
        update event_push_summary_last_receipt_stream_id set stream_id = 1;
        update event_push_summary_stream_ordering set stream_ordering = 1;
      end $$`),
  )
  await db.close()
}

/**
 * A data folder with the template database in it, made by the first file that needs it and kept in `.cache`, under the
 * version of Postgres and of the schema. Files that need it at the same time make one each; the first stays.
 */
async function preparedData(folder: string, programs: Programs): Promise<string> {
  const { bin, user } = programs
  const { stdout: version } = await run(join(bin, 'postgres'), ['--version'], user)
  const key = JSON.stringify([version, process.getuid?.(), readMigrations()])
  const cache = join(import.meta.dirname, '../../.cache')
  const kept = join(cache, `postgres-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`)
  if (existsSync(kept)) return kept
  const data = join(folder, 'template')
  const options = '-A trust -U postgres -E UTF8 --locale=C --no-sync --wal-segsize=4'.split(' ')
  await run(join(bin, 'initdb'), ['-D', data, ...options], { ...user, cwd: folder })
  const server = makeServer(programs, data, folder, {
    listen_addresses: '',
    unix_socket_directories: folder,
    fsync: 'off',
  })
  await server.start()
  const settings = settingsFor(folder, 5432)
  const admin = makeDb(settings('postgres'))
  await admin.run(`create database ${TEMPLATE} ${LOCALE}`)
  const db = makeDb(settings(TEMPLATE))
  await prepareDatabase(db)
  await db.close()
  await admin.run(`create database ${FIRST} template ${TEMPLATE}`)
  await admin.close()
  await server.stop('SIGINT')
  mkdirSync(cache, { recursive: true })
  const ours = mkdtempSync(join(cache, 'postgres-new-'))
  await run('cp', ['-a', `${data}/.`, ours])
  try {
    renameSync(ours, kept)
  } catch {
    rmSync(ours, { recursive: true, force: true })
  }
  return kept
}

const settingsFor =
  (host: string, port: number) =>
  (database: string): StorageSettings => ({
    ...defaultSettings,
    hosts: [{ host, port }],
    user: 'postgres',
    database,
    tls: { mode: 'disable' },
    applicationName: 'test',
  })
