/** The folder that holds all of a homeserver: whose it is, and that one start at a time has it. */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeStaleSocket } from '../shared/stale-socket.ts'

/** What lies in a data folder, and how; a release that changes this counts it up. */
const FORMAT = 1
const FILE = 'plexus.json'
/** As root the database is somebody else's, who has to pass; what is in here keeps its own permissions. */
const PASSABLE = process.getuid?.() === 0 ? 0o711 : 0o700
/** The longest path of a unix socket, less the longest name that is given to one. */
const LONGEST_SOCKET_FOLDER = 103 - 'device_lists10.replication.sock'.length

export interface DataFolder {
  readonly path: string
  readonly serverName: string
  /** Nothing was in it before. */
  readonly isNew: boolean
  /** For unix sockets; elsewhere if the folder's own path is too long for them. */
  readonly sockets: string
  readonly release: () => void
}

interface Facts {
  readonly format: number
  readonly server_name: string
  readonly database: 'embedded' | 'external'
}

export interface Wanted {
  readonly path: string
  /** Undefined: as it was, or `localhost`. */
  readonly serverName?: string | undefined
  readonly database: Facts['database']
}

/** Makes the folder where it is missing. Throws, with a sentence for the user, for one that cannot be used. */
export const openDataFolder = async ({ path, serverName, database }: Wanted): Promise<DataFolder> => {
  try {
    mkdirSync(path, { recursive: true, mode: PASSABLE })
  } catch (error) {
    throw new Error(`the data folder ${path} cannot be made: ${(error as Error).message}`)
  }
  const facts = read(path)
  if (facts !== undefined) check(path, facts, serverName, database)
  const name = facts?.server_name ?? serverName ?? 'localhost'
  const sockets = socketFolder(path)
  const lock = await takeLock(join(sockets, 'start.sock'), path)
  try {
    if (facts === undefined) {
      const first: Facts = { format: FORMAT, server_name: name, database }
      writeFileSync(join(path, FILE), `${JSON.stringify(first, null, 2)}\n`, { mode: 0o600 })
    }
  } catch (error) {
    lock.close()
    throw new Error(`the data folder ${path} cannot be written to: ${(error as Error).message}`)
  }
  return { path, serverName: name, isNew: facts === undefined, sockets, release: () => lock.close() }
}

function read(path: string): Facts | undefined {
  const file = join(path, FILE)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Facts
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function check(path: string, facts: Facts, serverName: string | undefined, database: Facts['database']): void {
  if (!(facts.format <= FORMAT))
    throw new Error(
      `the data folder ${path} was made by a newer release (format ${facts.format}; this one knows ${FORMAT}): update Plexus, or choose another folder with --data`,
    )
  if (serverName !== undefined && serverName !== facts.server_name)
    throw new Error(
      `the data folder ${path} is of the server ${facts.server_name}, whose name is in all its users and events: start without --server-name, or choose another folder with --data`,
    )
  if (facts.database !== database)
    throw new Error(
      facts.database === 'external'
        ? `the data folder ${path} was made for a Postgres elsewhere: give its --postgres URL again`
        : `the data folder ${path} has a database of its own: start without --postgres, or choose another folder with --data`,
    )
}

function socketFolder(path: string): string {
  const own = join(path, 'run')
  const isShort = Buffer.byteLength(own) <= LONGEST_SOCKET_FOLDER
  const folder = isShort
    ? own
    : join(tmpdir(), `plexus-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`)
  mkdirSync(folder, { recursive: true, mode: PASSABLE })
  // In the common /tmp somebody else may have made it before us, and would hold our sockets.
  const { uid, mode } = statSync(folder)
  if (uid !== (process.getuid?.() ?? uid) || (mode & 0o022) !== 0)
    throw new Error(`${folder}, for sockets, belongs to somebody else: choose a shorter path with --data`)
  return folder
}

/** Who listens has the folder; the kernel lets go of it however the process ends. */
async function takeLock(socket: string, path: string): Promise<Server> {
  await removeStaleSocket(socket)
  const server = createServer((connection) => connection.destroy())
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `another npm start runs on the data folder ${path}: stop it, or choose another folder with --data`,
            )
          : error,
      ),
    )
    server.listen(socket, () => resolve(server))
  })
}
