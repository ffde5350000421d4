/**
 * The rules for all events: federation, aliases, membership of the sender, levels, state keys, redactions. The cases cover
 * those of ruma's `event_auth/tests.rs` (ruma-state-res 0.18, MIT) and gomatrixserverlib's `eventauth_test.go` (Apache-2.0).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { authEventKeys } from '../../../../shared/matrix/event-auth/auth-events.ts'
import { authorise } from '../../../../shared/matrix/event-auth/authorise.ts'
import { checkAuthEvents } from '../../../../shared/matrix/event-auth/check-auth-events.ts'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { JsonFloat, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'
import {
  ALICE,
  ALLOWED,
  authorisationCase,
  BOB,
  CAROL,
  type Expected,
  eventOf,
  type Fields,
  type Given,
  lookupIn,
  member,
  stateOf,
  versionsOf,
} from './case.ts'

type Case = readonly [title: string, given: Given, event: Fields, expected: Expected]
const members = { [BOB]: 'join' }
const message = (sender: string): Fields => ({ type: 'm.room.message', sender })
const state = (sender: string, stateKey = '', type = 'org.example.state'): Fields => ({ type, sender, stateKey })

const FEDERATE: Expected = { '1-11': '3', '12': '4' }
const NOT_JOINED: Expected = { '1-5': '6', '6-11': '5', '12': '6' }
const INVITE_LEVEL: Expected = { '1-5': '7.1', '6-11': '6.1', '12': '7.1' }
const REQUIRED: Expected = { '1-5': '8', '6-11': '7', '12': '8' }
const OTHERS: Expected = { '1-5': '9', '6-11': '8', '12': '9' }

const federation: readonly Case[] = [
  ['another server', { members, create: { 'm.federate': false } }, message(BOB), FEDERATE],
  ['the same server', { members: { '@bob:a': 'join' }, create: { 'm.federate': false } }, message('@bob:a'), ALLOWED],
  [
    'another port is another server',
    { members: { '@bob:a:8': 'join' }, create: { 'm.federate': false } },
    message('@bob:a:8'),
    FEDERATE,
  ],
  ['open', { members, create: { 'm.federate': true } }, message(BOB), ALLOWED],
  ...(['false', 'true', 0, 1, null, {}] satisfies JsonValue[]).map(
    (federate): Case => [
      `${JSON.stringify(federate)}, which is not true`,
      { members, create: { 'm.federate': federate } },
      message(BOB),
      FEDERATE,
    ],
  ),
  ['before the sender is looked at', { create: { 'm.federate': false } }, message(BOB), FEDERATE],
]

const aliases = (sender: string, stateKey?: string): Fields => ({
  type: 'm.room.aliases',
  sender,
  ...(stateKey === undefined ? {} : { stateKey }),
})
const aliasCases: readonly Case[] = [
  ["of the sender's server", { members }, aliases(BOB, 'b'), { '1-5': 'allow', '6-11': '7', '12': '8' }],
  ["of the sender's server, outside", {}, aliases(BOB, 'b'), { '1-5': 'allow', '6-11': '5', '12': '6' }],
  [
    "of the sender's server, banned",
    { members: { [BOB]: 'ban' } },
    aliases(BOB, 'b'),
    { '1-5': 'allow', '6-11': '5', '12': '6' },
  ],
  ['of a closed room', { members, create: { 'm.federate': false } }, aliases(BOB, 'b'), FEDERATE],
  ['of another server', {}, aliases(ALICE, 'b'), { '1-5': '4.2', '6-12': 'allow' }],
  ['of no server', {}, aliases(ALICE, ''), { '1-5': '4.2', '6-12': 'allow' }],
  ['of a server with a port', {}, aliases('@bob:b:8448', 'b:8448'), { '1-5': 'allow', '6-11': '5', '12': '6' }],
  ['without state key', {}, aliases(ALICE), { '1-5': '4.1', '6-12': 'allow' }],
]

const senders: readonly Case[] = [
  ['joined', { members }, message(BOB), ALLOWED],
  ['never there', {}, message(BOB), NOT_JOINED],
  ...['invite', 'knock', 'leave', 'ban', null, 'JOIN'].map(
    (membership): Case => [`${membership}`, { members: { [BOB]: membership } }, message(BOB), NOT_JOINED],
  ),
  ['the creator, who has left', { members: { [ALICE]: 'leave' } }, message(ALICE), NOT_JOINED],
]

const inviting = (sender: string): Fields => ({ type: 'm.room.third_party_invite', stateKey: 'token', sender })
const thirdPartyInvites: readonly Case[] = [
  ['at the invite level', { members, levels: { invite: 50, users: { [BOB]: 50 } } }, inviting(BOB), ALLOWED],
  ['below the invite level', { members, levels: { invite: 50, users: { [BOB]: 49 } } }, inviting(BOB), INVITE_LEVEL],
  [
    'whatever its own level',
    { members, levels: { events: { 'm.room.third_party_invite': 90 } } },
    inviting(BOB),
    ALLOWED,
  ],
  ['without power levels', { members }, inviting(BOB), ALLOWED],
  ['outside', {}, inviting(BOB), NOT_JOINED],
]

const levels: readonly Case[] = [
  ['a message, without power levels', { members }, message(BOB), ALLOWED],
  ['state, without power levels', { members }, state(BOB), REQUIRED],
  ['state of the creator, without power levels', {}, state(ALICE), ALLOWED],
  ['state of a creator whom power levels leave out', { levels: {} }, state(ALICE), { ...REQUIRED, '12': 'allow' }],
  [
    'state of another creator',
    { members, create: { additional_creators: [BOB] } },
    state(BOB),
    { ...REQUIRED, '12': 'allow' },
  ],
  ['a message below events_default', { members, levels: { events_default: 1 } }, message(BOB), REQUIRED],
  ['a message at events_default', { members, levels: { events_default: 1, users_default: 1 } }, message(BOB), ALLOWED],
  ['a message at a negative level', { members, levels: { users: { [BOB]: -1 } } }, message(BOB), REQUIRED],
  [
    'a message at a negative level that suffices',
    { members, levels: { events_default: -1, users: { [BOB]: -1 } } },
    message(BOB),
    ALLOWED,
  ],
  [
    'a message below the level of its type',
    { members, levels: { events: { 'm.room.message': 10 } } },
    message(BOB),
    REQUIRED,
  ],
  ['state at the level of its type', { members, levels: { events: { 'org.example.state': 0 } } }, state(BOB), ALLOWED],
  ['state at state_default', { members, levels: { state_default: 0 } }, state(BOB), ALLOWED],
  [
    'state with an empty state key is state',
    { members, levels: { events_default: 0, state_default: 1 } },
    state(BOB, ''),
    REQUIRED,
  ],
  [
    'levels that no number holds',
    { members, levels: { events_default: '9007199254740993', users: { [BOB]: '9007199254740992' } } },
    message(BOB),
    { '1-5': '8', '6-9': '7' },
  ],
  ['users that cannot be read', { members, levels: { users: [] } }, message(BOB), { '1-5': '8', '6-9': '7' }],
  [
    'a level that cannot be read',
    { members, levels: { events_default: 'low' } },
    message(BOB),
    { '1-5': '8', '6-9': '7' },
  ],
]

const stateKeys: readonly Case[] = [
  ["the sender's own", { members, levels: { state_default: 0 } }, state(BOB, BOB), ALLOWED],
  ["another user's", { members, levels: { state_default: 0 } }, state(BOB, CAROL), OTHERS],
  ["another user's, of the creator", {}, state(ALICE, CAROL), OTHERS],
  ['what starts as a user ID', {}, state(ALICE, '@'), OTHERS],
  ["the sender's own with more", {}, state(ALICE, `${ALICE}_more`), OTHERS],
  ['no user ID', {}, state(ALICE, 'a@b'), ALLOWED],
  ['below the level comes first', { members }, state(BOB, CAROL), REQUIRED],
]

const redaction = (redacts: string | undefined, sender = BOB, eventId = '$redaction:b'): Fields => ({
  type: 'm.room.redaction',
  sender,
  eventId,
  ...(redacts === undefined ? {} : { redacts }),
})
const NO_REDACTION: Expected = { '1-2': '11.3', '3-12': 'allow' }
const redactions: readonly Case[] = [
  ["of one's own server", { members }, redaction('$event:b'), ALLOWED],
  ['of another server', { members }, redaction('$event:a'), NO_REDACTION],
  [
    "by an event ID of another server than the sender's",
    { members },
    redaction('$event:a', BOB, '$redaction:a'),
    ALLOWED,
  ],
  ['of an event without server', { members }, redaction('$event'), NO_REDACTION],
  ['neither has a server', { members }, redaction('$event', BOB, '$redaction'), NO_REDACTION],
  ['of nothing', { members }, redaction(undefined), NO_REDACTION],
  ['at the redact level', { members, levels: { redact: 50, users: { [BOB]: 50 } } }, redaction('$event:a'), ALLOWED],
  [
    'below the redact level',
    { members, levels: { redact: 51, users: { [BOB]: 50 } } },
    redaction('$event:a'),
    NO_REDACTION,
  ],
  ['by default from 50', { members, levels: { users: { [BOB]: 49 } } }, redaction('$event:a'), NO_REDACTION],
  [
    'below the level of its type',
    { members, levels: { events: { 'm.room.redaction': 1 } } },
    redaction('$event:b'),
    REQUIRED,
  ],
]

const tables = { 'm.federate': federation, 'm.room.aliases': aliasCases, sender: senders, levels }
for (const [name, cases] of Object.entries({
  ...tables,
  'm.room.third_party_invite': thirdPartyInvites,
  'state key': stateKeys,
  redaction: redactions,
}))
  for (const [title, given, event, expected] of cases) authorisationCase(`${name}: ${title}`, given, event, expected)

test('nothing is sent to a room without a create event', () => {
  for (const version of Object.values(roomVersions)) {
    const withoutCreate = stateOf({}, version).filter(({ type }) => type !== 'm.room.create')
    const refusal = authorise(eventOf(message(ALICE), version), version, lookupIn(withoutCreate))
    assert.equal(refusal?.rule, version.id === '12' ? '2' : '2.4')
  }
})

test('reasons name users, levels and what was missing', () => {
  const reason = (given: Given, fields: Fields) =>
    authorise(eventOf(fields, roomVersions['11']), roomVersions['11'], lookupIn(stateOf(given, roomVersions['11'])))
      ?.reason
  assert.equal(
    reason({ members, levels: { invite: 50 } }, member(CAROL, 'invite', BOB)),
    '@bob:b cannot invite: needs power level 50, has 0',
  )
  assert.equal(reason({ members }, state(BOB)), '@bob:b cannot send org.example.state: needs power level 50, has 0')
  assert.equal(
    reason({ members, levels: { kick: 0, users: { [BOB]: 50, [ALICE]: 100 } } }, member(ALICE, 'leave', BOB)),
    '@bob:b cannot kick @alice:a, whose power level 100 is not below 50',
  )
  assert.equal(
    reason(
      { members, levels: { users: { [BOB]: 50 } } },
      { type: 'm.room.power_levels', stateKey: '', sender: BOB, content: { ban: 60 } },
    ),
    '@bob:b, of power level 50, cannot change ban from unset to 60',
  )
  assert.equal(reason({}, message(BOB)), '@bob:b is not in the room')
  assert.equal(reason({ joinRule: 'invite' }, member(BOB, 'join')), '@bob:b cannot join: is not invited')
  assert.equal(reason({ joinRule: 'private' }, member(BOB, 'join')), '@bob:b cannot join: the join rule is private')
  assert.ok(reason({ members }, { type: 'x'.repeat(5000), sender: BOB, stateKey: '' })!.length < 1010)
})

/** Values that a rule may meet, the malformed more often than the world has them. */
const users = fc.constantFrom(ALICE, BOB, CAROL, '@dave:a', 'dave', '@', '')
const json = fc.oneof(
  users,
  fc.constantFrom(
    ...['join', 'invite', 'leave', 'ban', 'knock', 'public', 'restricted', 'knock_restricted', '50', ' +1 '],
  ),
  fc.constantFrom(null, true, false, 0, 50, 100, -1, 10n ** 30n, new JsonFloat('1.5'), new JsonFloat('1e999')),
  fc.dictionary(
    fc.oneof(users, fc.constantFrom('a', 'signed', 'token', 'mxid', '__proto__')),
    fc.constantFrom(0, 50, '7', null),
  ),
  fc.array(users, { maxLength: 2 }),
) as fc.Arbitrary<JsonValue>
const CONTENT = [
  'membership',
  'join_rule',
  'users',
  'events',
  'notifications',
  'users_default',
  'state_default',
  'ban',
  'invite',
]
const MORE = [
  'creator',
  'm.federate',
  'additional_creators',
  'room_version',
  'third_party_invite',
  'join_authorised_via_users_server',
]
const content = fc.dictionary(fc.constantFrom(...CONTENT, ...MORE), json, { maxKeys: 5 })
const TYPES = ['create', 'member', 'power_levels', 'join_rules', 'third_party_invite', 'aliases', 'redaction', 'name']
const fields = fc.record(
  {
    type: fc.constantFrom(...TYPES.map((name) => `m.room.${name}`)),
    sender: fc.constantFrom(ALICE, BOB, CAROL),
    stateKey: fc.oneof(fc.constant(''), users),
    content,
    prevEvents: fc.array(fc.constantFrom('$create', '$other'), { maxLength: 2 }),
    redacts: fc.constantFrom('$event:a', '$event'),
  },
  { requiredKeys: ['type', 'sender', 'content', 'prevEvents'] },
) as fc.Arbitrary<Fields>
const versions = fc.constantFrom(...Object.values(roomVersions))

