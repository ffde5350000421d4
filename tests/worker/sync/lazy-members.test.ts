import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { makeLazyMembers } from '../../../worker/sync/lazy-members.ts'

const alice = '@alice:hs' as UserId
const bob = { roomId: '!room:hs' as RoomId, userId: '@bob:hs', eventId: '$bob' as EventId }

test('a member counts as sent once the client comes back with the token of the answer', () => {
  const members = makeLazyMembers()
  members.note(alice, 'PHONE', 's2', [bob])
  assert.equal(members.of(alice, 'PHONE', 's1').has(bob), false, 'the answer may have been lost')
  assert.equal(members.of(alice, 'PHONE', 's2').has(bob), true)
  assert.equal(members.of(alice, 'PHONE', 's3').has(bob), true)
  assert.equal(members.of(alice, 'LAPTOP', 's2').has(bob), false)
  assert.equal(members.of(alice, 'PHONE', 's3').has({ ...bob, eventId: '$renamed' as EventId }), false)
})

test('a client that begins anew knows nobody', () => {
  const members = makeLazyMembers()
  members.note(alice, 'PHONE', 's2', [bob])
  members.of(alice, 'PHONE', 's2')
  assert.equal(members.of(alice, 'PHONE', undefined).has(bob), false)
  assert.equal(members.of(alice, 'PHONE', 's2').has(bob), false)
})

test('answers that nobody came back for are not kept for ever', () => {
  const members = makeLazyMembers()
  for (let i = 1; i <= 10; i++) members.note(alice, 'PHONE', `s${i}`, [bob])
  assert.equal(members.of(alice, 'PHONE', 's1').has(bob), false)
  assert.equal(members.of(alice, 'PHONE', 's10').has(bob), true)
})

test('so many members are kept of all devices, not of each', () => {
  const members = makeLazyMembers(50)
  const crowd = (device: number) => Array.from({ length: 10 }, (_, i) => ({ ...bob, userId: `@bob${device}-${i}:hs` }))
  for (let device = 0; device < 20; device++) {
    members.note(alice, `${device}`, 's1', crowd(device))
    members.of(alice, `${device}`, 's1')
  }
  const known = Array.from({ length: 20 }, (_, device) => members.of(alice, `${device}`, 's2').has(crowd(device)[0]!))
  assert.deepEqual(known.lastIndexOf(false), 15)
  assert.equal(known.filter((isKnown) => isKnown).length, 4)
})
