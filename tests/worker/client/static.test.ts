/** Handlers that need nothing but the configuration, over HTTP. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { capabilitiesEndpoints } from '../../../shared/endpoints/client/capabilities.ts'
import { versionsEndpoints } from '../../../shared/endpoints/client/versions.ts'
import { federationVersionEndpoints } from '../../../shared/endpoints/federation/version.ts'
import { wellKnownEndpoints } from '../../../shared/endpoints/well-known/wellknown.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { capabilitiesHandlers } from '../../../worker/client/capabilities.ts'
import { specVersions, versionsHandlers } from '../../../worker/client/versions.ts'
import { federationVersionHandlers } from '../../../worker/federation/version.ts'
import { operations } from '../../../worker/http/handlers.ts'
import { type WellKnownDeps, wellKnownHandlers } from '../../../worker/well-known/wellknown.ts'
import { serveTest } from '../../harness/http-worker.ts'

const get = (path: string, token?: string) =>
  `GET ${path} HTTP/1.1\nHost: x\n${token === undefined ? '' : `Authorization: Bearer ${token}\n`}\n`

test('versions may be kept by caches for those who are nobody, not for users', async (t) => {
  const handlers = versionsHandlers({ unstableFeatures: { 'org.matrix.simplified_msc3575': true } })
  const { send } = await serveTest(t, operations('client/versions', versionsEndpoints, handlers))
  const anyone = await send(get('/_matrix/client/versions'))
  assert.deepEqual(anyone.json, {
    versions: specVersions,
    unstable_features: { 'org.matrix.simplified_msc3575': true },
  })
  assert.ok(specVersions.includes('r0.6.1') && specVersions.includes('v1.11'))
  assert.match(anyone.headers['cache-control']!, /^public, max-age=600/)
  assert.equal(anyone.headers.vary, 'Authorization')
  for (const token of ['alice', 'guest', 'expired', 'locked'])
    assert.match((await send(get('/_matrix/client/versions', token))).headers['cache-control']!, /no-store/, token)
  assert.equal((await send(get('/_matrix/client/versions', 'nobody'))).status, 401)
})

test('capabilities are what the configuration lets users do', async (t) => {
  const handlers = capabilitiesHandlers({
    defaultRoomVersion: '12',
    canChangePassword: true,
    canSetDisplayName: true,
    canSetAvatarUrl: false,
    canChange3pids: false,
    canGetLoginToken: false,
    maxEventDelayMs: 0,
    maxDelayedEvents: 100,
    hasUnstableProfileFields: false,
  })
  const { send } = await serveTest(t, operations('client/capabilities', capabilitiesEndpoints, handlers))
  assert.equal((await send(get('/_matrix/client/v3/capabilities'))).status, 401)
  const { capabilities } = (await send(get('/_matrix/client/v3/capabilities', 'alice'))).json as {
    capabilities: Record<string, JsonObject>
  }
  const { available, ...versions } = capabilities['m.room_versions']!
  assert.deepEqual(versions, { default: '12' })
  assert.equal((available as JsonObject)['12'], 'stable')
  assert.deepEqual(capabilities['m.set_avatar_url'], { enabled: false })
  assert.deepEqual(capabilities['m.profile_fields'], { enabled: true, disallowed: ['avatar_url'] })
})

async function wellKnown(t: TestContext, deps: Partial<WellKnownDeps>) {
  const handlers = wellKnownHandlers({ serverName: 'hs.test', publicBaseUrl: undefined, serveServer: false, ...deps })
  const { send } = await serveTest(t, operations('well-known/wellknown', wellKnownEndpoints, handlers))
  return async (name: string) => {
    const { status, json } = await send(get(`/.well-known/matrix/${name}`))
    return status === 200 ? json : `${status} ${(json as JsonObject).errcode}`
  }
}

test('.well-known files say where the server is, if they are to be served', async (t) => {
  const none = await wellKnown(t, {})
  assert.equal(await none('client'), '404 M_NOT_FOUND')
  assert.equal(await none('server'), '404 M_NOT_FOUND')
  const both = await wellKnown(t, {
    publicBaseUrl: 'https://matrix.hs.test/',
    identityServer: 'https://id.test',
    extraClientContent: { 'org.example.x': [1], 'm.homeserver': 'not this' },
    serveServer: true,
  })
  assert.deepEqual(await both('client'), {
    'org.example.x': [1],
    'm.homeserver': { base_url: 'https://matrix.hs.test/' },
    'm.identity_server': { base_url: 'https://id.test' },
  })
  assert.deepEqual(await both('server'), { 'm.server': 'hs.test:443' })
  const ported = await wellKnown(t, { serverName: '[::1]:8448', serveServer: true })
  assert.deepEqual(await ported('server'), { 'm.server': '[::1]:8448' })
})

test('other servers are told what we are', async (t) => {
  const handlers = federationVersionHandlers({ version: '0.1.0' })
  const { send } = await serveTest(t, operations('federation/version', federationVersionEndpoints, handlers))
  const { json } = await send(get('/_matrix/federation/v1/version'))
  assert.deepEqual(json, { server: { name: 'Plexus', version: '0.1.0' } })
})
