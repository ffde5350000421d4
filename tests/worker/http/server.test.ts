/** The server at its socket: what Synapse answers, answered. */

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { typingEndpoints } from '../../../shared/endpoints/client/typing.ts'
import { whoamiEndpoints } from '../../../shared/endpoints/client/whoami.ts'
import { clientVersions, endpoints } from '../../../shared/endpoints/types.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { jsonObject } from '../../../shared/schema.ts'
import { limitExceeded } from '../../../worker/http/errors.ts'
import { operations } from '../../../worker/http/handlers.ts'
import { bytes, html, json, jsonText, noContent, redirect, stream } from '../../../worker/http/reply.ts'
import { arrayText, asJsonText, jsonTextOf, objectText } from '../../../worker/json-text.ts'
import { type Answered, serveTest, type TestServerOptions } from '../../harness/http-worker.ts'
import { until } from '../../harness/until.ts'

const v3 = { under: clientVersions('v3'), served: 'generic', class: 'main' } as const
const testEndpoints = endpoints({
  echo: { method: 'PUT', path: '/echo/{one}/{two}', auth: 'none', ...v3 },
  exact: { method: 'POST', path: '/exact', auth: 'none', body: jsonObject(), ...v3 },
  lenient: { method: 'POST', path: '/lenient', auth: 'none', emptyBody: true, body: jsonObject(), ...v3 },
  raw: { method: 'POST', path: '/raw', auth: 'none', maxBodyBytes: 2000, ...v3 },
  streamed: { method: 'POST', path: '/streamed', auth: 'none', ...v3 },
  reply: { method: 'GET', path: '/reply/{kind}', auth: 'none', ...v3 },
  fails: { method: 'GET', path: '/fails/{how}', auth: 'none', ...v3 },
  optional: { method: 'GET', path: '/optional', auth: 'user?', ...v3 },
  admin: { method: 'GET', path: '/admin', auth: 'admin', ...v3 },
  bridge: { method: 'GET', path: '/bridge', auth: 'appservice', ...v3 },
  members: { method: 'GET', path: '/members', auth: 'user', ...v3 },
  wait: { method: 'GET', path: '/wait/{how}', auth: 'none', ...v3 },
})

interface Seen {
  readonly aborted: string[]
  finish: () => void
}

async function start(t: TestContext, options: TestServerOptions = {}) {
  const seen: Seen = { aborted: [], finish: () => {} }
  const event = asJsonText('{"content":{"n":1.0,"body":"é\u{1f600}"},"type":"m.x"}')
  const replies = {
    object: { a: 1, b: undefined },
    spliced: jsonText(objectText({ chunk: arrayText([event, event]), end: jsonTextOf('t1'), start: undefined })),
    big: json({ n: 2n ** 60n }),
    status: json({}, { status: 202, headers: { 'Cache-Control': 'public', Vary: 'Authorization' } }),
    html: html('<p>é'),
    redirect: redirect('https://example.org/x'),
    none: noContent(),
    bytes: bytes(Buffer.from([1, 2, 255]), 'image/png'),
    // Answers are made when they are asked for: a stream can be read once.
    stream: () => stream(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 'text/plain'),
    sized: () => stream(Readable.from([Buffer.from('abcd')]), 'text/plain', 4),
    torn: () =>
      stream(
        Readable.from(
          (async function* () {
            yield Buffer.from('ab')
            throw new Error('the disk is gone')
          })(),
        ),
        'text/plain',
        4,
      ),
  }
  const errors: Readonly<Record<string, unknown>> = {
    forbidden: new MatrixError('M_FORBIDDEN', 'No'),
    fast: limitExceeded(1234),
    bug: new TypeError('access_token=syt_secret_secret is in here'),
    nothing: undefined,
  }
  const handled = [
    ...operations('client/test', testEndpoints, {
      echo: async ({ params, query, body, clientIp, scheme, requestId, headers, ...rest }) => ({
        params,
        query: Object.fromEntries(query),
        body: body ?? null,
        clientIp,
        scheme,
        requestId,
        custom: headers['x-custom'] ?? null,
        own: Object.keys(rest).length >= 0,
      }),
      exact: ({ body }) => ({ keys: Object.keys(body), big: typeof body.big }),
      lenient: ({ body }) => body,
      raw: async (request) => ({ length: (await request.bytes()).length }),
      streamed: async (request) => {
        let length = 0
        for await (const chunk of request.stream()) length += chunk.length
        return { length }
      },
      reply: ({ params }) => {
        const reply = replies[params.kind as keyof typeof replies]
        return typeof reply === 'function' ? reply() : reply
      },
      fails: ({ params }) => {
        throw errors[params.how]
      },
      optional: ({ requester }) => ({ user: requester?.userId ?? null }),
      admin: ({ requester }) => ({ user: requester.userId }),
      bridge: ({ requester }) => ({ user: requester.userId, device: requester.deviceId ?? null }),
      members: ({ requester }) => ({ user: requester.userId }),
      wait: async ({ params, signal, waitSignal }) => {
        seen.aborted.push('began')
        await new Promise<void>((resolve) => {
          seen.finish = resolve
          signal.addEventListener('abort', () => seen.aborted.push('left'))
          const woken = params.how === 'work' ? signal : waitSignal
          woken.addEventListener('abort', () => resolve())
        })
        return { how: params.how }
      },
    }),
    ...operations('client/whoami', whoamiEndpoints, {
      getTokenOwner: ({ requester }) => ({ user_id: requester.userId }),
    }),
    ...operations('client/typing', typingEndpoints, {
      setTyping: ({ body, params, requester }) => ({ body, params, user: requester.userId }),
    }),
  ]
  return { ...(await serveTest(t, handled, options)), seen }
}

