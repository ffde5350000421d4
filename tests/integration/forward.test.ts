/** What reaches a worker, and what comes back: in process, on real sockets. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { selfSigned } from '../harness/certificate.ts'
import { startInProcess, testConfig } from '../harness/router.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const echo =
  (name: string): Handler =>
  (request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ worker: name, target: request.url, headers: request.headers, body }))
    })
  }

/** An HTTP server on a port or unix socket of its own; its address as `routes.yaml` writes it. */
const startHttp = async (t: TestContext, handler: Handler, path?: string): Promise<string> => {
  const server: Server = createServer((request, response) =>
    request.url === '/health' ? response.end('OK') : handler(request, response),
  )
  server.listen(path ?? { port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return path === undefined ? `127.0.0.1:${(server.address() as { port: number }).port}` : `unix:${path}`
}

interface Reply {
  readonly status: number
  readonly text: string
  /** What {@link echo} answered. */
  readonly echoed: { worker: string; target: string; headers: Record<string, string>; body: string }
}

const ask = (
  where: object,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
    by = request,
  }: { method?: string; headers?: object; body?: string | Buffer; by?: typeof request } = {},
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const sent = by({ ...where, path, method, headers: { ...headers }, agent: false }, (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        const echoed = text.startsWith('{') ? (JSON.parse(text) as Reply['echoed']) : ({} as Reply['echoed'])
        resolve({ status: response.statusCode!, text, echoed })
      })
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })

