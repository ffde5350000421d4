import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchWords, wordQueries } from '../../../worker/directory/search-words.ts'

/** As Synapse 1.163 takes them apart. */
const texts: readonly (readonly [string, readonly string[]])[] = [
  ['alice', ['alice']],
  ['@alice:hs.test', ['alice', 'hs.test']],
  ['@alice', ['alice']],
  ['user-71', ['user-71']],
  ['-71', ['-71']],
  ['71-', ['71']],
  ['a.b_c', ['a.b_c']],
  ['a. b', ['a', 'b']],
  ['a .b', ['a', '.b']],
  ["O'Neil", ["o'neil"]],
  ['quoted" back\\slash', ['quoted', 'back', 'slash']],
  ['日本語 テスト', ['日本語', 'テスト']],
  ['①② Ｆｕｌｌ', ['12', 'full']],
  ['Zoë Müller-Lüdenscheidt', ['zoë', 'müller-lüdenscheidt']],
  ['x-y-z', ['x-y-z']],
  ['--x', ['-x']],
  ['x--y', ['x', '-y']],
  ['', []],
  ['  ', []],
  ['&|!():*', []],
  ['3.14', ['3.14']],
  ['e-mail@x.org', ['e-mail', 'x.org']],
  ['😀 smile', ['smile']],
  ['_under_score_', ['_under_score_']],
]

test('words are Synapse’s', () => {
  for (const [text, words] of texts) assert.deepEqual(searchWords(text), words, text)
})

test('no more than ten words count, and no more than the beginning of a long text', () => {
  assert.equal(searchWords('a b c d e f g h i j k l m').length, 10)
  const began = performance.now()
  searchWords('ﷺ -'.repeat(1_000_000))
  assert.ok(performance.now() - began < 1_000)
})

test('quotes and backslashes are no syntax', () => {
  assert.deepEqual(wordQueries("o'neil x"), {
    query: "('o''neil':* | 'o''neil') & ('x':* | 'x')",
    exact: "'o''neil' & 'x'",
    prefix: "'o''neil':* & 'x':*",
  })
})

test('a word that Postgres has no place for finds nobody', () => {
  assert.equal(wordQueries('ﬃ'.repeat(900)).query, '')
})