const HOST = 'Host: example.org\n'
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\n${HOST}${headers}\n`
const post = (path: string, body: string, headers = '', method = 'POST') =>
  `${method} ${path} HTTP/1.1\n${HOST}${headers}Content-Length: ${body.length}\n\n${body}`
const bearer = (token: string) => `Authorization: Bearer ${token}\n`
const V3 = '/_matrix/client/v3'
const WHOAMI = `${V3}/account/whoami`

const refusedWith = ({ status, json: body }: Answered): string => {
  const { errcode, error } = body as { errcode: string; error: string }
  return `${status} ${errcode} ${error}`
}
const UNRECOGNIZED = 'M_UNRECOGNIZED Unrecognized request'

test('every answer has the headers that browsers and caches need, and its length', async (t) => {
  const { send } = await start(t)
  const { status, headers, text } = await send(get(`${V3}/reply/object`))
  assert.equal(status, 200)
  assert.equal(text, '{"a":1}')
  const { date, ...rest } = headers
  assert.ok(date !== undefined)
  assert.deepEqual(rest, {
    server: 'Plexus/test',
    'content-type': 'application/json',
    'content-length': '7',
    'cache-control': 'no-cache, no-store, must-revalidate',
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
    'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization, Date',
    'access-control-expose-headers': 'Synapse-Trace-Id, Server, Retry-After',
    connection: 'keep-alive',
    'keep-alive': 'timeout=75',
  })
})

test('unknown paths are 404, other methods 405, both M_UNRECOGNIZED, and paths are not made equal', async (t) => {
  const { send } = await start(t)
  for (const path of [
    '/',
    '/foo',
    '/_matrix/client/v3/nonsense',
    `${WHOAMI}/`,
    '/_matrix/client//v3/account/whoami',
    `/${WHOAMI}`,
    '/_matrix/client/v3/account/who%61mi',
    '/_matrix/client/V3/account/whoami',
    '/_matrix/client/v3/foo/../account/whoami',
    `${WHOAMI};x=1`,
    `${WHOAMI}#frag`,
    `http://example.org${WHOAMI}`,
    '/health/',
    '/_matrix/client/v3/echo/a',
  ]) {
    const answer = await send(get(path, bearer('alice')))
    assert.equal(refusedWith(answer), `404 ${UNRECOGNIZED}`, path)
    assert.equal(answer.headers['access-control-allow-origin'], '*', path)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'])
    assert.equal(refusedWith(await send(post(WHOAMI, '', bearer('alice'), method))), `405 ${UNRECOGNIZED}`, method)
  assert.equal(refusedWith(await send(post('/health', ''))), `405 ${UNRECOGNIZED}`)
})

