/** `worker --config …`: a process from its start to its end. */

import { flushCompileCache } from 'node:module'
import type { Logger } from 'pino'
import { formatProblem } from '../shared/config/problem.ts'
import { makeLogFile } from '../shared/log-file.ts'
import type { ConfigRead } from './config/read.ts'
import type { WorkerConfig } from './config/types.ts'
import { levelOf } from './logging/levels.ts'
import { makeLogger } from './logging/logger.ts'
import { makeSigningKey } from './signing-key.ts'
import { CannotStart, type RunningWorker, startWorker } from './start.ts'

export interface RunOptions {
  /** Reads the files. Called once more where the signing key is made meanwhile. */
  readonly read: () => ConfigRead
  /** Of this program: `0.1.0`. */
  readonly version: string
  /** Standard error, for what is said before there is a log. */
  readonly err: (text: string) => void
}

/** How long running requests may go on after the process was told to stop. */
const GRACE_MS = 8_000
const LEFT_OPEN_MS = 100
/** A supervisor that signals a whole group of processes reaches us twice: what comes so soon is the same signal. */
const SAME_SIGNAL_MS = 500
/** How long a worker waits for main to make the signing key. */
const KEY_PATIENCE_MS = 60_000
const KEY_RETRY_MS = 200

/** Runs until SIGTERM or SIGINT; resolves to the exit status: 1 where it cannot start. */
export async function runWorker({ read, version, err }: RunOptions): Promise<number> {
  const startedAt = performance.now()
  const { config: firstRead, problems } = read()
  for (const problem of problems) err(`${formatProblem(problem)}\n`)
  if (firstRead === undefined) return 1

  const logFile = makeLogFile({ to: 'stdout', report: (message) => err(`${message}\n`) })
  const loggers = makeLoggers(firstRead, logFile.write)
  const log = loggers('synapse')
  const stopping = listenToSignals()
  const end = async (status: number) => {
    stopping.forget()
    process.off('SIGHUP', reopen)
    await logFile.close()
    // What could not be closed does not keep the process.
    setTimeout(() => process.exit(status), LEFT_OPEN_MS).unref()
    return status
  }
  endOnBugs(log, logFile.close)

  let worker: RunningWorker | undefined
  // From the start: without a handler the signal would end the process.
  const reopen = () => {
    void logFile.reopen()
    try {
      worker?.reloadCertificate()
      log.info('certificates and log opened anew')
    } catch (error) {
      log.error({ err: error }, 'the certificate cannot be read: the one of before stays')
    }
  }
  process.on('SIGHUP', reopen)
  try {
    const config =
      firstRead.signingKeys.length > 0 ? firstRead : await withSigningKey(firstRead, read, log, stopping.signal)
    log.info(`starting ${config.instanceName}, Plexus ${version}, Node ${process.version}`)
    worker = await startWorker(config, { version, logger: loggers, writeLine: logFile.write, signal: stopping.signal })
  } catch (error) {
    if (stopping.signal.aborted) return end(0)
    if (!(error instanceof CannotStart)) log.fatal({ err: error }, 'cannot start')
    else {
      log.fatal(error.message)
      err(`${firstRead.instanceName} cannot start: ${error.message}\n`)
    }
    return end(1)
  }
  log.info({ urls: worker.urls, ms: Math.round(performance.now() - startedAt) }, `${firstRead.instanceName} is up`)

  // Now, as a process that is killed leaves none: the next would compile all anew, which takes 25 MiB that it never gives back.
  flushCompileCache()
  const signal = await stopping.asked
  log.info({ signal, graceMs: GRACE_MS }, 'stopping: running requests may finish; once more stops at once')
  await Promise.race([worker.stop(GRACE_MS), stopping.askedAgain])
  log.info('stopped')
  return end(0)
}

/** By the name of Synapse's logger: one for each level is enough. */
function makeLoggers({ logging, instanceName }: WorkerConfig, write: (line: string) => void): (name: string) => Logger {
  const root = makeLogger({ level: levelOf(logging, 'synapse'), instance: instanceName, destination: { write } })
  const byLevel = new Map<string, Logger>([[root.level, root]])
  return (name) => {
    const level = levelOf(logging, name)
    let logger = byLevel.get(level)
    if (logger === undefined) {
      logger = root.child({}, { level })
      byLevel.set(level, logger)
    }
    return logger
  }
}

function listenToSignals() {
  const controller = new AbortController()
  const first = Promise.withResolvers<NodeJS.Signals>()
  const again = Promise.withResolvers<void>()
  let at: number | undefined
  const hear = (signal: NodeJS.Signals) => {
    if (at !== undefined) {
      if (performance.now() - at > SAME_SIGNAL_MS) again.resolve()
      return
    }
    at = performance.now()
    controller.abort(new Error(`stopped by ${signal}`))
    first.resolve(signal)
  }
  process.on('SIGTERM', hear)
  process.on('SIGINT', hear)
  return {
    signal: controller.signal,
    asked: first.promise,
    askedAgain: again.promise,
    forget() {
      process.off('SIGTERM', hear)
      process.off('SIGINT', hear)
    },
  }
}

/** What nobody caught leaves the process in a state that nobody knows: it says so and ends; whoever started it starts it again. */
function endOnBugs(log: Logger, flush: () => Promise<void>): void {
  const end = (error: unknown) => {
    log.fatal({ err: error }, 'a bug: the process ends')
    void flush().finally(() => process.exit(1))
  }
  process.once('uncaughtException', end)
  process.once('unhandledRejection', end)
}

/** Main makes the key that is not there, the others wait for it. */
async function withSigningKey(
  config: WorkerConfig,
  read: RunOptions['read'],
  log: Logger,
  signal: AbortSignal,
): Promise<WorkerConfig> {
  const { isMain, signingKeyPath: path } = config
  if (path === undefined) throw new CannotStart('there is no signing key')
  if (isMain) {
    try {
      makeSigningKey(path)
    } catch (error) {
      throw new CannotStart(`the signing key cannot be made: ${(error as Error).message}`)
    }
    log.info(`a signing key was made: ${path}. Keep it: without it the server is another one`)
  }
  const end = performance.now() + KEY_PATIENCE_MS
  for (let isTold = false; ; isTold = true) {
    signal.throwIfAborted()
    const { config: next, problems } = read()
    if (next === undefined) throw new CannotStart(problems.map(formatProblem).join('\n'))
    if (next.signingKeys.length > 0) return next
    if (performance.now() > end)
      throw new CannotStart(`there is no signing key at ${path}: the main process makes it at its first start`)
    if (!isTold) log.warn(`there is no signing key at ${path} yet: waiting for the main process to make it`)
    await new Promise((resolve) => setTimeout(resolve, KEY_RETRY_MS))
  }
}
