/** A real Redis on loopback, in memory alone, that a test may kill and start again on the same port. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { programPath } from '../servers.ts'
import { freePort } from './free-port.ts'

export interface RedisServer {
  readonly port: number
  /** A unix socket, listened on besides. */
  readonly socket: string
  /** SIGKILL: all connections are cut, all that was in it is gone. */
  readonly kill: () => Promise<void>
  /** Ready when it settles. */
  readonly start: () => Promise<void>
}

/** Started, and ended with the test. Undefined, and the test skipped, where there is no Redis. */
export async function startRedis(t: TestContext, flags: readonly string[] = []): Promise<RedisServer | undefined> {
  const program = programPath('redis-server')
  if (program === undefined) {
    t.skip('redis-server is not installed')
    return undefined
  }
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'plexus-redis-'))
  const socket = join(folder, 'redis.sock')
  let child: ChildProcess | undefined

  const start = async () => {
    child = spawn(
      program,
      ['--bind', '127.0.0.1', '--port', String(port), '--unixsocket', socket, '--dir', folder].concat(
        ['--save', '', '--appendonly', 'no'],
        flags,
      ),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    for await (const chunk of child.stdout!) if (String(chunk).includes('eady to accept connections')) break
    child.stdout!.resume()
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.after(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  await start()
  return { port, socket, kill, start }
}
