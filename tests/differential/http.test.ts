/**
 * The worker's HTTP server beside a real Synapse: the same bytes to both, the same status, CORS and error from both. Of what
 * handlers answer nothing is compared: only what comes before them, and what is answered in their place.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createRoomEndpoints } from '../../shared/endpoints/client/create_room.ts'
import { messagePaginationEndpoints } from '../../shared/endpoints/client/message_pagination.ts'
import { syncEndpoints } from '../../shared/endpoints/client/sync.ts'
import { versionsEndpoints } from '../../shared/endpoints/client/versions.ts'
import { whoamiEndpoints } from '../../shared/endpoints/client/whoami.ts'
import { federationTransactionsEndpoints } from '../../shared/endpoints/federation/transactions.ts'
import { federationVersionEndpoints } from '../../shared/endpoints/federation/version.ts'
import { wellKnownEndpoints } from '../../shared/endpoints/well-known/wellknown.ts'
import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import { versionsHandlers } from '../../worker/client/versions.ts'
import { federationVersionHandlers } from '../../worker/federation/version.ts'
import { only, operations } from '../../worker/http/handlers.ts'
import { queryBoolean, queryInteger, queryOneOf } from '../../worker/http/query.ts'
import { wellKnownHandlers } from '../../worker/well-known/wellknown.ts'
import { onTheWire, requesterOf, serveTest, townsfolk } from '../harness/http-worker.ts'
import { connectRaw } from '../harness/raw-client.ts'
import { registerOn, startSynapse } from '../harness/synapse.ts'

interface Synapse {
  readonly port: number
  readonly token: string
  readonly userId: string
}

async function startOurs(t: TestContext, { token, userId }: Synapse): Promise<number> {
  const createRoom = only(createRoomEndpoints, 'createRoom')
  const sync = only(syncEndpoints, 'sync')
  const messages = only(messagePaginationEndpoints, 'getRoomEvents')
  const transactions = only(federationTransactionsEndpoints, 'sendTransaction')
  const { port } = await serveTest(
    t,
    [
      ...operations('client/whoami', whoamiEndpoints, { getTokenOwner: ({ requester }) => requester }),
      ...operations('client/versions', versionsEndpoints, versionsHandlers({ unstableFeatures: {} })),
      ...operations('client/create_room', createRoom, { createRoom: async (request) => await request.json() }),
      ...operations('client/sync', sync, {
        sync: ({ query }) => {
          queryInteger(query, 'timeout')
          queryBoolean(query, 'full_state')
          return {}
        },
      }),
      ...operations('client/message_pagination', messages, {
        getRoomEvents: ({ query }) => ({ dir: queryOneOf(query, 'dir', ['b', 'f']) }),
      }),
      ...operations('federation/version', federationVersionEndpoints, federationVersionHandlers({ version: '0' })),
      ...operations('federation/transactions', transactions, { sendTransaction: () => ({}) }),
      ...operations(
        'well-known/wellknown',
        wellKnownEndpoints,
        wellKnownHandlers({ serverName: 'hs.test', publicBaseUrl: 'https://hs.test/', serveServer: true }),
      ),
    ],
    {
      maxBodyBytes: 12.5 * 1024 * 1024,
      requesters: {
        ...townsfolk,
        byAccessToken: (given) => (given === token ? requesterOf('alice', { userId: userId as UserId }) : undefined),
      },
      federation: { serverName: 'hs.test' as ServerName, verifyKey: () => undefined },
    },
  )
  return port
}

const V3 = '/_matrix/client/v3'
const WHOAMI = `${V3}/account/whoami`
const FEDERATION = '/_matrix/federation/v1'

/** `{token}` is the user's. */
const line = (method: string, target: string, headers = '', body?: string): string =>
  `${method} ${target} HTTP/1.1\nHost: hs.test\n${headers}${body === undefined ? '' : `Content-Length: ${body.length}\n`}\n${body ?? ''}`
