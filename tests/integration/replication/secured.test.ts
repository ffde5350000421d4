/** Redis and HTTP replication with passwords and TLS. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeReplicationClient } from '../../../worker/replication/http-client.ts'
import { connectRedisBus, type RedisConfig } from '../../../worker/replication/redis-bus.ts'
import { freePort } from '../../harness/free-port.ts'
import { startRedis } from '../../harness/redis-server.ts'
import { until } from '../../harness/until.ts'

/** Files with a key and a certificate for localhost, which is its own authority. */
function makeCertificate(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-addext', names]
  execFileSync('openssl', [...request, '-days', '2', '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  return { key, certificate }
}

function follow(t: TestContext, redis: RedisConfig) {
  const lines: string[] = []
  const problems: string[] = []
  const bus = connectRedisBus(
    { redis, serverName: 'test.example', channels: ['USER_IP'] },
    {
      onConnected() {},
      onDisconnected() {},
      onLine: (line) => lines.push(line),
      onProblem: (problem) => problems.push(problem),
    },
  )
  t.after(bus.close)
  return { bus, lines, problems }
}

test('Redis with TLS and a password; channels as Synapse names them', async (t) => {
  const { key, certificate } = makeCertificate(t)
  const tlsPort = await freePort()
  const tls = ['--tls-port', String(tlsPort), '--tls-cert-file', certificate, '--tls-key-file', key]
  const redis = await startRedis(t, [...tls, '--tls-auth-clients', 'no', '--requirepass', 'pass word'])
  if (redis === undefined) return
  const there = { host: '127.0.0.1', port: tlsPort, tls: { ca: readFileSync(certificate, 'utf8') } }
  const secured = follow(t, { ...there, password: 'pass word', username: 'default' })
  const plain = follow(t, { host: '127.0.0.1', port: redis.port, password: 'pass word' })
  await until(() => secured.bus.isConnected() && plain.bus.isConnected())
  secured.bus.publish('main', 'REPLICATE ')
  secured.bus.publish('USER_IP', 'USER_IP @a:x []')
  await until(() => plain.lines.length === 2 && secured.lines.length === 2)
  assert.deepEqual(plain.lines, ['REPLICATE ', 'USER_IP @a:x []'])
  const { Redis } = await import('ioredis')
  const admin = new Redis({ port: redis.port, password: 'pass word', protocol: 2, replyMapping: 'legacy' })
  t.after(() => admin.disconnect())
  assert.deepEqual((await admin.pubsub('CHANNELS')).sort(), ['test.example', 'test.example/USER_IP'])

  for (const wrong of [
    { ...there, password: 'wrong' },
    { ...there, password: 'pass word', tls: {} },
  ]) {
    const refused = follow(t, wrong)
    await until(() => refused.problems.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(refused.problems.length, 1, 'told once, however often it is tried')
    assert.ok(!refused.problems[0]!.includes('pass word'))
    assert.equal(refused.bus.isConnected(), false)
    assert.equal(refused.bus.publish('main', 'REPLICATE '), false)
  }
  const patient = follow(t, { ...there, password: 'new' })
  await until(() => patient.problems.length > 0)
  await admin.config('SET', 'requirepass', 'new')
  await until(patient.bus.isConnected)
})

test('HTTP replication over TLS', async (t) => {
  const { key, certificate } = makeCertificate(t)
  const ca = readFileSync(certificate, 'utf8')
  const server = createServer({ key: readFileSync(key), cert: ca }, (request, response) => {
    response.end(JSON.stringify({ secret: request.headers.authorization }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const call = (tls: true | { ca: string }) => {
    const client = makeReplicationClient({
      instance: 'me',
      instances: new Map([['writer', { host: 'localhost', port, tls }]]),
      secret: 's3cret',
      positions: () => ({}),
      waitFor: async () => true,
      onProblem() {},
      retryMs: 1,
    })
    t.after(client.close)
    return client.call('send_events', { instance: 'writer' })
  }
  assert.deepEqual(await call({ ca }), { secret: 'Bearer s3cret' })
  await assert.rejects(call(true), { name: 'ReplicationError', status: 502 })
})