test('OPTIONS is 204 with CORS, whatever is asked for and by whom', async (t) => {
  const { send } = await start(t)
  for (const path of [WHOAMI, '/foo/bar', '/health', '/']) {
    const { status, headers, text } = await send(`OPTIONS ${path} HTTP/1.1\n${HOST}\n`)
    assert.equal(status, 204)
    assert.equal(text, '')
    assert.equal(headers['access-control-allow-methods'], 'GET, HEAD, POST, PUT, DELETE, OPTIONS')
    assert.equal(headers['content-length'], undefined)
  }
  const { headers } = await send(`OPTIONS /_synapse/client/rendezvous/x HTTP/1.1\n${HOST}\n`)
  assert.equal(headers['access-control-allow-headers'], 'Content-Type, If-Match, If-None-Match')
})

test('HEAD is GET without its body', async (t) => {
  const { send } = await start(t)
  const got = await send(get(WHOAMI, bearer('alice')))
  const head = await send(get(WHOAMI, bearer('alice')).replace('GET', 'HEAD'))
  assert.equal(head.status, 200)
  assert.equal(head.text, '')
  assert.equal(head.headers['content-length'], got.headers['content-length'])
  assert.equal((await send(get('/nonsense').replace('GET', 'HEAD'))).status, 404)
})

test('health is answered on every listener, with the name of the table', async (t) => {
  const { send } = await start(t, { resources: [] })
  for (const path of ['/health', '/health?x=1']) {
    const { status, headers, text } = await send(get(path))
    assert.deepEqual([status, text, headers['x-plexus-table']], [200, 'OK', '0123456789abcdef'])
    assert.match(headers['content-type']!, /^text\/plain/)
  }
  assert.equal((await send(get(WHOAMI))).status, 404, 'and nothing else')
})

test('access tokens are taken and refused as by Synapse', async (t) => {
  const { send } = await start(t)
  const asked = async (path: string, headers: string) => {
    const answer = await send(get(path, headers))
    return answer.status === 200 ? (answer.json as { user_id: string }).user_id : refusedWith(answer)
  }
  assert.equal(await asked(WHOAMI, bearer('alice')), '@alice:example.org')
  assert.equal(await asked(`${WHOAMI}?access_token=alice`, ''), '@alice:example.org')
  assert.equal(await asked(`${WHOAMI}?%61ccess_token=al%69ce`, ''), '@alice:example.org')
  assert.equal(await asked(`${WHOAMI}?a=b;access_token=alice`, ''), '@alice:example.org')
  assert.equal(await asked(`${WHOAMI}?access_token=alice&access_token=x`, ''), '@alice:example.org')
  assert.equal(await asked(WHOAMI, ''), '401 M_MISSING_TOKEN Missing access token')
  assert.equal(await asked(WHOAMI, bearer('nobody')), '401 M_UNKNOWN_TOKEN Invalid access token passed.')
  assert.equal(await asked(WHOAMI, 'Authorization: Bearer \xe9\n'), '401 M_UNKNOWN_TOKEN Invalid access token passed.')
  assert.equal(await asked(`${WHOAMI}?access_token=`, ''), '401 M_UNKNOWN_TOKEN Invalid access token passed.')
  assert.equal(await asked(WHOAMI, 'Authorization:\n'), '401 M_MISSING_TOKEN Invalid Authorization header.')
  assert.equal(await asked(WHOAMI, 'Authorization: Basic x\n'), '401 M_MISSING_TOKEN Invalid Authorization header.')
  assert.equal(
    await asked(WHOAMI, bearer('alice') + bearer('alice')),
    '401 M_MISSING_TOKEN Too many Authorization headers.',
  )
  assert.equal(
    await asked(`${WHOAMI}?access_token=`, bearer('alice')),
    '401 M_MISSING_TOKEN Mixing Authorization headers and access_token query parameters.',
  )
})

