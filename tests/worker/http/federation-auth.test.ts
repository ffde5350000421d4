import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { federationTransactionsEndpoints } from '../../../shared/endpoints/federation/transactions.ts'
import { endpoints } from '../../../shared/endpoints/types.ts'
import type { KeyId, ServerName } from '../../../shared/matrix/ids.ts'
import { signedText } from '../../../shared/matrix/json/signed-text.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { readSigningKey, signText } from '../../../shared/matrix/signing/ed25519.ts'
import { writeXMatrix } from '../../../shared/matrix/x-matrix.ts'
import { operations } from '../../../worker/http/handlers.ts'
import { serveTest } from '../../harness/http-worker.ts'

const keyId = 'ed25519:1' as KeyId
const made = readSigningKey(keyId, Buffer.alloc(32, 7).toString('base64'))
assert.ok(made.ok)
const key = made.value
const origin = 'other.example' as ServerName
const destination = 'example.org' as ServerName

const getEndpoints = endpoints({
  getThing: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/thing/{id}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
})

async function start(t: TestContext, allowedServers?: ReadonlySet<string>) {
  const seen: string[] = []
  const server = await serveTest(
    t,
    [
      ...operations('federation/thing', getEndpoints, {
        getThing: ({ origin, params }) => ({ origin, id: params.id }),
      }),
      ...operations('federation/transactions', federationTransactionsEndpoints, {
        sendTransaction: ({ origin, body }) => ({ origin, pdus: body.pdus ?? null }),
      }),
    ],
    {
      federation: {
        serverName: destination,
        verifyKey: async (server, id) => (server === origin && id === keyId ? key.verifyKey : undefined),
        allowedServers,
        seen: (name) => seen.push(name),
      },
    },
  )
  return { ...server, seen }
}

const signature = (method: string, uri: string, content?: JsonObject) =>
  signText(signedText({ method, uri, origin, destination, ...(content && { content }) }), key)
const header = (sig: string, more: { destination?: ServerName | undefined; key?: string; origin?: string } = {}) =>
  `Authorization: ${writeXMatrix({ origin, destination, key: keyId, signature: sig, ...(more as object) })}\r\n`
const request = (method: string, target: string, headers: string, body = '') =>
  `${method} ${target} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`

const THING = '/_matrix/federation/v1/thing/%41?x=%2f'

test('a signed request is taken, its target byte for byte', async (t) => {
  const { send, seen } = await start(t)
  const answer = await send(request('GET', THING, header(signature('GET', THING))))
  assert.deepEqual([answer.status, answer.json], [200, { origin, id: 'A' }])
  const without = header(signature('GET', THING), { destination: undefined })
  assert.equal((await send(request('GET', THING, without))).status, 200, 'as older servers send it')
  assert.deepEqual(seen, [origin, origin])
})

test('the signature covers the body, whatever its spaces and order', async (t) => {
  const { send } = await start(t)
  const target = '/_matrix/federation/v1/send/1'
  const content = { pdus: [], origin: 'other.example', origin_server_ts: 5 }
  const signed = header(signature('PUT', target, content))
  const text = JSON.stringify({ origin_server_ts: 5, pdus: [], origin: 'other.example' }, undefined, 1)
  assert.deepEqual((await send(request('PUT', target, signed, text))).json, { origin, pdus: [] })
  const changed = await send(request('PUT', target, signed, text.replace('5', '6')))
  assert.equal(changed.status, 401)
  assert.equal((changed.json as JsonObject).errcode, 'M_UNAUTHORIZED')
})

test('a request that is not rightly signed is refused as by Synapse', async (t) => {
  const { send, seen } = await start(t)
  const good = signature('GET', THING)
  const refusals: readonly [string, number, string][] = [
    ['', 401, 'Missing Authorization headers'],
    ['Authorization: Bearer x\r\n', 401, 'Missing Authorization headers'],
    ['Authorization: X-Matrix origin=x\r\n', 400, 'Malformed Authorization header'],
    [
      header(good, { destination: 'b.example' as ServerName }),
      401,
      "Destination mismatch in auth header, received: 'b.example'",
    ],
    [header(good, { key: 'ed25519:2' }), 401, 'No valid key ed25519:2 of other.example is known'],
    [header(good, { origin: 'evil.example' }), 401, 'No valid key ed25519:1 of evil.example is known'],
    [header(signature('GET', '/x')), 401, 'Invalid signature for server other.example with key ed25519:1'],
    [header('?'), 401, 'Invalid signature for server other.example with key ed25519:1'],
    [header(good) + header(good, { origin: 'evil.example' }), 401, 'Authorization headers of several servers'],
    [header(good) + header(good, { key: 'ed25519:2' }), 401, 'No valid key ed25519:2 of other.example is known'],
  ]
  for (const [headers, status, error] of refusals) {
    const answer = await send(request('GET', THING, headers))
    assert.deepEqual([answer.status, answer.json], [status, { errcode: 'M_UNAUTHORIZED', error }], headers)
  }
  assert.deepEqual(seen, [])
})

test('a body that is no object is refused before the signature is looked at', async (t) => {
  const { send } = await start(t)
  const errcode = async (body: string) =>
    ((await send(request('PUT', '/_matrix/federation/v1/send/1', '', body))).json as JsonObject).errcode
  assert.deepEqual(await Promise.all(['x', '', '[]'].map(errcode)), ['M_NOT_JSON', 'M_NOT_JSON', 'M_BAD_JSON'])
})

test('servers we do not federate with are denied', async (t) => {
  const { send } = await start(t, new Set(['friend.example']))
  const answer = await send(request('GET', THING, header(signature('GET', THING))))
  assert.deepEqual(
    [answer.status, answer.json],
    [403, { errcode: 'M_FORBIDDEN', error: 'Federation denied with other.example.' }],
  )
})

test('without keys federation is not served', async (t) => {
  const handled = operations('federation/thing', getEndpoints, { getThing: () => ({}) })
  const { send } = await serveTest(t, handled)
  assert.equal((await send(request('GET', THING, ''))).status, 404)
})
