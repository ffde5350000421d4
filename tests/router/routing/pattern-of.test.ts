import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patternOf } from '../../../router/routing/pattern-of.ts'
import { clientVersions, type Endpoint } from '../../../shared/endpoints/types.ts'

const endpoint = (fields: Pick<Endpoint, 'under' | 'path'> & Partial<Endpoint>): Endpoint => ({
  method: 'GET',
  auth: 'user',
  served: 'generic',
  class: 'client_read',
  ...fields,
})

test('prefixes become an alternation, a parameter one segment that may be empty', () => {
  const setTyping = endpoint({ under: clientVersions('api/v1', 'r0', 'v3'), path: '/rooms/{roomId}/typing/{userId}' })
  assert.equal(patternOf(setTyping), '^/_matrix/client/(api/v1|r0|v3)/rooms/[^/]*/typing/[^/]*$')
})

test('a parameter that must not be empty, and one prefix', () => {
  const version = endpoint({ under: clientVersions('v3'), path: '/room_keys/version/{version}', nonEmpty: ['version'] })
  assert.equal(patternOf(version), '^/_matrix/client/v3/room_keys/version/[^/]+$')
})

test('dots are literal, in prefixes and in paths', () => {
  const under = ['/_matrix/client/unstable/org.matrix.msc4140', '/_matrix/client/v1']
  const pattern = patternOf(endpoint({ under, path: '/a.b' }))
  assert.equal(pattern, '^/_matrix/client/(unstable/org\\.matrix\\.msc4140|v1)/a\\.b$')
})

test('prefixes that share nothing but the first slash', () => {
  assert.equal(patternOf(endpoint({ under: ['/_matrix/a', '/_synapse/a'], path: '/b' })), '^/(_matrix/a|_synapse/a)/b$')
})

test('an optional slash at the end', () => {
  const send = endpoint({ under: ['/_matrix/federation/v1'], path: '/send/{txnId}', optionalSlash: true })
  assert.equal(patternOf(send), '^/_matrix/federation/v1/send/[^/]*/?$')
})
