/** Child processes of a bench: none outlives it, on whatever path it ends; nor does its temporary folder. */

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { treeOf } from '../tests/harness/process-tree.ts'
import { NODE, PATH_WITH_SBIN } from './contestants.ts'
import { GROUPS } from './rivals/table.ts'

const running = new Set<ChildProcess>()
let folder: string | undefined

const cleanUp = () => {
  for (const child of running) for (const pid of [...treeOf(child.pid!)].reverse()) tryKill(pid, 'SIGTERM')
  if (folder) rmSync(folder, { recursive: true, force: true })
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

const tryKill = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

/** A folder removed when the bench ends. */
export const temporaryFolder = (): string => {
  folder ??= mkdtempSync(join(tmpdir(), 'plexus-bench-'))
  return folder
}

const remember = (child: ChildProcess): ChildProcess => {
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

/** A program whose output goes to `outputFile`. `openFiles`: its limit of file descriptors (needs `prlimit`). */
export const start = (command: readonly string[], outputFile: string, openFiles?: number): ChildProcess => {
  const output = openSync(outputFile, 'a')
  const [file, ...args] = openFiles ? ['prlimit', `--nofile=${openFiles}:${openFiles}`, ...command] : command
  const child = spawn(file!, args, { stdio: ['ignore', output, output], env: PATH_WITH_SBIN })
  child.on('error', (error) => console.error(`${file}: ${error.message}`))
  return remember(child)
}

/** A TypeScript module of this folder as a process of its own that is spoken to by messages. `openFiles` as in {@link start}. */
export const startModule = (url: URL, openFiles?: number): ChildProcess =>
  remember(
    fork(url, {
      ...(openFiles
        ? { execPath: 'prlimit', execArgv: [`--nofile=${openFiles}:${openFiles}`, NODE] }
        : { execPath: NODE, execArgv: [] }),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  )

/** Sends a message and waits for the next one back; throws if the process ends instead. */
export const ask = <T>(child: ChildProcess, message: object): Promise<T> =>
  new Promise((resolve, reject) => {
    const onMessage = (reply: unknown) => {
      child.off('exit', onExit)
      resolve(reply as T)
    }
    const onExit = (code: number | null) => {
      child.off('message', onMessage)
      reject(new Error(`${child.spawnargs.slice(1).join(' ')} ended with ${code}`))
    }
    child.once('message', onMessage)
    child.once('exit', onExit)
    child.send(message)
  })

/** Stand-in workers for every group of the table, and their ports by group. */
export const startWorkers = async (
  hold = false,
  openFiles?: number,
): Promise<{ child: ChildProcess; upstreams: Record<string, number[]> }> => {
  const names = GROUPS.flatMap(({ name, workers }) => Array.from({ length: workers }, (_, i) => `${name}-${i}`))
  const child = startModule(new URL('load/workers.ts', import.meta.url), openFiles)
  const { ports } = await ask<{ ports: number[] }>(child, { workers: names, hold })
  const upstreams: Record<string, number[]> = {}
  for (const [i, name] of names.entries()) {
    const group = name.slice(0, name.lastIndexOf('-'))
    upstreams[group] = [...(upstreams[group] ?? []), ports[i]!]
  }
  return { child, upstreams }
}

export const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(timer)
}

/** Waits until the port answers `GET /_matrix/client/versions` with 200; throws with the end of the program's output if it does not. */
export const untilAnswers = async (port: number, child: ChildProcess, outputFile: string): Promise<void> => {
  const deadline = Date.now() + 10_000
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      const output = readFileSync(outputFile, 'utf8').trim().split('\n').slice(-3).join(' | ')
      throw new Error(`it ${child.exitCode === null ? 'does not answer' : `ended with ${child.exitCode}`}: ${output}`)
    }
    try {
      const response = await fetch(`http://127.0.0.1:${port}/_matrix/client/versions`, {
        signal: AbortSignal.timeout(2000),
      })
      await response.arrayBuffer()
      if (response.status === 200) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
