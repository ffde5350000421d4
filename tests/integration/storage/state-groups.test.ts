import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { Db } from '../../../worker/storage/db.ts'
import {
  insertGroupsOfEvents,
  insertStateGroups,
  MAX_CHAIN,
  type NewStateGroup,
  type StateEntry,
  selectGroupDelta,
  selectGroupsOfEvents,
  selectStateOfGroups,
} from '../../../worker/storage/state-groups.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const room = '!room:example.com' as RoomId
const entry = (type: string, stateKey: string, event: string): StateEntry => ({
  type,
  stateKey,
  eventId: event as EventId,
})
const insert = (db: Db, ...groups: readonly NewStateGroup[]) =>
  db.transaction('repeatable read', (tx) => insertStateGroups(tx, room, groups))
const print = (entries: readonly StateEntry[]) =>
  entries.map(({ type, stateKey, eventId }) => `${type}|${stateKey}|${eventId}`).sort()
const never = (): never => assert.fail('the whole state was not needed')
const event = '$e' as EventId

test('a group is what it differs from, and the difference', async (t) => {
  const db = await postgres.db(t)
  const all = [entry('a', '', '$1'), entry('m', '@x', '$2'), entry('m', '@y', '$3')]
  const [base] = await insert(db, { eventId: event, delta: [], state: () => all })
  const [second, third] = await insert(
    db,
    { eventId: event, prev: { group: base! }, delta: [entry('a', '', '$4')], state: never },
    { eventId: event, prev: { index: 0 }, delta: [entry('m', '@z', '$5'), entry('m', '@x', '$6')], state: never },
  )
  const stateOf = async (groups: readonly number[], filters?: { type: string; stateKey?: string }[]) => {
    const rows = await selectStateOfGroups(db, groups, filters)
    return groups.map((group) => print(rows.filter((row) => row.group === group)))
  }
  assert.deepEqual(await stateOf([base!, second!, third!]), [
    ['a||$1', 'm|@x|$2', 'm|@y|$3'],
    ['a||$4', 'm|@x|$2', 'm|@y|$3'],
    ['a||$4', 'm|@x|$6', 'm|@y|$3', 'm|@z|$5'],
  ])
  assert.deepEqual(
    await stateOf(
      [second!, third!],
      [
        { type: 'm', stateKey: '@x' },
        { type: 'a', stateKey: '' },
      ],
    ),
    [
      ['a||$4', 'm|@x|$2'],
      ['a||$4', 'm|@x|$6'],
    ],
  )
  assert.deepEqual(await stateOf([third!], [{ type: 'm' }, { type: 'm', stateKey: '@x' }, { type: 'none' }]), [
    ['m|@x|$6', 'm|@y|$3', 'm|@z|$5'],
  ])
  assert.deepEqual(await stateOf([third!], []), [[]])
  assert.deepEqual(await selectGroupDelta(db, third!), {
    prevGroup: second,
    delta: [entry('m', '@z', '$5'), entry('m', '@x', '$6')],
  })
  assert.equal(await selectGroupDelta(db, base!), undefined)
})

test(`a chain ends after ${MAX_CHAIN} groups: then all of the state is stored again`, async (t) => {
  const db = await postgres.db(t)
  const [first] = await insert(db, { eventId: event, delta: [], state: () => [entry('a', '', '$0')] })
  let wholes = 0
  const next = (prev: NonNullable<NewStateGroup['prev']>, n: number): NewStateGroup => ({
    eventId: event,
    prev,
    delta: [entry('n', String(n), `$${n}`)],
    state: () => {
      wholes++
      return [
        entry('a', '', '$0'),
        ...Array.from({ length: n }, (_, index) => entry('n', String(index + 1), `$${index + 1}`)),
      ]
    },
  })
  // In one batch, and going on from what is stored.
  const batch = await insert(
    db,
    next({ group: first! }, 1),
    ...Array.from({ length: 97 }, (_, index) => next({ index }, index + 2)),
  )
  assert.equal(wholes, 0)
  const [hundredth] = await insert(db, next({ group: batch.at(-1)! }, 99))
  assert.equal(wholes, 0, 'the hundredth of the chain')
  const [whole] = await insert(db, next({ group: hundredth! }, 100))
  assert.equal(wholes, 1)
  assert.equal(await selectGroupDelta(db, whole!), undefined)
  const state = await selectStateOfGroups(db, [whole!, hundredth!])
  assert.equal(state.filter(({ group }) => group === whole).length, 101)
  assert.equal(state.filter(({ group }) => group === hundredth).length, 100)
  const [after] = await insert(db, next({ group: whole! }, 101))
  assert.equal((await selectGroupDelta(db, after!))?.prevGroup, whole, 'a new chain')
})

test('a group that differs from one that is not there is refused', async (t) => {
  const db = await postgres.db(t)
  await assert.rejects(
    insert(db, { eventId: event, prev: { group: 12345 }, delta: [], state: never }),
    /not there: 12345/,
  )
  assert.deepEqual(await db.rows('select id from state_groups'), [])
})

test('events have a state group; a later answer replaces it', async (t) => {
  const db = await postgres.db(t)
  const groups = [
    { eventId: '$a' as EventId, group: 1 },
    { eventId: '$b' as EventId, group: 2 },
  ]
  await insertGroupsOfEvents(db, groups)
  await insertGroupsOfEvents(db, [{ eventId: '$b' as EventId, group: 3 }])
  const rows = await selectGroupsOfEvents(db, ['$a', '$b', '$c'] as EventId[])
  assert.deepEqual(rows.map(({ eventId, group }) => `${eventId} ${group}`).sort(), ['$a 1', '$b 3'])
})

test('whatever the history, a group has the state that was put together step by step', async (t) => {
  const db = await postgres.db(t)
  const change = fc.record({
    type: fc.constantFrom('a', 'b'),
    stateKey: fc.constantFrom('', 'x', 'y'),
    eventId: fc.integer({ min: 0, max: 99 }),
  })
  const step = fc.record({ parent: fc.nat(), changes: fc.array(change, { maxLength: 4 }) })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      async (steps, size) => {
        const states: Map<string, StateEntry>[] = []
        const ids: number[] = []
        // In batches, as events come: a group's parent may be in its batch or before.
        for (let start = 0; start < steps.length; start += size) {
          const batch = steps.slice(start, start + size).map(({ parent, changes }, offset): NewStateGroup => {
            const index = start + offset
            const from = index === 0 ? undefined : parent % index
            const delta = new Map(
              changes.map((c) => [`${c.type}|${c.stateKey}`, entry(c.type, c.stateKey, `$${c.eventId}`)]),
            )
            const state = new Map([...(from === undefined ? [] : states[from]!), ...delta])
            states.push(state)
            const prev =
              from === undefined ? {} : { prev: from >= start ? { index: from - start } : { group: ids[from]! } }
            return { eventId: event, ...prev, delta: [...delta.values()], state: () => [...state.values()] }
          })
          ids.push(...(await insert(db, ...batch)))
        }
        const rows = await selectStateOfGroups(db, ids)
        assert.deepEqual(
          ids.map((group) => print(rows.filter((row) => row.group === group))),
          states.map((state) => print([...state.values()])),
        )
      },
    ),
    { numRuns: 25 },
  )
})
