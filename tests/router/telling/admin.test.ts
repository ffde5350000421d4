import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AdminDeps, makeAdmin, type PoolState, startAdmin } from '../../../router/telling/admin.ts'

const pool = (name: string, up: readonly boolean[], rest: Partial<PoolState> = {}): PoolState => ({
  name,
  workers: up.map((up, i) => ({ name: `127.0.0.1:${8000 + i}`, up, draining: false, weight: 1, inFlight: i })),
  fallback: [],
  queued: 0,
  used: true,
  ...rest,
})

const deps = (changes: Partial<AdminDeps> = {}): AdminDeps => ({
  address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  metrics: () => 'router_up 1\n',
  isListening: () => true,
  pools: () => [pool('main', [true])],
  explain: (method, target) => ({ method, target }),
  setDraining: (worker) => worker === '127.0.0.1:8000',
  ...changes,
})

type Call = { method?: 'GET' | 'POST' | 'PUT'; url: string; headers?: Record<string, string>; payload?: string }
async function call(call: Call, changes?: Partial<AdminDeps>) {
  const app = await makeAdmin(deps(changes))
  const { statusCode, body, headers } = await app.inject({ ...call, headers: { host: '127.0.0.1', ...call.headers } })
  return { status: statusCode, body, type: headers['content-type'], json: () => JSON.parse(body) as unknown }
}

test('metrics, health and the index', async () => {
  const metrics = await call({ url: '/metrics' })
  assert.deepEqual([metrics.status, metrics.body], [200, 'router_up 1\n'])
  assert.match(String(metrics.type), /^text\/plain; version=0\.0\.4/)
  assert.deepEqual((await call({ url: '/health' })).body, 'OK')
  assert.match((await call({ url: '/' })).body, /GET \/metrics/)
  assert.equal((await call({ url: '/nothing' })).status, 404)
  assert.equal((await call({ method: 'PUT', url: '/metrics' })).status, 404)
})

test('ready while it listens and each pool in use has a live worker or a fallback with one', async () => {
  const ready = async (changes: Partial<AdminDeps>) => {
    const { status, json } = await call({ url: '/ready' }, changes)
    return [status, (json() as { pools_down: unknown }).pools_down]
  }
  const main = pool('main', [false, true])
  assert.deepEqual(await ready({ pools: () => [main] }), [200, []])
  assert.deepEqual(await ready({ isListening: () => false }), [503, []])
  assert.deepEqual(await ready({ pools: () => [main, pool('sync', [false])] }), [503, ['sync']])
  assert.deepEqual(await ready({ pools: () => [main, pool('sync', [])] }), [503, ['sync']])
  assert.deepEqual(await ready({ pools: () => [main, pool('sync', [false], { used: false })] }), [200, []])
  assert.deepEqual(await ready({ pools: () => [main, pool('sync', [false], { fallback: ['main'] })] }), [200, []])
  const drained = { ...main, workers: main.workers.map((worker) => ({ ...worker, draining: true })) }
  assert.deepEqual(await ready({ pools: () => [drained] }), [503, ['main']])
})

test('the state of pools', async () => {
  const { json } = await call(
    { url: '/pools' },
    { pools: () => [pool('sync', [true], { fallback: ['main'], queued: 3 })] },
  )
  assert.deepEqual(json(), [
    {
      name: 'sync',
      used: true,
      queued: 3,
      fallback: ['main'],
      workers: [{ name: '127.0.0.1:8000', up: true, draining: false, weight: 1, in_flight: 0 }],
    },
  ])
})

test('explain gives the target as it was, decoded once', async () => {
  const target = '/_matrix/client/v3/rooms/!a%3Ab/state?x=%20&y'
  const { json } = await call({ url: `/explain?method=put&target=${encodeURIComponent(target)}` })
  assert.deepEqual(json(), { method: 'PUT', target })
  assert.equal((await call({ url: '/explain' })).status, 400)
  assert.equal((await call({ url: '/explain?target=a' })).status, 400)
  assert.equal((await call({ url: '/explain?target=/a&target=/b' })).status, 400)
})

test('a worker is drained and undrained by its name, with whatever body', async () => {
  const calls: unknown[] = []
  const setDraining = (...args: unknown[]) => calls.push(args) > 0
  for (const [url, payload, type] of [
    ['/drain?worker=unix:/run/a.sock', '', 'application/json'],
    ['/undrain?worker=unix:/run/a.sock', 'a=b', 'application/x-www-form-urlencoded'],
  ] as const)
    assert.equal(
      (await call({ method: 'POST', url, payload, headers: { 'content-type': type } }, { setDraining })).status,
      200,
    )
  assert.deepEqual(calls, [
    ['unix:/run/a.sock', true],
    ['unix:/run/a.sock', false],
  ])
  assert.equal((await call({ method: 'POST', url: '/drain?worker=nobody' })).status, 404)
  assert.equal((await call({ method: 'POST', url: '/drain' })).status, 400)
  assert.equal((await call({ url: '/drain?worker=127.0.0.1:8000' })).status, 404, 'not by GET')
})

test('a web page reaches nothing, neither by DNS rebinding nor by a form', async () => {
  const status = async (headers: Record<string, string>, changes?: Partial<AdminDeps>) =>
    (await call({ method: 'POST', url: '/drain?worker=127.0.0.1:8000', headers }, changes)).status
  for (const host of [
    '127.0.0.1:9180',
    '[::1]:9180',
    '10.0.0.7',
    'localhost:9180',
    'router:9180',
    'router.monitoring.svc.cluster.local:9180',
    'router.europe.internal',
  ])
    assert.equal(await status({ host }), 200, host)
  for (const host of ['evil.example', 'evil.example:9180', '127.0.0.1.evil.example', 'a@127.0.0.1', '[evil.example]'])
    assert.equal(await status({ host }), 403, host)
  assert.equal(await status({ host: 'admin.example.org:9180' }, { names: ['Admin.example.org'] }), 200)
  assert.equal(await status({ host: 'x.example' }, { address: { kind: 'unix', path: '/run/a.sock' } }), 200)

  assert.equal(await status({ origin: 'https://evil.example' }), 403)
  assert.equal(await status({ origin: 'null' }), 403)
  assert.equal(await status({ origin: 'http://127.0.0.1:9180', host: '127.0.0.1:9180' }), 200)
  assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
  assert.equal(await status({ 'sec-fetch-site': 'same-origin' }), 200)

  assert.equal((await call({ url: '/health', headers: { host: 'lb.example.org' } })).status, 200, 'probes use any name')
  assert.equal((await call({ url: '/metrics', headers: { host: 'evil.example' } })).status, 403)
})

test('what explain throws is told, and the address stays', async () => {
  const explain = () => {
    throw new Error('no such route')
  }
  const { status, body } = await call({ url: '/explain?target=/a' }, { explain })
  assert.deepEqual([status, body], [500, '{"error":"no such route"}'])
})

test('it listens where it is told, and lets go at once', async () => {
  const admin = await startAdmin(deps())
  assert.ok(admin.address.kind === 'tcp' && admin.address.port > 0)
  const response = await fetch(`http://127.0.0.1:${admin.address.port}/health`)
  assert.equal(await response.text(), 'OK')
  await admin.close()
})

test('a unix socket, whose file goes with it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'admin-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'admin.sock')
  const admin = await startAdmin(deps({ address: { kind: 'unix', path } }))
  const [response] = (await once(get({ socketPath: path, path: '/health', agent: false }), 'response')) as [
    IncomingMessage,
  ]
  assert.equal(response.statusCode, 200)
  response.resume()
  await admin.close()
  assert.equal(existsSync(path), false)
})
