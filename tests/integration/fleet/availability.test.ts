/** What goes on while a part of the fleet is away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import { eventIn } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
/** Run with TEST_FLAVOUR=synapse to see what is Synapse's and what is ours. */
const flavour = process.env.TEST_FLAVOUR === 'synapse' ? 'synapse' : 'plexus'
const WORKERS = ['generic', 'generic', 'sync', 'persister', 'persister']
const V3 = '/_matrix/client/v3'

test('without the main process: whoami, sync, send, messages, createRoom', async (t) => {
  const hs = await homeserver(t, postgres, { workers: WORKERS, redis: true, flavour })
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob] })
  const since = await bob.since()
  await hs.processes.get('main')!.stop()

  assert.equal((await alice.ask('GET', `${V3}/account/whoami`)).user_id, alice.userId)
  const waiting = bob.syncUntil(since, ({ rooms }) => (rooms?.join?.[room]?.timeline.events.length ?? 0) > 0)
  const eventId = await alice.send(room, 'main is away')
  assert.ok(eventIn(room, eventId)(await waiting))
  const { chunk } = await bob.ask('GET', `${V3}/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=5`)
  assert.equal(chunk[0].event_id, eventId)
  const other = await alice.createRoom({ members: [bob], name: 'made without main' })
  const all = await bob.sync()
  assert.ok(other in all.rooms!.join!, 'an initial sync')

  await hs.processes.get('main')!.start()
  const [carol] = await hs.register('carol')
  const third = await carol.createRoom({ members: [alice] })
  await alice.send(third, 'main is back')
})

test('Redis is stopped and started again: all goes on by itself', async (t) => {
  const hs = await homeserver(t, postgres, { workers: WORKERS, redis: true, flavour })
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob] })
  let since = await bob.since()
  await hs.redis!.kill()
  assert.equal((await alice.ask('GET', `${V3}/account/whoami`)).user_id, alice.userId)
  // Whether it is answered now or only once Redis is back, it is there once.
  const sending = alice.send(room, 'while Redis was away')
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await hs.redis!.start()
  const eventId = await sending
  since = (await bob.syncUntil(since, eventIn(room, eventId), 15_000)).next_batch

  const from = performance.now()
  let ms = Number.POSITIVE_INFINITY
  await until(async () => {
    const sent = performance.now()
    const next = await alice.send(room, 'Redis is back')
    since = (await bob.syncUntil(since, eventIn(room, next), 15_000)).next_batch
    ms = performance.now() - sent
    return ms < 1_000
  }, 15_000)
  assert.ok(performance.now() - from < 15_000)
})