test('expired tokens, locked users, guests, and who is no admin or appservice, are refused with what they can do', async (t) => {
  const { send } = await start(t)
  const { json: expired, status } = await send(get(WHOAMI, bearer('expired')))
  assert.equal(status, 401)
  assert.deepEqual(expired, { errcode: 'M_UNKNOWN_TOKEN', error: 'Access token has expired', soft_logout: true })
  const locked = await send(get(WHOAMI, bearer('locked')))
  assert.deepEqual(locked.json, { errcode: 'M_USER_LOCKED', error: 'User account has been locked', soft_logout: true })
  assert.equal(locked.status, 401)
  assert.equal(
    refusedWith(await send(get(WHOAMI, bearer('lapsed')))),
    '403 ORG_MATRIX_EXPIRED_ACCOUNT User account has expired',
  )
  assert.equal((await send(get(WHOAMI, bearer('guest')))).status, 200)
  assert.equal(
    refusedWith(await send(get(`${V3}/members`, bearer('guest')))),
    '403 M_GUEST_ACCESS_FORBIDDEN Guest access not allowed',
  )
  assert.equal(
    refusedWith(await send(get(`${V3}/admin`, bearer('alice')))),
    '403 M_FORBIDDEN You are not a server admin',
  )
  assert.equal((await send(get(`${V3}/admin`, bearer('admin')))).status, 200)
  assert.equal((await send(get(`${V3}/bridge`, bearer('alice')))).status, 403)
})

test('with an optional user a token is used if there is one, and must be good', async (t) => {
  const { send } = await start(t)
  assert.deepEqual((await send(get(`${V3}/optional`))).json, { user: null })
  assert.equal((await send(get(`${V3}/optional`, bearer('guest')))).status, 403)
  assert.deepEqual((await send(get(`${V3}/optional`, bearer('alice')))).json, { user: '@alice:example.org' })
  assert.equal((await send(get(`${V3}/optional`, bearer('nobody')))).status, 401)
})

test('an appservice acts as its users and their devices, and nobody else does', async (t) => {
  const { send } = await start(t)
  const bridge = async (query: string) => (await send(get(`${V3}/bridge${query}`, bearer('bridge')))).json
  assert.deepEqual(await bridge(''), { user: '@bridge:example.org', device: null })
  assert.deepEqual(await bridge('?user_id=%40irc_bob:example.org&device_id=D'), {
    user: '@irc_bob:example.org',
    device: 'D',
  })
  const { json: body } = await send(get(`${WHOAMI}?user_id=@bob:example.org`, bearer('alice')))
  assert.deepEqual(body, { user_id: '@alice:example.org' })
})

test('path parameters are decoded once, and must be UTF-8', async (t) => {
  const { send } = await start(t)
  const echoed = async (path: string) => (await send(post(path, '', '', 'PUT'))).json as { params: JsonObject }
  assert.deepEqual((await echoed(`${V3}/echo/%40a%2Fb%3Ax/%2541+%zz`)).params, { one: '@a/b:x', two: '%41+%zz' })
  assert.deepEqual((await echoed(`${V3}/echo//`)).params, { one: '', two: '' })
  assert.equal(refusedWith(await send(post(`${V3}/echo/a/%ff`, '', '', 'PUT'))), '400 M_INVALID_PARAM two is not UTF-8')
  assert.equal(refusedWith(await send(post(`${V3}/echo/%00/b`, '', '', 'PUT'))), '400 M_INVALID_PARAM one holds a NUL')
})

test('bodies are JSON objects in UTF-8, whatever their Content-Type says', async (t) => {
  const { send } = await start(t)
  const posted = async (body: string, headers = '') => {
    const answer = await send(post(`${V3}/exact`, body, headers))
    return answer.status === 200 ? JSON.stringify(answer.json) : refusedWith(answer)
  }
  assert.equal(await posted('{"a":1}'), '{"keys":["a"],"big":"undefined"}')
  assert.equal(await posted('{}', 'Content-Type: text/plain\n'), '{"keys":[],"big":"undefined"}')
  assert.equal(await posted('{"big":9007199254740993}'), '{"keys":["big"],"big":"bigint"}')
  const NOT_JSON = '400 M_NOT_JSON Content not JSON.'
  for (const body of ['', '{', '{"a":NaN}', '{"a":"\xff"}', '\xef\xbb\xbf{}', "{'a':1}"])
    assert.equal(await posted(body, 'Content-Type: application/json; charset=iso-8859-1\n'), NOT_JSON, body)
  for (const body of ['[]', '"x"', 'null', '5', 'true'])
    assert.equal(await posted(body), '400 M_BAD_JSON Content must be a JSON object.', body)
})

