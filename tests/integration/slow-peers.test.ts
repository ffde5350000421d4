/** Clients and workers that take bytes slowly, or not at all. Deadlines are brought forward instead of waited for. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as tls from 'node:tls'
import { ClientConnection } from '../../router/forward/client-connection.ts'
import { bulkInUse } from '../../router/forward/read-buffers.ts'
import type { Wire, WireOwner } from '../../router/forward/wire.ts'
import type { RunningRouter } from '../../router/start.ts'
import { selfSigned } from '../harness/certificate.ts'
import { startInProcess } from '../harness/router.ts'

/** More than the kernel holds between two sockets. */
const BODY_BYTES = 24 * 1024 * 1024
const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`

const startServer = async (t: TestContext, onConnection: (socket: net.Socket) => void): Promise<string> => {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

const until = async (what: string, holds: () => boolean) => {
  const end = performance.now() + 10_000
  while (!holds()) {
    assert.ok(performance.now() < end, `not within 10 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The router's side of the only client's connection. */
const connectionOf = (router: RunningRouter) => {
  const [connection] = router.gateway.clients
  assert.ok(connection)
  return connection
}

/** As if the deadline had passed. */
const expire = (router: RunningRouter) => connectionOf(router).expire()

const startDownload = (t: TestContext) => {
  const body = Buffer.alloc(BODY_BYTES, 'x')
  return startServer(t, (socket) =>
    socket.once('data', () => {
      socket.write(HEAD)
      socket.write(body)
    }),
  )
}
const DOWNLOAD = 'GET /_matrix/media/v3/download/hs/id HTTP/1.1\r\nHost: hs\r\n\r\n'

/** A client's connection over a wire whose kernel takes bytes as the test says: how much a real one holds cannot be known. */
const slowClient = (router: RunningRouter, request = DOWNLOAD) => {
  const state = { text: '', written: 0, unsent: 0, end: '' }
  let owner: WireOwner | undefined
  const write = (length: number) => {
    state.written += length
    state.unsent += length
    return false
  }
  const wire = {
    ownsReads: false,
    get unsent() {
      return state.unsent
    },
    writeString(text) {
      state.text += text.slice(0, 100)
      return write(text.length)
    },
    writeCopy: (_bytes, start, end) => write(end - start),
    writeOwned: (bytes) => write(bytes.length),
    readIntoOwn() {},
    readIntoShared() {},
    pause() {},
    resume() {},
    shutdown() {},
    close: () => {
      state.end = 'closed'
    },
    reset: () => {
      state.end = 'reset'
    },
  } as Partial<Wire> as Wire
  const listener = { name: 'test', scheme: 'http', exposes: new Set(['client'] as const) } as const
  const client = new ClientConnection(router.gateway, listener, '127.0.0.1', (of) => {
    owner = of
    return wire
  })
  const send = (text: string) => owner!.onBytes(Buffer.from(text), text.length)
  send(request)
  const takeAll = () => {
    state.unsent = 0
    owner!.onDrain()
  }
  return { client, state, send, takeAll }
}

test('a client that takes a download slowly is not cut off, one that takes nothing is', async (t) => {
  const router = await startInProcess(t, { pools: { main: { workers: [await startDownload(t)], health: false } } })
  const { client, state } = slowClient(router)
  await until('the first bytes', () => state.unsent > 0)
  for (const taken of [1, 10, 1]) {
    state.unsent -= taken
    client.deadline = 0
    client.expire()
    assert.equal(state.end, '', 'it took something since the last time')
    assert.ok(client.deadline > performance.now() + 30_000, 'and has as long again')
  }
  client.expire()
  assert.equal(state.end, 'reset', 'so that the client does not take what it has for the whole')
  assert.ok(!router.gateway.clients.has(client))
})

