/** `router --routes routes.yaml`: the router as a service, from its configuration to its end. */

import { createHash } from 'node:crypto'
import { readFileSync, writeSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import { addressKey } from '../shared/config/address.ts'
import { formatProblem } from '../shared/config/problem.ts'
import { type LogFile, makeLogFile } from '../shared/log-file.ts'
import { watchProcess } from '../shared/process-metrics.ts'
import { removeStaleSocket } from '../shared/stale-socket.ts'
import { loadConfig } from './config/load.ts'
import type { RouterConfig } from './config/types.ts'
import { makeDecide } from './decide.ts'
import { explanation } from './explain.ts'
import { watchFile } from './reload.ts'
import { type RunningRouter, startRouter } from './start.ts'
import { tables } from './tables.ts'
import { makeAccessLog } from './telling/access-log.ts'
import { type Admin, startAdmin } from './telling/admin.ts'
import { makeMetrics } from './telling/metrics.ts'
import { collectGauges } from './telling/telling.ts'

export interface RunOptions {
  /** The path of `routes.yaml`. */
  readonly routes: string
  /** The least serious kind of line that is logged to standard error. */
  readonly logLevel?: 'info' | 'warn'
  /** Called once everything listens, with where the admin address is. */
  readonly onUp?: (router: RunningRouter, admin?: string) => void
}

/** Runs until SIGTERM or SIGINT; resolves to the exit status: 1 if the configuration or a listener is not to be had. */
export const run = async ({ routes: file, logLevel = 'info', onUp = () => {} }: RunOptions): Promise<number> => {
  watchProcess()
  const log = pino({ base: { pid: process.pid }, level: logLevel }, standardError)
  let digest = digestOf(file)
  const { config, problems } = loadConfig(file, undefined, tables)
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`)
  if (config === undefined) return 1

  const metrics = makeMetrics()
  const accessFile = openAccessLog(config, (message) => log.error(message))
  let router: RunningRouter
  try {
    router = await startRouter(config, {
      log,
      metrics,
      accessLog: accessFile && makeAccessLog((line) => accessFile.write(line)),
    })
  } catch (error) {
    process.stderr.write(`${file}: cannot listen: ${(error as Error).message}\n`)
    return 1
  }

  let listening = true
  let admin: Admin | undefined
  try {
    admin = await openAdmin(
      router,
      config,
      metrics,
      () => listening,
      () => accessFile?.lost ?? 0,
    )
  } catch (error) {
    process.stderr.write(`${file}: admin: cannot listen: ${(error as Error).message}\n`)
    await router.close()
    return 1
  }
  let reloading = Promise.resolve()
  const reload = (why: string, always: boolean) => {
    reloading = reloading.then(async () => {
      const now = digestOf(file)
      if (!always && now === digest) return
      digest = now
      const next = loadConfig(file, undefined, tables)
      let failure = next.config === undefined ? 'the configuration has errors' : undefined
      for (const problem of next.problems) log[problem.severity === 'error' ? 'error' : 'warn'](formatProblem(problem))
      if (next.config !== undefined)
        try {
          await router.reload(next.config)
        } catch (error) {
          failure = (error as Error).message
        }
      metrics.reloads.values[metrics.reloads.row(failure === undefined ? 'ok' : 'failed')]!++
      if (failure === undefined) {
        log.info({ why }, 'configuration reloaded')
        const waiting = next.config ? startOnlyChanges(config, next.config) : []
        if (waiting.length > 0) log.warn({ keys: waiting }, 'these take their new values at the next start only')
      } else log.error({ why, failure }, 'reload failed: the configuration of before stays in force')
    })
  }
  const stopWatching = watchFile(file, () => reload('the file changed', false))
  process.on('SIGHUP', () => {
    void accessFile?.reopen()
    reload('SIGHUP', true)
  })
  process.on('SIGUSR1', () => void accessFile?.reopen())
  reload('the file changed', false) // while the router started
  const adminAt = admin && `${admin.address.kind === 'tcp' ? 'http://' : ''}${addressKey(admin.address)}`
  log.info(
    {
      listening: router.listeners.map((listener) => listener.url),
      ...(adminAt && { admin: adminAt }),
      pools: [...config.pools.keys()],
    },
    'router is up',
  )
  onUp(router, adminAt)

  const signal = await new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  listening = false
  stopWatching()
  log.info({ signal, drainMs: config.drainMs }, 'stopping: running requests may finish; once more stops at once')
  // A supervisor that signals a whole process group reaches us twice: what comes within a second is the same signal.
  const stoppedAt = performance.now()
  const atOnce = new Promise<void>((resolve) => {
    const again = () => {
      if (performance.now() - stoppedAt > 1_000) resolve()
    }
    process.on('SIGTERM', again)
    process.on('SIGINT', again)
  })
  await Promise.race([router.close(), atOnce])
  await admin?.close()
  await accessFile?.close()
  log.info('stopped')
  return 0
}

/** The keys in which `next` differs from `started`, and which a reload does not touch. */
const startOnlyChanges = (started: RouterConfig, next: RouterConfig): readonly string[] => [
  ...(isDeepStrictEqual(started.admin, next.admin) ? [] : ['admin']),
  ...(isDeepStrictEqual(started.adminHosts, next.adminHosts) ? [] : ['admin_hosts']),
  ...(isDeepStrictEqual(started.accessLog, next.accessLog) ? [] : ['access_log']),
]

/** At once, so that the last line before an end is there. pino's own destination ends the process where the disk is full. */
const standardError = {
  write(line: string): void {
    try {
      writeSync(2, line)
    } catch {
      // What cannot be said is no reason to end.
    }
  },
}

const digestOf = (file: string): string => {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64')
  } catch {
    return ''
  }
}

const openAccessLog = ({ accessLog }: RouterConfig, report: (message: string) => void): LogFile | undefined =>
  accessLog.to === 'off' ? undefined : makeLogFile({ to: accessLog.to, report })

const openAdmin = async (
  router: RunningRouter,
  { admin, adminHosts }: RouterConfig,
  metrics: ReturnType<typeof makeMetrics>,
  isListening: () => boolean,
  accessLogLost: () => number,
): Promise<Admin | undefined> => {
  if (admin === undefined) return undefined
  if (admin.kind === 'unix') await removeStaleSocket(admin.path)
  const decide = makeDecide((name) => {
    const worker = router.workers.get(name)
    return worker === undefined ? 'unknown' : worker.up ? 'live' : 'down'
  })
  return startAdmin({
    address: admin,
    names: adminHosts,
    metrics: () => {
      collectGauges(metrics, router.snapshot.pools.values(), router.gateway.clients.size, accessLogLost())
      return metrics.print()
    },
    isListening,
    pools: () => {
      const used = new Set(['main', ...router.snapshot.rules.map((rule) => rule.pool)])
      return [...router.snapshot.pools.values()].map((pool) => ({
        name: pool.name,
        workers: pool.members.map(({ worker, weight, drain }) => ({
          name: worker.name,
          up: worker.up,
          draining: drain,
          weight,
          inFlight: worker.inFlight,
        })),
        fallback: pool.config.fallback,
        queued: pool.places.queued,
        used: used.has(pool.name),
      }))
    },
    explain: (method, target) => {
      const { config, rules } = router.snapshot
      const request = { method, target, headers: [], listener: 0, clientIp: '192.0.2.1' }
      return explanation(config, request, decide(config, rules, request))
    },
    setDraining: (worker, draining) => router.drain(worker, draining),
  })
}
