import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessTokenOf } from '../../../worker/http/access-token.ts'

test('a token is taken from the header or the query', () => {
  assert.equal(accessTokenOf(['Bearer abc'], undefined), 'abc')
  assert.equal(accessTokenOf([], ['abc', 'def']), 'abc')
  assert.equal(accessTokenOf([], ['']), '')
  assert.equal(accessTokenOf([], undefined), undefined)
})

test('what could be read in two ways is refused, in Synapse’s words', () => {
  const cases: readonly [string[], string[] | undefined, string][] = [
    [['Bearer a'], ['a'], 'Mixing Authorization headers and access_token query parameters.'],
    [['Bearer a', 'Bearer a'], undefined, 'Too many Authorization headers.'],
    [['Basic a'], undefined, 'Invalid Authorization header.'],
    [['bearer a'], undefined, 'Invalid Authorization header.'],
    [['Bearer  a'], undefined, 'Invalid Authorization header.'],
    [['Bearer a b'], undefined, 'Invalid Authorization header.'],
    [['Bearer'], undefined, 'Invalid Authorization header.'],
    [[''], undefined, 'Invalid Authorization header.'],
  ]
  for (const [headers, query, message] of cases)
    assert.throws(() => accessTokenOf(headers, query), { errcode: 'M_MISSING_TOKEN', message }, headers.join())
})
