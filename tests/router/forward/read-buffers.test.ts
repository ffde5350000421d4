import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkInUse, hold, letGo, type ReadBuffer, takeBulk, takeSmall } from '../../../router/forward/read-buffers.ts'

test('a buffer serves again once neither a reader nor a write needs it', () => {
  const first = takeSmall()
  const write = hold(first.bytes.subarray(10, 20))
  assert.equal(write, first)
  letGo(first)
  const second = takeSmall()
  assert.notEqual(second, first, 'a write still needs it')
  letGo(write!)
  assert.equal(takeSmall(), first)
  assert.equal(hold(Buffer.from('of others')), undefined)
  letGo(first)
  letGo(second)
})

test('there are 64 large buffers and no more, and those that come back serve again', () => {
  const taken: ReadBuffer[] = []
  for (let buffer = takeBulk(); buffer !== undefined; buffer = takeBulk()) taken.push(buffer)
  assert.equal(new Set(taken).size, 64)
  assert.equal(bulkInUse(), 64)
  for (let round = 0; round < 3; round++) {
    for (const buffer of taken.splice(0)) letGo(buffer)
    assert.equal(bulkInUse(), 0)
    for (let i = 0; i < 64; i++) taken.push(takeBulk()!)
    assert.equal(takeBulk(), undefined)
  }
  for (const buffer of taken) letGo(buffer)
})
