import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { insert, remove } from '../../../worker/streams/ascending.ts'
import { type LoadedPositions, type LocalPositions, makePositions } from '../../../worker/streams/positions.ts'
import { tokenAt, tokenOf } from '../../../worker/streams/vector-clock.ts'

const loaded = (positions: Readonly<Record<string, number>>, persisted: readonly number[] = []): LoadedPositions => ({
  positions: new Map(Object.entries(positions)),
  persisted,
  persistedUpTo: Math.min(...Object.values(positions)),
})
const reserve = (positions: LocalPositions, ...ids: number[]) => positions.startReserving().reserved(ids)

test('a lone writer stays below its lowest unfinished ID', () => {
  const positions = makePositions('a', 'this and others', loaded({ a: 7 }))
  reserve(positions, 8, 9, 10)
  positions.finish([9])
  assert.equal(positions.positionOf('a'), 7)
  positions.finish([8])
  assert.equal(positions.positionOf('a'), 9)
  assert.equal(positions.minimalLocal(), 9)
  positions.finish([10])
  assert.deepEqual([positions.positionOf('a'), positions.persistedUpTo()], [10, 10])
  assert.deepEqual(positions.token(), tokenAt(10))
})

test('an ID that is still on its way cannot be passed', () => {
  const positions = makePositions('a', 'this and others', loaded({ a: 7 }))
  const slow = positions.startReserving()
  reserve(positions, 9)
  positions.finish([9])
  assert.equal(positions.positionOf('a'), 7, '8 may be coming')
  slow.reserved([8])
  assert.equal(positions.positionOf('a'), 7)
  positions.finish([8])
  assert.equal(positions.positionOf('a'), 9)
})

test('a request for IDs that failed does not hold up anything', () => {
  const positions = makePositions('a', 'this and others', loaded({ a: 7 }))
  const failing = positions.startReserving()
  reserve(positions, 8)
  positions.finish([8])
  failing.reserved([])
  reserve(positions, 9)
  positions.finish([9])
  assert.equal(positions.positionOf('a'), 9)
})

test('all have persisted what the furthest behind has, and what lies without a gap above that', () => {
  const positions = makePositions('reader', 'others', loaded({ a: 5, b: 5 }))
  positions.advance('a', 8, true)
  assert.equal(positions.persistedUpTo(), 5)
  assert.deepEqual(positions.token(), tokenOf(5, [['a', 8]]))
  positions.advance('b', 6, true)
  assert.equal(positions.persistedUpTo(), 6)
  positions.advance('b', 7, true)
  assert.equal(positions.persistedUpTo(), 8, '7 was the gap below 8')
  assert.deepEqual(positions.token(), tokenAt(8))
  assert.equal(positions.positionOf('b'), 8, 'so b has nothing below 8 either')
  assert.equal(positions.positionOf('new'), 8, 'a new writer is where all are')
})

test('an idle writer counts itself where the others are; a busy one does not', () => {
  const positions = makePositions('a', 'this and others', loaded({ a: 5, b: 5 }))
  positions.advance('b', 9, true)
  assert.deepEqual([positions.positionOf('a'), positions.persistedUpTo(), positions.minimalLocal()], [9, 9, 5])
  reserve(positions, 10)
  positions.advance('b', 11, true)
  assert.deepEqual([positions.positionOf('a'), positions.persistedUpTo()], [9, 9])
  positions.finish([10])
  assert.deepEqual([positions.positionOf('a'), positions.persistedUpTo(), positions.minimalLocal()], [11, 11, 10])
})

test('where everyone writes, nobody is held for further than they said', () => {
  const positions = makePositions('me', 'everyone', loaded({ me: 56 }))
  positions.advance('a', 56, false)
  positions.advance('a', 70, true)
  positions.advance('a', 71, true)
  assert.equal(positions.positionOf('b'), 56, 'b may be about to announce 65')
  positions.advance('b', 55, false)
  assert.equal(positions.positionOf('b'), 55)
  reserve(positions, 72)
  positions.finish([72])
  assert.deepEqual([positions.positionOf('me'), positions.minimalLocal()], [72, 72])
})

test('positions do not go back', () => {
  const positions = makePositions('reader', 'others', loaded({ a: 5 }))
  positions.advance('a', 9, true)
  positions.advance('a', 7, true)
  assert.equal(positions.positionOf('a'), 9)
})

