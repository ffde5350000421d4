/** What the run needs and npm does not bring: Synapse in a virtual environment, Postgres and Redis from Debian. */

import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { command } from './children.ts'
import { Failed, say } from './report.ts'

const repository = resolve(import.meta.dirname, '../..')
export const synapseVersion = process.env.SYNAPSE_VERSION ?? '1.163.2'

export interface Installed {
  readonly synapseVersion: string
  /** The interpreter of Synapse's virtual environment. */
  readonly python: string
  /** Folder with `initdb`, `postgres` and `psql`. */
  readonly postgresBin: string
  readonly redisServer: string
}

const onPath = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

/** Debian keeps Postgres' programs off the path, one folder a version; the newest serves. */
const findPostgres = async (): Promise<string | undefined> => {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const debian = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  if (debian) return debian
  const initdb = onPath('initdb')
  return initdb && onPath('postgres') ? resolve(initdb, '..') : undefined
}

const debian = async (packages: readonly string[]): Promise<void> => {
  const missing = packages.join(' ')
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    throw new Failed(
      `missing: ${missing}. On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${missing}`,
    )
  }
  say(`installing ${missing} from Debian`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await command('apt-get update', 'apt-get', ['update', '-qq'], { env })
  await command(
    `apt-get install ${missing}`,
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    { env },
  )
}

const servers = async (): Promise<{ postgresBin: string; redisServer: string }> => {
  const missing = [
    ...((await findPostgres()) ? [] : ['postgresql']),
    ...(onPath('redis-server') ? [] : ['redis-server']),
  ]
  if (missing.length > 0) await debian(missing)
  const postgresBin = await findPostgres()
  const redisServer = onPath('redis-server')
  if (!postgresBin || !redisServer) throw new Failed(`${missing.join(' and ')} installed, but not found afterwards`)
  return { postgresBin, redisServer }
}

const PROBE = 'import synapse.app.generic_worker, psycopg2, txredisapi, synapse; print(synapse.__version__)'

/**
 * The interpreter of a virtual environment with Synapse in it, made on the first call. A file named `complete` is written
 * last, so that half an environment is never used (it cannot be renamed: its scripts name their folder).
 */
export const synapsePython = async (): Promise<string> => {
  const folder = join(repository, '.cache', `synapse-${synapseVersion}`)
  const python = join(folder, 'bin', 'python')
  const complete = join(folder, 'complete')
  const isThere = () => existsSync(complete) && existsSync(python)
  if (isThere()) return python
  const unlock = await lock(`${folder}.lock`)
  try {
    if (!isThere()) await makeEnvironment(folder, python, complete)
    return python
  } finally {
    await unlock()
  }
}

const LOCK_POLL_MS = 500
/** Its maker was killed before it had put its name in. */
const NAMELESS_MS = 10_000

/** Test files run side by side, and one of them is to make it. A lock whose holder is dead is nobody's. */
const lock = async (path: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(path), { recursive: true })
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    const isAbandoned = holder > 0 ? !isAlive(holder) : Date.now() - mtimeMs > NAMELESS_MS
    if (isAbandoned) await rm(path, { force: true })
    else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const makeEnvironment = async (folder: string, python: string, complete: string): Promise<void> => {
  const python3 = onPath('python3')
  if (!python3) await debian(['python3', 'python3-venv'])
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  try {
    await command('python3 -m venv', onPath('python3') ?? 'python3', ['-m', 'venv', folder])
  } catch (error) {
    if (!String(error).includes('ensurepip')) throw error
    await debian(['python3-venv'])
    await command('python3 -m venv', onPath('python3') ?? 'python3', ['-m', 'venv', '--clear', folder])
  }
  const pip = (...packages: string[]) =>
    command(`pip install ${packages.join(' ')}`, python, [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      ...packages,
    ])
  try {
    await pip(`matrix-synapse[postgres,redis]==${synapseVersion}`)
  } catch (error) {
    // psycopg2 is built from source, which needs a compiler and libpq's headers; the wheel psycopg2-binary gives the same module.
    if (!/psycopg2|pg_config/.test(String(error))) throw error
    say('psycopg2 does not build here (libpq-dev and a compiler would be needed): taking psycopg2-binary instead')
    await pip(`matrix-synapse[redis]==${synapseVersion}`, 'psycopg2-binary')
  }
  const found = (await command('looking at the installed Synapse', python, ['-c', PROBE])).trim()
  if (!found.startsWith(synapseVersion))
    throw new Failed(`pip installed Synapse ${found} where ${synapseVersion} was asked for`)
  await writeFile(`${complete}.new`, `${found}\n`)
  await rename(`${complete}.new`, complete)
}

export const install = async (): Promise<Installed> => ({
  synapseVersion,
  ...(await servers()),
  python: await synapsePython(),
})
