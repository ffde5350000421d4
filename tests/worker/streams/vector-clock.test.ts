import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bounded,
  copyAndAdvance,
  copyAndRetreat,
  isBeforeOrEq,
  isBetween,
  type MultiWriterToken,
  maxPosition,
  positionAt,
  tokenAt,
  tokenOf,
} from '../../../worker/streams/vector-clock.ts'
import { names, multiWriterTokens as tokens } from './arbitrary.ts'

const writers = [...names, 'another']
/** What a token is: a position for every writer that there can be. */
const clock = (token: MultiWriterToken) => writers.map((name) => positionAt(token, name))
const covers = (a: MultiWriterToken, b: MultiWriterToken) => clock(a).every((at, index) => at >= clock(b)[index]!)

test('a token is before another if every writer is', () => {
  const [a, b] = [tokenOf(5, [['persister1', 9]]), tokenOf(7, [['persister2', 8]])]
  assert.equal(isBeforeOrEq(a, b), false)
  assert.equal(isBeforeOrEq(b, a), false)
  assert.equal(isBeforeOrEq(tokenAt(5), a), true)
  assert.deepEqual(
    copyAndAdvance(a, b),
    tokenOf(7, [
      ['persister1', 9],
      ['persister2', 8],
    ]),
  )
  assert.deepEqual(copyAndRetreat(a, b), tokenOf(5, [['persister1', 7]]))
})

test('tokens are a lattice: advanced and retreated are least upper and greatest lower bound', () => {
  fc.assert(
    fc.property(tokens, tokens, tokens, (a, b, c) => {
      const [up, down] = [copyAndAdvance(a, b), copyAndRetreat(a, b)]
      assert.deepEqual(
        clock(up),
        clock(a).map((at, index) => Math.max(at, clock(b)[index]!)),
      )
      assert.deepEqual(
        clock(down),
        clock(a).map((at, index) => Math.min(at, clock(b)[index]!)),
      )
      assert.deepEqual(up, copyAndAdvance(b, a))
      assert.equal(isBeforeOrEq(a, b), covers(b, a))
      assert.ok(isBeforeOrEq(a, up) && isBeforeOrEq(down, a))
      if (isBeforeOrEq(a, c) && isBeforeOrEq(b, c)) assert.ok(isBeforeOrEq(up, c))
      if (isBeforeOrEq(c, a) && isBeforeOrEq(c, b)) assert.ok(isBeforeOrEq(c, down))
      for (const { stream, ahead } of [up, down]) for (const at of ahead.values()) assert.ok(at > stream)
    }),
    { numRuns: 2_000 },
  )
})

test('bounded has no position above', () => {
  fc.assert(
    fc.property(tokens, fc.nat(20), (token, max) => {
      const bound = bounded(token, max)
      assert.ok(maxPosition(bound) <= Math.max(max, 0))
      assert.deepEqual(
        clock(bound),
        clock(token).map((at) => Math.min(at, max)),
      )
    }),
  )
})

test('what lies between two tokens depends on who wrote it', () => {
  const [from, upTo] = [tokenOf(5, [['persister1', 8]]), tokenOf(10, [['persister2', 14]])]
  for (const [instance, position, expected] of [
    ['persister1', 9, true],
    ['persister1', 7, false],
    ['persister2', 12, true],
    ['persister2', 15, false],
    ['persister3', 12, false],
    ['persister3', 6, true],
    [null, 6, true],
    [null, 11, false],
    [null, 5, false],
  ] as const)
    assert.equal(isBetween(from, upTo, instance, position), expected, `${instance} ${position}`)
  assert.equal(isBetween(undefined, undefined, 'persister1', 1), true)
})
