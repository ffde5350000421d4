import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../../../../shared/matrix/json/canonical.ts'
import { parseJson, parseJsonBytes } from '../../../../shared/matrix/json/parse.ts'
import { maxParseDepth, parseExact } from '../../../../shared/matrix/json/parse-exact.ts'
import { JsonFloat } from '../../../../shared/matrix/json/value.ts'
import { anyValue } from './json-texts.ts'

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

test('numbers are kept as they were written', () => {
  for (const [text, value] of [
    ['0', 0],
    ['-0', 0],
    ['[-0]', [0]],
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['{"a":-9007199254740993}', { a: -9007199254740993n }],
    ['18446744073709551616', 18446744073709551616n],
    ['{"a": 1.0}', { a: new JsonFloat('1.0') }],
    ['[1,2E+05]', [1, new JsonFloat('2E+05')]],
    ['{"a":-0.0}', { a: new JsonFloat('-0.0') }],
    [' 1e1 ', new JsonFloat('1e1')],
    ['{"a":1234567890123456}', { a: 1234567890123456 }],
  ] as const) {
    const result = parseJson(text)
    assert.deepStrictEqual(result, { ok: true, value })
    assert.ok(!(result.ok && Object.is(result.value, -0)))
  }
})

test('a string that looks like such a number changes nothing', () => {
  const text =
    '{"a 1.5":["x: 1.0, -0",1234567890123456,":1234567890123456789","\\u0041\\"\\\\"],"b":{"c":[true,false,null]}}'
  assert.deepEqual(parseJson(text), { ok: true, value: JSON.parse(text) })
})

test('of a key that occurs twice the last value counts', () => {
  assert.deepEqual(parseJson('{"a":1,"b":2,"a":3}'), { ok: true, value: { a: 3, b: 2 } })
  assert.deepEqual(parseJson('{"a":1.0,"b":2,"a":3}'), { ok: true, value: { a: 3, b: 2 } })
})

test('`__proto__` is a key like any other', () => {
  for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1},"b":1.0}']) {
    const result = parseJson(text)
    assert.ok(result.ok && Object.hasOwn(result.value as object, '__proto__'))
    assert.equal((result.value as { a?: unknown }).a, undefined)
  }
})

test('lone surrogates in escapes are read: checkEncodable refuses them', () => {
  assert.deepEqual(parseJson('["\\ud800",1.0]'), { ok: true, value: ['\ud800', new JsonFloat('1.0')] })
  assert.deepEqual(parseJson('"\\udE00\\uD83d"'), { ok: true, value: '\ude00\ud83d' })
})

test('what is no JSON is refused, with the place and without the text', () => {
  for (const [text, reason] of [
    ['', 'not JSON at offset 0'],
    ['secret', 'not JSON at offset 0'],
    ['{"a":NaN}', 'not JSON at offset 5'],
    ['[Infinity]', 'not JSON at offset 1'],
    ['[-Infinity]', 'not JSON at offset 1'],
    ['[1,]', 'not JSON at offset 3'],
    ['[1 2]', 'not JSON at offset 3'],
    ['{"a":1,}', 'not JSON at offset 7'],
    ['{"a" 1}', 'not JSON at offset 5'],
    ["{'a':1}", 'not JSON at offset 1'],
    ['[01]', 'not JSON at offset 2'],
    ['[1.]', 'not JSON at offset 2'],
    ['[.5]', 'not JSON at offset 1'],
    ['[+1]', 'not JSON at offset 1'],
    ['[1e]', 'not JSON at offset 2'],
    ['-', 'not JSON at offset 0'],
    ['"a', 'not JSON at offset 2'],
    ['"a\nb"', 'not JSON at offset 2'],
    ['["\\x"]', 'not JSON: bad escape in the string at offset 1'],
    ['"\\u12"', 'not JSON: bad escape in the string at offset 0'],
    ['1 1', 'not JSON at offset 2'],
    ['\u00a01', 'not JSON at offset 0'],
    ['\ufeff1', 'not JSON at offset 0'],
    ['[1] // no', 'not JSON at offset 4'],
    ['tru', 'not JSON at offset 0'],
    ['[1e400]', 'number at offset 1 is out of range'],
  ] as const)
    assert.deepEqual(parseJson(text), { ok: false, reason }, text)
})

