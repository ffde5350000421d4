import assert from 'node:assert/strict'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'

/** `dns.lookup` that never answers, as when the resolver is out of reach. */
const withoutAnswers = (t: TestContext) => {
  t.mock.method(dns, 'lookup', () => {})
  syncBuiltinESMExports()
  t.after(() => syncBuiltinESMExports())
}

test('a name that nobody resolves takes no longer than a connection may', async (t) => {
  withoutAnswers(t)
  const { Worker } = await import('../../../router/upstream/worker.ts')
  const worker = new Worker('w:1', { kind: 'tcp', host: 'w', port: 1 })
  const began = performance.now()
  const error = await new Promise((resolve) => worker.connect(200, resolve))
  assert.equal(error, 'the resolver did not answer in time')
  assert.ok(performance.now() - began < 2000)
})

test('who gives up while a name is resolved hears no more', async (t) => {
  withoutAnswers(t)
  const { Worker } = await import('../../../router/upstream/worker.ts')
  const worker = new Worker('w:1', { kind: 'tcp', host: 'w', port: 1 })
  let called = 0
  worker.connect(50, () => called++)()
  await new Promise((resolve) => setTimeout(resolve, 150))
  assert.equal(called, 0)
})
