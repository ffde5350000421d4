/** How levels are read: of users, of properties, of events; and what a power level is in each room version. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Level,
  namedLevel,
  type PowerLevels,
  readLevel,
  requiredLevel,
  userLevel,
} from '../../../../shared/matrix/event-auth/power-levels.ts'
import { JsonFloat, type JsonObject, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../../shared/matrix/room-version.ts'
import { ALICE, BOB, CAROL, eventOf, versionsOf } from './case.ts'

const NONE = Number.NaN

/** Value → level in rooms/v1 to v5, v6 to v9, v10 to v12. */
const readings: readonly (readonly [JsonValue, v1: Level, v6: Level, v10: Level])[] = [
  [50, 50, 50, 50],
  [-50, -50, -50, -50],
  [9007199254740991, 9007199254740991, 9007199254740991, 9007199254740991],
  [9007199254740992n, 9007199254740992n, NONE, NONE],
  // Strings: rooms/v1, "accept values as strings".
  ['50', 50, 50, NONE],
  ['00050', 50, 50, NONE],
  ['+50', 50, 50, NONE],
  ['-50', -50, -50, NONE],
  [' 50\n', 50, 50, NONE],
  ['\u00a0+050\u3000', 50, 50, NONE],
  ['9007199254740993', 9007199254740993n, 9007199254740993n, NONE],
  ['+9007199254740993', 9007199254740993n, 9007199254740993n, NONE],
  ['-9007199254740993', -9007199254740993n, -9007199254740993n, NONE],
  [`${'0'.repeat(4299)}7`, 7, 7, NONE],
  [`-${'0'.repeat(4300)}7`, NONE, NONE, NONE],
  ...[
    '',
    ' ',
    '+',
    '-',
    '- 50',
    '--50',
    '+-50',
    '5 0',
    '50.0',
    '5e1',
    '0x32',
    'fifty',
    '1_0',
    '٥٠',
    'NaN',
    'Infinity',
  ].map((text) => [text, NONE, NONE, NONE] as const),
  // Floats: rooms/v1, "accept values as floats".
  [new JsonFloat('50.57'), 50, NONE, NONE],
  [new JsonFloat('-50.57'), -50, NONE, NONE],
  [new JsonFloat('5.114698E4'), 51146, NONE, NONE],
  [new JsonFloat('-0.5'), 0, NONE, NONE],
  [new JsonFloat('1e16'), 10000000000000000n, NONE, NONE],
  [new JsonFloat('1e400'), NONE, NONE, NONE],
  [new JsonFloat('-1e400'), NONE, NONE, NONE],
  ...[true, false, null, [], [50], {}, { level: 50 }].map((value) => [value, NONE, NONE, NONE] as const),
]

test('a value is read as the room version says', () => {
  // `-0` is a level as good as `0`.
  for (const [value, ...levels] of readings)
    for (const [range, level] of [
      ['1-5', levels[0]],
      ['6-9', levels[1]],
      ['10-12', levels[2]],
    ] as const)
      for (const version of versionsOf(range))
        assert.deepEqual(zeroed(readLevel(value, version)), level, `${String(value)} in rooms/v${version.id}`)
})
const zeroed = (level: Level): Level => (level === 0 ? 0 : level)

test('an integer that is written as a string is the same level, however large', () => {
  const padding = fc.constantFrom('', ' ', '\t', '\u2003', '\n  ')
  fc.assert(
    fc.property(fc.bigInt(), padding, padding, fc.nat(9), (integer, before, after, zeros) => {
      const sign = integer < 0n ? '-' : ''
      const text = `${before}${sign}${'0'.repeat(zeros)}${integer < 0n ? -integer : integer}${after}`
      const level = readLevel(text, roomVersions['9'])
      assert.equal(BigInt(level), integer)
      assert.equal(level, readLevel(integer, roomVersions['1']), 'equal levels are identical')
    }),
  )
})

const levelsOf = (
  content: JsonObject | undefined,
  id: keyof typeof roomVersions,
  create: JsonObject = {},
): PowerLevels => {
  const version = roomVersions[id]
  const creator = version.creator === 'content' ? { creator: ALICE } : {}
  const event = eventOf({ type: 'm.room.create', stateKey: '', content: { ...creator, ...create } }, version)
  return { version, create: event, content }
}

