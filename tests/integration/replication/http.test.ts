/** Processes that ask each other over HTTP, on real sockets. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { JsonFloat } from '../../../shared/matrix/json/value.ts'
import {
  type InstanceAddress,
  makeReplicationClient,
  type ReplicationClientOptions,
} from '../../../worker/replication/http-client.ts'
import { makeReplicationServer, type ReplicationServerOptions } from '../../../worker/replication/http-server.ts'
import { ReplicationError } from '../../../worker/replication/replication-error.ts'
import { fetchFromWriter, streamUpdatesHandler } from '../../../worker/replication/stream-updates.ts'
import { freePort } from '../../harness/free-port.ts'
import { until } from '../../harness/until.ts'

type Waited = readonly [stream: string, instance: string, position: number]

/** A process that answers; `seen` has what it waited for. */
async function serve(
  t: TestContext,
  given: Partial<ReplicationServerOptions>,
  where: { port?: number; path?: string } = {},
) {
  const waited: Waited[] = []
  const problems: string[] = []
  const replication = makeReplicationServer({
    handlers: {},
    positions: () => ({ events: 70, caches: 9 }),
    waitFor: async (...[stream, instance, position]) => {
      waited.push([stream, instance, position])
      return true
    },
    onProblem: (problem) => problems.push(problem),
    ...given,
  })
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, body } = await replication.answer({
      method: request.method!,
      target: request.url!,
      authorization: request.headers.authorization,
      requestId: request.headers['x-request-id'] as string | undefined,
      body: async () => Buffer.concat(await request.toArray()).toString(),
    })
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }
  const server = createServer(listener)
  await listen(t, server, where)
  return { server, waited, problems, address: addressOf(server) }
}

async function listen(t: TestContext, server: Server, { port = 0, path }: { port?: number; path?: string }) {
  if (path === undefined) server.listen(port, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
}

const addressOf = (server: Server): InstanceAddress => {
  const address = server.address() as AddressInfo | string
  return typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address.port }
}

function ask(t: TestContext, address: InstanceAddress, given: Partial<ReplicationClientOptions> = {}) {
  const waited: Waited[] = []
  const problems: string[] = []
  const client = makeReplicationClient({
    instance: 'creator',
    instances: new Map([['writer', address]]),
    positions: () => ({ caches: 5 }),
    waitFor: async (...[stream, instance, position]) => {
      waited.push([stream, instance, position])
      return true
    },
    onProblem: (problem) => problems.push(problem),
    retryMs: 5,
    ...given,
  })
  t.after(client.close)
  return { client, call: client.call, waited, problems }
}

const echo = (request: unknown) => ({ ...(request as { args: object; body: object }), query: undefined })

test('a request goes with the positions of its sender, the answer comes with those of the writer', async (t) => {
  const { address, waited: waitedThere } = await serve(t, { handlers: { add_tag: echo } })
  const { call, waited: waitedHere } = ask(t, address)
  const args = { user_id: '@a:x', room_id: '!r/ü', tag: 'm.favourite' }
  // Numbers as they were written: hashes of events cover them.
  const content = { order: new JsonFloat('1.0'), large: 2n ** 60n }
  const answer = await call('add_tag', {
    instance: 'writer',
    args,
    body: { content },
    requestId: 'req-1',
  })
  assert.deepEqual(answer, { args, body: { content }, requestId: 'req-1' })
  assert.deepEqual(waitedThere, [['caches', 'creator', 5]])
  const { call: callFor } = ask(t, address, { requestId: () => 'req-2' })
  const { requestId } = await callFor('add_tag', { instance: 'writer', args, body: {} })
  assert.equal(requestId, 'req-2')
  assert.deepEqual(
    new Set(waitedHere),
    new Set([
      ['events', 'writer', 70],
      ['caches', 'writer', 9],
    ]),
  )
})

