import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ReplicationEndpointName, replicationEndpoints } from '../../../worker/replication/http-endpoints.ts'
import { parsePath, printPath } from '../../../worker/replication/http-path.ts'

const names = Object.keys(replicationEndpoints) as ReplicationEndpointName[]

test('paths are as Synapse requests them', () => {
  assert.equal(printPath('send_events', {}, 'fEqXSyRjIp'), '/_synapse/replication/send_events/fEqXSyRjIp')
  assert.equal(
    printPath('presence_set_state', { user_id: '@a7a22fa:localhost:18448' }, ''),
    '/_synapse/replication/presence_set_state/%40a7a22fa%3Alocalhost%3A18448',
  )
  assert.equal(
    printPath('add_room_account_data', { user_id: '@b:x', room_id: '!r_-Q', account_data_type: 'm.fully_read' }, ''),
    '/_synapse/replication/add_room_account_data/%40b%3Ax/%21r_-Q/m.fully_read',
  )
  assert.equal(printPath('handle_new_device_update', {}, 'unused'), '/_synapse/replication/handle_new_device_update/')
  assert.throws(() => printPath('presence_set_state', {}, ''), /needs user_id/)
})

test('whatever is printed is found again', () => {
  const value = fc.string({ unit: 'grapheme', minLength: 1 })
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(value, { minLength: 3, maxLength: 3 }), (name, values) => {
      const endpoint = replicationEndpoints[name]
      const args = Object.fromEntries(endpoint.args.map((arg, index) => [arg, values[index]!]))
      const parsed = parsePath(printPath(name, args, 'abcDEF'))
      const transaction = endpoint.hasTransaction ? 'abcDEF' : undefined
      assert.deepEqual(parsed, { name, endpoint, args, transaction })
    }),
  )
})

test('what is no such path is nothing', () => {
  for (const path of [
    '/_synapse/replication',
    '/_synapse/replication/',
    '/_synapse/replication/toString/x',
    '/_synapse/replication/send_events',
    '/_synapse/replication/send_events/',
    '/_synapse/replication/send_events/a/b',
    '/_synapse/replication/presence_set_state/',
    '/_synapse/replication/presence_set_state/%',
    '/_synapse/replication/presence_set_state/%FF',
    '/_synapse/replication/handle_new_device_update/x',
    '/_matrix/client/v3/sync',
  ])
    assert.equal(parsePath(path), undefined, path)
})

test("the endpoints are Synapse's, but for those that begin with plexus", (t) => {
  const file = join(import.meta.dirname, '../../../../shared/synapse/http-replication.tsv')
  if (!existsSync(file)) return t.skip('../shared is not here')
  const theirs = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([method, path, flags]) => `${method} ${path} ${flags!.replace(/ retry_timeout=True/, '')}`)
  const python = (value: boolean) => (value ? 'True' : 'False')
  const shared = names.filter((name) => !name.startsWith('plexus_'))
  const ours = shared.map((name) => {
    const { method, args, hasTransaction, waitsForStreams } = replicationEndpoints[name]
    const parts = [...args, ...(hasTransaction ? ['txn_id'] : [])].map((arg) => `:${arg}`)
    const flags = `cache=${python(hasTransaction)} wait_for_streams=${python(waitsForStreams)}`
    return `${method} /_synapse/replication/${name}/${parts.join('/')} ${flags}`
  })
  assert.deepEqual(ours.sort(), theirs.sort())
})
