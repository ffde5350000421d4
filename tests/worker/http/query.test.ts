import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import {
  parseQuery,
  queryBoolean,
  queryInteger,
  queryOneOf,
  queryString,
  queryStrings,
  requiredString,
} from '../../../worker/http/query.ts'

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof MatrixError)
    return `${error.errcode} ${error.message}`
  }
  return 'none'
}

test('arguments are read as Twisted reads them', () => {
  const query = parseQuery('a=1&b=x+y%2B;a=2&empty=&flag&=nameless&%61c=%C3%A9&c=d=e&&')
  assert.deepEqual(Object.fromEntries(query), {
    a: ['1', '2'],
    b: ['x y+'],
    empty: [''],
    '': ['nameless'],
    ac: ['é'],
    c: ['d=e'],
  })
  assert.equal(queryString(query, 'a'), '1')
  assert.equal(queryString(query, 'flag'), undefined)
  assert.deepEqual(queryStrings(query, 'a'), ['1', '2'])
  assert.deepEqual(queryStrings(query, 'z'), [])
  assert.equal(parseQuery('').size, 0)
})

test('typed arguments are taken or refused in Synapse’s words', () => {
  const query = parseQuery('n=5&plus=%2B5&neg=-5&x=x&frac=1.5&big=9007199254740993&t=true&f=false&dir=b&empty=')
  assert.equal(queryInteger(query, 'n'), 5)
  assert.equal(queryInteger(query, 'plus'), 5)
  assert.equal(queryInteger(query, 'absent'), undefined)
  assert.equal(queryInteger(query, 'neg', { negative: true }), -5)
  assert.equal(queryBoolean(query, 't'), true)
  assert.equal(queryBoolean(query, 'f'), false)
  assert.equal(queryBoolean(query, 'absent'), undefined)
  assert.equal(queryOneOf(query, 'dir', ['b', 'f']), 'b')
  assert.equal(requiredString(query, 'empty'), '')

  for (const name of ['x', 'frac', 'big', 'empty'])
    assert.equal(
      refusal(() => queryInteger(query, name)),
      `M_INVALID_PARAM Query parameter ${name} must be an integer`,
    )
  assert.equal(
    refusal(() => queryInteger(query, 'neg')),
    'M_INVALID_PARAM Query parameter neg must be a positive integer.',
  )
  assert.equal(
    refusal(() => queryBoolean(query, 'x')),
    "M_INVALID_PARAM Boolean query parameter 'x' must be one of ['true', 'false']",
  )
  assert.equal(
    refusal(() => queryOneOf(query, 'x', ['b', 'f'])),
    "M_INVALID_PARAM Query parameter 'x' must be one of ['b', 'f']",
  )
  assert.equal(
    refusal(() => requiredString(query, 'absent')),
    "M_MISSING_PARAM Missing string query parameter 'absent'",
  )
  assert.equal(
    refusal(() => parseQuery('since=%ff')),
    'M_INVALID_PARAM Query parameters must be UTF-8',
  )
})