test('an empty body is an empty object where the table says so', async (t) => {
  const { send } = await start(t)
  assert.deepEqual((await send(post(`${V3}/lenient`, ''))).json, {})
  assert.deepEqual((await send(`POST ${V3}/lenient HTTP/1.1\n${HOST}\n`)).json, {})
  assert.equal((await send(post(`${V3}/lenient`, '[]'))).status, 400)
})

test('a body that does not fit its schema is refused with the place of the fault, after authentication', async (t) => {
  const { send } = await start(t)
  const path = `${V3}/rooms/!r:x/typing/@alice:example.org`
  const typed = (body: string, headers = bearer('alice')) => send(post(path, body, headers, 'PUT'))
  assert.deepEqual((await typed('{"typing":true,"timeout":5,"more":1}')).json, {
    body: { typing: true, timeout: 5, more: 1 },
    params: { roomId: '!r:x', userId: '@alice:example.org' },
    user: '@alice:example.org',
  })
  assert.equal(refusedWith(await typed('{}')), '400 M_MISSING_PARAM typing: is missing')
  assert.equal(refusedWith(await typed('{"typing":5}')), '400 M_BAD_JSON typing: must be true or false')
  assert.equal(
    refusedWith(await typed('{"typing":true,"timeout":-1}')),
    '400 M_INVALID_PARAM timeout: must be at least 0',
  )
  assert.equal(refusedWith(await typed('{}', '')), '401 M_MISSING_TOKEN Missing access token')
})

test('a body that is too large is refused before it is sent, by its announced length', async (t) => {
  const { connect } = await start(t)
  const client = await connect('POST')
  await client.send(`POST ${V3}/exact HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n{"a":`)
  await client.until(() => client.responses.length === 1, 'the refusal')
  const { status, body, keepAlive } = client.responses[0]!
  assert.equal(status, 413)
  assert.deepEqual(JSON.parse(body), { errcode: 'M_TOO_LARGE', error: 'Request content is too large (>1000)' })
  assert.equal(keepAlive, false)
  await client.until(() => client.closed, 'the end of the connection')
})

