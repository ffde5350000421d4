import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayServe, resourcesOf, type ServingRole } from '../../shared/endpoints/serving.ts'
import { table } from '../../shared/endpoints/table.ts'

const entry = (name: string) => {
  const found = table.find((candidate) => candidate.name === name)
  assert.ok(found, name)
  return found
}
const main: ServingRole = { isMain: true, hasMediaRepo: true, isMasEnabled: false }
const worker: ServingRole = { isMain: false, hasMediaRepo: false, isMasEnabled: false }

test('each resource has the endpoints that Synapse gives it', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    sync: ['client'],
    'well-known.getWellknown': ['client'],
    'admin.getServerVersion': ['client'],
    'federation.sendTransaction': ['federation'],
    'federation.exchangeOpenIdToken': ['federation', 'openid'],
    'key.getServerKey': ['keys', 'federation'],
    'media.uploadContent': ['media', 'client', 'federation'],
    'media.getContentAuthed': ['client', 'media'],
  }
  for (const [name, resources] of Object.entries(expected)) assert.deepEqual(resourcesOf(entry(name)), resources, name)
})

test('what only main, a media repository, or one kind of authentication serves, others do not', () => {
  const served = (role: ServingRole, name: string): boolean => mayServe(entry(name), role)
  assert.ok(served(main, 'logout') && !served(worker, 'logout'))
  assert.ok(served(worker, 'sync') && served(worker, 'setTyping'), 'writers are forwarded to')
  assert.ok(!served(worker, 'media.uploadContent') && served({ ...worker, hasMediaRepo: true }, 'media.uploadContent'))
  assert.ok(!served({ ...main, hasMediaRepo: false }, 'media.uploadContent'))
  assert.ok(served(main, 'login') && !served({ ...main, isMasEnabled: true }, 'login'))
})

test('with either kind of authentication nothing is served twice, but two paths that have two operations', () => {
  for (const isMasEnabled of [true, false]) {
    const seen = new Map<string, string>()
    const twice = new Set<string>()
    for (const { name, endpoint } of table.filter((candidate) => mayServe(candidate, { ...main, isMasEnabled })))
      for (const prefix of endpoint.under) {
        const key = `${endpoint.method} ${prefix}${endpoint.path.replaceAll(/\{\w+\}/g, '{}')}`
        if (seen.has(key)) twice.add(`${seen.get(key)} ${name}`)
        seen.set(key, name)
      }
    // Which of the two is meant, the query or the body says: a handler serves one of the entries and looks.
    assert.deepEqual([...twice], ['getEvents peekEvents', 'inviteUser inviteBy3PID'])
  }
})
