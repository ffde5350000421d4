/** A real Postgres on loopback, in a temporary folder, that a test may kill and start again. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { programPath } from '../servers.ts'
import { freePort } from './free-port.ts'

export interface PostgresServer {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  /** Connects, and disconnects at the end of the test. */
  readonly connect: () => Promise<pg.Pool>
  /** SIGQUIT: connections are cut at once, and it recovers from its log at the next start. */
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
}

/** Started, and ended with the test. Undefined, and the test skipped, where there is no Postgres. */
export async function startPostgres(t: TestContext): Promise<PostgresServer | undefined> {
  const initdb = programPath('initdb')
  if (initdb === undefined) {
    t.skip('Postgres is not installed')
    return undefined
  }
  // It refuses to run as root; Debian's package brings a user for it.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  const folder = await mkdtemp(join(tmpdir(), 'plexus-postgres-'))
  await chmod(folder, 0o700)
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid)
  const port = await freePort()
  const connection = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
  execFileSync(
    initdb,
    ['-D', join(folder, 'data'), '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...user, cwd: folder, stdio: 'ignore' },
  )
  let child: ChildProcess | undefined

  const start = async () => {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
    child = spawn(
      join(dirname(initdb), 'postgres'),
      ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
      { ...user, cwd: folder, stdio: 'ignore' },
    )
    for (;;) {
      const client = new pg.Client(connection)
      try {
        await client.connect()
        await client.end()
        return
      } catch (error) {
        if (child.exitCode !== null) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGQUIT')
    await once(child, 'exit')
  }
  const pools: pg.Pool[] = []
  t.after(async () => {
    await Promise.all(pools.map((pool) => pool.end()))
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  await start()
  return {
    connection,
    async connect() {
      const pool = new pg.Pool(connection)
      // The server goes away before or while the test ends.
      pool.on('error', () => {})
      pools.push(pool)
      return pool
    },
    kill,
    start,
  }
}

const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