test('over a unix socket, with a secret', async (t) => {
  const path = join(tmpdir(), `plexus-replication-${process.pid}.sock`)
  t.after(() => rmSync(path, { force: true }))
  const { address, problems } = await serve(t, { handlers: { added_delayed_event: echo }, secret: 's3cret' }, { path })
  assert.deepEqual(address, { path })
  const right = ask(t, address, { secret: 's3cret' })
  assert.deepEqual(await right.call('added_delayed_event', { instance: 'writer', body: { next_send_ts: 1 } }), {
    args: {},
    body: { next_send_ts: 1 },
  })
  assert.deepEqual(problems, [])
  for (const options of [{}, { secret: 'wrong' }, { secret: 's3cret, and more' }]) {
    const { call } = ask(t, address, options)
    await assert.rejects(call('added_delayed_event', { instance: 'writer' }), { name: 'ReplicationError', status: 500 })
  }
  assert.match(problems[0]!, /without the right worker_replication_secret, for added_delayed_event/)
  assert.ok(!problems.join().includes('s3cret'))
})

test('refusals are given on as they are, bugs without detail', async (t) => {
  const refusal = { errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', retry_after_ms: 7 }
  const { address, problems } = await serve(t, {
    handlers: {
      send_events: () => Promise.reject(new ReplicationError(429, refusal, 'limited')),
      add_tag: () => {
        throw new Error('a secret of the database')
      },
    },
  })
  const { call } = ask(t, address)
  await assert.rejects(call('send_events', { instance: 'writer' }), { status: 429, body: refusal })
  const args = { user_id: '@a:x', room_id: '!r', tag: 't' }
  await assert.rejects(call('add_tag', { instance: 'writer', args }), {
    status: 500,
    body: { errcode: 'M_UNKNOWN', error: 'Internal server error' },
  })
  assert.deepEqual(problems, ['HTTP replication: add_tag failed'])
  await assert.rejects(call('fed_send_events', { instance: 'writer' }), { status: 404 })
  await assert.rejects(call('send_events', { instance: 'nobody' }), /nobody is not in instance_map/)
  await assert.rejects(call('send_events', { instance: 'creator' }), /asks itself/)
})

test('what is no JSON object is refused; a wrong method too', async (t) => {
  const { address } = await serve(t, { handlers: { send_events: echo } })
  const url = `http://127.0.0.1:${(address as { port: number }).port}/_synapse/replication/send_events/x`
  for (const body of ['', '[]', '{', 'null']) {
    const answer = await fetch(url, { method: 'POST', body })
    assert.deepEqual([answer.status, ((await answer.json()) as { errcode: string }).errcode], [400, 'M_NOT_JSON'], body)
  }
  assert.equal((await fetch(url)).status, 405)
})

test('without an answer in time it is asked again, and done once', async (t) => {
  let runs = 0
  const { address } = await serve(t, {
    handlers: {
      async send_events() {
        runs++
        await new Promise((resolve) => setTimeout(resolve, 150))
        return { stream_id: 71 }
      },
    },
  })
  const { call, problems } = ask(t, address, { answerTimeoutMs: 40 })
  assert.deepEqual(await call('send_events', { instance: 'writer' }), { stream_id: 71 })
  assert.equal(runs, 1)
  assert.match(problems[0]!, /send_events: writer did not answer in time/)
})

test('a 504 is asked again', async (t) => {
  let count = 0
  const targets = new Set<string>()
  const server = createServer((request, response) => {
    targets.add(request.url!)
    response.writeHead(++count < 3 ? 504 : 200).end('{}')
  })
  await listen(t, server, {})
  const { call } = ask(t, addressOf(server))
  assert.deepEqual(await call('send_events', { instance: 'writer' }), {})
  assert.deepEqual([count, targets.size], [3, 1], 'under one transaction ID')
})

test('a process that is not there yet is waited for, but not for ever', async (t) => {
  const port = await freePort()
  const { call, problems } = ask(t, { host: '127.0.0.1', port }, { retryMs: 40 })
  const answer = call('send_events', { instance: 'writer' })
  await until(() => problems.length >= 2)
  await serve(t, { handlers: { send_events: () => ({ event_id: '$e' }) } }, { port })
  assert.deepEqual(await answer, { event_id: '$e' })
  assert.deepEqual(problems.map((problem) => /in (\d+) ms/.exec(problem)?.[1]).slice(0, 2), ['40', '80'])

  const nowhere = ask(t, { path: join(tmpdir(), 'plexus-nobody-listens.sock') })
  await assert.rejects(nowhere.call('send_events', { instance: 'writer' }), { name: 'ReplicationError', status: 502 })
  assert.deepEqual(
    nowhere.problems.map((problem) => /in (\d+) ms/.exec(problem)?.[1]),
    ['5', '10', '20', '40', '80', '160'],
  )
})

test('a process that dies in between is asked again', async (t) => {
  let connections = 0
  const { address } = await serve(t, { handlers: { send_events: () => ({ event_id: '$e' }) } })
  // Cuts the first connection when it has the request, and passes on the others.
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    if (connections++ === 0) return socket.once('data', () => socket.resetAndDestroy())
    const upstream = connect((address as { port: number }).port, '127.0.0.1')
    upstream.on('error', () => {})
    socket.pipe(upstream).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { call, client } = ask(t, { host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  assert.deepEqual(await call('send_events', { instance: 'writer' }), { event_id: '$e' })
  assert.equal(connections, 2)
  client.close()
})

test('connections are kept, and one that the other side closed meanwhile is no failure', async (t) => {
  let connections = 0
  // Answers one request on a connection, and cuts it when there is another: it was idle for too long.
  const server = createTcpServer((socket) => {
    connections++
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
      socket.once('data', () => socket.resetAndDestroy())
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const { call, client, problems } = ask(t, address, { retryMs: 60_000 })
  for (let count = 0; count < 4; count++) await call('send_events', { instance: 'writer' })
  assert.deepEqual([connections, problems], [4, []])
  client.close()

  let kept = 0
  const { server: keeping, address: there } = await serve(t, { handlers: { send_events: () => ({}) } })
  keeping.on('connection', () => kept++)
  const other = ask(t, there)
  for (let count = 0; count < 5; count++) await other.call('send_events', { instance: 'writer' })
  assert.equal(kept, 1)
})

test('who does not want the answer any more does not wait for it', async (t) => {
  const { address } = await serve(t, { handlers: { send_events: () => new Promise(() => {}) } })
  const { call } = ask(t, address)
  const control = new AbortController()
  const answer = call('send_events', { instance: 'writer', signal: control.signal })
  setTimeout(() => control.abort(new Error('the client left')), 20)
  await assert.rejects(answer, /the client left/)
  const nowhere = ask(t, { path: join(tmpdir(), 'plexus-nobody-listens.sock') }, { retryMs: 10_000 })
  const waiting = nowhere.call('send_events', { instance: 'writer', signal: AbortSignal.timeout(30) })
  await assert.rejects(waiting, { name: 'TimeoutError' })
})

test('rows of a stream in memory come from its writer', async (t) => {
  const typing = { rows: [[3, ['!r', ['@a:x']]]] as const, upTo: 4, limited: false }
  const asked: unknown[] = []
  const updates = (from: number, upTo: number) => {
    asked.push([from, upTo])
    return typing
  }
  const { address, waited } = await serve(t, {
    handlers: { get_repl_stream_updates: streamUpdatesHandler(new Map([['typing', updates]])) },
  })
  const { client, waited: waitedHere } = ask(t, address)
  assert.deepEqual(await fetchFromWriter(client, 'typing')('writer', 2, 4), typing)
  assert.deepEqual(asked, [[2, 4]])
  assert.deepEqual([...waited, ...waitedHere], [], 'catching up does not wait for itself')
  await assert.rejects(fetchFromWriter(client, 'presence')('writer', 2, 4), { status: 400 })
})
