import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUniqueViolation, StorageError, storageError } from '../../../../worker/storage/postgres/errors.ts'

const from = (code: string | undefined, message = 'it failed', more = {}) =>
  storageError(Object.assign(new Error(message), { code, ...more }), 'select users')

test('codes say whether another attempt is of use', () => {
  const again = ['40001', '40P01', '57P01', '57P03', '08006', '53300', '25006', '55P03', 'ECONNREFUSED', 'ENOENT']
  const never = ['23505', '42703', '28P01', '3D000', '57014', '53100', '22P02', 'EACCES', '99999']
  assert.deepEqual(
    again.filter((code) => !from(code).tryAgain),
    [],
  )
  assert.deepEqual(
    never.filter((code) => from(code).tryAgain),
    [],
  )
  assert.equal(from('40001').kind, 'conflict')
  assert.equal(from('53100').kind, 'unavailable')
  assert.equal(from('28P01').kind, 'refused')
  assert.equal(from('0A000', 'cached plan must not change result type').kind, 'stale')
  assert.equal(from('0A000', 'not implemented').kind, 'failed')
  assert.equal(from(undefined, 'Connection terminated unexpectedly').kind, 'unavailable')
  assert.equal(from(undefined, 'self-signed certificate').kind, 'refused')
})

test('values stay out of errors', () => {
  const error = from('23505', 'duplicate key value violates unique constraint "access_tokens_token_key"', {
    detail: 'Key (token)=(syt_secret) already exists.',
    where: "portal with parameters: $1 = 'syt_secret'",
    constraint: 'access_tokens_token_key',
    table: 'access_tokens',
  })
  assert.ok(!JSON.stringify({ ...error, text: error.stack, message: error.message }).includes('syt_secret'))
  assert.ok(error.message.startsWith('select users: duplicate key'))
  assert.ok(isUniqueViolation(error, 'access_tokens_token_key'))
  assert.ok(!isUniqueViolation(error, 'another'))
  assert.ok(!isUniqueViolation(from('23503')))
  const invalid = from('22P02', 'invalid input syntax for type bigint: "syt_secret"')
  assert.equal(invalid.message, 'select users: invalid input syntax for type bigint (22P02)')
})

test('what is a StorageError stays the one it is', () => {
  const error = new StorageError('x', { kind: 'conflict', tryAgain: true })
  assert.equal(storageError(error, 'y'), error)
})
