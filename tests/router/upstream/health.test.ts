import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Checked, makeHealthChecks } from '../../../router/upstream/health.ts'

const INTERVAL_MS = 150

/** A worker that answers each check as `answers` says, a status or silence, and the last for ever; what is said of it. */
const checked = async (t: TestContext, answers: readonly (number | 'silence')[]) => {
  let asked = 0
  const server = createServer((_request, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!
    if (answer !== 'silence') response.writeHead(answer).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => stop(server))
  const { port } = server.address() as AddressInfo
  const told: string[] = []
  const worker: Checked & { up: boolean } = {
    name: 'w',
    address: { kind: 'tcp', host: '127.0.0.1', port },
    up: true,
    markUp() {
      worker.up = true
      told.push('up')
    },
    markDown(reason) {
      worker.up = false
      told.push(`down: ${reason}`)
    },
  }
  const checks = makeHealthChecks()
  t.after(() => checks.stop())
  checks.watch(new Map([[worker, { path: '/health', intervalMs: INTERVAL_MS, timeoutMs: 200 }]]))
  const until = async (holds: () => boolean) => {
    const end = performance.now() + 5_000
    while (!holds()) {
      assert.ok(performance.now() < end, told.join())
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { server, told, until, asked: () => asked }
}
const stop = (server: Server) => {
  server.close()
  server.closeAllConnections()
}

test('one missed check changes nothing, whatever it was', async (t) => {
  const { told, until, asked } = await checked(t, [200, 'silence', 200, 503, 200, 200])
  await until(() => asked() >= 7)
  assert.deepEqual([...new Set(told)], ['up'])
})

test('two in a row do, and the second comes soon', async (t) => {
  for (const [answer, reason] of [
    [503, 'down: /health answered 503'],
    ['silence', 'down: no answer to /health in 100 ms'],
  ] as const) {
    const { told, until, asked } = await checked(t, [200, answer])
    await until(() => asked() === 2)
    const began = performance.now()
    await until(() => told.length > 1)
    assert.deepEqual(told.slice(0, 2), ['up', reason])
    assert.ok(performance.now() - began < 1_500, 'the time-out, a moment, and half the time-out')
  }
})

test('a worker that is down is up with the first check that it answers', async (t) => {
  const { told, until } = await checked(t, [503, 503, 503, 200])
  await until(() => told.includes('up'))
  assert.deepEqual(told, ['down: /health answered 503', 'down: /health answered 503', 'up'])
})

test('a worker that refuses connections is down at once', async (t) => {
  const { server, told, until } = await checked(t, [200])
  await until(() => told.length > 0)
  const before = performance.now()
  stop(server)
  await until(() => told.at(-1) !== 'up')
  assert.equal(told.at(-1), 'down: ECONNREFUSED')
  assert.ok(performance.now() - before < 1_500)
})
