import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePattern } from '../../../router/routing/pattern.ts'
import { documentedTable, quirkyTable } from './tables.ts'

/** `column: message` of every mistake. */
const mistakes = (pattern: string): string[] => {
  const parsed = parsePattern(pattern)
  return parsed.ok ? [] : parsed.mistakes.map(({ offset, message }) => `${offset + 1}: ${message}`)
}

const refused: readonly (readonly [pattern: string, ...mistakes: RegExp[]])[] = [
  // Broken.
  ['^/_matrix/client/(api/v1|r0|v3|unstable/keys/device_signing', /^18: this \( is never closed/],
  ['^/a)/b', /^4: this \) closes nothing/],
  ['^/a[bc', /^4: this \[ is never closed/],
  ['^/a]', /^4: this \] closes nothing: write \\\]/],
  ['^/a}', /^4: this } closes nothing/],
  ['^/a\\', /^4: the pattern ends in a backslash/],
  ['*', /^1: nothing stands before \* for it to repeat: write \.\*/],
  ['^/(+a|b)', /^4: nothing stands before \+/],
  ['^/(a|?b)', /^6: nothing stands before \?/],
  ['^/({2}a)', /^4: nothing stands before \{2}/],
  ['^/a**', /^5: \* follows a quantifier/],
  ['^/a???', /^6: \? follows a quantifier/],
  ['^/a{2}{3}', /^7: \{3} follows a quantifier/],
  ['^/a{3,2}', /^4: \{3,2} asks for at least 3 and at most 2/],
  ['', /^1: an empty pattern matches every path: write \^\//],
  // Read differently by PCRE, Python and JavaScript.
  ['^/a{,2}', /^4: \{,2} is read differently .*: write \{0,2}/],
  ['^/a{x', /^4: write \\\{/],
  ['^/[]a]', /^4: an empty class, or a literal ]/],
  ['^/[^]a]', /^5: matches any character, or a literal ]/],
  ['^/[z-a]', /^4: the range z-a is the wrong way round: write a-z/],
  ['^/[\\w-.]', /^4: \\w-\. is no range: write \\-/],
  ['^/[[:alpha:]]', /^4: \[:alpha:] is not read here: write A-Za-z/],
  // Known elsewhere.
  ['^/a++', /^5: a possessive quantifier .* remove this \+/],
  ['^/a*+b', /^5: a possessive quantifier/],
  ['^/(a)\\1', /^6: a back-reference/],
  ['^/(?P<x>a)(?P=x)', /^11: a back-reference/],
  ['^/\\k<x>', /^3: a back-reference/],
  ['^/(?=a)', /^3: look-ahead/],
  ['^/(?!a)b', /^3: negative look-ahead .*: put a rule for the exception before this one/],
  ['^/(?<=a)b', /^3: look-behind/],
  ['^/(?<!a)b', /^3: negative look-behind/],
  ['^/(?>a)', /^3: an atomic group .*\(\?:/],
  ['^/(?#a)', /^3: a comment/],
  ['(?i)^/a', /^1: flags are not read here: .*case-sensitive/, /^5: \^ stands where/],
  ['^/(?s:a)', /^3: flags are not read here/],
  ['^/a\\b', /^4: the word boundary/],
  ['\\A/a\\Z', /^1: \\A is not read here: write \^/, /^5: \\Z is not read here: write \$/],
  ['^/\\x41', /^3: \\x/],
  ['^/\\S+', /^3: \\S matches every byte of a path: write \./, /^5: nothing stands before/],
  ['^/\\q', /^3: \\q is not read here/],
  // Cannot match a path.
  ['/a^b', /^3: \^ stands where a path cannot begin: write \\\^/],
  ['^^/a', /^2: \^ stands/],
  ['^/(a|^b)', /^6: \^ stands/],
  ['^/a$b', /^4: \$ stands where a path cannot end: write \\\$/],
  ['^/(a$|b)c', /^5: \$ stands/],
  ['^/(a$)*', /^5: \$ stands/],
  ['^*/a', /^2: \^ cannot be repeated/],
  ['^/a$?', /^5: \$ cannot be repeated/],
  ['^/a b', /^4: a path holds no white space/],
  ['^/a ', /^4: a path holds no white space/],
  ['^/a\u0001', /^4: a path holds no control character/],
  ['^/ü', /^3: a path holds ASCII only, .*: write %C3%BC/],
  ['^/[é]', /^4: a path holds ASCII only/],
  ['^/\u{1f600}x(', /^3: .*write %F0%9F%98%80/, /^6: this \( is never closed/],
  ['^/sync\\?since=', /^7: a path ends before its \?: put conditions on the query under `when`/],
  // Of another language.
  ['~ ^/a', /^1: ~ is a modifier of nginx's location, .*: remove it/],
  ['~* ^/a', /^1: ~\* is a modifier .* case-sensitive/],
  ['= /a', /^1: = is a modifier .*: write \^ before the path and \$ behind it/],
  ['^~ /a', /^1: \^~ is a modifier .*: write \^ before the path$/],
  ['^/rooms/{roomId}/state', /^9: \{roomId} is how the specification writes a parameter: write \[\^\/]\+/],
  // Too much.
  ['^/(a{1000}){1000}', /^3: too large: \{1000} multiplies/],
  ['^/((a{0}){999}){999}', /^3: too large/],
  [`^/${'('.repeat(51)}a${')'.repeat(51)}`, /^53: groups are nested more than 50 deep/],
  [`^/${'a'.repeat(5000)}`, /^1: too large/],
  // All at once.
  ['^/a**/(?=b)/c\\b/ü(', /^5: \* follows/, /^7: look-ahead/, /^14: the word/, /^17: .*ASCII/, /^18: this \(/],
]

for (const [pattern, ...expected] of refused) {
  test(`refuses ${JSON.stringify(pattern.slice(0, 60))}`, () => {
    const told = mistakes(pattern)
    expected.forEach((message, i) => {
      assert.match(told[i] ?? 'nothing', message)
    })
    assert.equal(told.length, expected.length, told.join('\n'))
  })
}

const accepted = [
  '^/_matrix/client/(api/v1|r0|v3|unstable/.*)/rooms/.*/aliases',
  '^/_matrix/client/(r0|v3|unstable)/user/.*/filter(/|$)',
  '(^/a|^/b)c|d$',
  '^(/a$)?',
  '^/[-a-z.]+?/[a-]{2,}?/[\\w\\-\\]]{0,3}/[^^/]*',
  '^/(?P<room_id>[^/]*)/(?<type>\\w+)/(?:\\d{3}|\\D|\\W)$',
  '^/a(|b)()c',
  '^/\\_\\/\\.\\{x\\}\\+\\*\\(\\)\\|\\[\\]\\^\\$\\-%20[?/]',
]

for (const pattern of accepted) {
  test(`reads ${pattern}`, () => assert.deepEqual(mistakes(pattern), []))
}

test('reads every documented pattern', (t) => {
  const table = documentedTable()
  if (!table) return t.skip('no copy of the documentation beside the repository')
  assert.ok(table.length >= 95)
  for (const { match } of [...table, ...quirkyTable]) assert.deepEqual(mistakes(match), [], match)
})

test('no string of regular expression syntax makes the parser throw', () => {
  const characters = [...'ab/.*+?()[]{}|^$\\-,:<P>=!2wdbé ']
  let seed = 1
  for (let i = 0; i < 50_000; i++) {
    let pattern = ''
    for (let length = 1 + (i % 14); length > 0; length--) {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
      pattern += characters[(seed >> 8) % characters.length]
    }
    const parsed = parsePattern(pattern)
    if (parsed.ok)
      assert.doesNotThrow(() => new RegExp(pattern.replaceAll('?P<', '?<').replace(/\?<\w+>/g, '?:')), pattern)
    else for (const { offset } of parsed.mistakes) assert.ok(offset <= pattern.length, pattern)
  }
})
