import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepFields } from '../../../../shared/matrix/filter/event-fields.ts'

const event = {
  type: 'm.room.message',
  sender: '@a:s',
  content: { body: 'b', 'm.x': { y: 1, z: null }, 'm.': { x: 2 }, list: [{ a: 1 }], empty: {} },
}

test('only fields asked for are kept', () => {
  for (const [fields, kept] of [
    [['type'], { type: 'm.room.message' }],
    [['content'], { content: event.content }],
    [['content.body', 'sender'], { content: { body: 'b' }, sender: '@a:s' }],
    [['content.m\\.x.y'], { content: { 'm.x': { y: 1 } } }],
    [['content.m\\.x.z'], { content: { 'm.x': { z: null } } }],
    [['content.m.x'], {}],
    [['content.m\\..x'], { content: { 'm.': { x: 2 } } }],
    [['content.empty'], { content: { empty: {} } }],
    [['content.empty.x', 'content.missing', 'content.list.0', 'type.length', 'nothing', ''], {}],
    // The larger of two, in either order.
    [['content.body', 'content'], { content: event.content }],
    [['content', 'content.body'], { content: event.content }],
    [['constructor', '__proto__', 'content.toString'], {}],
  ] as const)
    assert.deepEqual(keepFields(fields)(event), kept, fields.join())
})

test('a field named __proto__ is a field', () => {
  const hostile = JSON.parse('{"content": {"__proto__": {"x": 1}}}')
  const kept = keepFields(['content.__proto__.x'])(hostile)
  assert.equal(JSON.stringify(kept), '{"content":{"__proto__":{"x":1}}}')
})
