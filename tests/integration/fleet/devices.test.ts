/**
 * Four devices of one user, each at another process, while twenty users send in fifty rooms: every device sees every message
 * exactly once, and no two devices see two messages in contrary orders.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { until } from '../../harness/until.ts'
import { judge } from '../../kill/ledger.ts'
import { startReader } from '../../kill/reader.ts'
import { startSenders } from '../../kill/sender.ts'

const postgres = await startPostgres()
const flavour = process.env.TEST_FLAVOUR === 'synapse' ? 'synapse' : 'plexus'
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1e6))
const SENDERS = 20
const ROOMS = 50
/** Of each room, besides the one who reads. */
const MEMBERS = 4
const SECONDS = 10

test(`every device sees every message once, in one order (TEST_SEED=${seed})`, async (t) => {
  const random = makeRandom(seed)
  const workers = ['generic', 'generic', 'sync', 'sync', 'persister', 'persister']
  const hs = await homeserver(t, postgres, { workers, redis: seed % 2 === 0 || flavour === 'synapse', flavour })
  const [reader] = await hs.register('reader')
  const senders: User[] = []
  for (let i = 0; i < SENDERS; i++) senders.push(...(await hs.register(`sender${i}`)))
  const rooms: string[] = []
  const lanes: { user: User; room: string }[] = []
  for (let r = 0; r < ROOMS; r++) {
    const [owner, ...members] = Array.from({ length: MEMBERS }, (_, i) => senders[(r * 3 + i * 7) % SENDERS]!)
    const room = await owner!.createRoom({ members: [reader, ...members] })
    rooms.push(room)
    for (const user of [owner!, ...members]) lanes.push({ user, room })
  }

  const devices = [reader, await reader.login(), await reader.login(), await reader.login()]
  const at = ['sync1', 'sync2', 'generic1', 'generic2'].map((name) => {
    const { place } = hs.processes.get(name)!
    return 'path' in place ? `unix:${place.path}` : hs.url
  })
  const readers = await Promise.all(devices.map((device, i) => startReader(`device ${i}`, device.at(at[i]!), rooms)))
  const load = startSenders(lanes, random, 5_000)
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
  await load.stop()
  assert.equal(load.failure(), undefined)
  const ledger = load.ledger()
  const count = (shown: ReadonlyMap<string, readonly unknown[]>) =>
    [...shown.values()].reduce((sum, { length }) => sum + length, 0)
  await until(() => readers.every(({ shown }) => count(shown) >= ledger.acknowledged.length), 30_000).catch(() => {})
  await Promise.all(readers.map((one) => one.stop()))
  for (const one of readers) assert.equal(one.failure(), undefined)
  assert.ok(ledger.acknowledged.length > 100, `${ledger.acknowledged.length} messages`)
  assert.deepEqual(judge(ledger, new Map(readers.map(({ name, shown }) => [name, shown]))), [])
})
