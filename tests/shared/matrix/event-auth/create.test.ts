/** `m.room.create`. The cases cover those of ruma's `event_auth/tests.rs` (ruma-state-res 0.18, MIT). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorise } from '../../../../shared/matrix/event-auth/authorise.ts'
import { checkAuthEvents } from '../../../../shared/matrix/event-auth/check-auth-events.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { ALICE, ALLOWED, type Expected, eventOf, type Fields, versionsOf } from './case.ts'

const create = (content: JsonObject, more: Partial<Fields> = {}): Fields => ({
  type: 'm.room.create',
  stateKey: '',
  prevEvents: [],
  content: { creator: ALICE, ...content },
  ...more,
})
const additional = (creators: JsonObject[string]) => create({ additional_creators: creators! })
const MALFORMED_CREATORS: Expected = { '1-11': 'allow', '12': '1.4' }

const cases: readonly (readonly [title: string, Fields, Expected])[] = [
  ['no more than its creator', create({}), ALLOWED],
  ['without a creator', { ...create({}), content: {} }, { '1-10': '1.4', '11-12': 'allow' }],
  ['a creator that is no string', create({ creator: 5 }), ALLOWED],
  ['after another event', create({}, { prevEvents: ['$other'] }), { '1-12': '1.1' }],
  ['a room named for another server', create({}, { roomId: '!room:b' }), { '1-11': '1.2', '12': 'allow' }],
  ['a server with a port', create({}, { roomId: '!room:a:8448', sender: '@alice:a:8448' }), ALLOWED],
  ['a server with another port', create({}, { roomId: '!room:a:8448' }), { '1-11': '1.2', '12': 'allow' }],
  ['a room_id in the event', create({}, { json: { room_id: '!room:a' } }), { '1-11': 'allow', '12': '1.2' }],
  ...['1', '6', '12'].map((id) => [`room_version ${id}`, create({ room_version: id }), ALLOWED] as const),
  ...['', '0', '13', '1.0', 'org.example.room', 'constructor'].map(
    (id) => [`room_version ${id}`, create({ room_version: id }), { '1-12': '1.3' }] as const,
  ),
  ['room_version that is no string', create({ room_version: 6 }), { '1-12': '1.3' }],
  ['null as room_version', create({ room_version: null }), { '1-12': '1.3' }],
  ['a predecessor that is none', create({ predecessor: '!room:a', type: true }), ALLOWED],
  ['additional_creators', additional(['@bob:b', '@carol:c.example:80', '@dave:[::1]']), ALLOWED],
  ['no additional_creators', additional([]), ALLOWED],
  ['additional_creators that are no list', additional('@bob:b'), MALFORMED_CREATORS],
  ['null as additional_creators', additional(null), MALFORMED_CREATORS],
  ['a number among additional_creators', additional(['@bob:b', 1]), MALFORMED_CREATORS],
  ['a server among additional_creators', additional(['b.example']), MALFORMED_CREATORS],
  ['no server of an additional creator', additional(['@bob']), MALFORMED_CREATORS],
  ['an empty server of an additional creator', additional(['@bob:']), MALFORMED_CREATORS],
  ['a broken server of an additional creator', additional(['@::example.org']), MALFORMED_CREATORS],
  ['an additional creator too long', additional([`@${'b'.repeat(255)}:b`]), MALFORMED_CREATORS],
]

for (const [title, fields, expected] of cases)
  test(`create: ${title}`, () => {
    for (const [range, rule] of Object.entries(expected))
      for (const version of versionsOf(range)) {
        const event = eventOf(fields, version)
        const refusals = [authorise(event, version, () => undefined), checkAuthEvents(event, version, [], () => false)]
        for (const refusal of refusals)
          assert.equal(refusal?.rule ?? 'allow', rule, `rooms/v${version.id}: ${refusal?.reason ?? 'allowed'}`)
      }
  })
