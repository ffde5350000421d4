import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { arrayText, asJsonText, jsonTextOf, objectText } from '../../worker/json-text.ts'

test('texts are put together as the values would be printed', () => {
  const event = asJsonText('{"content":{"x":1.50},"type":"m.x"}')
  const text = objectText({
    start: jsonTextOf('a"b'),
    chunk: arrayText([event, event]),
    end: undefined,
    none: arrayText([]),
  })
  assert.equal(text, `{"start":"a\\"b","chunk":[${event},${event}],"none":[]}`)
  assert.equal(objectText({}), '{}')
  assert.equal(objectText({ a: undefined }), '{}')
})

test('what was parsed is printed again without loss', () => {
  const exact = '{"big":9007199254740993,"float":1.5,"list":[1.0,-12345678901234567890]}'
  const parsed = parseJson(exact)
  assert.ok(parsed.ok)
  assert.equal(jsonTextOf(parsed.value), exact)
  const floats = parseJson('{"b":1.0,"a":2}')
  assert.ok(floats.ok)
  assert.equal(jsonTextOf(floats.value), '{"b":1.0,"a":2}')
})

test('a circle is an error, not an endless text', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  assert.throws(() => jsonTextOf(circle), TypeError)
})