test('a body may come slowly, but not for ever a byte now and then', async (t) => {
  const worker = await startServer(t, (socket) => socket.resume())
  const router = await startInProcess(t, { pools: { main: { workers: [worker], health: false } } })
  const upload = 'POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: 1000000\r\n\r\n'
  const { client, state, send } = slowClient(router, upload)
  const { gateway } = router
  await until('the head is with the worker', () => client.deadline < Number.POSITIVE_INFINITY)
  const began = gateway.now
  const left = () => client.deadline - began
  assert.ok(Math.abs(left() - 60_000) < 1)
  gateway.now = began + 50_000
  send('x')
  assert.ok(left() < 60_100, 'a byte is worth 2 ms')
  send('x'.repeat(10_000))
  assert.ok(left() > 79_000 && left() < 81_000, '500 a second are enough')
  send('x'.repeat(100_000))
  assert.ok(Math.abs(left() - 110_000) < 1, 'but nothing is saved up for later')
  client.expire()
  assert.match(state.text, /^HTTP\/1.1 408 /)
  client.close()
})

test('the end of an answer that is still to be taken is waited for: between requests, and by a router that stops', async (t) => {
  const router = await startInProcess(t, {
    pools: { main: { workers: [await startDownload(t)], health: false } },
    settings: { drain: '20s' },
  })
  const { client, state, takeAll } = slowClient(router)
  const [worker] = [...router.workers.values()]
  await until('the worker is done', () => {
    if (worker!.inFlight > 0) takeAll()
    return worker!.inFlight === 0
  })
  assert.ok(state.unsent > 0 && state.written > BODY_BYTES)
  state.unsent--
  client.expire()
  assert.equal(state.end, '')
  let closed = false
  const closing = router.close().then(() => {
    closed = true
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.deepEqual([closed, state.end], [false, ''])
  takeAll()
  await closing
  assert.equal(state.end, 'closed')
})

test('a worker that takes no more of a body is the one to blame: 504', async (t) => {
  const worker = await startServer(t, (socket) => socket.once('data', () => socket.pause()))
  const router = await startInProcess(t, {
    pools: { main: { workers: [worker], health: false, max_body: '100M' } },
  })
  const client = net.connect({ host: '127.0.0.1', port: router.listeners[0]!.port })
  t.after(async () => client.destroy())
  client.on('error', () => {})
  let answer = ''
  client.setEncoding('latin1').on('data', (part: string) => {
    answer += part
  })
  client.write(`POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
  client.write(Buffer.alloc(BODY_BYTES))
  const [upstream] = [...router.workers.values()]
  await until('the request is with the worker', () => upstream!.inFlight === 1)
  let before = -1
  let since = 0
  await until('no more of the body is taken', () => {
    const { bytesIn } = connectionOf(router).exchange
    if (bytesIn !== before) since = performance.now()
    before = bytesIn
    return performance.now() - since > 300
  })
  expire(router)
  expire(router)
  await until('an answer', () => answer !== '')
  assert.match(answer, /^HTTP\/1\.1 504 /)
})

/** A worker whose answers are as long as asked for, `/…/id/BYTES`, and of bytes that tell their place. */
const startPattern = (t: TestContext) =>
  startServer(t, (socket) =>
    socket.on('data', (head) => {
      const length = Number(/\/id\/(\d+)/.exec(String(head))![1])
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
      socket.write(pattern(length))
    }),
  )
/** A prime's length of bytes, over and over: what comes from another place, or twice, shows. */
const pattern = (length: number) =>
  Buffer.alloc(
    length,
    Uint8Array.from({ length: 65_521 }, (_, i) => (i * 31) >> 4),
  )

test('bodies arrive whole by clients that stop and go, over plain sockets and TLS', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-slow-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const router = await startInProcess(t, {
    pools: { main: { workers: [await startPattern(t)], health: false } },
    settings: { listen: ['http://127.0.0.1:0', { address: 'https://127.0.0.1:0', ...selfSigned(folder) }] },
  })
  const [plain, secure] = router.listeners.map(({ port }) => port)
  const length = 5_000_000
  const expected = pattern(length)
  const download = async (index: number) => {
    const client =
      index % 2 === 0
        ? net.connect({ host: '127.0.0.1', port: plain! })
        : tls.connect({ host: '127.0.0.1', port: secure!, rejectUnauthorized: false })
    t.after(() => void client.destroy())
    client.on('error', () => {})
    client.write(`GET /_matrix/media/v3/download/hs/id/${length} HTTP/1.1\r\nHost: hs\r\n\r\n`)
    const parts: Buffer[] = []
    let left = Number.POSITIVE_INFINITY
    let pauses = 0
    await new Promise<void>((resolve, reject) => {
      client.on('close', () => reject(new Error(`download ${index}: closed with ${left} bytes left`)))
      client.on('data', (part: Buffer) => {
        const body = parts.length === 0 ? part.subarray(part.indexOf('\r\n\r\n') + 4) : part
        if (parts.length === 0) left = length
        parts.push(body)
        left -= body.length
        if (left === 0) resolve()
        else if (left < length - (pauses + 1) * 500_000) {
          client.pause()
          setTimeout(() => client.resume(), [1, 70, 10][(index + pauses++) % 3])
        }
      })
    })
    assert.ok(Buffer.concat(parts).equals(expected), `download ${index}`)
  }
  await Promise.all(Array.from({ length: 12 }, (_, index) => download(index)))
  assert.equal(bulkInUse(), 0)
})

test('what a TLS client is slow to take is not read over by what comes next', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-slow-'))
  t.after(() => rmSync(folder, { recursive: true }))
  // More than the kernel keeps for two connections (tcp_rmem and tcp_wmem, 10 MiB each), however long it is given.
  const length = 40_000_000
  const expected = pattern(length)
  let sent = 0
  // In pieces too small to be written alone, and too large to be copied.
  const worker = await startServer(t, (socket) =>
    socket.once('data', async () => {
      socket.setNoDelay(true)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
      for (; sent < length; sent += 20_000) {
        if (!socket.write(expected.subarray(sent, sent + 20_000))) await once(socket, 'drain')
        await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
  const router = await startInProcess(t, {
    pools: { main: { workers: [worker], health: false } },
    settings: { listen: [{ address: 'https://127.0.0.1:0', ...selfSigned(folder) }] },
  })
  const client = tls.connect({ host: '127.0.0.1', port: router.listeners[0]!.port, rejectUnauthorized: false })
  t.after(() => void client.destroy())
  client.on('error', () => {})
  client.write(DOWNLOAD)
  client.pause()
  let before = -1
  let since = 0
  await until('nothing more is taken', () => {
    if (sent !== before) since = performance.now()
    before = sent
    return sent > 0 && performance.now() - since > 300
  })
  assert.ok(sent < length)
  const parts: Buffer[] = []
  let left = Number.POSITIVE_INFINITY
  for await (const part of client as AsyncIterable<Buffer>) {
    if (parts.length === 0) left = length + part.indexOf('\r\n\r\n') + 4
    parts.push(part)
    left -= part.length
    if (left === 0) break
  }
  const all = Buffer.concat(parts)
  assert.ok(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(expected))
})

test('clients that take nothing more hold few large buffers, and none when they have left', async (t) => {
  const router = await startInProcess(t, { pools: { main: { workers: [await startDownload(t)], health: false } } })
  const clients = Array.from({ length: 100 }, () => {
    const client = net.connect({ host: '127.0.0.1', port: router.listeners[0]!.port })
    t.after(() => void client.destroy())
    client.on('error', () => {})
    client.pause()
    client.write(DOWNLOAD)
    return client
  })
  let before = -1
  let since = 0
  await until('all stall', () => {
    const sent = [...router.gateway.clients].reduce((sum, { exchange }) => sum + exchange.bytesOut, 0)
    if (sent !== before) since = performance.now()
    before = sent
    return sent > 0 && performance.now() - since > 500
  })
  assert.ok(bulkInUse() <= 64, `${bulkInUse()}`)
  for (const client of clients) client.destroy()
  await until('all are gone', () => router.gateway.clients.size === 0)
  await until('their buffers are free', () => bulkInUse() === 0)
})
