import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requiredStateChange } from '../../../worker/sliding-sync/required-state.ts'
import { combined, isSameConfig, pairsOf, roomConfig } from '../../../worker/sliding-sync/room-config.ts'
import { isNothing, wants } from '../../../worker/sliding-sync/wanted-state.ts'

type Pairs = readonly (readonly [string, string])[]
const state = (...pairs: Pairs) => roomConfig(0, pairs).requiredState
const pairs = (requiredState: ReturnType<typeof state> | undefined) =>
  requiredState && [...pairsOf(requiredState)].map(([type, key]) => `${type} ${key}`).sort()
const change = (
  previous: Pairs,
  requested: Pairs,
  {
    changed = [],
    sent = [],
    needed = [],
  }: { changed?: Pairs; sent?: readonly string[]; needed?: readonly string[] } = {},
) =>
  requiredStateChange({
    userId: '@me:hs',
    previous: state(...previous),
    requested: state(...requested),
    lazySent: new Set(sent),
    lazyNeeded: new Set(needed),
    changed,
  })

test('wildcards cover what stands beside them', () => {
  assert.deepEqual(pairs(state(['a', 'x'], ['a', '*'], ['a', 'y'])), ['a *'])
  assert.deepEqual(pairs(state(['a', 'x'], ['b', 'y'], ['*', 'x'])), ['* x', 'b y'])
  assert.deepEqual(pairs(state(['a', 'x'], ['*', '*'], ['b', 'y'])), ['* *'])
  const [a, b] = [roomConfig(1, [['a', 'x']]), roomConfig(5, [['a', 'y']])]
  assert.ok(
    isSameConfig(
      combined(a, b),
      roomConfig(5, [
        ['a', 'y'],
        ['a', 'x'],
      ]),
    ),
  )
  assert.ok(!isSameConfig(combined(a, b), b))
})

test('the same is asked for: nothing is added but members that are needed for the first time', () => {
  const { remembered, added } = change([['m.room.member', '$LAZY']], [['m.room.member', '$LAZY']], {
    sent: ['@a:hs'],
    needed: ['@a:hs', '@b:hs'],
  })
  assert.equal(remembered, undefined)
  assert.ok(wants(added, 'm.room.member', '@b:hs') && !wants(added, 'm.room.member', '@a:hs'))
})

test('what is asked for beyond what was sent is added, and what is asked for no more is remembered', () => {
  const { remembered, added } = change(
    [
      ['a', ''],
      ['b', ''],
    ],
    [
      ['b', ''],
      ['c', ''],
    ],
  )
  assert.deepEqual(pairs(remembered), ['a ', 'b ', 'c '])
  assert.ok(wants(added, 'c', '') && !wants(added, 'b', ''))
  assert.ok(
    isNothing(
      change(
        [
          ['a', ''],
          ['b', ''],
          ['c', ''],
        ],
        [['a', '']],
      ).added,
    ),
  )
})

test('what changed without being told is forgotten, and sent when it is asked for again', () => {
  const { remembered } = change(
    [
      ['a', ''],
      ['b', ''],
    ],
    [['b', '']],
    { changed: [['a', '']] },
  )
  assert.deepEqual(pairs(remembered), ['b '])
  assert.ok(
    wants(
      change(
        [['b', '']],
        [
          ['a', ''],
          ['b', ''],
        ],
      ).added,
      'a',
      '',
    ),
  )
})

test('all of the state is added once, not again when less is asked for', () => {
  assert.equal(change([['a', '']], [['*', '*']]).added, undefined)
  assert.ok(isNothing(change([['*', '*']], [['a', '']]).added))
})

test('a member whose change was not told is not known any more', () => {
  const { forgotten } = change([['m.room.member', '$LAZY']], [['m.room.member', '$LAZY']], {
    sent: ['@a:hs', '@b:hs'],
    needed: ['@a:hs'],
    changed: [
      ['m.room.member', '@a:hs'],
      ['m.room.member', '@b:hs'],
      ['m.room.member', '@c:hs'],
    ],
  })
  assert.deepEqual([...forgotten], ['@b:hs'])
})

test('who was sent by name counts as lazily sent', () => {
  const { alsoSent } = change(
    [
      ['m.room.member', '$ME'],
      ['m.room.member', '@a:hs'],
    ],
    [['m.room.member', '$LAZY']],
  )
  assert.deepEqual([...alsoSent].sort(), ['@a:hs', '@me:hs'])
})
