/** The servers that tests start, by the Debian package that brings each. `npm test` installs what is missing. */

import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface DebianServer {
  readonly debianPackage: string
  readonly program: string
}

export const servers: readonly DebianServer[] = [
  { debianPackage: 'nginx', program: 'nginx' },
  { debianPackage: 'haproxy', program: 'haproxy' },
  { debianPackage: 'redis-server', program: 'redis-server' },
  { debianPackage: 'postgresql', program: 'initdb' },
  { debianPackage: 'pgbouncer', program: 'pgbouncer' },
  { debianPackage: 'chromium', program: 'chromium' },
]

/**
 * The program's path, or undefined. Debian keeps servers in /usr/sbin, which is not on everyone's PATH, and Postgres in a
 * folder for each version.
 */
export function programPath(program: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
  ]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

export const missingServers = (): readonly DebianServer[] =>
  servers.filter(({ program }) => programPath(program) === undefined)

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
