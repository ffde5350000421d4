import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EventFilter,
  type Filterable,
  filterLimits,
  isRelatedBy,
} from '../../../../shared/matrix/filter/event-filter.ts'
import { defaultFilter, readFilter, readRoomEventFilter } from '../../../../shared/matrix/filter/filter.ts'
import type { JsonValue } from '../../../../shared/matrix/json/value.ts'

function filter(json: JsonValue): EventFilter {
  const result = readRoomEventFilter(json)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
const event = (more: Partial<Filterable> = {}): Filterable => ({
  type: 'm.room.message',
  sender: '@a:s',
  roomId: '!r:s',
  content: {},
  ...more,
})
const passes = (json: JsonValue, more?: Partial<Filterable>) => filter(json).passes(event(more))

test('an absent list lets all pass, an empty one nothing', () => {
  assert.ok(passes({}))
  for (const name of ['types', 'senders', 'rooms']) {
    assert.ok(!passes({ [name]: [] }), name)
    assert.ok(filter({ [name]: [] }).passesNothing, name)
    assert.ok(passes({ [`not_${name}`]: [] }), name)
  }
  assert.ok(filter({ not_types: ['*'] }).passesNothing)
  assert.ok(!filter({ types: ['*'] }).passesNothing)
})

test('types: * anywhere, nothing else special, by the letter', () => {
  for (const [types, matching, other] of [
    [['m.room.*'], ['m.room.message', 'm.room.'], ['m.roomy', 'x.m.room.x']],
    [['*.message'], ['m.room.message'], ['m.room.messages']],
    [['m.*.message'], ['m.room.message', 'm..message'], ['m.message']],
    [
      ['m.?', 'm.room.name'],
      ['m.?', 'm.room.name'],
      ['m.a', 'M.room.name'],
    ],
    [['*'], ['', 'x'], []],
  ] as const) {
    const { passes: pass } = filter({ types })
    const { passes: passNot } = filter({ not_types: types })
    // Twice: the second answer is a remembered one.
    for (const [list, expected] of [
      [matching, true],
      [other, false],
    ] as const)
      for (const type of list)
        for (let i = 0; i < 2; i++) {
          assert.equal(pass(event({ type })), expected, `${types} ${type}`)
          assert.equal(passNot(event({ type })), !expected, `not ${types} ${type}`)
        }
  }
})

test('what is excluded is, even if it is included', () => {
  assert.ok(!passes({ types: ['m.*'], not_types: ['m.room.message'] }))
  assert.ok(!passes({ senders: ['@a:s'], not_senders: ['@a:s'] }))
  assert.ok(!passes({ rooms: ['!r:s'], not_rooms: ['!r:s'] }))
})

test('senders and rooms', () => {
  assert.ok(passes({ senders: ['@b:s', '@a:s'] }))
  assert.ok(!passes({ senders: ['@A:s'] }))
  assert.ok(!passes({ not_senders: ['@a:s'] }))
  assert.ok(!passes({ senders: ['@a:s'] }, { sender: undefined }))
  assert.ok(passes({ not_senders: ['@a:s'] }, { sender: undefined }))
  assert.ok(passes({ rooms: ['!r:s'] }))
  assert.ok(!passes({ rooms: ['!q:s'] }))
  assert.ok(filter({ rooms: ['!r:s'] }).passesRoom('!r:s'))
  assert.ok(!filter({ not_rooms: ['!r:s'] }).passesRoom('!r:s'))
})

test('contains_url: a string', () => {
  assert.ok(passes({ contains_url: true }, { content: { url: 'mxc://s/x' } }))
  assert.ok(!passes({ contains_url: false }, { content: { url: 'mxc://s/x' } }))
  for (const content of [{}, { url: 1 }, { file: { url: 'x' } }, [], null] as const) {
    assert.ok(!passes({ contains_url: true }, { content }))
    assert.ok(passes({ contains_url: false }, { content }))
  }
})

test('relations and labels', () => {
  const thread = { content: { 'm.relates_to': { rel_type: 'm.thread', event_id: '$x' } } }
  assert.ok(passes({ 'org.matrix.msc3874.rel_types': ['m.thread'] }, thread))
  assert.ok(!passes({ 'org.matrix.msc3874.rel_types': ['m.thread'] }))
  assert.ok(!passes({ 'org.matrix.msc3874.not_rel_types': ['m.thread'] }, thread))
  assert.ok(
    !passes(
      { 'org.matrix.msc3874.rel_types': ['m.thread'] },
      { content: { 'm.relates_to': { rel_type: 'm.thread' } } },
    ),
  )
  const labelled = { content: { 'org.matrix.labels': ['#fun', 1] } }
  assert.ok(passes({ 'org.matrix.labels': ['#fun'] }, labelled))
  assert.ok(!passes({ 'org.matrix.labels': ['#work'] }, labelled))
  assert.ok(!passes({ 'org.matrix.not_labels': ['#fun'] }, labelled))
  assert.ok(passes({ 'org.matrix.not_labels': ['#fun'] }, { content: null }))
})

test('related_by: one relation has both', () => {
  const { relatedBy } = filter({ related_by_senders: ['@a:s'], related_by_rel_types: ['m.thread'] })
  assert.ok(
    isRelatedBy(relatedBy!, [
      { sender: '@b:s', relType: 'x' },
      { sender: '@a:s', relType: 'm.thread' },
    ]),
  )
  assert.ok(
    !isRelatedBy(relatedBy!, [
      { sender: '@a:s', relType: 'x' },
      { sender: '@b:s', relType: 'm.thread' },
    ]),
  )
  assert.ok(!isRelatedBy(relatedBy!, []))
  assert.ok(
    isRelatedBy(filter({ related_by_rel_types: ['m.thread'] }).relatedBy!, [{ sender: '@z:s', relType: 'm.thread' }]),
  )
  assert.ok(isRelatedBy(filter({ related_by_senders: [] }).relatedBy!, []))
  assert.equal(filter({}).relatedBy, undefined)
})

test('a whole filter', () => {
  const result = readFilter({
    event_format: 'federation',
    event_fields: ['type', 'content.body'],
    presence: { types: ['m.presence'], not_senders: ['@b:s'] },
    account_data: { types: [] },
    room: {
      rooms: ['!r:s'],
      not_rooms: ['!q:s'],
      include_leave: true,
      types: ['ignored'],
      timeline: { limit: 5, unread_thread_notifications: true, unknown: { x: 1 } },
      state: { lazy_load_members: true, include_redundant_members: true },
      ephemeral: { not_types: ['m.typing'] },
      account_data: { limit: 0 },
    },
  })
  assert.ok(result.ok)
  const { eventFormat, keepFields, presence, accountData, room } = result.value
  assert.equal(eventFormat, 'federation')
  assert.deepEqual(keepFields?.({ type: 'x', sender: '@a:s', content: { body: 'b', url: 'u' } }), {
    type: 'x',
    content: { body: 'b' },
  })
  assert.ok(presence.passes({ type: 'm.presence', sender: '@a:s', content: {} }))
  assert.ok(!presence.passes({ type: 'm.presence', sender: '@b:s', content: {} }))
  assert.ok(accountData.passesNothing)
  assert.ok(room.rooms.passesRoom('!r:s') && !room.rooms.passesRoom('!q:s') && !room.rooms.passesRoom('!z:s'))
  assert.ok(room.rooms.passes(event({ roomId: '!r:s' })))
  assert.equal(room.includeLeave, true)
  assert.deepEqual([room.timeline.limit, room.timeline.unreadThreadNotifications], [5, true])
  assert.deepEqual([room.state.lazyLoadMembers, room.state.includeRedundantMembers], [true, true])
  assert.ok(!room.ephemeral.passes({ type: 'm.typing', roomId: '!r:s', content: {} }))
  assert.equal(room.accountData.limit, 0)
  assert.equal(room.timeline.limit, 5)
})

test('an empty filter is the default one', () => {
  assert.deepEqual(readFilter({}), { ok: true, value: defaultFilter })
  assert.deepEqual(readFilter({ room: {}, event_fields: [] }), { ok: true, value: { ...defaultFilter } })
})

test('wrong types are refused, with their place', () => {
  for (const [json, reason] of [
    [[], 'the filter is not an object'],
    [{ event_format: 'xml' }, 'event_format: neither client nor federation'],
    [{ event_fields: 'type' }, 'event_fields: not a list of strings'],
    [{ presence: [] }, 'presence: not an object'],
    [{ account_data: { types: 'x' } }, 'account_data.types: not a list of strings'],
    [{ room: null }, 'room: not an object'],
    [{ room: { include_leave: null } }, 'room.include_leave: not a boolean'],
    [{ room: { rooms: ['#a:s'] } }, 'room.rooms: there is one that does not begin with !'],
    [{ room: { timeline: { limit: '5' } } }, 'room.timeline.limit: not an integer of 0 or more'],
    [{ room: { timeline: { limit: -1 } } }, 'room.timeline.limit: not an integer of 0 or more'],
    [{ room: { timeline: { types: [1] } } }, 'room.timeline.types: not a list of strings'],
    [{ room: { timeline: { not_types: {} } } }, 'room.timeline.not_types: not a list of strings'],
    [{ room: { state: { senders: ['a'] } } }, 'room.state.senders: there is one that does not begin with @'],
    [{ room: { state: { lazy_load_members: 'yes' } } }, 'room.state.lazy_load_members: not a boolean'],
    [{ room: { ephemeral: { contains_url: 1 } } }, 'room.ephemeral.contains_url: not a boolean'],
    [
      { room: { account_data: { 'org.matrix.labels': '#x' } } },
      'room.account_data.org.matrix.labels: not a list of strings',
    ],
  ] as const)
    assert.deepEqual(readFilter(json as JsonValue), { ok: false, reason })
})

test('what is too large is refused before it is compiled', () => {
  const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i))
  const { entries, wildcards, wildcardLength, characters } = filterLimits
  for (const [json, reason] of [
    [{ types: many(entries + 1, (i) => `t${i}`) }, /too many entries/],
    [
      { senders: many(entries / 2, (i) => `@${i}:s`), not_senders: many(entries / 2 + 1, (i) => `@${i}:s`) },
      /too many entries/,
    ],
    [{ types: ['x'.repeat(characters + 1)] }, /too large/],
    [{ types: many(wildcards + 1, (i) => `t${i}*`) }, /too many wildcards/],
    [{ not_types: [`${'x'.repeat(wildcardLength)}*`] }, /too long/],
  ] as const) {
    const result = readRoomEventFilter(json)
    assert.ok(!result.ok && reason.test(result.reason), JSON.stringify(result).slice(0, 200))
  }
  assert.ok(filter({ rooms: many(entries, (i) => `!${i}:s`) }).passes(event({ roomId: '!7:s' })))
})

test('the most hostile filter that is let in does not hold up a server', () => {
  const types = Array.from({ length: filterLimits.wildcards }, (_, i) => `${'*a'.repeat(120)}${i}`)
  const { passes: pass } = filter({ types })
  const before = process.cpuUsage()
  for (let i = 0; i < 1000; i++) pass(event({ type: `${'a'.repeat(240)}${i}x` }))
  const ms = process.cpuUsage(before).user / 1000
  assert.ok(ms < 3000, `1,000 events took ${ms} ms`)
})

test('names that objects have by themselves are names like others', () => {
  assert.ok(passes(JSON.parse('{"__proto__": {"types": []}, "constructor": 1}')))
  assert.ok(!passes({ types: ['constructor'] }))
  assert.ok(passes({ types: ['constructor'] }, { type: 'constructor' }))
})
