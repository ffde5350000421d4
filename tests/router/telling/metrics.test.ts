import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, codeOf, makeMetrics } from '../../../router/telling/metrics.ts'

const names = (pools: Record<string, readonly string[]>, routes: readonly string[] = ['sync']) => ({
  routes,
  pools: Object.entries(pools).map(([name, workers]) => ({ name, workers })),
})

const printed = (metrics: { print: () => string }, prefix: string): string[] =>
  metrics
    .print()
    .split('\n')
    .filter((line) => line.startsWith(prefix))

test('what the data path counts at an index is printed under its names', () => {
  const metrics = makeMetrics()
  const { routes, workers, pools } = metrics.rows(names({ main: ['a:1'], sync: ['b:1', 'b:2'] }, ['sync', 'whoami']))
  metrics.requests.values[routes[1]! * CODES + codeOf(200)]!++
  metrics.requests.values[routes[1]! * CODES + codeOf(204)]!++
  metrics.requests.values[routes[0]! * CODES + codeOf(0)]!++
  metrics.workerUp.values[workers[1]![1]!] = 1
  metrics.bytesOut.values[pools[0]!]! += 2 ** 40
  assert.deepEqual(printed(metrics, 'router_requests_total'), [
    'router_requests_total{route="sync",code="none"} 1',
    'router_requests_total{route="whoami",code="2xx"} 2',
  ])
  assert.deepEqual(printed(metrics, 'router_worker_up'), [
    'router_worker_up{pool="main",worker="a:1"} 0',
    'router_worker_up{pool="sync",worker="b:1"} 0',
    'router_worker_up{pool="sync",worker="b:2"} 1',
  ])
  assert.deepEqual(printed(metrics, 'router_sent_bytes_total{pool="main"}'), [
    'router_sent_bytes_total{pool="main"} 1099511627776',
  ])
})

test('counters go on over reloads, whatever order the names come in', () => {
  const metrics = makeMetrics()
  const before = metrics.rows(names({ main: ['a:1'] }))
  metrics.retries.values[before.pools[0]!]!++
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`pool${i}`, [`w:${i}`]]))
  const after = metrics.rows(names({ ...many, main: ['a:1', 'a:2'] }))
  metrics.retries.values[before.pools[0]!]!++ // a request that began before the reload
  metrics.retries.values[after.pools[100]!]!++
  assert.deepEqual(printed(metrics, 'router_retries_total{pool="main"}'), ['router_retries_total{pool="main"} 3'])
  for (const row of [...after.pools, ...after.workers.flat()]) assert.ok(Number.isInteger(row))
})

test('a worker that was removed is not shown as down, and one that still has requests is shown with them', () => {
  const metrics = makeMetrics()
  const { workers } = metrics.rows(names({ main: ['a:1', 'a:2', 'a:3'] }))
  for (const row of workers[0]!) metrics.workerUp.values[row] = 1
  metrics.workerInFlight.values[workers[0]![1]!] = 4
  metrics.rows(names({ main: ['a:1'] }))
  metrics.workerUp.values[workers[0]![0]!] = 1
  assert.deepEqual(printed(metrics, 'router_worker_up'), ['router_worker_up{pool="main",worker="a:1"} 1'])
  assert.deepEqual(printed(metrics, 'router_worker_requests_in_flight'), [
    'router_worker_requests_in_flight{pool="main",worker="a:1"} 0',
    'router_worker_requests_in_flight{pool="main",worker="a:2"} 4',
  ])
})

test('the histogram is cumulative, and its bounds are inclusive', () => {
  const metrics = makeMetrics()
  const [pool] = metrics.rows(names({ sync: [] })).pools
  for (const ms of [0.5, 1, 1.1, 30_000, 90_000]) metrics.observe(pool!, ms)
  const lines = printed(metrics, 'router_request_duration_seconds')
  const at = (le: string) => lines.find((line) => line.includes(`le="${le}"`))?.split(' ')[1]
  assert.deepEqual(
    [at('0.001'), at('0.0025'), at('10'), at('30'), at('60'), at('+Inf')],
    ['2', '3', '3', '4', '4', '5'],
  )
  assert.deepEqual(lines.slice(-2), [
    'router_request_duration_seconds_sum{pool="sync"} 120.0026',
    'router_request_duration_seconds_count{pool="sync"} 5',
  ])
})

test('label values are escaped', () => {
  const metrics = makeMetrics()
  metrics.rows(names({}, ['^/a\\.b"c\n$']))
  const row = metrics.requests.row('^/a\\.b"c\n$')
  metrics.requests.values[row * CODES + codeOf(500)]!++
  assert.deepEqual(printed(metrics, 'router_requests_total'), [
    String.raw`router_requests_total{route="^/a\\.b\"c\n$",code="5xx"} 1`,
  ])
})

test('every line of the page is one that Prometheus reads, and every series stands under its own type', () => {
  const metrics = makeMetrics()
  metrics.rows(names({ main: ['a:1'] }))
  metrics.errors.row('no_worker')
  let type = ''
  for (const line of metrics.print().trimEnd().split('\n')) {
    const declared = /^# (?:HELP (\w+) .+|TYPE (\w+) (?:counter|gauge|histogram|summary))$/.exec(line)
    if (declared !== null) {
      type = declared[1] ?? declared[2]!
      continue
    }
    const sample = /^(\w+)(?:\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (?:[\d.e+-]+)$/.exec(line)
    assert.ok(sample, line)
    assert.ok(sample[1] === type || ['_bucket', '_sum', '_count'].some((end) => sample[1] === type + end), line)
  }
})

test('an odd status counts as no answer', () => {
  assert.deepEqual([0, 99, 100, 199, 200, 499, 599, 600, 999, Number.NaN].map(codeOf), [0, 0, 1, 1, 2, 4, 5, 0, 0, 0])
})
