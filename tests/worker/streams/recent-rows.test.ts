import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRecentRows } from '../../../worker/streams/recent-rows.ts'
import { isBetween, type MultiWriterToken, tokenAt, tokenOf } from '../../../worker/streams/vector-clock.ts'
import { makeRandom } from '../../harness/random.ts'

interface Row {
  readonly key: string
  readonly position: number
  readonly writer: string
}

/** Rows of three writers: each in order, but one may be heard long after others that are later. */
function randomRows(seed: number, count: number): Row[] {
  const random = makeRandom(seed)
  const writers = ['a', 'b', 'c']
  const queues = new Map(writers.map((writer) => [writer, [] as Row[]]))
  for (let position = 2; position < 2 + count; position++) {
    const writer = random.pick(writers)
    queues.get(writer)!.push({ key: `!${random.int(4)}`, position, writer })
  }
  const heard: Row[] = []
  while (heard.length < count) {
    const queue = queues.get(random.pick(writers))!
    if (queue.length > 0) heard.push(queue.shift()!)
  }
  return heard
}

test('rows after one token and up to another are those of a plain list, whatever order they came in', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeRandom(seed * 7)
    const rows = randomRows(seed, 80)
    const capacity = random.pick([10, 40, 1000])
    const recent = makeRecentRows<string, Row>(1, capacity)
    const heard: Row[] = []
    let complete = 0
    for (const row of rows) {
      recent.add(row.key, row.position, row.writer, row)
      heard.push(row)
      const tokens = Array.from({ length: 3 }, () => randomToken(random))
      for (const from of tokens) {
        if (!recent.isComplete(from)) continue
        complete++
        const upTo = random.pick(tokens)
        const expected = heard
          .filter(({ writer, position }) => isBetween(from, upTo, writer, position))
          .sort((a, b) => a.position - b.position)
        assert.deepEqual(
          recent.between(from, upTo).map((entry) => entry.row),
          expected,
        )
        for (const key of ['!0', '!1', '!2', '!3'])
          assert.deepEqual(
            recent.of(key, from, upTo).map((entry) => entry.row),
            expected.filter((row) => row.key === key),
          )
        assert.ok(recent.countAfter(from) >= expected.length)
      }
    }
    assert.ok(complete > 0, 'some tokens are covered')
    if (capacity === 10) assert.ok(!recent.isComplete(tokenAt(2)), 'what was dropped is not claimed')
  }
})

function randomToken(random: ReturnType<typeof makeRandom>): MultiWriterToken {
  const stream = random.int(90)
  return tokenOf(
    stream,
    ['a', 'b', 'c'].map((writer) => [writer, random.oneIn(2) ? 0 : stream + random.int(20)] as const),
  )
}

test('what is below the floor is not kept, as every token that may ask covers it', () => {
  const recent = makeRecentRows<string, string>(10, 100)
  recent.add('!r', 9, 'a', 'late')
  recent.add('!r', 11, 'a', 'new')
  assert.equal(recent.isComplete(tokenAt(9)), false)
  assert.deepEqual(
    recent.of('!r', tokenAt(10), tokenAt(20)).map(({ row }) => row),
    ['new'],
  )
  recent.forget(0)
  assert.deepEqual(recent.between(tokenAt(0), tokenAt(20)), [])
})

test('rows of one position keep their order', () => {
  const recent = makeRecentRows<string, number>(0, 100)
  for (const row of [1, 2, 3]) recent.add('!r', 5, 'a', row)
  recent.add('!r', 4, 'b', 0)
  assert.deepEqual(
    recent.of('!r', tokenAt(0), tokenAt(9)).map(({ row }) => row),
    [0, 1, 2, 3],
  )
})
