/** The database in the data folder: made at the first start, then run as a child. It listens on a unix socket alone. */

import { execFile } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Child, type ChildOptions, StartError, startChild } from './child.ts'
import type { Postgres } from './postgres-programs.ts'

export interface EmbeddedPostgres {
  readonly child: Child
  /** Synapse's `database.args`. */
  readonly database: Readonly<Record<string, string | number>>
}

export interface EmbeddedOptions {
  readonly postgres: Postgres
  /** Where its data are, or will be. */
  readonly data: string
  /** The folder of its socket, which nobody else enters. */
  readonly sockets: string
  readonly log: string
  readonly say: (line: string) => void
  /** Of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
}

const run = promisify(execFile)
const NAME = 'plexus'
/** Only the name of the socket: no port is taken. */
const PORT = 5432

/** Throws with a sentence for the user if the data are of another Postgres, or it does not start. */
export const startEmbeddedPostgres = async (options: EmbeddedOptions): Promise<EmbeddedPostgres> => {
  const { postgres, data, sockets, log, say, settings } = options
  const isNew = !existsSync(join(data, 'PG_VERSION'))
  if (isNew) {
    say(`making a database: Postgres ${postgres.major} in ${data}`)
    await make(postgres, data)
  } else {
    const major = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
    if (major !== postgres.major)
      throw new Error(
        `the database in ${data} is of Postgres ${major}, and this is Postgres ${postgres.major}: ` +
          `dump it with the release of Plexus that made it, and load it into an empty data folder (pg_dump, psql)`,
      )
    await endLeftOver(data, say)
  }
  own(postgres, sockets)
  say('starting Postgres')
  const all = {
    listen_addresses: '',
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    port: PORT,
    max_connections: 200,
    log_line_prefix: '%m [%p] ',
    ...settings,
  }
  const flags = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const [command, args] = postgres.command('postgres', ['-D', data, ...flags])
  const child = await patiently({
    name: 'Postgres',
    command,
    args,
    // A folder that any user may be in.
    cwd: '/',
    log,
    // "fast": it does not wait for its clients.
    stopSignal: 'SIGINT',
    // "immediate": its processes end, and it recovers at the next start. A killed one would leave them behind.
    killSignal: 'SIGQUIT',
    startTimeoutMs: 300_000,
    isUp: () => isReady(data),
    say,
  })
  try {
    await createDatabase(sockets)
  } catch (error) {
    await child.stop(5_000)
    throw error
  }
  return { child, database: { user: NAME, dbname: NAME, host: sockets, port: PORT } }
}

const LEFT_BEHIND_MS = 15_000

/** The processes of a Postgres that was killed notice it within moments; until then no other one starts on their folder. */
async function patiently(options: ChildOptions): Promise<Child> {
  const deadline = performance.now() + LEFT_BEHIND_MS
  for (;;)
    try {
      return await startChild(options)
    } catch (error) {
      const isLeftBehind = error instanceof StartError && /shared memory block .* is still in use/.test(error.output)
      if (!isLeftBehind || performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
}

/** Made aside and moved: a start that was interrupted leaves nothing half made. */
async function make(postgres: Postgres, data: string): Promise<void> {
  const half = `${data}.new`
  rmSync(half, { recursive: true, force: true })
  own(postgres, half)
  const [command, args] = postgres.command('initdb', [
    ...['-D', half, '-U', NAME, '-A', 'trust', '-E', 'UTF8', '--locale=C'],
  ])
  try {
    await run(command, [...args], { cwd: '/' })
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new Error(`Postgres could not make its files in ${data}:\n${stderr.trim()}`)
  }
  renameSync(half, data)
}

function own({ owner }: Postgres, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
}

/** The eighth line of its pid file says so. */
async function isReady(data: string): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
  return lines[7]?.trim() === 'ready'
}

/** A Postgres of before, whose starter was killed, is about to end, or is ended here. */
async function endLeftOver(data: string, say: EmbeddedOptions['say']): Promise<void> {
  const file = join(data, 'postmaster.pid')
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : Number.NaN
  if (!(pid > 1) || !isPostgresOf(pid, data)) return
  say(`a Postgres of a start before still runs on ${data} (process ${pid}): stopping it`)
  const deadline = performance.now() + 30_000
  process.kill(pid, 'SIGINT')
  while (isPostgresOf(pid, data)) {
    if (performance.now() > deadline) throw new Error(`Postgres, process ${pid}, does not stop`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The number may be anyone's by now. Without /proc nobody is touched: Postgres says itself that the folder is in use. */
function isPostgresOf(pid: number, data: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`\0${Buffer.from(data).toString('latin1')}\0`)
  } catch {
    return false
  }
}

async function createDatabase(host: string): Promise<void> {
  const client = new pg.Client({ host, port: PORT, user: NAME, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [NAME])
    if (rows.length === 0)
      await client.query(`create database ${NAME} encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0`)
  } finally {
    await client.end()
  }
}
