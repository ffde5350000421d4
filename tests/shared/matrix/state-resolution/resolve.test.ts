/** What holds of every resolution, on random histories of all room versions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventId } from '../../../../shared/matrix/ids.ts'
import { type RoomVersionId, roomVersions } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import { type EventLookup, makeAuthGraph } from '../../../../shared/matrix/state-resolution/auth-graph.ts'
import { type ResolveOptions, resolveState } from '../../../../shared/matrix/state-resolution/resolve.ts'
import { separate } from '../../../../shared/matrix/state-resolution/separate.ts'
import { authChain, definedDifference, definedSubgraph, idsOf } from './definitions.ts'
import { type History, randomHistory } from './random-history.ts'
import { alice, bob, emptyState, flat, joinRule, makeTestRoom, member, publicRoom, topic } from './test-room.ts'

const versionIds = Object.keys(roomVersions) as RoomVersionId[]
/** Not the history itself: a counterexample is three values then, and repeats. */
const inputs = fc.record({ version: fc.constantFrom(...versionIds), seed: fc.nat(), length: fc.nat(60) })

const check = (title: string, holds: (history: History) => void): void => {
  const property = fc.property(inputs, ({ version, seed, length }) => holds(randomHistory(version, seed, length)))
  test(title, () => fc.assert(property, { numRuns: 150 }))
}

/** Rooms/v12: events on the way from one conflicted event to another are considered, though all chains may have them. */
const subgraphOf = ({ room, sets }: History): ReadonlySet<EventId> => {
  if (room.version.stateResolution !== '2.1') return new Set()
  const conflicted = separate(sets, true).conflicts.flatMap(({ values }) => values.filter((id) => id !== undefined))
  return definedSubgraph(room, new Set(conflicted))
}

const options = ({ rejected }: History) => ({
  isRejected: ({ eventId }: { eventId: EventId }) => rejected.has(eventId),
})

check('the order of the state sets, of their keys and types, and repeated sets change nothing', (history) => {
  const { room, sets } = history
  const reversed = (state: StateMap): StateMap =>
    new Map([...state].reverse().map(([type, keys]) => [type, new Map([...keys].reverse())]))
  const expected = flat(room.resolved(sets, options(history)))
  assert.deepEqual(flat(room.resolved([...sets].reverse(), options(history))), expected)
  assert.deepEqual(flat(room.resolved([...sets, ...sets.map(reversed)], options(history))), expected)
})

check('a state resolved with itself is itself, and so is one alone', ({ room, sets }) => {
  for (const set of sets) {
    const copy = new Map([...set].map(([type, keys]) => [type, new Map(keys)]))
    assert.equal(room.resolved([set]), set)
    assert.equal(room.resolved([set, set]), set)
    assert.deepEqual(flat(room.resolved([set, copy])), flat(set))
  }
})

check('what all agree on stays, and the rest comes from the sets or the auth difference', (history) => {
  const { room, sets } = history
  const result = room.resolved(sets, options(history))
  const everywhere = separate(sets, room.version.stateResolution !== '1').unconflicted
  for (const [type, keys] of everywhere) for (const [key, id] of keys) assert.equal(result.get(type)?.get(key), id)
  const allowed = new Set([
    ...sets.flatMap((set) => [...idsOf(set)]),
    ...definedDifference(room, sets),
    ...subgraphOf(history),
  ])
  for (const id of idsOf(result)) {
    assert.ok(allowed.has(id), id)
    const event = room.events.get(id)!
    assert.equal(result.get(event.type)?.get(event.stateKey!), id)
  }
})

check('the input is not written to', (history) => {
  const before = history.sets.map(flat)
  history.room.resolved(history.sets, options(history))
  assert.deepEqual(history.sets.map(flat), before)
})

check('a graph that is kept changes nothing', (history) => {
  const { room, sets } = history
  const graph = makeAuthGraph()
  for (let from = 0; from < sets.length; from++) {
    for (const some of [sets.slice(from), sets.slice(0, from + 1), [sets[from]!, emptyState]]) {
      const fresh = flat(room.resolved(some, options(history)))
      assert.deepEqual(flat(room.resolved(some, { ...options(history), graph })), fresh)
    }
  }
})

check('an auth difference that the caller has is used', (history) => {
  const { room, sets } = history
  if (room.version.stateResolution === '1') return
  const authDifference = [...definedDifference(room, sets), ...subgraphOf(history)]
  const follow = 'specification'
  const expected = flat(room.resolved(sets, { follow }))
  assert.deepEqual(flat(room.resolved(sets, { follow, authDifference })), expected)
})

/** Calls until nothing is missing, loading as `load` says; the state and the number of calls. */
function loading(
  { room, sets }: History,
  load: (id: EventId) => Iterable<EventId>,
  options: ResolveOptions = {},
): [StateMap, calls: number] {
  const loaded = new Set<EventId>()
  const lookup: EventLookup = (id) => (loaded.has(id) ? (room.events.get(id) ?? null) : undefined)
  for (let calls = 1; ; calls++) {
    const result = resolveState(room.version, sets, lookup, options)
    if ('state' in result) return [result.state, calls]
    assert.equal(new Set(result.missing).size, result.missing.length)
    for (const id of result.missing) assert.ok(!loaded.has(id), `${id} is asked for again`)
    for (const id of result.missing) for (const each of load(id)) loaded.add(each)
  }
}

check('whoever loads what is missing with its auth chain has the state at the third call', (history) => {
  const [state, calls] = loading(history, (id) => [id, ...authChain(history.room, id)])
  assert.deepEqual(flat(state), flat(history.room.resolved(history.sets)))
  assert.ok(calls <= 3, `${calls} calls`)
})

check('whoever loads no more than what is missing has it in the end', (history) => {
  const [state] = loading(history, (id) => [id])
  assert.deepEqual(flat(state), flat(history.room.resolved(history.sets)))
})

test('what is missing is named at once, for power events and the others', () => {
  const room = makeTestRoom('11')
  const old = publicRoom(room)
  const rejoined = room.after(old, member(alice, 'join'), member(bob, 'join'))
  // They rest on memberships that the states no longer have, so these are not in their chains.
  const auth = (sender: string) => [
    '$0',
    ...[
      ['m.room.member', sender],
      ['m.room.power_levels', ''],
    ].map(([type, key]) => old.get(type!)!.get(key!)!),
  ]
  const fork = (on: StateMap) =>
    room.after(on, { ...joinRule(alice, 'invite'), auth: auth(alice) }, { ...topic(bob, 'B'), auth: auth(bob) })
  const history: History = { room, sets: [fork(rejoined), fork(rejoined)], rejected: new Set() }
  const [state, calls] = loading(history, (id) => [id, ...authChain(room, id)])
  assert.deepEqual(flat(state), flat(room.resolved(history.sets)))
  assert.equal(calls, 3)

  // The same event by event, where the caller knows that the chains do not differ: the conflicted events, their auth
  // events with the memberships, and all is there.
  const [sameState, sameCalls] = loading(history, (id) => [id], { authDifference: [] })
  assert.deepEqual(flat(sameState), flat(state))
  assert.equal(sameCalls, 3)
})

test('no state set is the empty state', () => {
  assert.deepEqual(
    resolveState(roomVersions['11'], [], () => null),
    { state: new Map() },
  )
})