test('rows found at start close gaps', () => {
  const positions = makePositions('reader', 'others', loaded({ a: 5, b: 9 }, [6, 7, 9]))
  assert.equal(positions.persistedUpTo(), 7)
  assert.deepEqual(positions.token(), tokenOf(7, [['b', 9]]))
})

/**
 * Several writers with one sequence, whose announcements arrive late, and a reader: the truth is known, so each promise can
 * be checked after each step.
 */
test('no position ever covers an ID that is not finished', () => {
  const names = ['a', 'b', 'c']
  const step = fc.record({
    what: fc.constantFrom('ask', 'ask', 'give', 'give', 'finish', 'finish', 'announce', 'announce', 'restart'),
    who: fc.nat(2),
    which: fc.nat(),
    count: fc.integer({ min: 1, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let sequence = 1
      const finished = new Set<number>()
      const writerOf = new Map<number, string>()
      const start = loaded({ a: 1, b: 1, c: 1 })
      const writers = names.map((name) => ({
        name,
        positions: makePositions(name, 'this and others', start),
        requests: [] as { ids: number[]; reserved: (ids: readonly number[]) => void }[],
        open: [] as number[],
      }))
      const reader = makePositions('reader', 'others', start)
      const covered = (upTo: number, by: (id: number) => boolean, message: string) => {
        for (const [id] of writerOf)
          if (id <= upTo && by(id)) assert.ok(finished.has(id), `${message}: ${id} ≤ ${upTo}`)
      }
      for (const { what, who, which, count } of steps) {
        const writer = writers[who]!
        if (what === 'ask') {
          const { reserved } = writer.positions.startReserving()
          // The database gives them out now; the writer hears of it later.
          const ids = Array.from({ length: count }, () => ++sequence)
          for (const id of ids) writerOf.set(id, writer.name)
          writer.requests.push({ ids, reserved })
        } else if (what === 'give' && writer.requests.length > 0) {
          const [request] = writer.requests.splice(which % writer.requests.length, 1)
          request!.reserved(request!.ids)
          writer.open.push(...request!.ids)
        } else if (what === 'finish' && writer.open.length > 0) {
          const [id] = writer.open.splice(which % writer.open.length, 1)
          finished.add(id!)
          writer.positions.finish([id!])
        } else if (what === 'announce') {
          const position = writer.positions.positionOf(writer.name)
          for (const other of [...writers.map(({ positions }) => positions), reader])
            if (other !== writer.positions) other.advance(writer.name, position, false)
        }
        if (what === 'restart') {
          // What it had under way is gone. The database says who came how far, and the last ID that anyone was given.
          for (const id of [...writer.open, ...writer.requests.flatMap(({ ids }) => ids)]) finished.add(id)
          writer.open = []
          writer.requests = []
          const said = Object.fromEntries(names.map((name) => [name, reader.positionOf(name)]))
          writer.positions = makePositions(writer.name, 'this and others', loaded({ ...said, [writer.name]: sequence }))
        }
        for (const { name, positions } of [...writers, { name: 'reader', positions: reader }]) {
          covered(positions.persistedUpTo(), () => true, `${name} persisted up to`)
          for (const other of names)
            covered(positions.positionOf(other), (id) => writerOf.get(id) === other, `${name} holds ${other} at`)
        }
      }
      // When all is done and told, nothing holds anybody up.
      for (const { positions, requests, open } of writers) {
        for (const { ids, reserved } of requests) {
          reserved(ids)
          open.push(...ids)
        }
        for (const id of open) finished.add(id)
        if (open.length > 0) positions.finish(open)
      }
      for (let round = 0; round < 2; round++)
        for (const { name, positions } of writers)
          for (const other of [...writers.map((writer) => writer.positions), reader])
            if (other !== positions) other.advance(name, positions.positionOf(name), false)
      for (const { positions } of writers) assert.equal(positions.persistedUpTo(), sequence)
      assert.deepEqual(reader.token(), tokenAt(sequence))
    }),
    { numRuns: 1_000 },
  )
})

test('numbers are kept in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.array(fc.nat(20)), (added, removed) => {
      const numbers: number[] = []
      for (const value of added) insert(numbers, value)
      assert.deepEqual(
        numbers,
        [...added].sort((a, b) => a - b),
      )
      const expected = [...numbers]
      for (const value of removed) {
        remove(numbers, value)
        const at = expected.indexOf(value)
        if (at !== -1) expected.splice(at, 1)
      }
      assert.deepEqual(numbers, expected)
    }),
  )
})
