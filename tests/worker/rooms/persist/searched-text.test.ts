import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { searchedTextOf } from '../../../../worker/rooms/persist/searched-text.ts'

const found = (type: string, content: JsonObject) => searchedTextOf({ type, content } as RoomEvent)

test('messages, names and topics are found by their words, and nothing else is', () => {
  assert.deepEqual(found('m.room.message', { body: 'hello' }), { key: 'content.body', text: 'hello' })
  assert.deepEqual(found('m.room.name', { name: 'a room' }), { key: 'content.name', text: 'a room' })
  assert.deepEqual(found('m.room.topic', { topic: 'talk' }), { key: 'content.topic', text: 'talk' })
  assert.equal(found('m.room.encrypted', { body: 'hello' }), undefined)
  assert.equal(found('m.room.message', { body: 5 }), undefined)
  assert.equal(found('m.room.message', {}), undefined)
  assert.equal(found('m.room.name', { body: 'hello' }), undefined)
})

test('of a topic in several forms the first plain one counts', () => {
  const texts = (...of: JsonObject[]) => found('m.room.topic', { topic: 'old', 'm.topic': { 'm.text': of } })?.text
  assert.equal(texts({ mimetype: 'text/html', body: '<b>new</b>' }, { body: 'new' }), 'new')
  assert.equal(texts({ mimetype: 'text/plain', body: 'plain' }, { body: 'second' }), 'plain')
  assert.equal(texts({ mimetype: 'text/html', body: '<b>new</b>' }), 'old')
  assert.equal(texts(), 'old')
})
