import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashString, NO_KEY } from '../../../router/balancing/key.ts'
import type { PoolConfig } from '../../../router/config/types.ts'
import { Places } from '../../../router/upstream/places.ts'
import { Pool } from '../../../router/upstream/pool.ts'

interface FakeWorker {
  readonly name: string
  up: boolean
  inFlight: number
  ramp(): number
}

const pool = (count: number, config: Partial<PoolConfig> = {}, weights: readonly number[] = []) => {
  const workers: FakeWorker[] = Array.from({ length: count }, (_, i) => ({
    name: `w${i}`,
    up: true,
    inFlight: 0,
    ramp: () => 1,
  }))
  const settings: PoolConfig = {
    name: 'p',
    workers: workers.map(({ name }, i) => ({
      name,
      address: { kind: 'unix', path: `/${name}` },
      weight: weights[i] ?? 1,
      drain: false,
    })),
    strict: false,
    fallback: [],
    concurrency: Number.POSITIVE_INFINITY,
    queue: 10,
    timeouts: { connectMs: 1, readMs: 1, queueMs: 1 },
    health: { path: '/health', intervalMs: 1, timeoutMs: 1 },
    ...config,
  }
  return new Pool(settings, workers, new Places(settings), { pool: 0, workers: workers.map((_, i) => i) })
}
const workersOf = (of: Pool<FakeWorker>) => of.members.map((member) => member.worker)

test('without a key the least loaded worker is picked, by weight, and equals take turns', () => {
  const p = pool(3, {}, [1, 1, 2])
  const [a, b, c] = workersOf(p) as [FakeWorker, FakeWorker, FakeWorker]
  a.inFlight = 3
  b.inFlight = 2
  c.inFlight = 4
  assert.equal(p.pick(NO_KEY, 0, null), c, '5 ÷ 2 is less than 3 ÷ 1')
  const equal = pool(3)
  const picked = new Set(Array.from({ length: 3 }, () => equal.pick(NO_KEY, 0, null)))
  assert.equal(picked.size, 3)
})

test('a key has one worker, until that is down', () => {
  const p = pool(4)
  for (let i = 0; i < 200; i++) {
    const hash = hashString(`key${i}`)
    const owner = p.pick(hash, 0, null)!
    assert.equal(p.pick(hash, 0, null), owner)
    owner.up = false
    const second = p.pick(hash, 0, null)!
    assert.notEqual(second, owner)
    owner.up = true
    assert.equal(p.pick(hash, 0, [owner]), second)
  }
})

test('a strict key has its owner or nobody', () => {
  const p = pool(4, { strict: true })
  const hash = hashString('!room:hs')
  const owner = p.pick(hash, 0, null)!
  owner.inFlight = 100_000
  assert.equal(p.pick(hash, 0, null), owner, 'whatever its load')
  owner.up = false
  assert.equal(p.pick(hash, 0, null), owner, 'whatever its health: it is tried, and its error told')
  assert.equal(p.pick(hash, 0, [owner]), undefined)
})

test('a hot key spills over once its worker has more than its share', () => {
  const p = pool(4)
  const hash = hashString('hot')
  const owner = p.pick(hash, 0, null)!
  for (let i = 0; i < 400; i++) p.pick(hash, 0, null)!.inFlight++
  const loads = workersOf(p).map((worker) => worker.inFlight)
  const most = Math.max(...loads)
  assert.equal(owner.inFlight, most)
  assert.ok(most <= Math.ceil((1.25 * 401) / 4), `${loads}`)
})

test('a few requests of one user never leave their worker', () => {
  const p = pool(8)
  const hash = hashString('alice')
  const owner = p.pick(hash, 0, null)!
  for (let i = 0; i < 16; i++) {
    assert.equal(p.pick(hash, 0, null), owner)
    owner.inFlight++
  }
})

test('workers that are down are the last resort, and not one that was tried', () => {
  const p = pool(2)
  for (const worker of workersOf(p)) worker.up = false
  assert.equal(p.pick(NO_KEY, 0, null), undefined)
  const first = p.pickDown(NO_KEY, 0, null)!
  const second = p.pickDown(NO_KEY, 0, [first])!
  assert.notEqual(first, second)
  assert.equal(p.pickDown(NO_KEY, 0, [first, second]), undefined)
})
