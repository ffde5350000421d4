import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { table } from '../../../shared/endpoints/table.ts'
import { makePathTrie, type PathEntry } from '../../../worker/http/path-trie.ts'

const entry = (method: string, path: string, nonEmpty: number[] = []): PathEntry<string> => ({
  method,
  path,
  nonEmpty,
  value: path,
})

const trie = makePathTrie([
  entry('GET', '/versions'),
  entry('GET', '/profile/{userId}'),
  entry('PUT', '/profile/{userId}/displayname'),
  entry('GET', '/profile/{userId}/{key}'),
  entry('PUT', '/rooms/{roomId}/state/{type}'),
  entry('PUT', '/rooms/{roomId}/state/{type}/{stateKey}'),
  entry('GET', '/keys/{keyId}', [0]),
  entry('GET', '/keys/{keyId}/versions'),
])

test('literals go before parameters, and parameters catch what they do not serve', () => {
  assert.deepEqual(trie.find('GET', '/versions'), { value: '/versions', segments: [] })
  assert.deepEqual(trie.find('PUT', '/profile/@a:b/displayname'), {
    value: '/profile/{userId}/displayname',
    segments: ['@a:b'],
  })
  assert.deepEqual(trie.find('GET', '/profile/@a:b/displayname'), {
    value: '/profile/{userId}/{key}',
    segments: ['@a:b', 'displayname'],
  })
  assert.equal(trie.find('PUT', '/profile/@a:b/other'), 'other method')
})

test('paths are matched as they are on the wire', () => {
  for (const path of [
    '/versions/',
    '//versions',
    '/version%73',
    '/Versions',
    '/a/../versions',
    '/versions;x',
    'versions',
    '',
    '/',
    '/profile',
    '/profile/a/b/c',
  ])
    assert.equal(trie.find('GET', path), undefined, path)
  assert.deepEqual(trie.find('GET', '/profile/%40a%2Fb')?.valueOf(), {
    value: '/profile/{userId}',
    segments: ['%40a%2Fb'],
  })
})

test('parameters may be empty, but for those that must not', () => {
  assert.deepEqual(trie.find('PUT', '/rooms//state/m.room.name/'), {
    value: '/rooms/{roomId}/state/{type}/{stateKey}',
    segments: ['', 'm.room.name', ''],
  })
  assert.equal(trie.find('GET', '/keys/'), undefined)
  assert.equal(trie.find('POST', '/keys/'), undefined)
  assert.equal(trie.find('POST', '/keys/a'), 'other method')
})

test('two entries of one method and path are refused', () => {
  assert.throws(() => makePathTrie([entry('GET', '/a/{x}'), entry('GET', '/a/{y}')]), /served twice/)
})

test('each endpoint of the table is found under each of its prefixes, with its parameters', () => {
  const entries = table.flatMap(({ name, endpoint: { method, under, path } }) =>
    under.map((prefix) => ({ method, path: prefix + path, value: name })),
  )
  // Of the table some exist only with, others only without the authentication service: two for one path.
  const unique = [
    ...new Map(entries.map((found) => [`${found.method} ${found.path.replaceAll(/\{\w+\}/g, '{}')}`, found])).values(),
  ]
  const all = makePathTrie(unique)
  for (const { method, path, value } of unique) {
    let n = 0
    const found = all.find(
      method,
      path.replaceAll(/\{\w+\}/g, () => `p${n++}`),
    )
    assert.ok(typeof found === 'object', `${method} ${path}`)
    assert.equal(found.value, value)
    assert.deepEqual(
      found.segments,
      Array.from({ length: n }, (_, i) => `p${i}`),
    )
  }
})

test('a trie finds what trying every path finds', () => {
  const part = fc.constantFrom('a', 'b', '{x}', '')
  const paths = fc.uniqueArray(fc.array(part, { minLength: 1, maxLength: 4 }), {
    maxLength: 8,
    selector: (parts) => parts.join('/'),
  })
  fc.assert(
    fc.property(paths, fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 4 }), (all, asked) => {
      const entries = all.map((parts) => entry('GET', `/${parts.join('/')}`))
      const matches = all.some(
        (parts) => parts.length === asked.length && parts.every((p, i) => p === '{x}' || p === asked[i]),
      )
      assert.equal(makePathTrie(entries).find('GET', `/${asked.join('/')}`) !== undefined, matches)
      assert.equal(makePathTrie(entries).find('PUT', `/${asked.join('/')}`), matches ? 'other method' : undefined)
    }),
  )
})
