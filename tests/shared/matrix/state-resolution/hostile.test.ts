/** Auth events as a hostile server may send them: circles, chains without end, what does not exist or is another room's. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../../../../shared/matrix/ids.ts'
import type { RoomVersionId } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import {
  alice,
  bob,
  carol,
  emptyState,
  flat,
  makeTestRoom,
  member,
  powerLevels,
  publicRoom,
  topic,
  withCreator,
  withEvent,
} from './test-room.ts'

const versions: readonly RoomVersionId[] = ['1', '2', '11', '12']
const value = (state: StateMap, type: string, key = '') => state.get(type)?.get(key)

function testInAll(
  title: string,
  run: (room: ReturnType<typeof makeTestRoom>, base: StateMap) => void,
  within = versions,
): void {
  for (const version of within) {
    test(`${title} (rooms/v${version})`, () => {
      const room = makeTestRoom(version)
      run(room, publicRoom(room))
    })
  }
}

testInAll('events that cite themselves and one another', (room, base) => {
  const users = withCreator(room.version, alice, { [bob]: 50 })
  const auth = ['$0', '$1']
  const sets = [
    room.after(base, { ...powerLevels(alice, users), id: '$a', auth: [...auth, '$b'] }),
    room.after(base, { ...powerLevels(alice, users), id: '$b', auth: [...auth, '$c'] }),
    room.after(base, { ...powerLevels(alice, users), id: '$c', auth: [...auth, '$a'] }),
    room.after(base, { ...topic(alice, 'self'), id: '$self', auth: [...auth, '$self', '$a'] }),
  ]
  const result = room.resolved(sets)
  assert.deepEqual(flat(room.resolved([...sets].reverse())), flat(result))
  assert.ok(['$a', '$b', '$c'].includes(value(result, 'm.room.power_levels')!))
  assert.equal(value(result, 'm.room.topic'), '$self')
})

testInAll('auth events that nobody has', (room, base) => {
  const sets = ['$a', '$b'].map((id) =>
    room.after(base, { ...topic(alice, id), id, ts: 1, auth: ['$nowhere', '$0', '$1', '$2', '$nowhere'] }),
  )
  const winner = room.version.stateResolution === '1' ? undefined : '$b'
  if (winner !== undefined) assert.equal(value(room.resolved(sets), 'm.room.topic'), winner)
  const withoutCreate = ['$a2', '$b2'].map((id) => room.after(base, { ...topic(alice, id), id, auth: [] }))
  assert.doesNotThrow(() => room.resolved(withoutCreate))
})

test('of two auth events for one key the last counts', () => {
  // In rooms/v12, where the state that all agree on has no say; both are in all chains, so neither is judged itself.
  const room = makeTestRoom('12')
  const promoted = { ...powerLevels(alice, { [carol]: 50 }), id: '$promoted' }
  const base = room.after(publicRoom(room), promoted, { ...powerLevels(alice, {}), id: '$demoted' })
  const joined = base.get('m.room.member')!.get(carol)!
  const resolved = (...levels: string[]) => {
    const set = room.after(base, { ...topic(carol, 'C'), id: '$topic', auth: [joined, ...levels] })
    return value(room.resolved([base, set]), 'm.room.topic')
  }
  assert.equal(resolved('$demoted', '$promoted'), '$topic')
  assert.equal(resolved('$promoted', '$demoted'), undefined)
})

testInAll('a room without a create event', (room, base) => {
  const without = (state: StateMap) => new Map([...state].filter(([type]) => type !== 'm.room.create'))
  const sets = ['$a', '$b'].map((id) => without(room.after(base, { ...member('@dave:two', 'join'), id })))
  room.events.delete('$0' as EventId)
  const result = room.resolved(sets)
  assert.equal(value(result, 'm.room.power_levels'), value(base, 'm.room.power_levels'))
})

testInAll('events of another room count for nothing', (room, base) => {
  const foreign = room.add(base, { ...powerLevels(alice, { '@mallory:four': 100 }), id: '$foreign' })
  room.events.set(foreign.eventId, { ...foreign, roomId: '!other:four' as RoomId })
  const mallory = room.after(base, { ...member('@mallory:four', 'join'), id: '$mallory' })
  const auth = ['$0', '$mallory', '$foreign']
  const set = room.after(mallory, { ...topic('@mallory:four', 'mine'), id: '$topic', auth })
  const other = room.after(mallory, { ...topic(alice, 'hers'), id: '$hers' })
  assert.equal(value(room.resolved([set, other]), 'm.room.topic'), '$hers')
})

testInAll('a chain of 100,000 power levels', longChain, ['2', '12'])

/** Recursion would overflow, a walk per event would not end. */
function longChain(room: ReturnType<typeof makeTestRoom>, base: StateMap): void {
  const users = withCreator(room.version, alice, { [bob]: 50 })
  const grow = (name: string, length: number): StateMap => {
    let last = '$2'
    for (let at = 0; at < length; at++) {
      const id = `$${name}${at}`
      room.add(emptyState, { ...powerLevels(alice, users), id, auth: ['$0', '$1', last] })
      last = id
    }
    const levels = withEvent(base, room.events.get(last as EventId)!)
    return room.after(levels, { ...topic(alice, name), id: `$topic-${name}`, auth: ['$0', '$1', last] })
  }
  const result = room.resolved([grow('a', 100_000), grow('b', 1000)])
  assert.match(value(result, 'm.room.power_levels')!, /^\$[ab]\d+$/)
}