test('a body in chunks is refused when it has become too large, and the answer arrives though the client goes on', async (t) => {
  const { connect } = await start(t)
  const chunk = `200\r\n${'x'.repeat(512)}\r\n`
  for (const path of ['raw', 'streamed']) {
    const client = await connect('POST')
    await client.send(`POST ${V3}/${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (let i = 0; i < 10; i++) await client.send(chunk)
    await client.until(() => client.responses.length === 1, path)
    assert.equal(client.responses[0]!.status, 413)
    await client.until(() => client.closed, 'the end of the connection')
  }
})

test('bodies within the limit are read in any pieces, and each endpoint has its limit', async (t) => {
  const { connect } = await start(t)
  const client = await connect('POST', 'POST', 'POST')
  await client.send(`POST ${V3}/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n`)
  for (let i = 0; i < 4; i++) await client.send('y'.repeat(500))
  await client.until(() => client.responses.length === 1, 'by length')
  await client.send(
    `POST ${V3}/streamed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    '0\r\n\r\n',
  )
  await client.until(() => client.responses.length === 2, 'in chunks')
  assert.deepEqual(
    client.responses.map(({ body }) => JSON.parse(body)),
    [{ length: 2000 }, { length: 3 }],
  )
})

test('a client that waits for 100 Continue is told so, or refused at once', async (t) => {
  const { connect } = await start(t)
  const head = (length: number) =>
    `POST ${V3}/exact HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`
  const client = await connect('POST')
  await client.send(head(2))
  await client.until(() => client.interim.length === 1, '100 Continue')
  await client.send('{}')
  await client.until(() => client.responses.length === 1, 'the answer')
  assert.equal(client.responses[0]!.status, 200)

  const refused = await connect('POST')
  await refused.send(head(5000))
  await refused.until(() => refused.closed, 'the end of the connection')
  assert.deepEqual([refused.responses[0]!.status, refused.interim], [413, []])
})

test('a refusal leaves the connection good for the next request, its body unread or not', async (t) => {
  const { connect } = await start(t)
  const client = await connect('POST', 'PUT', 'GET')
  await client.send(post(`${V3}/nonsense`, 'x'.repeat(900)).replaceAll('\n', '\r\n'))
  await client.send(post(`${V3}/rooms/a/typing/b`, 'x'.repeat(900), '', 'PUT').replaceAll('\n', '\r\n'))
  await client.send(get(WHOAMI, bearer('alice')).replaceAll('\n', '\r\n'))
  await client.until(() => client.responses.length === 3, 'three answers')
  assert.deepEqual(
    client.responses.map(({ status }) => status),
    [404, 401, 200],
  )
})

test('requests sent without waiting are answered in their order', async (t) => {
  const { connect } = await start(t)
  const client = await connect()
  await client.send([get('/health'), get(`${V3}/reply/object`), get('/nonsense')].join('').replaceAll('\n', '\r\n'))
  await client.until(() => client.responses.length === 3, 'three answers')
  assert.deepEqual(
    client.responses.map(({ status, body }) => `${status} ${body.slice(0, 10)}`),
    ['200 OK', '200 {"a":1}', '404 {"errcode"'],
  )
})

test('answers of all kinds come as they were made', async (t) => {
  const { send } = await start(t)
  const reply = (kind: string) => send(get(`${V3}/reply/${kind}`))
  const spliced = await reply('spliced')
  const event = '{"content":{"n":1.0,"body":"é😀"},"type":"m.x"}'
  assert.equal(Buffer.from(spliced.text, 'latin1').toString(), `{"chunk":[${event},${event}],"end":"t1"}`)
  assert.equal(Number(spliced.headers['content-length']), spliced.text.length)
  assert.equal((await reply('big')).text, '{"n":1152921504606846976}')

  const status = await reply('status')
  assert.deepEqual(
    [status.status, status.headers['cache-control'], status.headers.vary],
    [202, 'public', 'Authorization'],
  )
  const page = await reply('html')
  assert.deepEqual(
    [page.headers['content-type'], page.headers['x-frame-options'], page.headers['content-length']],
    ['text/html; charset=utf-8', 'DENY', '5'],
  )
  const redirected = await reply('redirect')
  assert.deepEqual([redirected.status, redirected.headers.location], [302, 'https://example.org/x'])
  assert.equal((await reply('none')).status, 204)
  assert.equal((await reply('bytes')).text, '\x01\x02\xff')
  const chunked = await reply('stream')
  assert.deepEqual([chunked.text, chunked.headers['transfer-encoding']], ['abcd', 'chunked'])
  const sized = await reply('sized')
  assert.deepEqual([sized.text, sized.headers['content-length']], ['abcd', '4'])
})

test('an answer whose stream fails is cut off, never completed', async (t) => {
  const { connect, lines } = await start(t)
  const client = await connect()
  await client.send(get(`${V3}/reply/torn`).replaceAll('\n', '\r\n'))
  await client.until(() => client.closed, 'the end of the connection')
  assert.equal(client.responses.length, 0)
  assert.ok(lines.some((line) => line.includes('the disk is gone')))
})

test('what handlers throw is told, but of bugs nothing but that there is one', async (t) => {
  const { send, lines } = await start(t)
  assert.equal(refusedWith(await send(get(`${V3}/fails/forbidden`))), '403 M_FORBIDDEN No')
  const fast = await send(get(`${V3}/fails/fast`))
  assert.deepEqual(
    [fast.status, fast.headers['retry-after'], fast.json],
    [429, '2', { errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', retry_after_ms: 1234 }],
  )
  for (const how of ['bug', 'nothing']) {
    const { status, json: body, headers } = await send(get(`${V3}/fails/${how}`, 'X-Request-ID: router-7\n'))
    assert.equal(status, 500)
    assert.deepEqual(body, { errcode: 'M_UNKNOWN', error: 'Internal server error' })
    assert.equal(headers['access-control-allow-origin'], '*')
  }
  const logged = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50)
  assert.equal(logged.length, 2)
  assert.equal(logged[0].request_id, 'router-7')
  assert.match(logged[0].err.message, /<redacted> is in here/)
  assert.ok(!JSON.stringify(logged).includes('syt_secret'))
})

test('who is too fast is answered late, so that he is not faster for it', async (t) => {
  const { send } = await start(t, { limitPauseMs: 120 })
  const before = performance.now()
  assert.equal((await send(get(`${V3}/fails/fast`))).status, 429)
  assert.ok(performance.now() - before >= 115)
})

test('a request is called as the router called it, if that is a name', async (t) => {
  const { send, accessed } = await start(t)
  const idOf = async (headers: string) =>
    ((await send(post(`${V3}/echo/a/b`, '', headers, 'PUT'))).json as { requestId: string }).requestId
  assert.equal(await idOf('X-Request-ID: abc-1\nX-Request-ID: other\n'), 'abc-1')
  const own = await idOf('')
  assert.match(own, /^[\w-]{8}-\w+$/)
  assert.notEqual(own, await idOf(`X-Request-ID: ${'x'.repeat(200)}\n`))
  assert.doesNotMatch(await idOf('X-Request-ID: a "b"\n'), /"/)
  await until(() => accessed.length === 4)
  assert.deepEqual(accessed.map(({ requestId }) => requestId).slice(0, 2), ['abc-1', own])
})

test('addresses of clients are believed from proxies alone', async (t) => {
  const forwarded = 'X-Forwarded-For: 192.0.2.7 , 10.0.0.1\nX-Forwarded-For: 192.0.2.8\n'
  const seenBy = async (xForwarded: boolean, headers: string) => {
    const { send } = await start(t, { listener: { xForwarded } })
    const { clientIp, scheme } = (await send(post(`${V3}/echo/a/b`, '', headers, 'PUT'))).json as JsonObject
    return [clientIp, scheme]
  }
  assert.deepEqual(await seenBy(false, `${forwarded}X-Forwarded-Proto: https\n`), ['127.0.0.1', 'http'])
  assert.deepEqual(await seenBy(true, `${forwarded}X-Forwarded-Proto: https\n`), ['192.0.2.7', 'https'])
  assert.deepEqual(await seenBy(true, `${forwarded}X-Forwarded-Proto: http\n`), ['192.0.2.7', 'http'])
  assert.deepEqual(await seenBy(true, forwarded), ['192.0.2.7', 'https'], 'as Synapse assumes')
  assert.deepEqual(await seenBy(true, ''), ['127.0.0.1', 'http'])
})

test('a client that leaves is noticed by its handler, in the log and in the metrics', async (t) => {
  const { connect, seen, accessed, server, metrics } = await start(t)
  const client = await connect()
  await client.send(get(`${V3}/wait/work`).replaceAll('\n', '\r\n'))
  await until(() => seen.aborted.length === 1)
  assert.match(metrics.print(), /in_flight_requests_count\{method="GET",server_name="example.org",servlet="wait"\} 1\n/)
  client.destroy()
  await until(() => accessed.length === 1)
  assert.deepEqual(seen.aborted, ['began', 'left'])
  assert.deepEqual([accessed[0]!.status, accessed[0]!.hasLeft, server.inFlight], [499, true, 0])
  assert.match(metrics.print(), /in_flight_requests_count\{method="GET",server_name="example.org",servlet="wait"\} 0\n/)
})

test('when it stops, long polls are answered, requests finish, and connections end after their answers', async (t) => {
  const { connect, seen, listeners } = await start(t)
  const [poll, work, idle] = [await connect(), await connect(), await connect()]
  await poll.send(get(`${V3}/wait/poll`).replaceAll('\n', '\r\n'))
  await until(() => seen.aborted.length === 1)
  await work.send(get(`${V3}/wait/work`).replaceAll('\n', '\r\n'))
  await until(() => seen.aborted.length === 2)
  const closed = listeners.close(5_000)
  await poll.until(() => poll.closed, 'the poll')
  assert.equal(poll.responses[0]!.body, '{"how":"poll"}')
  assert.equal(poll.responses[0]!.keepAlive, false)
  await idle.until(() => idle.closed, 'the idle connection')
  assert.equal(work.responses.length, 0)
  seen.finish()
  await work.until(() => work.closed, 'the request')
  assert.equal(work.responses[0]!.body, '{"how":"work"}')
  await closed
  await assert.rejects(connect(), { code: 'ECONNREFUSED' })
})

test('who does not finish in time is cut off', async (t) => {
  const { connect, seen, listeners, lines } = await start(t)
  const work = await connect()
  await work.send(get(`${V3}/wait/work`).replaceAll('\n', '\r\n'))
  await until(() => seen.aborted.length === 1)
  await listeners.close(50)
  await work.until(() => work.closed, 'the end')
  assert.equal(work.responses.length, 0)
  assert.ok(lines.some((line) => line.includes('1 request was not finished in time')))
})

test('each request has a line in the access log, without its secrets, but for health checks and preflights', async (t) => {
  const { send, lines } = await start(t, { listener: { tag: 'clients', xForwarded: true } })
  await send(get('/health'))
  await send(`OPTIONS /x HTTP/1.1\n${HOST}\n`)
  await send(get(`${WHOAMI}?access_token=alice`, 'User-Agent: "evil"\nX-Forwarded-For: 192.0.2.7\nX-Request-ID: r1\n'))
  await until(() => lines.some((line) => line.includes('"msg":"request"')))
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  assert.equal(requests.length, 1)
  const { time, pid, duration_ms: duration, msg, ...rest } = requests[0]
  assert.equal(msg, 'request')
  assert.ok(Date.now() - time < 10_000 && pid === process.pid && duration >= 0)
  assert.deepEqual(rest, {
    level: 30,
    instance: 'test',
    request_id: 'r1',
    client_ip: '192.0.2.7',
    site: 'clients',
    method: 'GET',
    target: `${WHOAMI}?access_token=<redacted>`,
    operation: 'getTokenOwner',
    status: 200,
    bytes_sent: 32,
    requester: '@alice:example.org',
    user_agent: '"evil"',
  })
})

test('metrics are on their resource alone, under Synapse’s names', async (t) => {
  const { send } = await start(t)
  await send(get(WHOAMI, bearer('alice')))
  await send(get(WHOAMI))
  await send(get('/nonsense'))
  const { text, headers } = await send(get('/_synapse/metrics'))
  assert.match(headers['content-type']!, /^text\/plain/)
  const labels = 'method="GET",server_name="example.org",servlet="getTokenOwner"'
  for (const line of [
    `synapse_http_server_requests_received_total{${labels}} 2`,
    `synapse_http_server_response_count_total{${labels},tag=""} 2`,
    `synapse_http_server_in_flight_requests_count{${labels}} 0`,
    'synapse_http_server_responses_total{code="401",method="GET",server_name="example.org"} 1',
    `synapse_http_server_response_time_seconds_count{code="200",${labels},tag=""} 1`,
    `synapse_http_server_response_time_seconds_bucket{code="200",le="+Inf",${labels},tag=""} 1`,
    'synapse_http_server_requests_received_total{method="GET",server_name="example.org",servlet="unrecognized"} 1',
    'synapse_http_server_in_flight_requests_count{method="GET",server_name="example.org",servlet="metrics"} 1',
  ])
    assert.ok(text.split('\n').includes(line), line)
  const other = await start(t, { resources: ['client'] })
  assert.equal((await other.send(get('/_synapse/metrics'))).status, 404)
})

test('what is no HTTP is refused with JSON, and large heads with 431', async (t) => {
  const { send } = await start(t)
  assert.equal((await send('NONSENSE\n\n')).status, 400)
  const large = await send(get('/health', `X-Large: ${'x'.repeat(20_000)}\n`))
  assert.equal(large.status, 431)
  assert.equal((large.json as JsonObject).errcode, 'M_TOO_LARGE')
  assert.equal((await send(post('/health', '', 'Content-Length: 5\n'))).status, 400)
  assert.equal((await send('GET /health HTTP/1.1\n\n')).status, 200, 'without Host, as health checkers send')
  assert.equal((await send('GET /health HTTP/1.0\n\n')).status, 200)
})
