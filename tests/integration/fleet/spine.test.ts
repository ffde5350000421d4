/** The way of an event through a fleet of several processes, as clients see it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import { eventIn, typingIn } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const flavour = process.env.TEST_FLAVOUR === 'synapse' ? 'synapse' : 'plexus'
const WORKERS = ['client', 'client', 'sync', 'sync', 'typing', 'persister', 'persister']

for (const redis of flavour === 'synapse' ? [true] : [true, false])
  test(`what is sent through one worker is synced from another, over ${redis ? 'Redis' : 'Postgres'}`, async (t) => {
    const hs = await homeserver(t, postgres, { workers: WORKERS, redis, flavour })
    const [alice, bob] = await hs.register('alice', 'bob')
    const room = await alice.createRoom({ members: [bob] })
    const since = await bob.since()
    const waiting = bob.syncUntil(since, (answer) => Object.keys(answer.rooms?.join ?? {}).length > 0)
    const eventId = await alice.send(room, 'hello')
    assert.ok(eventIn(room, eventId)(await waiting))
    await alice.setTyping(room, true)
    await bob.syncUntil(since, typingIn(room, [alice]))
  })
