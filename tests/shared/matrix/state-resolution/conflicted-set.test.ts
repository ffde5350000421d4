/** The walk over auth chains against the definitions of rooms/v2 and rooms/v12, taken word for word. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId } from '../../../../shared/matrix/ids.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import { makeAuthGraph, readAuthGraph } from '../../../../shared/matrix/state-resolution/auth-graph.ts'
import { fullConflictedSet } from '../../../../shared/matrix/state-resolution/conflicted-set.ts'
import { separate } from '../../../../shared/matrix/state-resolution/separate.ts'
import { definedDifference, definedSubgraph, idsOf } from './definitions.ts'
import { randomHistory } from './random-history.ts'
import { alice, makeTestRoom, powerLevels, publicRoom, type TestRoom, topic } from './test-room.ts'

function walked(room: TestRoom, sets: readonly StateMap[], subgraph: boolean, unconflictedToo: boolean): string[] {
  const { conflicts, unconflicted } = separate(sets, true)
  const reader = readAuthGraph(makeAuthGraph(), room.version, room.roomId, (id) => room.events.get(id) ?? null)
  const found = fullConflictedSet(reader, conflicts, unconflicted, { subgraph, unconflictedToo })
  assert.equal(new Set(found).size, found.length)
  return found.map((index) => reader.graph.ids[index]!).sort()
}

const conflictedIds = (sets: readonly StateMap[]): Set<EventId> =>
  new Set(separate(sets, true).conflicts.flatMap(({ values }) => values.filter((id) => id !== undefined)))

test('the full conflicted set is as it is defined', () => {
  let larger = 0
  let agreed = 0
  let between = 0
  for (let seed = 0; seed < 400; seed++) {
    const { room, sets } = randomHistory('11', seed, 60)
    const conflicted = conflictedIds(sets)
    if (conflicted.size === 0) continue
    const difference = definedDifference(room, sets)
    const union = (...parts: Iterable<EventId>[]) => [...new Set(parts.flatMap((part) => [...part]))].sort()

    const specified = union(conflicted, difference)
    assert.deepEqual(walked(room, sets, false, true), specified, `seed ${seed}`)
    const everywhere = idsOf(separate(sets, true).unconflicted)
    const asSynapse = specified.filter((id) => !everywhere.has(id))
    assert.deepEqual(walked(room, sets, false, false), asSynapse, `seed ${seed}`)
    const subgraph = definedSubgraph(room, conflicted)
    assert.deepEqual(walked(room, sets, true, true), union(specified, subgraph), `seed ${seed}`)
    assert.deepEqual(walked(room, sets, true, false), union(asSynapse, subgraph), `seed ${seed}`)

    if (specified.length > conflicted.size) larger++
    if (asSynapse.length < specified.length) agreed++
    if (union(specified, subgraph).length > specified.length) between++
  }
  // The histories hold what the test is about.
  assert.ok(larger > 50 && agreed > 5 && between > 5, `${larger} ${agreed} ${between}`)
})

test('the chains of agreed state are left alone where those of conflicted events do not differ', () => {
  const room = makeTestRoom('11')
  const old = publicRoom(room)
  const base = room.after(old, { ...powerLevels(alice, { [alice]: 100 }), id: '$levels' })
  const forks = ['$a', '$b'].map((id) => room.after(base, { ...topic(alice, id), id }))
  const { conflicts, unconflicted } = separate(forks, true)
  const asked: string[] = []
  const reader = readAuthGraph(makeAuthGraph(), room.version, room.roomId, (id) => {
    asked.push(id)
    return room.events.get(id)
  })
  fullConflictedSet(reader, conflicts, unconflicted, { subgraph: false, unconflictedToo: false })
  // Not the power levels before $levels.
  assert.deepEqual(asked.sort(), ['$0', '$1', '$a', '$b', '$levels'])
})