const TOKEN = 'Authorization: Bearer {token}\n'
const createRoom = (body: string, headers = '') => line('POST', `${V3}/createRoom`, TOKEN + headers, body)

const same: readonly string[] = [
  // Paths and methods.
  ...[
    '/_matrix',
    '/_matrix/client',
    '/_matrix/foo/bar',
    '/_synapse/foo',
    `${V3}/nonsense`,
    `${WHOAMI}/`,
    '/_matrix/client//v3/account/whoami',
    `${V3}/account/who%61mi`,
    '/_matrix/client/V3/account/whoami',
    `${V3}/foo/../account/whoami`,
    `${WHOAMI};x=1`,
    `${WHOAMI}#fragment`,
    '/_matrix/client/versions/',
    `${FEDERATION}/foo`,
  ].map((path) => line('GET', path, TOKEN)),
  ...['POST', 'PUT', 'DELETE'].map((method) => line(method, WHOAMI, TOKEN, '{}')),
  ...['PATCH', 'TRACE'].map((method) => line(method, WHOAMI, TOKEN)),
  line('POST', '/.well-known/matrix/client', '', '{}'),
  line('POST', `${FEDERATION}/version`, '', '{}'),
  ...[WHOAMI, '/foo/bar', '/health', '/.well-known/matrix/client', '/_matrix/key/v2/server'].map((path) =>
    line('OPTIONS', path),
  ),
  line('HEAD', `${V3}/nonsense`),
  line('HEAD', '/_matrix/client/versions'),
  line('GET', '/health'),
  line('GET', '/health?x=1'),
  'GET /health HTTP/1.1\n\n',
  line('GET', '/_matrix/client/versions'),
  line('GET', '/.well-known/matrix/client'),
  line('GET', `${FEDERATION}/version`),
  // Tokens.
  line('GET', WHOAMI),
  line('GET', WHOAMI, TOKEN),
  line('GET', WHOAMI, 'Authorization: Bearer nobody\n'),
  line('GET', WHOAMI, 'Authorization: Basic x\n'),
  line('GET', WHOAMI, 'Authorization: bearer {token}\n'),
  line('GET', WHOAMI, 'Authorization: Bearer  {token}\n'),
  line('GET', WHOAMI, 'Authorization:\n'),
  line('GET', WHOAMI, TOKEN + TOKEN),
  line('GET', `${WHOAMI}?access_token={token}`),
  line('GET', `${WHOAMI}?access_token={token}&access_token=x`),
  line('GET', `${WHOAMI}?access_token=x&access_token={token}`),
  line('GET', `${WHOAMI}?a=b;access_token={token}`),
  line('GET', `${WHOAMI}?%61ccess_token={token}`),
  line('GET', `${WHOAMI}?access_token`),
  line('GET', `${WHOAMI}?access_token=`),
  line('GET', `${WHOAMI}?access_token={token}`, TOKEN),
  line('GET', `${WHOAMI}?access_token=`, TOKEN),
  line('GET', '/_matrix/client/versions', 'Authorization: Bearer nobody\n'),
  // Bodies.
  ...[
    '',
    '{',
    '[]',
    '"x"',
    'null',
    '5',
    '{"a":"\xff"}',
    '\xef\xbb\xbf{}',
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":1,}',
  ].map((body) => createRoom(body)),
  createRoom('{"a":"\xe9"}', 'Content-Type: application/json; charset=iso-8859-1\n'),
  createRoom('\x1f\x8b', 'Content-Encoding: gzip\n'),
  createRoom('[]', 'Content-Type: text/plain\n'),
  line('GET', WHOAMI, TOKEN, 'a body'),
  // Query.
  ...['timeout=x', 'timeout=-5', 'timeout=1.5', 'timeout=', 'full_state=x', 'full_state='].map((query) =>
    line('GET', `${V3}/sync?${query}`, TOKEN),
  ),
  line('GET', `${V3}/rooms/!x:hs.test/messages?dir=x`, TOKEN),
  // Federation.
  line('PUT', `${FEDERATION}/send/1`, '', 'x'),
  line('PUT', `${FEDERATION}/send/1`, '', '[]'),
  ...[
    '',
    'Authorization: Bearer x\n',
    'Authorization: X-Matrix origin=x\n',
    'Authorization: X-Matrix origin="a.test",destination="b",key="ed25519:1",sig="abc"\n',
  ].map((headers) => line('PUT', `${FEDERATION}/send/1`, headers, '{}')),
]

