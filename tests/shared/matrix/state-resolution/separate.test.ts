import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId } from '../../../../shared/matrix/ids.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import { complete, separate } from '../../../../shared/matrix/state-resolution/separate.ts'

const state = (types: Record<string, Record<string, string>>): StateMap =>
  new Map(Object.entries(types).map(([type, keys]) => [type, new Map(Object.entries(keys) as [string, EventId][])]))
const plain = (map: StateMap) => Object.fromEntries([...map].map(([type, keys]) => [type, Object.fromEntries(keys)]))

const sets = [
  state({ topic: { '': '$t' }, member: { a: '$a', b: '$b1', c: '$c' } }),
  state({ topic: { '': '$t' }, member: { a: '$a', b: '$b2', d: '$d' }, name: { '': '$n' } }),
  state({ topic: { '': '$t' }, member: { a: '$a', b: '$b1', d: '$d' } }),
]

test('from rooms/v2 a key that one set lacks is in conflict', () => {
  const { conflicts, unconflicted } = separate(sets, true)
  assert.deepEqual(
    conflicts.map(({ type, stateKey, values }) => [type, stateKey, ...values]),
    [
      ['member', 'b', '$b1', '$b2', '$b1'],
      ['member', 'c', '$c', undefined, undefined],
      ['member', 'd', undefined, '$d', '$d'],
      ['name', '', undefined, '$n', undefined],
    ],
  )
  assert.deepEqual(plain(unconflicted), { topic: { '': '$t' }, member: { a: '$a' }, name: {} })
})

test('in rooms/v1 only different events are in conflict', () => {
  const { conflicts, unconflicted } = separate(sets, false)
  assert.deepEqual(
    conflicts.map(({ type, stateKey }) => [type, stateKey]),
    [['member', 'b']],
  )
  assert.deepEqual(plain(unconflicted), {
    topic: { '': '$t' },
    member: { a: '$a', c: '$c', d: '$d' },
    name: { '': '$n' },
  })
})

test('two events for a key that the first set lacks are in conflict in rooms/v1 too, once', () => {
  const three = [state({}), state({ name: { '': '$1' } }), state({ name: { '': '$2' } })]
  const { conflicts } = separate(three, false)
  assert.deepEqual(
    conflicts.map(({ values }) => values),
    [[undefined, '$1', '$2']],
  )
})

test('maps without conflict are handed on as they are', () => {
  const separated = separate(sets, true)
  assert.equal(separated.unconflicted.get('topic'), sets[0]!.get('topic'))
  const result = complete(separated, new Map([['name', new Map([['', '$n' as EventId]])]]))
  assert.equal(result.get('topic'), sets[0]!.get('topic'))
})

test('what was resolved is added, never in place of what all agree on, and the input stays as it was', () => {
  const before = sets.map(plain)
  const resolved = state({ topic: { '': '$other', x: '$x' }, member: { a: '$other', b: '$b2' }, invite: { t: '$i' } })
  const result = complete(separate(sets, true), resolved)
  assert.deepEqual(plain(result), {
    topic: { '': '$t', x: '$x' },
    member: { a: '$a', b: '$b2' },
    invite: { t: '$i' },
  })
  assert.deepEqual(sets.map(plain), before)
})