test('whatever events hold, they are allowed or refused', () => {
  fc.assert(
    fc.property(versions, fields, fc.array(fields, { maxLength: 6 }), (version, event, more) => {
      const given = stateOf({ more }, version)
      const refusal = authorise(eventOf(event, version), version, lookupIn(given))
      if (refusal !== undefined) assert.match(refusal.rule, /^\d+(\.\d+)*$/)
      const checked = checkAuthEvents(eventOf(event, version), version, given, () => false, given[0])
      if (checked !== undefined) assert.match(checked.rule, /^[123](\.\d)?$/)
    }),
    { numRuns: 3000 },
  )
})

test('only the state that auth events are selected from is looked at, and the create event', () => {
  fc.assert(
    fc.property(versions, fields, fc.array(fields, { maxLength: 6 }), (version, fields, more) => {
      const event = eventOf(fields, version)
      const lookup = lookupIn(stateOf({ more }, version))
      const keys = [...authEventKeys(event, version), ['m.room.create', '']]
      authorise(event, version, (type, stateKey): RoomEvent | undefined => {
        assert.ok(
          keys.some((key) => key[0] === type && key[1] === stateKey),
          `${type}, ${stateKey}`,
        )
        return lookup(type, stateKey)
      })
    }),
    { numRuns: 3000 },
  )
})

test('no rule asks for a room version by its name', () => {
  // A version that none is called, with the fields of another, has that one's rules and numbers.
  for (const version of versionsOf('1-12')) {
    const copy = { ...version }
    const given = lookupIn(stateOf({ members }, version))
    assert.deepEqual(
      authorise(eventOf(state(BOB), copy), copy, given),
      authorise(eventOf(state(BOB), version), version, given),
    )
  }
})
