import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { plainTopic } from '../../../worker/directory/topic.ts'

const text = (...texts: JsonObject[]) => ({ topic: 'old', 'm.topic': { 'm.text': texts } })

test('the first plain text of m.topic is the topic, else the old one', () => {
  assert.equal(plainTopic({ topic: 'old' }), 'old')
  assert.equal(plainTopic(text({ body: 'new' })), 'new')
  assert.equal(plainTopic(text({ mimetype: 'text/html', body: '<b>' }, { mimetype: 'text/plain', body: 'new' })), 'new')
  assert.equal(plainTopic(text({ mimetype: 'text/html', body: '<b>' })), 'old')
  assert.equal(plainTopic(text({ body: 5 }, { body: 'new' })), 'new')
  assert.equal(plainTopic({ topic: 'old', 'm.topic': 'none' }), 'old')
  assert.equal(plainTopic({ topic: 5, 'm.topic': { 'm.text': [{ body: 'new' }] } }), undefined)
  assert.equal(plainTopic({}), undefined)
})
