import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { pino } from 'pino'
import { type ListenerConfig, openListeners } from '../../../worker/http/listeners.ts'
import { makeHttpMetrics } from '../../../worker/http/metrics.ts'
import { type Mount, makeHttpServer } from '../../../worker/http/server.ts'
import { selfSigned } from '../../harness/certificate.ts'
import { townsfolk } from '../../harness/http-worker.ts'

const log = pino({ level: 'silent' })
const replication: Mount = {
  resource: 'replication',
  under: '/_synapse/replication',
  name: 'replication',
  handle: async (request) => ({ path: request.path, got: (await request.json()).x, from: request.clientIp }),
}
const makeServer = () =>
  makeHttpServer({
    product: 'Plexus/test',
    operations: [],
    mounts: [replication],
    requesters: townsfolk,
    tableDigest: '',
    metrics: makeHttpMetrics('x'),
    log,
    accessLog: () => {},
    maxBodyBytes: 1000,
    maxUploadBytes: 1000,
    now: Date.now,
  })

const listenerAt = (address: ListenerConfig['address'], more: Partial<ListenerConfig> = {}): ListenerConfig => ({
  address,
  resources: ['replication'],
  xForwarded: false,
  tls: false,
  ...more,
})
const tcp = (port: number, ...bindAddresses: string[]) => ({ kind: 'tcp', port, bindAddresses }) as const

async function open(t: TestContext, listeners: ListenerConfig[], files?: ReturnType<typeof selfSigned>) {
  const certificate = files && { certificateFile: files.certificate, keyFile: files.key }
  const opened = await openListeners({ listeners, server: makeServer(), certificate, log })
  t.after(() => opened.close(100))
  return opened
}

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'listeners-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const health = (options: object): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get({ path: '/health', agent: false, ...options }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    }).on('error', reject)
  })

test('a listener has a socket for each bind address, all on one port', async (t) => {
  const { urls } = await open(t, [listenerAt(tcp(0, '127.0.0.1', '127.0.0.2'))])
  const [first, second] = urls.map((url) => new URL(url))
  assert.deepEqual([first!.hostname, second!.hostname, first!.port === second!.port], ['127.0.0.1', '127.0.0.2', true])
  for (const { hostname, port } of [first!, second!]) assert.equal(await health({ hostname, port }), 200)
})

test('both wildcards of Synapse’s default are one socket where the system makes it one', async (t) => {
  const { urls } = await open(t, [listenerAt(tcp(0, '::', '0.0.0.0'))])
  assert.ok(urls.length === 1 || urls.length === 2)
  const { port } = new URL(urls[0]!)
  assert.equal(await health({ hostname: '127.0.0.1', port }), 200)
  const answer = await fetch(`http://127.0.0.1:${port}/_synapse/replication/x`, { method: 'POST', body: '{}' })
  assert.equal(((await answer.json()) as { from: string }).from, '127.0.0.1')
})

test('a port in use is told, and what was opened before is closed', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as { port: number }
  const path = join(folderOf(t), 'main.sock')
  const unix = { kind: 'unix', path, mode: 0o600 } as const
  await assert.rejects(open(t, [listenerAt(unix), listenerAt(tcp(port, '127.0.0.1'))]), { code: 'EADDRINUSE' })
  assert.equal(existsSync(path), false)
})

test('a unix socket has its mode, takes the place of a dead one, and is gone after the end', async (t) => {
  const path = join(folderOf(t), 'main.sock')
  const config = listenerAt({ kind: 'unix', path, mode: 0o660 })
  const opened = await open(t, [config])
  assert.deepEqual(opened.urls, [`unix:${path}`])
  assert.equal(statSync(path).mode & 0o777, 0o660)
  assert.equal(await health({ socketPath: path }), 200)
  await opened.close(100)
  assert.equal(existsSync(path), false)

  writeFileSync(path, 'no socket')
  await assert.rejects(open(t, [config]), { code: 'EADDRINUSE' })
})

test('what is mounted is served below its path, on its resource, and knows its client', async (t) => {
  const path = join(folderOf(t), 'main.sock')
  const { urls } = await open(t, [
    listenerAt(tcp(0, '127.0.0.1')),
    listenerAt(tcp(0, '127.0.0.1'), { resources: ['client'] }),
    listenerAt({ kind: 'unix', path, mode: 0o600 }),
  ])
  const post = (url: string) => fetch(url, { method: 'POST', body: '{"x":5}' })
  const answer = await post(`${urls[0]}/_synapse/replication/send_events/1`)
  assert.deepEqual(await answer.json(), { path: '/_synapse/replication/send_events/1', got: 5, from: '127.0.0.1' })
  assert.equal((await post(`${urls[0]}/_synapse/replication_x`)).status, 404)
  assert.equal((await post(`${urls[1]}/_synapse/replication/x`)).status, 404)
})

test('TLS is served with the certificate, and with a new one after a reload', async (t) => {
  const folder = folderOf(t)
  const first = selfSigned(folder, 'first.example')
  const { urls, reloadCertificate } = await open(t, [listenerAt(tcp(0, '127.0.0.1'), { tls: true })], first)
  const port = Number(new URL(urls[0]!).port)
  assert.match(urls[0]!, /^https:/)
  const nameOf = async (): Promise<string> => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return String(subject.CN)
  }
  assert.equal(await nameOf(), 'first.example')
  selfSigned(folder, 'second.example')
  reloadCertificate()
  assert.equal(await nameOf(), 'second.example')
  writeFileSync(first.key, 'nonsense')
  assert.throws(reloadCertificate)
  assert.equal(await nameOf(), 'second.example')
})

test('TLS without a certificate is told', async (t) => {
  await assert.rejects(open(t, [listenerAt(tcp(0, '127.0.0.1'), { tls: true })]), /tls_certificate_path/)
})
