/** Rooms/v1, "State resolution", and what Synapse does where that text leaves it open. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import {
  alice,
  bob,
  carol,
  type Draft,
  emptyState,
  joinRule,
  makeTestRoom,
  member,
  powerLevels,
  publicRoom,
  topic,
  withEvent,
} from './test-room.ts'

const start = () => {
  const room = makeTestRoom('1')
  const base = publicRoom(room)
  return { room, base, fork: (draft: Draft): StateMap => withEvent(base, room.add(base, draft)) }
}
const value = (state: StateMap, type: string, key = '') => state.get(type)?.get(key)
/** Two IDs, that with the lower SHA-1 first. */
const bySha1 = (...ids: string[]) => ids.sort((a, b) => (sha1(a) < sha1(b) ? -1 : 1)) as [lower: string, higher: string]
const sha1 = (id: string) => createHash('sha1').update(id).digest('hex')

test('a key that only one state has is not in conflict', () => {
  const { room, base, fork } = start()
  const dave = member('@dave:two', 'join')
  const result = room.resolved([fork({ ...dave, id: '$dave' }), base, fork({ ...topic(alice, 'A'), id: '$topic' })])
  assert.equal(value(result, 'm.room.member', '@dave:two'), '$dave')
  assert.equal(value(result, 'm.room.topic'), '$topic')
})

test('the deepest topic wins, whatever the clocks say', () => {
  const { room, fork } = start()
  const sets = [
    fork({ ...topic(bob, 'deep'), id: '$deep', depth: 30, ts: 1 }),
    fork({ ...topic(alice, 'shallow'), id: '$shallow', depth: 29, ts: 2 }),
  ]
  assert.equal(value(room.resolved(sets), 'm.room.topic'), '$deep')
})

test('of equally deep topics that with the lower SHA-1 of its ID wins', () => {
  const [lower, higher] = bySha1('$x:one', '$y:one')
  const { room, fork } = start()
  const sets = [higher, lower].map((id) => fork({ ...topic(alice, id), id, depth: 30 }))
  assert.equal(value(room.resolved(sets), 'm.room.topic'), lower)
})

test('the deepest topic that is allowed wins; where none is, the shallowest', () => {
  const { room, fork } = start()
  const refused = { ...topic(carol, 'C'), id: '$refused', depth: 40 }
  const allowed = { ...topic(bob, 'B'), id: '$allowed', depth: 30 }
  const refusedToo = { ...topic(carol, 'c'), id: '$refusedToo', depth: 20 }
  assert.equal(value(room.resolved([refused, allowed, refusedToo].map(fork)), 'm.room.topic'), '$allowed')
  assert.equal(value(room.resolved([refused, refusedToo].map(fork)), 'm.room.topic'), '$refusedToo')
})

test('power levels: each must be allowed by the one before it, from the shallowest on', () => {
  const { room, fork } = start()
  // The first is taken as it is and demotes Bob, so the second, Bob's, stops the list: the third is not even looked at.
  const sets = [
    fork({ ...powerLevels(alice, { [alice]: 100 }), id: '$demotion', depth: 20 }),
    fork({ ...powerLevels(bob, { [alice]: 100, [bob]: 50 }, { ban: 40 }), id: '$bob', depth: 30 }),
    fork({ ...powerLevels(alice, { [alice]: 100, [bob]: 50 }, { ban: 30 }), id: '$third', depth: 40 }),
  ]
  assert.equal(value(room.resolved(sets), 'm.room.power_levels'), '$demotion')
  const others = [sets[0]!, sets[2]!]
  assert.equal(value(room.resolved(others), 'm.room.power_levels'), '$third')
})

test('of equally deep power levels that with the lower SHA-1 comes last', () => {
  const [lower, higher] = bySha1('$x:one', '$y:one')
  const { room, fork } = start()
  const sets = [lower, higher].map((id) => fork({ ...powerLevels(alice, { [alice]: 100 }), id, depth: 30 }))
  assert.equal(value(room.resolved(sets), 'm.room.power_levels'), lower)
})

test('power levels are settled before join rules, join rules before memberships, memberships before the rest', () => {
  const { room, base, fork } = start()
  const demoted = fork({ ...powerLevels(alice, { [alice]: 100 }), id: '$demotion', depth: 20 })
  const free = room.after(base, { ...powerLevels(alice, { [alice]: 100, [bob]: 50 }), id: '$kept', depth: 10 })
  // Bob, who is demoted by what wins, closed the room and set a topic.
  const closed = room.after(
    free,
    { ...joinRule(bob, 'invite'), id: '$closed', depth: 50 },
    { ...topic(bob, 'B'), id: '$bob', depth: 50 },
  )
  const open = room.after(
    demoted,
    { ...joinRule(alice, 'public'), id: '$open', depth: 40 },
    { ...topic(alice, 'A'), id: '$alice', depth: 40 },
  )
  const result = room.resolved([closed, open])
  assert.equal(value(result, 'm.room.power_levels'), '$demotion')
  assert.equal(value(result, 'm.room.join_rules'), '$open')
  assert.equal(value(result, 'm.room.topic'), '$alice')
})

test('join rules are judged as power levels are: the first that is not allowed ends the list', () => {
  const { room, fork } = start()
  const sets = [
    fork({ ...joinRule(alice, 'invite'), id: '$first', depth: 20 }),
    fork({ ...joinRule(carol, 'public'), id: '$refused', depth: 30 }),
    fork({ ...joinRule(alice, 'public'), id: '$third', depth: 40 }),
  ]
  assert.equal(value(room.resolved(sets), 'm.room.join_rules'), '$first')
  assert.equal(value(room.resolved([sets[0]!, sets[2]!]), 'm.room.join_rules'), '$third')
})

test("memberships are judged without others' memberships that are in conflict", () => {
  const { room, base } = start()
  // Bob's own membership is in conflict, so for the kick of Carol he is not in the room.
  const one = room.after(
    base,
    { ...member(bob, 'join'), id: '$bob1', depth: 20 },
    { ...member(bob, 'leave', carol), id: '$kick', depth: 30 },
  )
  const two = room.after(base, { ...member(bob, 'join'), id: '$bob2', depth: 21 })
  const joined = value(base, 'm.room.member', carol)
  assert.equal(value(room.resolved([one, two]), 'm.room.member', carol), joined)
  // Where he is agreed on, it counts.
  const alone = room.after(base, { ...member(bob, 'leave', carol), id: '$kick2', depth: 30 })
  assert.equal(value(room.resolved([alone, base]), 'm.room.member', carol), '$kick2')
})

test('a state without a create event still resolves', () => {
  const { room } = start()
  const sets = ['$1', '$2'].map((id) =>
    withEvent(emptyState, room.add(emptyState, { ...topic(alice, id), id, depth: 5 })),
  )
  const [lower, higher] = bySha1('$1', '$2')
  // None is allowed: the last in order.
  assert.equal(value(room.resolved(sets), 'm.room.topic'), higher)
  assert.notEqual(lower, higher)
})

test('a conflicted event that is not to be had is left out', () => {
  const { room, fork } = start()
  const sets = [
    fork({ ...topic(bob, 'deep'), id: '$gone', depth: 30 }),
    fork({ ...topic(alice, 'left'), id: '$left', depth: 20 }),
  ]
  room.events.delete('$gone' as never)
  assert.equal(value(room.resolved(sets), 'm.room.topic'), '$left')
})