/** What we do otherwise, and why. */
const different: readonly {
  readonly request: string
  readonly why: string
  readonly ours: string
  readonly theirs: string
}[] = [
  {
    request: line('GET', '/foo'),
    why: 'Twisted answers with a page; clients expect JSON everywhere',
    ours: '404 CORS M_UNRECOGNIZED Unrecognized request',
    theirs: '404 -',
  },
  {
    request: line('POST', '/health', '', 'x'),
    why: 'likewise',
    ours: '405 CORS M_UNRECOGNIZED Unrecognized request',
    theirs: '405 -',
  },
  {
    request: line('GET', WHOAMI, 'Authorization: Bearer \xe9\n'),
    why: 'Synapse fails on it; it is nobody’s token',
    ours: '401 CORS M_UNKNOWN_TOKEN Invalid access token passed.',
    theirs: '500 CORS M_UNKNOWN Internal server error',
  },
  {
    request: line('GET', `${V3}/sync?timeout=%ff`, TOKEN),
    why: 'the query is decoded as a whole, before anyone asks for one argument',
    ours: '400 CORS M_INVALID_PARAM Query parameters must be UTF-8',
    theirs: '400 CORS M_INVALID_PARAM Query parameter timeout must be an integer',
  },
  {
    request: createRoom('[]', 'Content-Type: multipart/form-data\n'),
    why: 'Twisted would gather it in memory, which is why Synapse refuses it; here Content-Type means nothing',
    ours: '400 CORS M_BAD_JSON Content must be a JSON object.',
    theirs: '415 -',
  },
]

/** Status, whether browsers may read it, error code and error. */
async function answerOf(port: number, request: string, token: string): Promise<string> {
  const client = await connectRaw(port, [request.slice(0, request.indexOf(' '))])
  try {
    await client.send(onTheWire(request.replaceAll('{token}', token)))
    await client.until(() => client.responses.length > 0, request)
    const { status, headers, body } = client.responses[0]!
    const hasCors = headers.some(([name]) => name === 'access-control-allow-origin')
    return `${status} ${hasCors ? 'CORS' : '-'}${errorOf(body)}`
  } finally {
    client.destroy()
  }
}

function errorOf(body: string): string {
  try {
    const { errcode, error } = JSON.parse(body) as Record<string, string>
    return errcode === undefined ? '' : ` ${errcode} ${error}`
  } catch {
    return ''
  }
}

test('what comes before handlers is answered as by Synapse', async (t) => {
  let synapse: Synapse
  try {
    const { port, url } = await startSynapse(t)
    synapse = { port, ...(await registerOn({ url }, 'alice')) }
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return
  }
  const ours = await startOurs(t, synapse)
  const differences: string[] = []
  for (const request of same) {
    const [theirs, answer] = [
      await answerOf(synapse.port, request, synapse.token),
      await answerOf(ours, request, synapse.token),
    ]
    if (theirs !== answer)
      differences.push(`${request.trim().replaceAll('\n', ' | ')}\n  Synapse ${theirs}\n  ours    ${answer}`)
  }
  assert.deepEqual(differences, [])
  for (const { request, why, ours: expected, theirs } of different) {
    assert.equal(await answerOf(ours, request, synapse.token), expected, why)
    assert.equal(await answerOf(synapse.port, request, synapse.token), theirs, why)
  }
  t.diagnostic(`${same.length} requests answered alike, ${different.length} differences explained`)
})