test('integers may have 4,300 digits', () => {
  const most = '9'.repeat(4300)
  assert.deepEqual(parseJson(`[-${most}]`), { ok: true, value: [-BigInt(most)] })
  assert.deepEqual(parseJson(`[${most}9]`), { ok: false, reason: 'integer at offset 1 has more than 4300 digits' })
})

test('nesting is limited, and none overflows the stack', () => {
  const tooDeep = { ok: false, reason: 'JSON is nested too deep' }
  assert.ok(parseJson(nested(995)).ok)
  assert.deepEqual(parseJson(nested(996)), tooDeep)
  assert.deepEqual(parseJson(nested(100_000)), tooDeep)
  assert.deepEqual(parseJson(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), tooDeep)
  assert.ok(!parseJson('['.repeat(100_000)).ok)
  assert.deepEqual(parseJson(`[1.0,${nested(100_000)}]`), tooDeep)
  assert.deepEqual(parseJson(nested(2000), { maxDepth: 5000 }), tooDeep)
  for (const number of ['1', '1.0']) {
    assert.ok(parseJson(`[{"a":${number}},[],[],[]]`, { maxDepth: 2 }).ok)
    assert.deepEqual(parseJson(`[{"a":[${number}]}]`, { maxDepth: 2 }), tooDeep)
    assert.ok(parseJson(number, { maxDepth: 0 }).ok)
    assert.deepEqual(parseJson(`[${number}]`, { maxDepth: 0 }), tooDeep)
  }
  // Wide is not deep.
  assert.ok(parseJson(`[${'[],'.repeat(5000)}[]]`).ok)
})

test('bytes are UTF-8, strictly', () => {
  const bytes = (...codes: number[]) => parseJsonBytes(Uint8Array.from([0x22, ...codes, 0x22]))
  assert.deepEqual(parseJsonBytes(Buffer.from('{"a":"日😀"}')), { ok: true, value: { a: '日😀' } })
  for (const invalid of [
    bytes(0xff),
    bytes(0xc0, 0x80),
    bytes(0xed, 0xa0, 0x80),
    bytes(0xf4, 0x90, 0x80, 0x80),
    bytes(0xe6, 0x97),
  ])
    assert.deepEqual(invalid, { ok: false, reason: 'not UTF-8' })
  assert.deepEqual(parseJsonBytes(Buffer.from('\ufeff{}')), { ok: false, reason: 'not JSON at offset 0' })
})

/** JSON with something changed somewhere: most of it is no JSON any more. */
const damaged = fc
  .tuple(
    anyValue,
    fc.nat(),
    fc.nat(3),
    fc.constantFrom('', ',', '"', '\\', '}', ']', '{', ':', '0', '-', '.', 'e', ' ', '\n', '\\u00'),
  )
  .map(([value, place, length, insertion]) => {
    const text = canonicalJson(value)
    const at = place % (text.length + 1)
    return text.slice(0, at) + insertion + text.slice(at + length)
  })

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('exactly what JSON.parse reads is read, but for numbers out of range', () => {
  fc.assert(
    fc.property(damaged, (text) => {
      const result = parseJson(text)
      if (!result.ok && result.reason.endsWith('out of range')) return
      assert.equal(result.ok, isJson(text))
      assert.deepEqual(parseExact(text, maxParseDepth), result)
    }),
    { numRuns: 3000 },
  )
})

test('no bytes make it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => typeof parseJsonBytes(bytes).ok === 'boolean'))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => parseJson(text).ok === isJson(text)))
})
