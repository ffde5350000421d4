/**
 * Which events authorise an event, and the rules about its `auth_events`. The cases cover those of ruma's
 * `event_auth/tests.rs` (ruma-state-res 0.18, MIT).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authEventKeys, selectAuthEvents } from '../../../../shared/matrix/event-auth/auth-events.ts'
import { checkAuthEvents } from '../../../../shared/matrix/event-auth/check-auth-events.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { type RoomVersion, roomVersions } from '../../../../shared/matrix/room-version.ts'
import {
  ALICE,
  BOB,
  CAROL,
  type Expected,
  eventOf,
  type Fields,
  lookupIn,
  member,
  stateOf,
  versionsOf,
} from './case.ts'

const message: Fields = { type: 'm.room.message' }
const keysOf = (fields: Fields, id: keyof typeof roomVersions): string[] =>
  authEventKeys(eventOf(fields, roomVersions[id]), roomVersions[id])
    .map(([type, stateKey]) => `${type.replace('m.room.', '')} ${stateKey}`.trim())
    .sort()

const OF_ALICE = ['create', `member ${ALICE}`, 'power_levels']
const selections: readonly (readonly [title: string, Fields, expected: readonly string[]])[] = [
  ['a message', message, OF_ALICE],
  ['state of the sender', { type: 'a', stateKey: ALICE }, OF_ALICE],
  ['power levels', { type: 'm.room.power_levels', stateKey: '' }, OF_ALICE],
  ['a join', member(ALICE, 'join'), [...OF_ALICE, 'join_rules']],
  ['a knock', member(ALICE, 'knock'), [...OF_ALICE, 'join_rules']],
  ['leaving', member(ALICE, 'leave'), OF_ALICE],
  ['an invitation', member(BOB, 'invite', ALICE), [...OF_ALICE, `member ${BOB}`, 'join_rules']],
  ['a kick', member(BOB, 'leave', ALICE), [...OF_ALICE, `member ${BOB}`]],
  ['a ban', member(BOB, 'ban', ALICE), [...OF_ALICE, `member ${BOB}`]],
  ['an unknown membership', member(BOB, 'dance', ALICE), [...OF_ALICE, `member ${BOB}`]],
  ['a member of no state key', { type: 'm.room.member', content: { membership: 'join' } }, [...OF_ALICE, 'join_rules']],
  [
    'an invitation by third-party invite',
    member(BOB, 'invite', ALICE, { third_party_invite: { signed: { token: 'x' } } }),
    [...OF_ALICE, `member ${BOB}`, 'join_rules', 'third_party_invite x'],
  ],
  [
    'a third-party invite without token',
    member(BOB, 'invite', ALICE, { third_party_invite: { signed: { token: 1 } } }),
    [...OF_ALICE, `member ${BOB}`, 'join_rules'],
  ],
  [
    'a join with a third-party invite',
    member(ALICE, 'join', ALICE, { third_party_invite: { signed: { token: 'x' } } }),
    [...OF_ALICE, 'join_rules'],
  ],
  [
    'a knock that a user authorises',
    member(ALICE, 'knock', ALICE, { join_authorised_via_users_server: CAROL }),
    [...OF_ALICE, 'join_rules'],
  ],
]
for (const [title, fields, expected] of selections)
  test(`auth events of ${title}`, () => {
    for (const id of ['1', '11'] as const) assert.deepEqual(keysOf(fields, id), [...expected].sort())
    assert.deepEqual(keysOf(fields, '12'), expected.filter((key) => key !== 'create').sort())
  })

test('auth events of a create event are none', () => {
  for (const id of ['1', '12'] as const) assert.deepEqual(keysOf({ type: 'm.room.create', stateKey: '' }, id), [])
})

test('auth events of a join that a user authorises, from rooms/v8', () => {
  const join = (user: string | number) => member(ALICE, 'join', ALICE, { join_authorised_via_users_server: user })
  assert.deepEqual(keysOf(join(CAROL), '7'), [...OF_ALICE, 'join_rules'].sort())
  assert.deepEqual(keysOf(join(CAROL), '8'), [...OF_ALICE, `member ${CAROL}`, 'join_rules'].sort())
  assert.deepEqual(keysOf(join(ALICE), '8'), [...OF_ALICE, 'join_rules'].sort(), 'each pair once')
  assert.deepEqual(keysOf(join(5), '8'), [...OF_ALICE, 'join_rules'].sort())
})

test('those of the pairs that the room has are selected', () => {
  for (const version of versionsOf('1-12')) {
    const state = stateOf({ levels: {}, members: { [BOB]: 'join' } }, version)
    const selected = selectAuthEvents(eventOf(message, version), version, lookupIn(state))
    const types = version.id === '12' ? ['power_levels', 'member'] : ['create', 'power_levels', 'member']
    assert.deepEqual(
      selected.map(({ type }) => type.replace('m.room.', '')),
      types,
    )
  }
})

interface Checked {
  readonly version: RoomVersion
  readonly create: RoomEvent
  readonly levels: RoomEvent
  readonly alice: RoomEvent
  readonly bob: RoomEvent
  /** Of Bob, by another event. */
  readonly bobAgain: RoomEvent
}
function room(version: RoomVersion): Checked {
  const state = stateOf({ levels: {}, members: { [BOB]: 'join' } }, version)
  const lookup = lookupIn(state)
  return {
    version,
    create: lookup('m.room.create', '')!,
    levels: lookup('m.room.power_levels', '')!,
    alice: lookup('m.room.member', ALICE)!,
    bob: lookup('m.room.member', BOB)!,
    bobAgain: eventOf({ ...member(BOB, 'join'), eventId: '$again' }, version),
  }
}

