/** Canonical JSON: <https://spec.matrix.org/v1.19/appendices/#canonical-json>. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, canonicalJsonWithout } from '../../../../shared/matrix/json/canonical.ts'
import { canonicaliseText } from '../../../../shared/matrix/json/canonicalise.ts'
import { parseJson } from '../../../../shared/matrix/json/parse.ts'
import { JsonFloat, type JsonObject, type JsonValue } from '../../../../shared/matrix/json/value.ts'
import { anyValue, strictValue } from './json-texts.ts'

const parsed = (text: string): JsonValue => {
  const result = parseJson(text)
  assert.ok(result.ok, result.ok ? '' : `${text}: ${result.reason}`)
  return result.value
}

test('the examples of the appendix', () => {
  const examples: readonly (readonly [string, string])[] = [
    ['{}', '{}'],
    ['{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'],
    ['{\n    "b": "2",\n    "a": "1"\n}', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
        {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    ['{"a": "\\u65E5"}', '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
  ]
  for (const [text, canonical] of examples) assert.deepEqual(canonicaliseText(text), { ok: true, value: canonical })
})

test('text that canonical JSON cannot hold is refused', () => {
  for (const [text, reason] of [
    ['{"a": [1.5]}', 'a[0]: not an integer'],
    ['{"a": 9007199254740992}', 'a: not an integer within ±(2^53 − 1)'],
    ['1e16', 'not an integer'],
    ['{"a b": "\\ud800"}', '["a b"]: lone surrogate'],
    ['{', 'not JSON at offset 1'],
  ] as const)
    assert.deepEqual(canonicaliseText(text), { ok: false, reason })
})

test('keys are sorted by code point', () => {
  assert.equal(canonicalJson({ '\u{1f600}': 1, '\uff5e': 2, a: 3 }), '{"a":3,"\uff5e":2,"\u{1f600}":1}')
  assert.equal(canonicalJson({ x: { '\u{1f600}': '\ufe0f', '\ud7ff': 1 } }), '{"x":{"\ud7ff":1,"\u{1f600}":"\ufe0f"}}')
  assert.equal(canonicalJson({ b: 1, a: 2, B: 3, aa: 4, '': 5 }), '{"":5,"B":3,"a":2,"aa":4,"b":1}')
})

test('keys that JavaScript orders or treats by itself', () => {
  assert.equal(canonicalJson({ 9: 1, 10: 2, 1: 3, '-': 4 }), '{"-":4,"1":3,"10":2,"9":1}')
  assert.equal(
    canonicalJson(parsed('{"b":1,"__proto__":{"d":1,"c":2},"a":3}')),
    '{"__proto__":{"c":2,"d":1},"a":3,"b":1}',
  )
  assert.equal(canonicalJson(parsed('{"__proto__":{"d":1,"c":2}}')), '{"__proto__":{"c":2,"d":1}}')
  assert.equal(canonicalJson({ toJSON: 'x', constructor: 'y' }), '{"constructor":"y","toJSON":"x"}')
})

test('strings have the escapes of the grammar and no others', () => {
  const controls = String.fromCharCode(...Array(0x20).keys())
  assert.equal(
    canonicalJson(`${controls}"\\/\x7f\u0085\u2028`),
    '"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f' +
      '\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f' +
      '\\"\\\\/\x7f\u0085\u2028"',
  )
})

test('numbers of old rooms are printed as Python prints them', () => {
  // As printed by Python's canonicaljson 2.0.
  for (const [written, canonical] of [
    ['1.0', '1.0'],
    ['1e5', '100000.0'],
    ['1e10', '10000000000.0'],
    ['1e15', '1000000000000000.0'],
    ['1e16', '1e+16'],
    ['123456789012345678.0', '1.2345678901234568e+17'],
    ['9007199254740993.0', '9007199254740992.0'],
    ['1E22', '1e+22'],
    ['1.5e300', '1.5e+300'],
    ['0.0001', '0.0001'],
    ['0.00012345', '0.00012345'],
    ['0.00001', '1e-05'],
    ['1e-7', '1e-07'],
    ['5e-324', '5e-324'],
    ['1e-400', '0.0'],
    ['-0.0', '-0.0'],
    ['-1.50', '-1.5'],
    ['0.1', '0.1'],
    ['-0', '0'],
    ['9007199254740993', '9007199254740993'],
    ['-1000000000000000000000000000000', '-1000000000000000000000000000000'],
  ] as const)
    assert.equal(canonicalJson({ a: parsed(written) }), `{"a":${canonical}}`)
})

test('a lone surrogate is printed as an escape, so that different values have different texts', () => {
  assert.equal(canonicalJson({ b: '\ud800', a: 1 }), '{"a":1,"b":"\\ud800"}')
})

test('a number that is no integer is a mistake of the caller', () => {
  for (const number of [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => canonicalJson({ a: [number] }), RangeError)
})

test('values are not altered', () => {
  const value = { b: [{ d: 1, c: 2 }], a: {} }
  canonicalJson(value)
  assert.equal(JSON.stringify(value), '{"b":[{"d":1,"c":2}],"a":{}}')
})

test('keys can be left out, at the top only', () => {
  const object = { unsigned: 1, b: { unsigned: 2, signatures: 3 }, signatures: 4, a: new JsonFloat('1.0') }
  assert.equal(canonicalJsonWithout(object, ['signatures', 'unsigned']), '{"a":1.0,"b":{"signatures":3,"unsigned":2}}')
  fc.assert(
    fc.property(anyValue, anyValue, (a, b) => {
      const rest: JsonObject = { b: a, ['__proto__']: b, 10: a, 9: b }
      assert.equal(canonicalJsonWithout({ ...rest, hashes: a }, ['hashes', 'x']), canonicalJson(rest))
    }),
  )
})

test('canonical text is read and printed as itself', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = canonicalJson(value)
      assert.equal(canonicalJson(parsed(text)), text)
    }),
  )
  fc.assert(fc.property(strictValue, (value) => canonicaliseText(canonicalJson(value)).ok))
})

/** By the definition, from code points up: no code of the implementation. */
function plainly(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(plainly).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const points = (text: string) =>
    Array.from(text, (char) => char.codePointAt(0)!.toString(16).padStart(6, '0')).join('')
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (points(a) < points(b) ? -1 : 1))
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${plainly(member!)}`).join()}}`
}

test('random values have the text of a plain implementation of the definition', () => {
  fc.assert(
    fc.property(strictValue, (value) => canonicalJson(value) === plainly(value)),
    { numRuns: 500 },
  )
})

test('so have objects of many keys, with and without characters that are escaped or sorted with care', () => {
  const many = (unit: 'grapheme-ascii' | 'binary') =>
    fc.array(fc.tuple(fc.string({ unit, minLength: 1, maxLength: 4 }), strictValue), { minLength: 40, maxLength: 60 })
  fc.assert(
    fc.property(fc.oneof(many('grapheme-ascii'), many('binary')), (entries) => {
      const value = { z: Object.fromEntries(entries), a: '\uff5e' }
      assert.equal(canonicalJson(value), plainly(value))
    }),
  )
  const users = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`@user${(i * 7) % 300}:a.test`, i]))
  assert.equal(canonicalJson(users), plainly(users))
})
