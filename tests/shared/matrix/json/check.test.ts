import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkEncodable, checkStrict } from '../../../../shared/matrix/json/check.ts'
import { JsonFloat, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { anyValue, strictValue } from './json-texts.ts'

const reason = (refusal: { reason: string } | undefined): string | undefined => refusal?.reason

const nested = (levels: number): JsonValue => {
  let value: JsonValue = 'x'
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

test('rooms/v6: numbers are integers within ±(2^53 − 1)', () => {
  assert.equal(checkStrict({ a: [9007199254740991, -9007199254740991, 0, true, null, 'x'] }), undefined)
  for (const [value, expected] of [
    [{ content: { size: 9007199254740992n } }, 'content.size: not an integer within ±(2^53 − 1)'],
    [[0, { 'a.b': new JsonFloat('1.0') }], '[1]["a.b"]: not an integer'],
    [new JsonFloat('1e3'), 'not an integer'],
    [{ a: 0.5 }, 'a: not an integer within ±(2^53 − 1)'],
  ] as const) {
    assert.equal(reason(checkStrict(value)), expected)
    assert.equal(checkEncodable(value), undefined)
  }
})

test('lone surrogates are refused in all room versions', () => {
  for (const check of [checkStrict, checkEncodable]) {
    assert.equal(check({ '😀': '😀' }), undefined)
    assert.equal(reason(check({ content: { body: 'a\ud83d' } })), 'content.body: lone surrogate')
    assert.equal(reason(check({ a: [{ '\ude00': 1 }] })), 'a[0]["\\ude00"]: lone surrogate in a key')
  }
})

test('127 levels are an event, 128 are not', () => {
  assert.equal(checkEncodable(nested(127)), undefined)
  assert.match(reason(checkEncodable(nested(128))) ?? '', /…: nested too deep$/)
  assert.match(reason(checkStrict(nested(100_000))) ?? '', /nested too deep$/)
})

test('reasons stay short', () => {
  assert.ok(reason(checkStrict({ ['x'.repeat(60_000)]: 1n }))!.length < 200)
})

test('random values', () => {
  fc.assert(fc.property(strictValue, (value) => checkStrict(value) === undefined))
  fc.assert(fc.property(anyValue, (value) => checkEncodable(value) === undefined))
})