test('without power levels the creator has 100, and others 0', () => {
  for (const id of ['1', '10', '11'] as const) {
    assert.equal(userLevel(levelsOf(undefined, id), ALICE), 100)
    assert.equal(userLevel(levelsOf(undefined, id, { additional_creators: [BOB] }), BOB), 0)
  }
  assert.equal(userLevel(levelsOf(undefined, '10', { creator: BOB }), BOB), 100)
  assert.equal(userLevel(levelsOf(undefined, '10', { creator: BOB }), ALICE), 0)
  assert.equal(userLevel(levelsOf(undefined, '11', { creator: BOB }), ALICE), 100)
  assert.equal(userLevel(levelsOf(undefined, '11', { creator: BOB }), BOB), 0)
})

test('with power levels the creator has no more than they say, to rooms/v11', () => {
  assert.equal(userLevel(levelsOf({}, '11'), ALICE), 0)
  assert.equal(userLevel(levelsOf({ users_default: 7 }, '11'), ALICE), 7)
  assert.equal(userLevel(levelsOf({ users_default: 7, users: { [ALICE]: -1 } }, '11'), ALICE), -1)
})

test('creators of rooms/v12 stand above all levels', () => {
  for (const content of [undefined, {}, { users: { [ALICE]: 0, [BOB]: 0 } }, { users: 'broken' }]) {
    const levels = levelsOf(content, '12', { additional_creators: [BOB] })
    assert.equal(userLevel(levels, ALICE), Number.POSITIVE_INFINITY)
    assert.equal(userLevel(levels, BOB), Number.POSITIVE_INFINITY)
  }
  assert.equal(userLevel(levelsOf(undefined, '12'), BOB), 0)
})

test('properties have their defaults, with and without power levels', () => {
  for (const content of [undefined, {}]) {
    const names = ['users_default', 'ban', 'redact', 'kick', 'invite'] as const
    const levels = names.map((name) => [name, namedLevel(levelsOf(content, '6'), name)])
    assert.deepEqual(Object.fromEntries(levels), {
      users_default: 0,
      ban: 50,
      redact: 50,
      kick: 50,
      invite: 0,
    })
    assert.equal(requiredLevel(levelsOf(content, '6'), 'm.room.name', true), 50)
    assert.equal(requiredLevel(levelsOf(content, '6'), 'm.room.message', false), 0)
  }
})

test('an event type has its own level or that of its kind', () => {
  const levels = levelsOf({ events: { a: 1 }, events_default: 2, state_default: 3 }, '6')
  assert.equal(requiredLevel(levels, 'a', true), 1)
  assert.equal(requiredLevel(levels, 'a', false), 1)
  assert.equal(requiredLevel(levels, 'b', false), 2)
  assert.equal(requiredLevel(levels, 'b', true), 3)
})

test('keys that every object of JavaScript has are no entries', () => {
  const levels = levelsOf({ users: { [CAROL]: 5 }, events: {} }, '6')
  for (const key of ['constructor', 'toString', '__proto__']) {
    assert.equal(userLevel(levels, key), 0)
    assert.equal(requiredLevel(levels, key, true), 50)
  }
})

test('what cannot be read is no level, and null before rooms/v10 no value', () => {
  assert.ok(Number.isNaN(userLevel(levelsOf({ users: [] }, '6'), ALICE)))
  assert.ok(Number.isNaN(requiredLevel(levelsOf({ events: null }, '6'), 'a', true)))
  assert.ok(Number.isNaN(namedLevel(levelsOf({ ban: 'high' }, '6'), 'ban')))
  assert.equal(namedLevel(levelsOf({ ban: null }, '9'), 'ban'), 50)
  assert.equal(userLevel(levelsOf({ users_default: null }, '9'), BOB), 0)
  assert.ok(Number.isNaN(namedLevel(levelsOf({ ban: null }, '10'), 'ban')))
  assert.equal(requiredLevel(levelsOf({ events: { a: null }, state_default: 7 }, '9'), 'a', true), 7)
  assert.ok(Number.isNaN(requiredLevel(levelsOf({ state_default: null }, '9'), 'a', true)))
})
