import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeExchange } from '../../../router/forward/exchange.ts'
import { CLIENT_LEFT, type Route, type UpstreamPool, type UpstreamWorker } from '../../../router/forward/gateway.ts'
import type { AccessEntry } from '../../../router/telling/access-log.ts'
import { makeMetrics } from '../../../router/telling/metrics.ts'
import { makeTelling } from '../../../router/telling/telling.ts'

test('a client that left before there was an answer is no 4xx', () => {
  const metrics = makeMetrics()
  const rows = metrics.rows({ routes: ['sync'], pools: [{ name: 'sync', workers: ['w:1'] }] })
  const logged: number[] = []
  const telling = makeTelling(metrics, { log: ({ status }: AccessEntry) => void logged.push(status) })
  const pool = { name: 'sync', series: rows.pools[0]!, workerSeries: () => rows.workers[0]![0]! }
  const exchange = {
    ...makeExchange(),
    route: { name: 'sync', series: rows.routes[0]! } as unknown as Route,
    pool: pool as unknown as UpstreamPool,
    worker: { name: 'w:1' } as unknown as UpstreamWorker,
    attempts: 1,
  }
  telling.finished(exchange, CLIENT_LEFT, 5)
  telling.finished(exchange, 404, 5)
  assert.deepEqual(logged, [499, 404])
  const page = metrics.print()
  for (const labels of [
    'router_requests_total{route="sync",',
    'router_worker_requests_total{pool="sync",worker="w:1",',
  ])
    for (const code of ['none', '4xx']) assert.ok(page.includes(`${labels}code="${code}"} 1\n`), `${labels}${code}`)
})
