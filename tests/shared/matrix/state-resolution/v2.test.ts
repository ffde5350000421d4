/** Rooms/v2 and rooms/v12, "State resolution", by hand: each scenario is a race, and the reason for its end. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomVersionId } from '../../../../shared/matrix/room-version.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import type { ResolveOptions } from '../../../../shared/matrix/state-resolution/resolve.ts'
import {
  alice,
  bob,
  carol,
  joinRule,
  makeTestRoom,
  member,
  powerLevels,
  publicRoom,
  topic,
  withCreator,
} from './test-room.ts'

const value = (state: StateMap, type: string, key = '') => state.get(type)?.get(key)
const versions = ['2', '10', '11', '12'] as const

function testInAll(title: string, run: (room: ReturnType<typeof makeTestRoom>, base: StateMap) => void): void {
  for (const version of versions) {
    test(`${title} (rooms/v${version})`, () => {
      const room = makeTestRoom(version)
      run(room, publicRoom(room))
    })
  }
}

testInAll('a ban beats the power levels of the banned, sent earlier by his clock', (room, base) => {
  const users = withCreator(room.version, alice, { [bob]: 50 })
  const byBob = room.after(base, { ...powerLevels(bob, users, { ban: 40 }), id: '$levels', ts: 0 })
  const banned = room.after(base, { ...member(alice, 'ban', bob), id: '$ban', ts: 100 })
  // Both are power events; Alice has more power, so hers is judged first, and then Bob is out.
  const result = room.resolved([byBob, banned])
  assert.equal(value(result, 'm.room.member', bob), '$ban')
  assert.equal(value(result, 'm.room.power_levels'), value(base, 'm.room.power_levels'))
})

testInAll('a demotion beats a topic of the demoted', (room, base) => {
  const demoted = room.after(base, { ...powerLevels(alice, withCreator(room.version, alice, {})), id: '$demotion' })
  const byBob = room.after(base, { ...topic(bob, 'mine'), id: '$topic' })
  const result = room.resolved([byBob, demoted])
  assert.equal(value(result, 'm.room.power_levels'), '$demotion')
  assert.equal(value(result, 'm.room.topic'), undefined)
})

testInAll('a closed room beats a join', (room, base) => {
  const closed = room.after(base, { ...joinRule(alice, 'invite'), id: '$closed' })
  const joined = room.after(base, { ...member('@dave:two', 'join'), id: '$dave' })
  const result = room.resolved([joined, closed])
  assert.equal(value(result, 'm.room.join_rules'), '$closed')
  assert.equal(value(result, 'm.room.member', '@dave:two'), undefined)
})

testInAll("power levels: the stronger sender's are judged first, the weaker's on top of them", (room, base) => {
  const users = { [bob]: 50 }
  const promoted = withCreator(room.version, alice, { ...users, [carol]: 50 })
  const byAlice = room.after(base, { ...powerLevels(alice, promoted), id: '$alice' })
  // Bob's leave Carol out: he may not take 50 from her. Then he may not have the last word.
  const byBob = room.after(base, { ...powerLevels(bob, withCreator(room.version, alice, users)), id: '$bob' })
  assert.equal(value(room.resolved([byAlice, byBob]), 'm.room.power_levels'), '$alice')
  // With Carol in them, he may.
  const kind = room.after(base, { ...powerLevels(bob, promoted, { kick: 40 }), id: '$kind' })
  assert.equal(value(room.resolved([byAlice, kind]), 'm.room.power_levels'), '$kind')
})

testInAll(
  'of equals the later clock has the last word, of equal clocks the ID that is greater by code point',
  (room, base) => {
    const forks = (drafts: readonly (readonly [id: string, ts: number])[]) =>
      drafts.map(([id, ts]) => room.after(base, { ...topic(alice, id), id, ts }))
    const winner = (...drafts: [id: string, ts: number][]) => value(room.resolved(forks(drafts)), 'm.room.topic')
    assert.equal(winner(['$z', 1], ['$a', 2]), '$a')
    // Collation by language would have `a` before `B`.
    assert.equal(winner(['$B', 3], ['$a', 3]), '$a')
    assert.equal(winner(['$_', 3], ['$a', 3], ['$-', 3], ['$Z', 3]), '$a')
    // Code units of UTF-16 would have U+1F600 before U+FF5E.
    assert.equal(winner(['$\u{1F600}', 3], ['$\uFF5E', 3]), '$\u{1F600}')
  },
)

testInAll('a topic that rests on older power levels comes first, whatever its clock says', (room, base) => {
  const users = withCreator(room.version, alice, { [bob]: 50 })
  const old = room.after(base, { ...topic(bob, 'old'), id: '$old', ts: 1000 })
  const newLevels = room.after(base, { ...powerLevels(alice, users, { kick: 60 }), id: '$levels' })
  const recent = room.after(newLevels, { ...topic(bob, 'new'), id: '$new', ts: 1 })
  // Bob's old topic and the new one are both allowed: that with the newer ancestor in the mainline is last.
  const result = room.resolved([room.after(old, { ...topic(bob, 'old'), id: '$old2', ts: 2000 }), recent])
  assert.equal(value(result, 'm.room.topic'), '$new')
  const agreed = (set: StateMap) => new Map(set).set('m.room.power_levels', newLevels.get('m.room.power_levels')!)
  // Where the levels themselves are agreed on, rooms/v12 has no mainline to go by: its partial state has none.
  const expected = room.version.stateResolution === '2' ? '$new' : '$old'
  assert.equal(value(room.resolved([agreed(old), recent]), 'm.room.topic'), expected)
})

testInAll("the sender's power is that of the event's auth events", (room, base) => {
  // Bob was at 100 when he set the rule: Carol, at 50, comes after him though her clock is earlier.
  const users = withCreator(room.version, alice, { [bob]: 100, [carol]: 50 })
  const strong = room.after(base, { ...powerLevels(alice, users), id: '$strong' })
  const weak = room.after(strong, {
    ...powerLevels(bob, withCreator(room.version, alice, { [bob]: 50, [carol]: 50 })),
    id: '$weak',
  })
  const auth = (state: StateMap, sender: string) => [
    ...(room.version.roomIdIsCreateHash ? [] : ['$0']),
    value(state, 'm.room.power_levels')!,
    value(state, 'm.room.member', sender)!,
  ]
  const byBob = room.after(weak, { ...joinRule(bob, 'invite'), id: '$bob', ts: 9, auth: auth(strong, bob) })
  const byCarol = room.after(weak, { ...joinRule(carol, 'public'), id: '$carol', ts: 1 })
  assert.equal(value(room.resolved([byBob, byCarol]), 'm.room.join_rules'), '$carol')
  const now = room.after(weak, { ...joinRule(bob, 'invite'), id: '$now', ts: 9 })
  assert.equal(value(room.resolved([now, byCarol]), 'm.room.join_rules'), '$now')
})

testInAll('a kick is a power event, a leave of one’s own is not', (room, base) => {
  // Both take Bob out of the room; only after the kick his join rule, of an earlier clock, is not his to set.
  const rule = room.after(base, { ...joinRule(bob, 'invite'), id: '$rule', ts: 0 })
  const kicked = room.after(base, { ...member(alice, 'leave', bob), id: '$kick', ts: 9 })
  assert.equal(value(room.resolved([rule, kicked]), 'm.room.join_rules'), value(base, 'm.room.join_rules'))
  const left = room.after(base, { ...member(bob, 'leave'), id: '$left', ts: 0 })
  assert.equal(value(room.resolved([rule, left]), 'm.room.join_rules'), '$rule')
})

testInAll('a key that one state lacks is in conflict', (room, base) => {
  const dave = '@dave:two'
  const joined = room.after(base, { ...member(dave, 'join'), id: '$dave' })
  assert.equal(value(room.resolved([base, joined]), 'm.room.member', dave), '$dave')
})

testInAll('what was overtaken comes back through the auth difference', (room, base) => {
  // Alice bans Carol and sets levels on top of it; a fork knows the levels, but a membership of Carol's as well.
  const banned = room.after(base, { ...member(alice, 'ban', carol), id: '$ban' })
  const invited = room.after(banned, { ...member(alice, 'leave', carol), id: '$unban' })
  const again = room.after(invited, { ...member(carol, 'join'), id: '$again' })
  const result = room.resolved([again, base])
  // $ban and $unban are in the chain of $again alone.
  assert.equal(value(result, 'm.room.member', carol), '$again')
})

const isRejected = (...ids: string[]): ResolveOptions => ({ isRejected: (event) => ids.includes(event.eventId) })

testInAll('a rejected event is not admitted, unless the specification is followed', (room, base) => {
  const sets = [base, room.after(base, { ...topic(bob, 'B'), id: '$topic' })]
  assert.equal(value(room.resolved(sets), 'm.room.topic'), '$topic')
  const rejected = isRejected('$topic')
  assert.equal(value(room.resolved(sets, rejected), 'm.room.topic'), undefined)
  assert.equal(value(room.resolved(sets, { ...rejected, follow: 'specification' }), 'm.room.topic'), '$topic')
})

testInAll('a rejected event decides about no other', (room, base) => {
  const users = withCreator(room.version, alice, { [bob]: 50, [carol]: 50 })
  const promoted = room.after(base, { ...powerLevels(alice, users), id: '$promotion' })
  const set = room.after(promoted, { ...topic(carol, 'C'), id: '$topic' })
  assert.equal(value(room.resolved([promoted, set]), 'm.room.topic'), '$topic')
  // The levels that are in the state, and in the topic's auth events too: there are no others, and the default is 50.
  assert.equal(value(room.resolved([promoted, set], isRejected('$promotion')), 'm.room.topic'), undefined)
})

test('whether an event that all states have may be in the auth difference: Synapse and the specification', () => {
  for (const version of ['2', '11', '12'] as const) {
    const room = makeTestRoom(version)
    const base = publicRoom(room)
    const users = withCreator(room.version, alice, { [bob]: 50 })
    // Two races of power levels were settled before: all states have $agreed, one topic rests on the other.
    const other = room.after(base, { ...powerLevels(alice, users, { kick: 51 }), id: '$other', ts: 10 })
    const agreed = room.after(base, { ...powerLevels(alice, users, { kick: 52 }), id: '$agreed', ts: 20 })
    const onOther = room.after(other, { ...topic(bob, 'other'), id: '$onOther', ts: 30 })
    const one = room.after(agreed, { ...topic(bob, 'agreed'), id: '$onAgreed', ts: 30 })
    const two = new Map(agreed).set('m.room.topic', onOther.get('m.room.topic')!)
    // Only $other is judged, and left as the mainline's head.
    assert.equal(value(room.resolved([one, two]), 'm.room.topic'), '$onOther', version)
    // $agreed, which only the chain of `one` holds, is judged as well, and comes after $other.
    const specified = room.resolved([one, two], { follow: 'specification' })
    assert.equal(value(specified, 'm.room.topic'), '$onAgreed', version)
    assert.equal(value(specified, 'm.room.power_levels'), '$agreed')
  }
})

test('rooms/v12 starts on empty state: what all agree on, but cites no more, does not judge', () => {
  const outcome = (version: RoomVersionId) => {
    const room = makeTestRoom(version)
    const base = publicRoom(room)
    // Carol joined while the room was public; all agree that it is closed now, and her renaming is in conflict with nothing.
    const closed = room.after(base, { ...joinRule(alice, 'invite'), id: '$closed' })
    const dave = '@dave:two'
    const auth = ['m.room.power_levels', 'm.room.join_rules'].map((type) => value(base, type)!)
    const late = room.after(closed, {
      ...member(dave, 'join'),
      id: '$dave',
      auth: room.version.roomIdIsCreateHash ? auth : ['$0', ...auth],
    })
    return value(room.resolved([closed, late]), 'm.room.member', dave)
  }
  assert.equal(outcome('11'), undefined)
  assert.equal(outcome('12'), '$dave')
})

test('rooms/v12 replays what lies between two conflicted events, though all chains have it', () => {
  const outcome = (version: RoomVersionId) => {
    const room = makeTestRoom(version)
    const dave = '@dave:two'
    const base = publicRoom(room)
    const users = withCreator(room.version, alice, { [bob]: 50, [carol]: 50 })
    const promoted = room.after(base, { ...powerLevels(alice, users), id: '$promoted' })
    const last = room.after(promoted, { ...powerLevels(carol, users, { kick: 40 }), id: '$last' })
    const joined = room.after(last, { ...member(dave, 'join'), id: '$dave' })
    // One state was set back to the first power levels, yet has Dave, who joined by the last.
    const back = new Map(base).set('m.room.member', joined.get('m.room.member')!)
    return value(room.resolved([back, last]), 'm.room.power_levels')
  }
  // Both chains have $promoted, through $last. Without it the first levels are judged, and Carol's on those.
  assert.equal(outcome('11'), '$2')
  assert.equal(outcome('12'), '$last')
})