const until = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 10_000
  while (!holds()) {
    assert.ok(performance.now() < end, `not within 10 s: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-forward-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the client address: overwritten for strangers, believed from trusted proxies, one address always', async (t) => {
  const main = await startHttp(t, echo('main'))
  const spoofed = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', 'x-forwarded-proto': 'https , http' }
  const strangers = await startInProcess(t, { pools: { main: { workers: [main] } } })
  const stranger = await ask({ port: strangers.listeners[0]!.port }, '/_matrix/client/versions', { headers: spoofed })
  assert.equal(stranger.echoed.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(stranger.echoed.headers['x-forwarded-proto'], 'http')
  const proxies = await startInProcess(t, {
    pools: { main: { workers: [main] } },
    settings: { trusted_proxies: ['127.0.0.0/8', '198.51.100.0/24'] },
  })
  const believed = await ask({ port: proxies.listeners[0]!.port }, '/_matrix/client/versions', { headers: spoofed })
  assert.equal(believed.echoed.headers['x-forwarded-for'], '203.0.113.9')
  // Each proxy with a line of its own.
  const lines = {
    'x-forwarded-for': ['192.0.2.66', '203.0.113.9', '198.51.100.7'],
    'x-forwarded-proto': ['https', 'http'],
  }
  const several = await ask({ port: proxies.listeners[0]!.port }, '/_matrix/client/versions', { headers: lines })
  assert.equal(several.echoed.headers['x-forwarded-for'], '203.0.113.9')
  for (const { echoed } of [believed, several]) assert.equal(echoed.headers['x-forwarded-proto'], 'https')
})

test('a unix socket is open to all who reach it; its stale file is replaced, a file of another kind never', async (t) => {
  const main = await startHttp(t, echo('main'))
  const folder = folderOf(t)
  const path = join(folder, 'router.sock')
  const options = { pools: { main: { workers: [main] } }, settings: { listen: [`unix:${path}`] } }
  // A process that is killed leaves its socket's file behind.
  const killed = spawn(process.execPath, [
    '-e',
    `net.createServer().listen(${JSON.stringify(path)}, () => console.log())`,
  ])
  await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  assert.ok(statSync(path).isSocket())
  const router = await startInProcess(t, options)
  assert.equal((await ask({ socketPath: path }, '/_matrix/client/versions')).status, 200)
  assert.equal(statSync(path).mode & 0o666, 0o666)
  await router.close()

  writeFileSync(path, 'precious')
  await assert.rejects(startInProcess(t, options), /EADDRINUSE/)
  assert.equal(readFileSync(path, 'utf8'), 'precious')
})

test('a request target arrives byte for byte', async (t) => {
  const main = await startHttp(t, echo('main'))
  const router = await startInProcess(t, { pools: { main: { workers: [main] } } })
  for (const target of [
    '/_matrix/client/v3/rooms/!a:b/state/m.x/..',
    '/_matrix//a',
    '/_matrix/a%2Fb?x=%41|b',
    '/_matrix/client/v3/x?',
  ])
    assert.equal((await ask({ port: router.listeners[0]!.port }, target)).echoed.target, target)
})

test('replication and metrics never pass, admin only where it is exposed', async (t) => {
  const main = await startHttp(t, echo('main'))
  const router = await startInProcess(t, {
    pools: { main: { workers: [main] } },
    settings: {
      listen: [
        'http://127.0.0.1:0',
        { address: 'http://127.0.0.2:0', expose: ['client', 'federation', 'admin'] },
        { address: 'http://127.0.0.3:0', expose: ['federation'] },
      ],
    },
  })
  const [open, admin, federation] = router.listeners.map(({ host, port }) => ({ host, port }))
  for (const path of [
    '/_synapse/replication/x',
    '/_synapse/%72eplication/x',
    '//_synapse/replication',
    '/a/../_synapse/replication/x',
    '/_matrix/client/../../_synapse/replication/x',
    '/_matrix/client/v3/%2e%2E/.%2e/%2e./_synapse/replication/x',
    '/_matrix/client/%252e%252e/../_synapse/replication/x',
    '/_matrix/client/..%2f..%2F_synapse%2freplication/x',
    '/_synapse/metrics',
  ])
    for (const listener of [open, admin, federation]) assert.equal((await ask(listener!, path)).status, 404, path)
  for (const path of ['/_synapse/admin/v1/rooms', '/_synapse/%61dmin/v1/rooms', '/_synapse/mas/x']) {
    assert.equal((await ask(open!, path)).status, 404, path)
    assert.equal((await ask(admin!, path)).status, 200, path)
  }
  assert.equal((await ask(federation!, '/_matrix/client/v3/sync')).status, 404)
  assert.equal((await ask(federation!, '/_matrix/federation/v1/version')).status, 200)
  assert.equal((await ask(open!, '/_synapse/client/pick_idp')).status, 200)
  // Dots that lead nowhere else are legal: a state key may be `..`.
  for (const path of [
    '/_matrix/client/v3/rooms/!a:b/state/m.x/..',
    '/_matrix/client/v3/rooms/%21a%3Ab/state/m.x/%2e%2e',
  ])
    assert.equal((await ask(open!, path)).status, 200, path)
})

test('TLS listeners, unix-socket listeners and unix-socket workers', async (t) => {
  const folder = folderOf(t)
  const worker = await startHttp(t, echo('unix'), join(folder, 'worker.sock'))
  const router = await startInProcess(t, {
    pools: { main: { workers: [worker] } },
    settings: {
      listen: [{ address: 'https://127.0.0.1:0', ...selfSigned(folder) }, `unix:${join(folder, 'router.sock')}`],
    },
  })
  const big = 'x'.repeat(3_000_000)
  const tls = { port: router.listeners[0]!.port, rejectUnauthorized: false }
  const secure = await ask(tls, '/_matrix/client/versions', { by: httpsRequest as typeof request })
  assert.equal(secure.echoed.worker, 'unix')
  assert.equal(secure.echoed.headers['x-forwarded-proto'], 'https')
  const uploaded = await ask(tls, '/_matrix/media/v3/upload', {
    method: 'POST',
    body: big,
    headers: { 'content-length': big.length },
    by: httpsRequest as typeof request,
  })
  assert.equal(uploaded.echoed.body.length, big.length)
  const local = await ask({ socketPath: join(folder, 'router.sock') }, '/_matrix/client/versions')
  assert.equal(local.echoed.headers['x-forwarded-for'], '127.0.0.1')
})

test('bodies of every size pass unchanged both ways, by length and in chunks', async (t) => {
  const main = await startHttp(t, echo('main'))
  const router = await startInProcess(t, { pools: { main: { workers: [main] } } })
  const where = { port: router.listeners[0]!.port }
  for (const size of [0, 1, 100, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000, 1_000_000, 8_000_000]) {
    const body = Buffer.alloc(size, 'abcdefghij').toString('latin1')
    for (const headers of [{ 'content-length': size }, { 'transfer-encoding': 'chunked' }]) {
      const reply = await ask(where, '/_matrix/media/v3/upload', { method: 'POST', body, headers })
      assert.equal(reply.status, 200, `${size} ${JSON.stringify(headers)}`)
      assert.ok(reply.echoed.body === body, `${size} ${JSON.stringify(headers)}`)
    }
  }
})

test('a client that reads slowly holds its worker back, and gets all', async (t) => {
  let produced = 0
  const main = await startHttp(t, (_request, response) => {
    const part = Buffer.alloc(256 * 1024, 'y')
    const more = () => {
      while (produced < 64 * 1024 * 1024) {
        produced += part.length
        if (!response.write(part)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  const router = await startInProcess(t, { pools: { main: { workers: [main] } } })
  const sent = request({ port: router.listeners[0]!.port, path: '/_matrix/media/v3/download/a/b', agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.pause()
  await new Promise((resolve) => setTimeout(resolve, 400))
  assert.ok(produced < 32 * 1024 * 1024, `${produced} bytes were taken from the worker for a client that reads none`)
  let received = 0
  response.on('data', (part: Buffer) => {
    received += part.length
  })
  response.resume()
  await once(response, 'end')
  assert.equal(received, 64 * 1024 * 1024)
})

test('a client that leaves takes its request with it', async (t) => {
  let left = () => {}
  const gone = new Promise<void>((resolve) => {
    left = resolve
  })
  let arrived = () => {}
  const begun = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const main = await startHttp(t, (_request, response) => {
    response.on('close', left)
    arrived()
  })
  const router = await startInProcess(t, { pools: { main: { workers: [main] } } })
  const sent = request({ port: router.listeners[0]!.port, path: '/_matrix/client/v3/sync?timeout=30000', agent: false })
  sent.on('error', () => {})
  sent.end()
  await begun
  sent.destroy()
  await gone
  assert.equal(
    [...router.workers.values()].reduce((sum, worker) => sum + worker.inFlight, 0),
    0,
  )
})

test('a join by alias goes to the worker of the room, once an answer told which room that is', async (t) => {
  const rooms = new Map([['#lounge:hs', '!abc:hs']])
  const workers = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
      startHttp(t, (_request, response) =>
        response.end(JSON.stringify({ worker: name, room_id: rooms.get('#lounge:hs') })),
      ),
    ),
  )
  const router = await startInProcess(t, {
    pools: { main: { workers: [workers[0]!] }, event_send: { workers, sticky: 'room' } },
    routes: [{ pool: 'event_send', match: '^/_matrix/client/(api/v1|r0|v3|unstable)/(join|rooms)/' }],
  })
  const where = { port: router.listeners[0]!.port }
  const send = await ask(where, '/_matrix/client/v3/rooms/!abc:hs/join', { method: 'POST' })
  await ask(where, '/_matrix/client/v3/join/%23lounge:hs', { method: 'POST' })
  const second = await ask(where, '/_matrix/client/v3/join/%23lounge%3Ahs', { method: 'POST' })
  assert.equal(second.echoed.worker, send.echoed.worker)
})

test('a full pool queues, a full queue answers 503, and a freed place is taken', async (t) => {
  const held: (() => void)[] = []
  const main = await startHttp(t, (_request, response) => held.push(() => response.end('{}')))
  const router = await startInProcess(t, { pools: { main: { workers: [main], concurrency: 1, queue: 1 } } })
  const where = { port: router.listeners[0]!.port }
  const first = ask(where, '/_matrix/1')
  await until(() => held.length === 1)
  const second = ask(where, '/_matrix/2')
  await until(() => router.snapshot.pools.get('main')!.places.queued === 1)
  const third = await ask(where, '/_matrix/3')
  assert.equal(third.status, 503)
  held[0]!()
  assert.equal((await first).status, 200)
  await until(() => held.length === 2)
  held[1]!()
  assert.equal((await second).status, 200)
  assert.equal(router.snapshot.pools.get('main')!.places.inFlight, 0)
})

test('a limit holds across reloads: what runs from before counts, and what waits is decided again', async (t) => {
  const held = new Map<string, () => void>()
  const hold =
    (name: string): Handler =>
    (request, response) =>
      held.set(`${name} ${request.url}`, () => response.end(JSON.stringify({ worker: name })))
  const [main, media] = await Promise.all(['main', 'media'].map((name) => startHttp(t, hold(name))))
  const withPools = (pools: Parameters<typeof testConfig>[0]['pools']) => ({
    pools: { main: { workers: [main!] }, ...pools },
    ...(pools.media && { routes: [{ pool: 'media', match: '^/_matrix/media/' }] }),
  })
  const limited = (concurrency: number) => withPools({ media: { workers: [media!], concurrency, queue: 3 } })
  const router = await startInProcess(t, limited(1))
  const reload = (options: ReturnType<typeof withPools>) => router.reload(testConfig(options))
  const where = { port: router.listeners[0]!.port }
  const places = () => router.snapshot.pools.get('media')!.places
  const first = ask(where, '/_matrix/media/1')
  await until(() => held.has('media /_matrix/media/1'))
  await reload(limited(1))
  const second = ask(where, '/_matrix/media/2')
  await until(() => places().queued === 1)
  const third = ask(where, '/_matrix/media/3')
  await until(() => places().queued === 2)
  assert.deepEqual([...held.keys()], ['media /_matrix/media/1'], 'the place is taken by a request from before')

  await reload(limited(2))
  await until(() => held.has('media /_matrix/media/2'))
  assert.equal(places().inFlight, 2)
  assert.equal(places().queued, 1, 'in their order')

  await reload(withPools({}))
  await until(() => held.has('main /_matrix/media/3'))
  held.get('main /_matrix/media/3')!()
  assert.equal((await third).echoed.worker, 'main', 'its pool is gone: it goes where its like go now')

  await reload(limited(1))
  assert.equal(places().inFlight, 2, 'a pool that comes back finds what still runs of it')
  const fourth = ask(where, '/_matrix/media/4')
  await until(() => places().queued === 1)
  held.get('media /_matrix/media/1')!()
  assert.equal((await first).status, 200)
  assert.equal(held.has('media /_matrix/media/4'), false, 'one still runs')
  held.get('media /_matrix/media/2')!()
  assert.equal((await second).status, 200)
  await until(() => held.has('media /_matrix/media/4'))
  held.get('media /_matrix/media/4')!()
  assert.equal((await fourth).status, 200)
  assert.equal(places().inFlight, 0)
})

test('the concurrency of a pool holds while a fallback serves its requests', async (t) => {
  const held: (() => void)[] = []
  const main = await startHttp(t, (_request, response) => held.push(() => response.end('{}')))
  const router = await startInProcess(t, {
    pools: {
      main: { workers: [main] },
      initial_sync: { workers: ['127.0.0.1:1'], concurrency: 2, queue: 10, fallback: ['main'], health: false },
    },
    routes: [{ pool: 'initial_sync', match: '^/_matrix/client/v3/sync$' }],
  })
  const where = { port: router.listeners[0]!.port }
  const answers = Array.from({ length: 6 }, () => ask(where, '/_matrix/client/v3/sync'))
  const { pools } = router.snapshot
  let most = 0
  for (let done = 0; done < 6; ) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    most = Math.max(most, pools.get('main')!.places.inFlight)
    const now = held.splice(0)
    done += now.length
    for (const release of now) release()
  }
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200, 200, 200, 200],
  )
  assert.equal(most, 2)
  for (const { name, places } of pools.values()) assert.deepEqual([places.inFlight, places.queued], [0, 0], name)
})

test('what falls back on a pool keeps to its concurrency and its queue as well', async (t) => {
  const held: (() => void)[] = []
  const main = await startHttp(t, (_request, response) => held.push(() => response.end('{}')))
  const router = await startInProcess(t, {
    pools: {
      main: { workers: [main], concurrency: 2, queue: 3 },
      sync: { workers: ['127.0.0.1:1'], fallback: ['main'], health: false },
    },
    routes: [{ pool: 'sync', match: '^/_matrix/client/v3/sync$' }],
  })
  const where = { port: router.listeners[0]!.port }
  const { pools } = router.snapshot
  const { places } = pools.get('main')!
  const own = ask(where, '/_matrix/client/versions')
  await until(() => held.length === 1)
  let refused = 0
  const syncs = Array.from({ length: 6 }, async () => {
    const answer = await ask(where, '/_matrix/client/v3/sync')
    if (answer.status === 503) refused++
    return answer
  })
  await until(() => refused === 2)
  const syncPlaces = pools.get('sync')!.places
  await until(() => held.length === 2 && places.queued === 3 && syncPlaces.inFlight === 4)
  assert.equal(places.inFlight, 2)
  for (let done = 0; done < 5; ) {
    await until(() => held.length > 0)
    assert.ok(held.length <= 2)
    const now = held.splice(0)
    done += now.length
    for (const release of now) release()
  }
  assert.equal((await own).status, 200)
  assert.deepEqual((await Promise.all(syncs)).map(({ status }) => status).toSorted(), [200, 200, 200, 200, 503, 503])
  for (const { name, places } of pools.values()) assert.deepEqual([places.inFlight, places.queued], [0, 0], name)
})

test('a request that ends every worker it is sent to is not sent for ever', async (t) => {
  const seen = { once: 0, poll: 0 }
  const workers = await Promise.all(
    ['a', 'b', 'c'].map(() =>
      startHttp(t, (request, response) => {
        seen[request.url!.includes('sync') ? 'poll' : 'once']++
        // Long enough for a poll to be taken for one that was fine until then.
        setTimeout(() => response.destroy(), 520)
      }),
    ),
  )
  const router = await startInProcess(t, { pools: { main: { workers } } })
  const where = { port: router.listeners[0]!.port }
  const [once, poll] = await Promise.all([
    ask(where, '/_matrix/client/v3/rooms/!a:hs/messages'),
    ask(where, '/_matrix/client/v3/sync?timeout=30000'),
  ])
  for (const { status } of [once, poll]) assert.ok(status === 502 || status === 503, String(status))
  assert.equal(seen.once, 3, 'each worker, and no more')
  assert.equal(seen.poll, 10)
})

test('an answer that breaks off is broken off, never completed', async (t) => {
  const main = await startHttp(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 100_000 })
    response.write('x'.repeat(1000), () => response.destroy())
  })
  const router = await startInProcess(t, { pools: { main: { workers: [main] } } })
  const told = t.mock.method(router.gateway.telling, 'refused')
  await assert.rejects(
    ask({ port: router.listeners[0]!.port }, '/_matrix/media/v3/download/a/b'),
    /aborted|ECONNRESET|hang up/,
  )
  assert.deepEqual(
    told.mock.calls.map((call) => call.arguments[1].kind),
    ['upstream_failed'],
    'the log says so, as its status 200 does not',
  )
})

test('a worker that does not answer in time: 504 as Matrix JSON; a poll may take its timeout', async (t) => {
  const main = await startHttp(t, (request, response) => {
    if (request.url!.includes('sync')) setTimeout(() => response.end('{}'), 1500)
  })
  const router = await startInProcess(t, { pools: { main: { workers: [main], timeouts: { read: '300ms' } } } })
  const where = { port: router.listeners[0]!.port }
  const late = await ask(where, '/_matrix/client/v3/capabilities')
  assert.equal(late.status, 504)
  assert.equal((JSON.parse(late.text) as { errcode: string }).errcode, 'M_UNKNOWN')
  assert.equal((await ask(where, '/_matrix/client/v3/sync?timeout=3000')).status, 200)
})
