import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  compileGlob,
  findsLiteralWord,
  findsWord,
  literalOf,
  matchesWhole,
  searchCost,
} from '../../../shared/matrix/glob.ts'

const whole = (pattern: string, text: string) => matchesWhole(compileGlob(pattern), text)
const word = (pattern: string, text: string) => findsWord(compileGlob(pattern), text)

test('a glob matches the whole text: * any number of characters, ? exactly one', () => {
  for (const [pattern, matching, other] of [
    ['lunc?*', ['lunch plans', 'lunch'], [' lunch', 'lunc', '']],
    ['', [''], ['a']],
    ['*', ['', 'a', 'a\nb'], []],
    ['?', ['a', '\n', '😀'], ['', 'ab']],
    ['a*b', ['ab', 'a\nb', 'abab'], ['aba', 'b']],
    ['a**b', ['ab', 'axb'], ['a']],
    ['*a*b*', ['ab', 'xaxbx'], ['ba']],
    ['a*?', ['ab', 'abc', 'a😀'], ['a']],
    ['??*?', ['abc', 'abcd', '😀😀😀'], ['ab', '😀']],
    ['*ab', ['ab', 'aab'], ['abc', 'b']],
    ['a*a', ['aa', 'aba'], ['a']],
    ['[a].\\*', ['[a].\\x', '[a].\\'], ['a.\\x']],
  ] as const) {
    for (const text of matching) assert.ok(whole(pattern, text), `${pattern} ${text}`)
    for (const text of other) assert.ok(!whole(pattern, text), `${pattern} ${text}`)
  }
})

test('a word of the text matches: from boundary to boundary', () => {
  for (const [pattern, matching, other] of [
    ['ex*ple', ['an example event.', 'exple', 'an exciting triple-whammy'], ['xexample', 'examples']],
    ['foo', ['foo', 'xfoo foo', '(foo)', 'foo-bar', 'éfooé'], ['foo_', '1foo', 'foobar']],
    // What is no word character is a boundary itself, wherever it stands.
    ['@room', ['@room', 'x@room', 'hey @room!'], ['@rooms']],
    ['-', ['a-b'], ['ab']],
    ['', ['', 'abc'], []],
    ['*', ['', 'abc'], []],
    ['a*', ['a', 'b ab'], ['ba']],
    ['*a', ['ba', 'b a c'], ['ab']],
    ['a?', ['ab', 'x a b', 'a😀'], ['a', 'abc']],
    ['a*b', ['a b', 'a\nb', 'a xb'], ['a bx', 'xa b']],
    ['aa', ['aaa aa'], ['aaa']],
    ['a*b*c', ['a b c', 'abxbc'], ['a c b']],
  ] as const) {
    for (const text of matching) assert.ok(word(pattern, text), `${pattern} ${text}`)
    for (const text of other) assert.ok(!word(pattern, text), `${pattern} ${text}`)
  }
})

test('only * is special where ? is not', () => {
  assert.ok(matchesWhole(compileGlob('m.?.*', '*'), 'm.?.x'))
  assert.ok(!matchesWhole(compileGlob('m.?.*', '*'), 'm.a.x'))
  assert.equal(literalOf(compileGlob('a?', '*')), 'a?')
  assert.equal(literalOf(compileGlob('a?')), undefined)
})

test('what a search costs at worst: little without ?, the pattern with it', () => {
  for (const [pattern, cost] of [
    ['tea', 1],
    ['', 1],
    ['a*b', 1],
    ['a'.repeat(160), 10],
    ['a?b*c', 4],
  ] as const)
    assert.equal(searchCost(compileGlob(pattern)), cost, pattern)
})

const text = fc.string({ unit: fc.constantFrom('a', 'b', '_', '-', ' ', '\n', '😀', '1'), maxLength: 12 })
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', '-', ' ', '*', '?', '😀', '['), maxLength: 6 })
const source = (glob: string) =>
  Array.from(glob, (c) => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[[\]\\.]/, '\\$&'))).join('')

test('whole matches are those of a regular expression', () => {
  fc.assert(
    fc.property(pattern, text, (glob, value) =>
      assert.equal(whole(glob, value), new RegExp(`^${source(glob)}$`, 'su').test(value)),
    ),
    { numRuns: 5000 },
  )
})

test('word matches are those of a regular expression', () => {
  const starts = '(?:^|(?<![A-Za-z0-9_])|(?![A-Za-z0-9_]))'
  const ends = '(?:$|(?![A-Za-z0-9_])|(?<![A-Za-z0-9_]))'
  fc.assert(
    fc.property(pattern, text, (glob, value) => {
      const expected = new RegExp(`${starts}${source(glob)}${ends}`, 'su').test(value)
      assert.equal(word(glob, value), expected)
      if (literalOf(compileGlob(glob)) !== undefined) assert.equal(findsLiteralWord(glob, value), expected)
    }),
    { numRuns: 5000 },
  )
})

test('a pattern made to backtrack costs no more than text × pattern', () => {
  const hostile = [
    `${'a*'.repeat(500)}b`,
    `${'?*'.repeat(500)}b`,
    `${'*a?'.repeat(330)}b`,
    `${'?'.repeat(999)}b`,
    `b${'a'.repeat(999)}`,
  ]
  const long = 'a'.repeat(65_000)
  for (const glob of hostile) {
    const before = process.cpuUsage()
    assert.equal(whole(glob, long), false)
    assert.equal(word(glob, long), false)
    const ms = process.cpuUsage(before).user / 1000
    assert.ok(ms < 5000, `${glob.slice(0, 10)}… took ${ms} ms`)
  }
})
