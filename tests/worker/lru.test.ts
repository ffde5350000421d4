import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLru } from '../../worker/lru.ts'

test('what was used last stays', () => {
  const lru = makeLru<string, number>(3)
  for (const [at, key] of ['a', 'b', 'c'].entries()) lru.set(key, at)
  assert.equal(lru.get('a'), 0)
  assert.equal(lru.peek('b'), 1)
  lru.set('d', 3)
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => lru.peek(key)),
    [0, undefined, 2, 3],
  )
  assert.equal(lru.size(), 3)
})

test('weights are counted, through replacement and removal too', () => {
  const lru = makeLru<string, string>(10, (value) => value.length)
  lru.set('a', 'aaaa')
  lru.set('b', 'bbbb')
  lru.set('a', 'aa')
  assert.equal(lru.weight(), 6)
  lru.set('c', 'ccccccc')
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => lru.has(key)),
    [true, false, true],
  )
  assert.equal(lru.weight(), 9)
  assert.equal(lru.delete('c'), true)
  assert.equal(lru.delete('c'), false)
  assert.equal(lru.weight(), 2)
  lru.clear()
  assert.deepEqual([lru.size(), lru.weight()], [0, 0])
})

test('what weighs more than all may is not kept, and nothing else goes for it', () => {
  const lru = makeLru<string, string>(3, (value) => value.length)
  lru.set('a', 'aa')
  lru.set('b', 'bbbb')
  assert.deepEqual([lru.has('a'), lru.has('b')], [true, false])
  lru.set('a', 'aaaa')
  assert.deepEqual([lru.size(), lru.weight()], [0, 0])
})
