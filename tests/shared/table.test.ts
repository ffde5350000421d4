import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableDigest } from '../../shared/endpoints/digest.ts'
import { table } from '../../shared/endpoints/table.ts'

test('each request with a transaction ID may be repeated, and no other one that writes', () => {
  for (const { name, endpoint } of table) {
    const { method, path, replay } = endpoint
    if (method === 'PUT' && path.endsWith('/{txnId}'))
      assert.equal(replay, /^\/rooms\/\{roomId\}\/(send|redact)\//.test(path) ? 'any' : 'same', name)
    else if (method === 'GET') assert.ok(replay === undefined || replay === 'never', name)
    else assert.equal(replay, undefined, name)
  }
})

test('the writers that nobody forwards to are the known ones', () => {
  const hard = table.flatMap(({ endpoint: { served } }) =>
    typeof served === 'object' && served.hard ? [served.writer] : [],
  )
  assert.deepEqual([...new Set(hard)].toSorted(), [
    'push_rules',
    'quarantined_media_changes',
    'receipts',
    'thread_subscriptions',
    'to_device',
    'typing',
  ])
})

test('reading is never a writer’s alone', () => {
  for (const { name, endpoint } of table)
    if (endpoint.method === 'GET') assert.equal(typeof endpoint.served, 'string', name)
})

test('parameters are whole segments with names of their own, and those that must not be empty exist', () => {
  for (const { name, endpoint } of table) {
    const parameters = endpoint.path.split('/').filter((segment) => segment.includes('{'))
    assert.ok(
      parameters.every((segment) => /^\{\w+\}$/.test(segment)),
      name,
    )
    assert.equal(new Set(parameters).size, parameters.length, name)
    for (const parameter of endpoint.nonEmpty ?? []) assert.ok(parameters.includes(`{${parameter}}`), name)
  }
})

test('guests and barred users are only spoken of where there are users', () => {
  for (const { name, endpoint } of table)
    if (endpoint.guests || endpoint.barred) assert.match(endpoint.auth, /^user\??$/, name)
})

test('the digest names this table, and no schema changes it', () => {
  assert.match(tableDigest(), /^[0-9a-f]{16}$/)
  assert.equal(tableDigest(), tableDigest())
})

test('a body may be empty where Synapse takes it so: memberships and a few of the admin API', () => {
  const empty = table.filter(({ endpoint }) => endpoint.emptyBody)
  for (const { name, endpoint } of empty) assert.match(endpoint.method, /^(POST|PUT)$/, name)
  const memberships = /^(\/join\/\{\w+\}|\/rooms\/\{roomId\}\/(join|invite|leave|ban|unban|kick))(\/\{txnId\})?$/
  for (const { name, file, endpoint } of table)
    if (file.startsWith('client/') && /^(POST|PUT)$/.test(endpoint.method))
      assert.equal(endpoint.emptyBody === true, memberships.test(endpoint.path), name)
})