const first = ({ version, create }: Checked): RoomEvent[] => (version.id === '12' ? [] : [create])
const otherRoom = (event: RoomEvent): RoomEvent => ({ ...event, roomId: '!other:a' as RoomEvent['roomId'] })
type Check = readonly [
  title: string,
  authEvents: (room: Checked) => readonly RoomEvent[],
  expected: Expected,
  more?: {
    fields?: Fields
    rejected?: (room: Checked) => RoomEvent
    create?: (room: Checked) => RoomEvent | undefined
  },
]
const ROOM: Expected = { '1-11': '2.5', '12': '3.4' }
const checks: readonly Check[] = [
  ['what is selected', (room) => [...first(room), room.levels, room.alice], { '1-12': 'allow' }],
  ['less than is selected', (room) => first(room), { '1-12': 'allow' }],
  [
    'two of one pair',
    (room) => [...first(room), room.bob, room.bobAgain],
    { '1-11': '2.1', '12': '3.1' },
    { fields: member(BOB, 'ban', ALICE) },
  ],
  ['one event twice', (room) => [...first(room), room.alice, room.alice], { '1-11': '2.1', '12': '3.1' }],
  ['another member', (room) => [...first(room), room.bob], { '1-11': '2.2', '12': '3.2' }],
  ['no state', (room) => [...first(room), eventOf(message, room.version)], { '1-11': '2.2', '12': '3.2' }],
  ['the create event', (room) => [room.create], { '1-11': 'allow', '12': '3.2' }],
  [
    'a rejected event',
    (room) => [...first(room), room.alice],
    { '1-11': '2.3', '12': '3.3' },
    { rejected: (room) => room.alice },
  ],
  ['a rejected create event', (room) => first(room), { '1-11': '2.3', '12': '2' }, { rejected: (room) => room.create }],
  ['no create event', (room) => [room.levels, room.alice], { '1-11': '2.4', '12': 'allow' }],
  ['nothing', () => [], { '1-11': '2.4', '12': 'allow' }],
  ['an event of another room', (room) => [...first(room), otherRoom(room.alice)], ROOM],
  ['a create event of another room', (room) => [otherRoom(room.create)], { '1-11': '2.5' }],
  [
    'a room of no known create event',
    (room) => first(room),
    { '1-11': 'allow', '12': '2' },
    { create: () => undefined },
  ],
  [
    'a room whose ID is that of no create event',
    (room) => first(room),
    { '1-11': 'allow', '12': '2' },
    { create: (room) => ({ ...room.create, type: 'm.room.name' }) },
  ],
  [
    'a room whose ID is that of another create event',
    (room) => first(room),
    { '1-11': 'allow', '12': '2' },
    { create: (room) => ({ ...room.create, eventId: '$other' as RoomEvent['eventId'] }) },
  ],
  ['a rejected event that is not named', (room) => first(room), { '1-12': 'allow' }, { rejected: (room) => room.bob }],
]
for (const [title, authEvents, expected, more = {}] of checks)
  test(`auth_events: ${title}`, () => {
    for (const [range, rule] of Object.entries(expected))
      for (const version of versionsOf(range)) {
        const checked = room(version)
        const rejected = more.rejected?.(checked)
        const refusal = checkAuthEvents(
          eventOf(more.fields ?? message, version),
          version,
          authEvents(checked),
          (event) => event === rejected,
          more.create === undefined ? checked.create : more.create(checked),
        )
        assert.equal(refusal?.rule ?? 'allow', rule, `rooms/v${version.id}: ${refusal?.reason ?? 'allowed'}`)
      }
  })
