/** What the data path tells of each request, turned into metrics and the access log. */

import { type Exchange, targetOf } from '../forward/exchange.ts'
import { CLIENT_LEFT, type Telling, type UpstreamPool, type UpstreamWorker } from '../forward/gateway.ts'
import type { Refusal } from '../forward/refusal.ts'
import type { AccessLog } from './access-log.ts'
import { CODES, codeOf, type Metrics } from './metrics.ts'

/** Refusals that say something about the workers, not about the request. */
const UPSTREAM_STATUS = 500

export const makeTelling = (metrics: Metrics, accessLog: AccessLog | undefined): Telling => {
  // One entry for all lines: the log reads it before it returns.
  const entry = {
    requestId: '',
    clientIp: '',
    method: '',
    target: '',
    status: 0,
    bytesSent: 0,
    durationMs: 0,
    route: '',
    pool: '',
    worker: '',
    retries: 0,
    error: '',
  }
  let error = ''
  return {
    finished(exchange: Exchange, status: number, now: number): void {
      const { route, pool, worker } = exchange
      const code = status === CLIENT_LEFT ? 0 : codeOf(status)
      const durationMs = now - exchange.startedAt
      if (route !== null) metrics.requests.values[route.series * CODES + code]!++
      if (pool !== null) {
        metrics.observe(pool.series, durationMs)
        metrics.bytesIn.values[pool.series]! += exchange.bytesIn
        metrics.bytesOut.values[pool.series]! += exchange.bytesOut
        if (worker !== null) metrics.workerRequests.values[pool.workerSeries(worker) * CODES + code]!++
      }
      if (accessLog !== undefined) {
        entry.requestId = exchange.requestId
        entry.clientIp = exchange.address
        entry.method = exchange.method
        entry.target = targetOf(exchange)
        entry.status = status
        entry.bytesSent = exchange.bytesOut
        entry.durationMs = durationMs
        entry.route = route === null ? '' : route.name
        entry.pool = pool === null ? '' : pool.name
        entry.worker = worker === null ? '' : worker.name
        entry.retries = exchange.attempts > 1 ? exchange.attempts - 1 : 0
        entry.error = error
        accessLog.log(entry)
      }
      error = ''
    },
    refused(_exchange: Exchange, refusal: Refusal): void {
      error = refusal.kind
      const table =
        refusal.status >= UPSTREAM_STATUS && refusal.kind !== 'malformed' ? metrics.errors : metrics.refusals
      table.values[table.row(refusal.kind)]!++
    },
    connected(pool: UpstreamPool, worker: UpstreamWorker): void {
      metrics.connects.values[pool.workerSeries(worker)]!++
    },
    reused(pool: UpstreamPool, worker: UpstreamWorker): void {
      metrics.reuses.values[pool.workerSeries(worker)]!++
    },
    connectFailed(pool: UpstreamPool, worker: UpstreamWorker): void {
      metrics.connectFailures.values[pool.workerSeries(worker)]!++
    },
    retried(exchange: Exchange): void {
      if (exchange.pool !== null) metrics.retries.values[exchange.pool.series]!++
    },
  }
}

/** Sets the gauges, which nobody keeps up to date, to what is so now. */
export const collectGauges = (
  metrics: Metrics,
  pools: Iterable<UpstreamPool>,
  clients: number,
  accessLogLost: number,
): void => {
  metrics.clientConnections.values[0] = clients
  metrics.accessLogLost.values[0] = accessLogLost
  for (const pool of pools) {
    metrics.inFlight.values[pool.series] = pool.places.inFlight
    metrics.queued.values[pool.series] = pool.places.queued
    for (const { worker, series } of pool.members) {
      metrics.workerUp.values[series] = worker.up ? 1 : 0
      metrics.workerInFlight.values[series] = worker.inFlight
    }
  }
}
