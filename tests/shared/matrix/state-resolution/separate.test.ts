import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
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
  assert.deepEqual(conflicts.map(({ type, stateKey, values }) => [type, stateKey, ...values]).sort(), [
    ['member', 'b', '$b1', '$b2', '$b1'],
    ['member', 'c', '$c', undefined, undefined],
    ['member', 'd', undefined, '$d', '$d'],
    ['name', '', undefined, '$n', undefined],
  ])
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

/** By the definition, key by key. */
function plainly(all: readonly StateMap[], absenceConflicts: boolean) {
  const keys = new Set(all.flatMap((set) => [...(set.get('member')?.keys() ?? [])]))
  const agreed: Record<string, string> = {}
  const inConflict: string[] = []
  for (const key of keys) {
    const ids = all.map((set) => set.get('member')?.get(key))
    const different = new Set(absenceConflicts ? ids : ids.filter((id) => id !== undefined))
    if (different.size > 1) inConflict.push(key)
    else agreed[key] = [...different][0]!
  }
  return { inConflict: inConflict.sort(), agreed }
}

test('whatever order the keys are in, and where one is missing or one too many', () => {
  const members = fc.uniqueArray(fc.tuple(fc.constantFrom(...'abcdefgh'), fc.constantFrom('$1', '$2')), {
    selector: ([key]) => key,
  })
  // Of one history, or not.
  const base = [...'abcdefgh'].map((key) => [key, '$1'] as const)
  const changed = fc.tuple(members, fc.subarray([...'abcdefgh'])).map(([changes, removed]) => {
    const map = new Map<string, string>(base)
    for (const key of removed) map.delete(key)
    for (const [key, id] of changes) map.set(key, id)
    return [...map]
  })
  fc.assert(
    fc.property(fc.array(fc.oneof(members, changed), { minLength: 2, maxLength: 4 }), fc.boolean(), (all, absence) => {
      const states = all.map((entries) => new Map([['member', new Map(entries as [string, EventId][])]]))
      const { conflicts, unconflicted } = separate(states, absence)
      const expected = plainly(states, absence)
      assert.deepEqual(conflicts.map(({ stateKey }) => stateKey).sort(), expected.inConflict)
      assert.deepEqual(plain(unconflicted), { member: expected.agreed })
      for (const { stateKey, values } of conflicts)
        assert.deepEqual(
          values,
          states.map((set) => set.get('member')!.get(stateKey)),
        )
    }),
    { numRuns: 1000 },
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
