import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Places, type Waiter } from '../../../router/upstream/places.ts'

const waiter = (name: string, told: string[]): Waiter => ({
  admitted: () => told.push(`${name} admitted`),
  dismissed: () => told.push(`${name} dismissed`),
})

test('a place that is given back goes to the one that has waited longest', () => {
  const told: string[] = []
  const places = new Places({ concurrency: 1, queue: 2 })
  assert.equal(places.take(waiter('first', told)), 'admitted')
  assert.equal(places.take(waiter('second', told)), 'queued')
  assert.equal(places.take(waiter('third', told)), 'queued')
  assert.equal(places.take(waiter('fourth', told)), 'full')
  assert.deepEqual(told, [])
  places.release()
  assert.deepEqual(told, ['second admitted'])
  places.release()
  assert.deepEqual(told, ['second admitted', 'third admitted'])
  assert.equal(places.inFlight, 1)
  places.release()
  assert.equal(places.inFlight, 0)
})

test('who leaves the queue is not admitted', () => {
  const told: string[] = []
  const places = new Places({ concurrency: 1, queue: 2 })
  places.take(waiter('first', told))
  const second = waiter('second', told)
  places.take(second)
  places.take(waiter('third', told))
  places.leave(second)
  places.release()
  assert.deepEqual(told, ['third admitted'])
})

test('other limits: what runs counts on, and who waits is given back in order, untold', () => {
  const told: string[] = []
  const places = new Places({ concurrency: 2, queue: 2 })
  const waiters = ['a', 'b', 'c', 'd'].map((name) => waiter(name, told))
  for (const each of waiters) places.take(each)
  assert.deepEqual(places.change({ concurrency: 1, queue: 1 }), waiters.slice(2))
  assert.deepEqual([places.inFlight, places.queued, told], [2, 0, []])
  assert.equal(places.take(waiters[2]!), 'queued')
  assert.equal(places.take(waiters[3]!), 'full')
  places.release()
  assert.deepEqual(told, [], 'still one too many')
  places.release()
  assert.deepEqual(told, ['c admitted'])
})

test('a long queue whose requests all leave at once is emptied without deep calls', () => {
  const places = new Places({ concurrency: 1, queue: 30_000 })
  let admitted = 0
  const leaves: Waiter = { admitted() {}, dismissed() {} }
  places.take(leaves)
  for (let i = 0; i < 30_000; i++)
    places.take({
      admitted() {
        admitted++
        places.release() // as when it is refused
      },
      dismissed() {},
    })
  places.release()
  assert.equal(admitted, 30_000)
  assert.deepEqual([places.inFlight, places.queued], [0, 0])
})
