/** The server's process. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Programs } from './postgres-programs.ts'

/** The end of a file waits for it; a test that was killed takes it along (util-linux). */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export interface Server {
  readonly start: () => Promise<void>
  readonly stop: (signal?: 'SIGINT' | 'SIGKILL') => Promise<void>
}

/** Of the data folder `data`; not started. `settings`: of postgresql.conf. */
export function makeServer(
  { bin, user }: Programs,
  data: string,
  folder: string,
  settings: Readonly<Record<string, string | number>>,
): Server {
  let server: ChildProcess | undefined
  let output = ''
  return {
    async start() {
      const args = ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])]
      const program = join(bin, 'postgres')
      const [file, argv] =
        setpriv === undefined ? [program, args] : [setpriv, ['--pdeathsig', 'INT', '--', program, ...args]]
      const child = spawn(file, argv, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder, ...user })
      child.stderr.on('data', (chunk: Buffer) => {
        output = `${output}${chunk.toString()}`.slice(-20_000)
      })
      server = child
      await untilReady(child, data, () => output)
    },
    async stop(signal = 'SIGINT') {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
      const backends = signal === 'SIGKILL' ? childrenOf(server.pid!) : []
      server.kill(signal)
      for (const pid of backends) tryKill(pid)
      await once(server, 'exit')
      // While one of them holds the shared memory, no other server starts on the folder.
      while (backends.some((pid) => statusOf(pid) !== undefined))
        await new Promise((resolve) => setTimeout(resolve, 10))
    },
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

function childrenOf(parent: number): readonly number[] {
  const pids = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return pids.map(Number).filter((pid) => statusOf(pid)?.parent === parent)
}

/** Undefined for a process that has ended, whether someone took notice or not. */
function statusOf(pid: number): { readonly parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : { parent: Number(parent) }
  } catch {
    return undefined
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
