/** Events as they come from strangers, for property tests. */

import * as fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../../../shared/matrix/json/value.ts'
import { type RoomVersion, roomVersions } from '../../../../shared/matrix/room-version.ts'

export const anyVersion: fc.Arbitrary<RoomVersion> = fc.constantFrom(...Object.values(roomVersions))

const key = fc.oneof(
  fc.constantFrom(
    'membership',
    'creator',
    'allow',
    'join_rule',
    'users',
    'redacts',
    '__proto__',
    'constructor',
    'signed',
  ),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
)
/** JSON of strings, integers, booleans and null, as all room versions allow it. */
export const anyJson: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.maxSafeInteger().map((integer) => integer || 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value

const types = ['m.room.member', 'm.room.create', 'm.room.join_rules', 'm.room.power_levels', 'm.room.aliases']

/** An object with most of an event's keys, some of them of the wrong type. */
export const anyEventJson: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      type: fc.oneof(fc.constantFrom(...types, 'm.room.redaction', 'm.room.message'), anyJson),
      content: fc.oneof(
        fc.array(fc.tuple(key, anyJson), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
        anyJson,
      ),
      sender: fc.oneof(fc.constant('@a:b'), anyJson),
      room_id: fc.oneof(fc.constant('!r:b'), anyJson),
      event_id: fc.oneof(fc.constant('$e:b'), anyJson),
      state_key: fc.oneof(fc.constant(''), anyJson),
      depth: fc.oneof(fc.nat(), anyJson),
      origin_server_ts: fc.oneof(fc.nat(), anyJson),
      prev_events: fc.oneof(fc.constant([]), anyJson),
      auth_events: fc.oneof(fc.constant([]), anyJson),
      hashes: fc.oneof(fc.constant({ sha256: 'x' }), anyJson),
      signatures: fc.oneof(fc.constant({ b: { 'ed25519:1': 'x' } }), anyJson),
      unsigned: anyJson,
      origin: anyJson,
      membership: anyJson,
      prev_state: anyJson,
      other: anyJson,
    },
    { requiredKeys: [] },
  )
  .map((json) => json as JsonObject)
