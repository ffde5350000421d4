/** Child processes that never outlive the run: each is stopped by its pid, and by the kernel if the run itself is killed. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Failed, progress } from './report.ts'

const run = promisify(execFile)

export interface Child {
  readonly name: string
  readonly pid: number
  /** Where stdout and stderr go. */
  readonly output: string
  /** Why it ended; undefined while it runs. */
  readonly ended: () => string | undefined
  /** Asks it to stop, waits up to `patienceMs`, then kills. */
  readonly stop: (patienceMs?: number) => Promise<void>
}

export interface Start {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly output: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
  readonly stopSignal?: 'SIGTERM' | 'SIGINT'
}

export interface Children {
  readonly start: (what: Start) => Child
  readonly find: (name: string) => Child | undefined
  /** Stops all of them: those started last first, where `together` says so all at once. */
  readonly stopAll: () => Promise<void>
}

// setpriv (util-linux) makes the kernel signal the child when this process dies without a chance to clean up.
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export const makeChildren = (): Children => {
  const children: { child: Child; process: ChildProcess; layer: number }[] = []
  let stopping = false

  const start = ({ name, command, args, output, cwd, env, uid, gid, stopSignal = 'SIGTERM' }: Start): Child => {
    if (stopping) throw new Failed(`${name} is not started: the run is stopping`)
    const fd = openSync(output, 'a')
    const [file, argv] = setpriv
      ? [setpriv, ['--pdeathsig', stopSignal.slice(3), '--', command, ...args]]
      : [command, [...args]]
    const started = spawn(file, argv, {
      stdio: ['ignore', fd, fd],
      detached: true, // Ctrl-C reaches this process alone, which stops the others in order
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    })
    let end: string | undefined
    const exited = new Promise<void>((resolve) => {
      started.once('exit', (code, signal) => {
        end = signal ?? `exit status ${code}`
        resolve()
      })
      started.once('error', (error) => {
        end = error.message
        resolve()
      })
    })
    const child: Child = {
      name,
      pid: started.pid ?? -1,
      output,
      ended: () => end,
      async stop(patienceMs = 15_000) {
        if (end !== undefined) return
        started.kill(stopSignal)
        const kill = setTimeout(() => started.kill('SIGKILL'), patienceMs)
        await exited
        clearTimeout(kill)
      },
    }
    children.push({ child, process: started, layer: children.length })
    return child
  }

  return {
    start,
    find: (name) => children.findLast(({ child }) => child.name === name)?.child,
    async stopAll() {
      stopping = true
      // Synapse's processes and the edge at once; then what they stand on, last started first.
      const base = new Set(['redis', 'postgres'])
      await Promise.all(children.filter(({ child }) => !base.has(child.name)).map(({ child }) => child.stop()))
      for (const { child } of children.filter((entry) => base.has(entry.child.name)).reverse()) await child.stop()
    },
  }
}

/** The last `lines` lines of a file; empty when it is not there. */
export const tail = async (path: string, lines = 15): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-lines).join('\n')

/** Runs a command to its end; its output is part of the error when it fails. */
export const command = (
  what: string,
  file: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; cwd?: string; env?: Record<string, string> } = {},
): Promise<string> =>
  progress(what, async () => {
    try {
      const { env, ...rest } = options
      const { stdout } = await run(file, [...args], { ...rest, env: { ...process.env, ...env }, maxBuffer: 64 << 20 })
      return stdout
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n')
      throw new Failed(`${what} failed (${message.split('\n')[0]})\n${said}`)
    }
  })
