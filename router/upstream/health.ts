/**
 * Active health checks: `GET /health` to every worker, seldom while it is up and often while it is down, so that a
 * restarted worker is used again within a second. A worker that misses a check may only have been busy, and to take its users
 * from it costs the others its caches: it is asked once more, with half the time, before it is taken to be down.
 */

import { request } from 'node:http'
import type { Address } from '../../shared/config/address.ts'
import type { HealthConfig } from '../config/types.ts'

/** Between checks of a worker that is down. */
const DOWN_INTERVAL_MS = 400
/** From a check that a worker missed to the one that decides. */
const SECOND_CHECK_MS = 100
/** Codes that say that nobody listens: no second proof is needed. */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])

export interface Checked {
  readonly name: string
  readonly address: Address
  readonly up: boolean
  markUp(): void
  markDown(reason: string): void
}

export interface HealthChecks {
  /** Checks these workers from now on, and no others. */
  watch(workers: ReadonlyMap<Checked, HealthConfig>): void
  /** Checks a worker at once and then as one that is down: requests to it failed. */
  suspect(worker: Checked): void
  stop(): void
}

interface Watch {
  config: HealthConfig
  timer: NodeJS.Timeout | undefined
  /** A check is under way. */
  running: boolean
  /** The check before this one was missed. */
  missed: boolean
  stopped: boolean
}

export const makeHealthChecks = (): HealthChecks => {
  const watches = new Map<Checked, Watch>()

  const check = (worker: Checked, watch: Watch) => {
    if (watch.running || watch.stopped) return
    watch.running = true
    const timeoutMs = watch.missed ? watch.config.timeoutMs / 2 : watch.config.timeoutMs
    probe(worker.address, watch.config.path, timeoutMs, (failure) => {
      watch.running = false
      if (watch.stopped) return
      const decides = watch.missed || !worker.up || failure === null || REFUSALS.has(failure)
      watch.missed = !decides
      if (!decides) {
        schedule(worker, watch, SECOND_CHECK_MS)
        return
      }
      if (failure === null) worker.markUp()
      else worker.markDown(failure)
      if (!worker.up) schedule(worker, watch, DOWN_INTERVAL_MS)
      else if (watch.config.path !== '') schedule(worker, watch, watch.config.intervalMs)
    })
  }
  const schedule = (worker: Checked, watch: Watch, delayMs: number) => {
    clearTimeout(watch.timer)
    watch.timer = setTimeout(check, delayMs, worker, watch)
    watch.timer.unref()
  }

  return {
    watch(workers) {
      for (const [worker, watch] of watches)
        if (!workers.has(worker)) {
          watch.stopped = true
          clearTimeout(watch.timer)
          watches.delete(worker)
        }
      for (const [worker, config] of workers) {
        const watch = watches.get(worker)
        if (watch) watch.config = config
        else {
          const fresh: Watch = { config, timer: undefined, running: false, missed: false, stopped: false }
          watches.set(worker, fresh)
          if (config.path !== '') check(worker, fresh)
        }
      }
    },
    suspect(worker) {
      const watch = watches.get(worker)
      if (watch) schedule(worker, watch, DOWN_INTERVAL_MS / 4)
    },
    stop() {
      for (const watch of watches.values()) {
        watch.stopped = true
        clearTimeout(watch.timer)
      }
      watches.clear()
    },
  }
}

/**
 * Asks once. `done(null)`: healthy; else why not. Without a path to ask for there are no checks but of workers that are
 * down, and an accepted connection is health enough.
 */
const probe = (address: Address, path: string, timeoutMs: number, done: (failure: string | null) => void): void => {
  const where = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port }
  const attempt = request({
    ...where,
    path: path || '/',
    agent: false,
    headers: { host: 'localhost' },
  })
  let settled = false
  const settle = (failure: string | null) => {
    if (settled) return
    settled = true
    clearTimeout(deadline)
    attempt.destroy()
    done(failure)
  }
  const deadline = setTimeout(settle, timeoutMs, `no answer to ${path} in ${timeoutMs} ms`)
  attempt.on('response', (response) => {
    response.resume()
    if (path === '') return settle(null)
    const { statusCode = 0 } = response
    settle(statusCode >= 200 && statusCode < 400 ? null : `${path} answered ${statusCode}`)
  })
  attempt.on('socket', (socket) => {
    if (path === '') socket.on('connect', () => settle(null))
  })
  attempt.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message))
  attempt.end()
}
