import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson } from '../../../shared/matrix/json/canonical.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { redactEvent } from '../../../shared/matrix/redact.ts'
import { type RoomVersionId, roomVersions } from '../../../shared/matrix/room-version.ts'
import { anyEventJson, anyVersion } from './events/arbitrary.ts'

const all = Object.keys(roomVersions) as RoomVersionId[]
const since = (first: number): RoomVersionId[] => all.filter((id) => Number(id) >= first)
const to = (last: number): RoomVersionId[] => all.filter((id) => Number(id) <= last)

const event: JsonObject = {
  auth_events: [],
  content: {},
  depth: 1,
  event_id: '$e:example.org',
  hashes: { sha256: 'x' },
  invented: 1,
  membership: 'join',
  origin: 'example.org',
  origin_server_ts: 1,
  prev_events: [],
  prev_state: [],
  redacts: '$x',
  room_id: '!r:example.org',
  sender: '@a:example.org',
  signatures: {},
  state_key: '',
  type: 'm.room.message',
  unsigned: { age: 1 },
}

test('the keys of the event that stay, by room version (rooms/v1 and v11, "Redactions")', () => {
  const { redacts, unsigned, invented, ...v1 } = event
  const { origin, membership, prev_state, ...v11 } = v1
  for (const id of to(10)) assert.deepEqual(redactEvent(event, roomVersions[id]), v1, `version ${id}`)
  for (const id of since(11)) assert.deepEqual(redactEvent(event, roomVersions[id]), v11, `version ${id}`)
})

/** Type, content, what stays of it, in which versions. */
const contents: readonly [string, JsonObject, JsonObject, readonly RoomVersionId[]][] = [
  ['m.room.message', { body: 'x', membership: 'join' }, {}, all],
  ['m.room.member', { membership: 'join', displayname: 'A' }, { membership: 'join' }, all],
  ['m.room.member', { membership: 'join', join_authorised_via_users_server: '@b:b' }, { membership: 'join' }, to(8)],
  [
    'm.room.member',
    { membership: 'join', join_authorised_via_users_server: '@b:b' },
    { membership: 'join', join_authorised_via_users_server: '@b:b' },
    since(9),
  ],
  ['m.room.member', { third_party_invite: { signed: { token: 't' }, display_name: 'A' } }, {}, to(10)],
  [
    'm.room.member',
    { third_party_invite: { signed: { token: 't' }, display_name: 'A' } },
    { third_party_invite: { signed: { token: 't' } } },
    since(11),
  ],
  ['m.room.member', { third_party_invite: { display_name: 'A' } }, { third_party_invite: {} }, since(11)],
  ['m.room.member', { third_party_invite: 'signed' }, {}, since(11)],
  ['m.room.create', { creator: '@a:b', 'm.federate': false }, { creator: '@a:b' }, to(10)],
  ['m.room.create', { creator: '@a:b', 'm.federate': false }, { creator: '@a:b', 'm.federate': false }, since(11)],
  ['m.room.join_rules', { join_rule: 'restricted', allow: [], x: 1 }, { join_rule: 'restricted' }, to(7)],
  ['m.room.join_rules', { join_rule: 'restricted', allow: [], x: 1 }, { join_rule: 'restricted', allow: [] }, since(8)],
  ['m.room.aliases', { aliases: ['#a:b'], x: 1 }, { aliases: ['#a:b'] }, to(5)],
  ['m.room.aliases', { aliases: ['#a:b'], x: 1 }, {}, since(6)],
  ['m.room.history_visibility', { history_visibility: 'shared', x: 1 }, { history_visibility: 'shared' }, all],
  ['m.room.redaction', { redacts: '$x', reason: 'spam' }, {}, to(10)],
  ['m.room.redaction', { redacts: '$x', reason: 'spam' }, { redacts: '$x' }, since(11)],
]

test('what stays of the content, by type and room version', () => {
  for (const [type, content, kept, versions] of contents)
    for (const id of versions)
      assert.deepEqual(
        redactEvent({ ...event, type, content }, roomVersions[id]).content,
        kept,
        `${type} in version ${id}`,
      )
})

test('power levels keep eight keys, and `invite` from rooms/v11', () => {
  const kept = {
    ban: 1,
    events: {},
    events_default: 1,
    kick: 1,
    redact: 1,
    state_default: 1,
    users: {},
    users_default: 1,
  }
  const redacted = (id: RoomVersionId) =>
    redactEvent(
      { ...event, type: 'm.room.power_levels', content: { ...kept, invite: 1, notifications: {}, historical: 1 } },
      roomVersions[id],
    ).content
  for (const id of to(10)) assert.deepEqual(redacted(id), kept)
  for (const id of since(11)) assert.deepEqual(redacted(id), { ...kept, invite: 1 })
})

test('a key named after something that every object has is not kept', () => {
  const content = JSON.parse('{"constructor":1,"__proto__":{"membership":"join"}}') as JsonObject
  assert.deepEqual(redactEvent({ ...event, type: 'm.room.member', content }, roomVersions[11]).content, {})
})

test('redacting is idempotent and leaves the event as it was', () => {
  fc.assert(
    fc.property(anyEventJson, anyVersion, (json, version) => {
      const before = canonicalJson(json)
      const once = redactEvent(json, version)
      assert.equal(canonicalJson(redactEvent(once, version)), canonicalJson(once))
      assert.equal(canonicalJson(json), before)
    }),
  )
})
