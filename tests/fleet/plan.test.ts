import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultPlan, planOf } from '../../fleet/plan.ts'

test('npm start: so many of each kind, and main', () => {
  assert.deepEqual(
    defaultPlan(2).map(({ name }) => name),
    ['main', 'sync1', 'sync2', 'generic1', 'generic2', 'persister1', 'persister2'],
  )
  assert.deepEqual(defaultPlan(0), planOf([]))
})

test('a role that is a stream writes it; a persister serves no clients', () => {
  const [, typing, persister, client] = planOf(['typing', 'persister', 'client+events'])
  assert.deepEqual(typing, { name: 'typing1', resources: ['client', 'federation'], writes: ['typing'] })
  assert.deepEqual(persister, { name: 'persister1', resources: ['health'], writes: ['events'] })
  assert.deepEqual(client, { name: 'client1', resources: ['client', 'federation'], writes: ['events'] })
})

test('a stream of one writer has no two', () => {
  assert.throws(() => planOf(['typing', 'typing']), /typing: this stream has one writer/)
  assert.equal(planOf(['receipts', 'receipts']).length, 3)
})
