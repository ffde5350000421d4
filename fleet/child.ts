/** A process that is kept running: started again, after a pause that grows, whenever it ends by itself. */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'

export interface ChildOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
  /** Its output is appended there; a long one from before is put aside first, as `….1`. */
  readonly log: string
  /** Does it answer? Asked again and again while it starts; a rejection is a no. */
  readonly isUp: () => Promise<boolean>
  readonly startTimeoutMs?: number
  readonly stopSignal?: 'SIGTERM' | 'SIGINT'
  /** To who does not stop in time (default: SIGKILL). */
  readonly killSignal?: 'SIGKILL' | 'SIGQUIT'
  /** A Node process of this package's launcher: it stops by itself should this process be killed. */
  readonly isNode?: boolean
  /** Aborted while it starts: it is stopped, and the start rejected. */
  readonly signal?: AbortSignal
  readonly say: (line: string) => void
}

export interface Child {
  readonly name: string
  readonly pid: () => number | undefined
  /** Does it answer now? A rejection is a no. */
  readonly isUp: () => Promise<boolean>
  /** Asks it to stop, and kills it after `patienceMs`. It is not started again. */
  readonly stop: (patienceMs: number) => Promise<void>
  /** Ends it now; it is not started again. */
  readonly kill: () => void
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
/** Who ran so long is no child of misfortune: its next end is a first one. */
const STEADY_MS = 60_000
const LONG_LOG_BYTES = 20 * 2 ** 20

/** It ended before it answered, or did not answer in time. `output`: the last it said. */
export class StartError extends Error {
  readonly output: string
  constructor(message: string, output: string) {
    super(message)
    this.output = output
  }
}

/** Resolves when the process answers; rejects with a {@link StartError} if it does not come up this first time. */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { name, log, isUp, startTimeoutMs = 60_000, stopSignal = 'SIGTERM', killSignal = 'SIGKILL', say } = options
  putAside(log)
  let child: ChildProcess | undefined
  let ended: Promise<string> = Promise.resolve('')
  let isStopping = false
  let pauseMs = FIRST_PAUSE_MS
  let again: NodeJS.Timeout | undefined

  const start = () => {
    const output = openSync(log, 'a', 0o600)
    const from = fstatSync(output).size
    const startedAt = performance.now()
    const started = spawn(options.command, [...options.args], {
      stdio: ['ignore', output, output, ...(options.isNode ? (['ipc'] as const) : [])],
      // Ctrl-C in a terminal reaches this process alone, which stops the others in order.
      detached: true,
      env: { ...process.env, ...(options.isNode && { PLEXUS_HANDED_OVER: '1' }), ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.uid !== undefined && { uid: options.uid }),
      ...(options.gid !== undefined && { gid: options.gid }),
    })
    closeSync(output)
    child = started
    ended = new Promise((resolve) => {
      started.once('exit', (status, signal) => resolve(signal ?? `exit status ${status}`))
      started.once('error', (error) => resolve(error.message))
    })
    return { startedAt, from }
  }

  const untilUp = async (from: number): Promise<void> => {
    const deadline = performance.now() + startTimeoutMs
    let end: string | undefined
    void ended.then((how) => {
      end = how
    })
    for (;;) {
      if (await isUp().catch(() => false)) return
      if (options.signal?.aborted) throw new StartError(`${name} was stopped while it started`, '')
      if (end !== undefined) throw new StartError(`${name} ended while it started (${end})`, outputOf(log, from))
      if (performance.now() > deadline)
        throw new StartError(`${name} did not answer within ${startTimeoutMs / 1000} s`, outputOf(log, from))
      await sleep(25)
    }
  }

  const watch = (startedAt: number) => {
    void ended.then((how) => {
      if (isStopping) return
      if (performance.now() - startedAt > STEADY_MS) pauseMs = FIRST_PAUSE_MS
      say(`${name} ended (${how}); starting it again in ${pauseMs / 1000} s. Its log: ${log}`)
      again = setTimeout(() => {
        const { startedAt: at, from } = start()
        untilUp(from).then(
          () => !isStopping && say(`${name} is up again`),
          // Its end is told by who watches.
          () => {},
        )
        watch(at)
      }, pauseMs)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    })
  }

  const isRunning = () => child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  const stop = async (patienceMs: number) => {
    isStopping = true
    clearTimeout(again)
    if (!isRunning()) return
    child!.kill(stopSignal)
    const kill = setTimeout(() => {
      say(`${name} did not stop within ${patienceMs / 1000} s, and was killed`)
      child!.kill(killSignal)
    }, patienceMs)
    await ended
    clearTimeout(kill)
  }

  const { startedAt, from } = start()
  try {
    await untilUp(from)
  } catch (error) {
    await stop(2_000)
    throw error
  }
  watch(startedAt)
  return {
    name,
    isUp,
    pid: () => (isRunning() ? child!.pid : undefined),
    stop,
    kill() {
      isStopping = true
      clearTimeout(again)
      if (isRunning()) child!.kill(killSignal)
    },
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const putAside = (log: string): void => {
  try {
    if (statSync(log).size > LONG_LOG_BYTES) renameSync(log, `${log}.1`)
  } catch {
    // There is none.
  }
}

/** The last of what was written from byte `from` on, whole lines. */
const outputOf = (log: string, from: number): string => {
  const file = openSync(log, 'r')
  const { size } = fstatSync(file)
  const start = Math.max(from, size - 4_000)
  const bytes = Buffer.alloc(size - start)
  readSync(file, bytes, 0, bytes.length, start)
  closeSync(file)
  const text = bytes.toString()
  return (start > from ? text.slice(text.indexOf('\n') + 1) : text).trimEnd()
}
