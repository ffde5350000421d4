/** What one user sends does not hold up the others of the process: filters, messages to devices, presence of very many. */

import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { insertDevice } from '../../../worker/storage/devices.ts'
import { replacePresence } from '../../../worker/storage/presence.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, roomIntents, user } from '../../harness/room-process.ts'
import { startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const alice = user('alice')
/** Generous: the machine may be busy with something else. */
const MAX_DELAY_MS = 1_000

async function world(t: TestContext) {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const { roomId } = await process!.sender.createRoom(
    roomVersions['11'],
    createIntent('11', alice),
    () => roomIntents(alice),
    author('alice'),
    { isPublic: false },
  )
  return { db, process: process!, roomId }
}

/** For how long nothing else ran, at most. */
async function delayOf(t: TestContext, what: string, work: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  await work()
  await new Promise((resolve) => setTimeout(resolve, 20))
  delay.disable()
  const ms = delay.max / 1e6
  t.diagnostic(`${what}: ${Math.round(ms)} ms`)
  assert.ok(ms < MAX_DELAY_MS, `${what} held up the process for ${Math.round(ms)} ms`)
}

const many = (count: number, name: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => name(i))

test('filters of thousands of rooms, senders, types, and of stars', async (t) => {
  const { process, roomId } = await world(t)
  const { next_batch: since } = await process.ask(alice)
  const timelines = {
    rooms: { rooms: [...many(9_000, (i) => `!${i}:s`), roomId], not_rooms: many(9_000, (i) => `!n${i}:s`) },
    senders: { timeline: { senders: many(9_000, (i) => `@${i}:s`), not_senders: many(9_000, (i) => `@n${i}:s`) } },
    types: { timeline: { types: many(18_000, (i) => `m.${i}`) } },
    stars: { timeline: { types: many(60, (i) => `${'*a'.repeat(100)}${i}`), not_types: ['*'.repeat(250)] } },
  }
  await delayOf(t, 'with them all', async () => {
    for (const room of Object.values(timelines)) {
      const filter = { room }
      assert.ok(process.filters.inline(JSON.stringify(filter)))
      await process.ask(alice, { filter })
      await process.ask(alice, { filter, since, fullState: true })
    }
  })
})

test('filters that are too much, or too deep, are refused', async (t) => {
  const { process } = await world(t)
  const deep = (depth: number) => `{"room":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`
  await delayOf(t, 'refusing', async () => {
    for (const text of [
      JSON.stringify({ room: { rooms: many(30_000, (i) => `!${i}:s`) } }),
      JSON.stringify({ room: { timeline: { types: many(200, () => '*a*') } } }),
      JSON.stringify({ room: { timeline: { types: [`${'a*'.repeat(1_000)}`] } } }),
      deep(100_000),
      '['.repeat(1_000_000),
    ])
      assert.throws(() => process.filters.inline(text), MatrixError)
  })
})

test('messages to very many devices, and as many for one', async (t) => {
  const { db, process } = await world(t)
  for (let i = 0; i < 200; i++) await insertDevice(db, alice, `D${i}`, null)
  const content = { text: 'x'.repeat(60_000) }
  const messages = new Map([[alice, new Map(many(200, (i) => `D${i}`).map((device) => [device, content]))]])
  await delayOf(t, '12 MB to 200 devices', () => process.inbox.send(alice, 'm.x', messages, '1'))
  for (let i = 0; i < 120; i++) await process.inbox.send(alice, 'm.x', new Map([[alice, new Map([['D0', content]])]]))
  await delayOf(t, '100 of 60 kB for one device', async () => {
    const { to_device: told } = await process.ask(alice, { deviceId: 'D0' })
    assert.equal(told!.events.length, 100)
  })
})

test('very many who are online in a room', async (t) => {
  const { db, process, roomId } = await world(t)
  const users = many(3_000, (i) => `@u${i}:example.com`) as UserId[]
  // Members by the table alone: what is asked is whose presence is told.
  await db.run(
    `insert into current_state_events (event_id, room_id, type, state_key, membership, event_stream_ordering)
     select '$' || u, $1, 'm.room.member', u, 'join', null from unnest($2::text[]) as u`,
    [roomId, users],
  )
  await db.transaction('read committed', (tx) =>
    replacePresence(
      tx,
      users.map((userId, i) => ({
        ...{ streamId: i + 10, userId, state: 'online', lastActiveTs: 1, lastFederationUpdateTs: 1 },
        ...{ lastUserSyncTs: 1, statusMsg: 'x'.repeat(100), currentlyActive: true },
      })),
      'master',
    ),
  )
  await delayOf(t, 'a first sync', async () => {
    const { presence } = await process.ask(alice)
    assert.equal(presence!.events.length, users.length)
  })
  await process.sender.send(roomId, [member(user('bob'), 'join')], author('bob'))
  await delayOf(t, 'another', async () => assert.ok((await process.ask(user('bob'))).presence))
})
