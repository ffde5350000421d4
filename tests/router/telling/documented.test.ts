/** docs/operations.md has all that an operator meets: metrics, and errors of the router's own. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { refusals } from '../../../router/forward/refusal.ts'
import { makeMetrics } from '../../../router/telling/metrics.ts'

const operations = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
const missing = (names: Iterable<string>) => [...new Set(names)].filter((name) => !operations.includes(`\`${name}\``))

test('every metric is documented, or its family', () => {
  const metrics = makeMetrics()
  metrics.rows({ routes: ['sync'], pools: [{ name: 'sync', workers: ['127.0.0.1:8013'] }] })
  metrics.errors.row('no_worker')
  metrics.refusals.row('malformed')
  const names = [...metrics.print().matchAll(/^# TYPE (router_\S+)/gm)].map(([, name]) => name!)
  assert.ok(names.length >= 20, names.join())
  assert.deepEqual(missing(names), [])
  assert.deepEqual(missing(['process_*', 'nodejs_*']), [])
})

test('every error of the router, with its status', () => {
  assert.deepEqual(missing(Object.values(refusals).map(({ kind }) => kind)), [])
  for (const { kind, status } of Object.values(refusals)) {
    const row = operations.split('\n').find((line) => line.startsWith('| ') && line.includes(`\`${kind}\``))
    assert.ok(row?.includes(String(status)), `${kind} ${status}`)
  }
})
