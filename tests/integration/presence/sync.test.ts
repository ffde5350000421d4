/** Who is told by `/sync` who is online: those who share a room, in whichever process they ask. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { PresenceState } from '../../../worker/presence/presence.ts'
import { makePresenceWriter } from '../../../worker/presence/writer.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { author, createIntent, member, message, roomIntents, user } from '../../harness/room-process.ts'
import { type Answer, presenceTimes, type SyncProcess, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const names = ['alice', 'bob', 'carol', 'dave'] as const
const [alice, bob, carol, dave] = names.map(user) as [UserId, UserId, UserId, UserId]

async function world(t: TestContext, options: Parameters<typeof startSyncProcesses>[2] = {}) {
  const db = await postgres.db(t)
  const all = await startSyncProcesses(t, db, { names: ['master', 'sync1', 'sync2'], ...options })
  const [master, sync1, sync2] = all as [SyncProcess, SyncProcess, SyncProcess]
  const writer = makePresenceWriter({
    db,
    streams: master.streams,
    isLocal: () => true,
    times: presenceTimes,
    isEnabled: true,
    onProblem(problem, error) {
      throw new Error(problem, { cause: error })
    },
    now: Date.now,
  })
  // What was not written yet may be lost with the database.
  t.after(() => writer.close().catch(() => undefined))
  const set = (userId: UserId, state: PresenceState, statusMsg?: string) =>
    writer.set(userId, 'PHONE', state, { isSync: false, ...(statusMsg !== undefined && { statusMsg }) })
  const createRoom = async (creator: (typeof names)[number]): Promise<RoomId> => {
    const created = await master.sender.createRoom(
      roomVersions['11'],
      createIntent('11', user(creator)),
      () => roomIntents(user(creator)),
      author(creator),
      { isPublic: false },
    )
    return created.roomId
  }
  const move = (roomId: RoomId, who: (typeof names)[number], membership: 'join' | 'leave') =>
    master.sender.send(roomId, [member(user(who), membership)], author(who))
  const caughtUp = async () => {
    for (const process of [sync1, sync2]) assert.ok(await process.streams.reach(master.streams.now(), 5_000))
    // Rows that were heard are looked into a moment later.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { db, master, sync1, sync2, set, createRoom, move, caughtUp, writer }
}

const told = ({ presence }: Answer): Readonly<Record<string, unknown>> =>
  Object.fromEntries((presence?.events ?? []).map(({ sender, content }) => [sender, content.presence]))

test('a first sync tells of those who are not offline, the next ones of changes; of strangers nothing', async (t) => {
  const { sync1, set, createRoom, move, caughtUp } = await world(t)
  const roomId = await createRoom('alice')
  await move(roomId, 'bob', 'join')
  await move(roomId, 'carol', 'join')
  await set(bob, 'online', 'here')
  await set(carol, 'offline')
  await set(dave, 'online')
  await caughtUp()
  const first = await sync1.ask(alice)
  assert.deepEqual(told(first), { [bob]: 'online' })
  const [event] = first.presence!.events
  const { last_active_ago: ago, ...rest } = event!.content
  assert.ok((ago as number) >= 0)
  assert.deepEqual(rest, { presence: 'online', status_msg: 'here', currently_active: true })

  const poll = sync1.ask(alice, { since: first.next_batch, timeoutMs: 10_000 })
  await set(dave, 'unavailable')
  await set(bob, 'unavailable')
  const second = await poll
  assert.deepEqual(told(second), { [bob]: 'unavailable' })
  await set(bob, 'offline')
  await caughtUp()
  const third = await sync1.ask(alice, { since: second.next_batch })
  assert.deepEqual(told(third), { [bob]: 'offline' })
  assert.deepEqual(told(await sync1.ask(alice, { since: third.next_batch })), {})
  assert.deepEqual(
    told(await sync1.ask(alice, { since: second.next_batch, filter: { presence: { not_types: ['*'] } } })),
    {},
  )
  assert.deepEqual(
    told(await sync1.ask(alice, { since: second.next_batch, filter: { presence: { senders: [dave] } } })),
    {},
  )
})

test('who comes to a room is told of all in it, and they of who came', async (t) => {
  const { sync1, sync2, set, createRoom, move, caughtUp } = await world(t)
  const roomId = await createRoom('alice')
  await set(alice, 'online')
  await set(bob, 'unavailable')
  await caughtUp()
  const [a, b] = [await sync1.ask(alice), await sync2.ask(bob)]
  assert.deepEqual([told(a), told(b)], [{ [alice]: 'online' }, { [bob]: 'unavailable' }])
  await move(roomId, 'bob', 'join')
  await move(roomId, 'carol', 'join')
  await caughtUp()
  assert.deepEqual(told(await sync1.ask(alice, { since: a.next_batch })), { [bob]: 'unavailable', [carol]: 'offline' })
  assert.deepEqual(told(await sync2.ask(bob, { since: b.next_batch })), { [alice]: 'online', [carol]: 'offline' })
})

test('who comes is not told of who changed in the room and left it before', async (t) => {
  const { sync1, sync2, set, createRoom, move, caughtUp } = await world(t)
  const roomId = await createRoom('carol')
  await move(roomId, 'bob', 'join')
  await caughtUp()
  // Of the second the rows are in memory; the first has nothing in it yet.
  await sync2.ask(dave)
  const { next_batch: since } = await sync2.ask(alice)
  await set(bob, 'online')
  await set(carol, 'online')
  await caughtUp()
  await move(roomId, 'bob', 'leave')
  await move(roomId, 'alice', 'join')
  await caughtUp()
  for (const process of [sync1, sync2])
    assert.deepEqual(told(await process.ask(alice, { since })), { [carol]: 'online' })
})

test('a token from before what memory has is answered from the tables', async (t) => {
  const { sync1, sync2, set, createRoom, move, caughtUp } = await world(t, { recentRows: () => 4 })
  const roomId = await createRoom('alice')
  await move(roomId, 'bob', 'join')
  await set(bob, 'online')
  await caughtUp()
  const { next_batch: since } = await sync1.ask(alice)
  for (let i = 0; i < 10; i++) await set(dave, i % 2 === 0 ? 'online' : 'unavailable')
  await set(bob, 'unavailable')
  for (let i = 0; i < 10; i++) await set(dave, i % 2 === 0 ? 'online' : 'unavailable')
  await caughtUp()
  for (const process of [sync1, sync2])
    assert.deepEqual(told(await process.ask(alice, { since })), { [bob]: 'unavailable' })
})

for (const seed of [1, 2, 3])
  test(`everybody ends with what is true of those with whom they share a room, strangers unseen: seed ${seed}`, async (t) => {
    const random = makeRandom(seed)
    const { master, sync1, sync2, set, createRoom, move, caughtUp } = await world(t)
    const processes = [master, sync1, sync2]
    const rooms = [await createRoom('alice'), await createRoom('bob')]
    const members = rooms.map((_, index) => new Set<UserId>([index === 0 ? alice : bob]))
    const truth = new Map<UserId, string>()
    const clients = new Map(names.map((name) => [user(name), { since: '', known: new Map<string, unknown>() }]))
    const met = new Set<string>()
    const meet = () => {
      for (const there of members) for (const a of there) for (const b of there) met.add(`${a} ${b}`)
    }
    meet()
    const sync = async (userId: UserId, process: SyncProcess) => {
      const client = clients.get(userId)!
      const answer = await process.ask(userId, client.since === '' ? {} : { since: client.since })
      for (const [other, state] of Object.entries(told(answer))) {
        assert.ok(met.has(`${userId} ${other}`) || other === userId, `${userId} is told of ${other}`)
        client.known.set(other, state)
      }
      client.since = answer.next_batch
    }
    for (let i = 0; i < 120; i++) {
      const name = random.pick(names)
      const userId = user(name)
      const choice = random.int(6)
      if (choice < 2) {
        const state = random.pick(['online', 'unavailable', 'offline'] as const)
        await set(userId, state)
        truth.set(userId, state)
      } else if (choice === 2) {
        const index = random.int(rooms.length)
        // Who made the room stays.
        if ((index === 0 ? alice : bob) === userId) continue
        const isIn = members[index]!.has(userId)
        await move(rooms[index]!, name, isIn ? 'leave' : 'join')
        if (isIn) members[index]!.delete(userId)
        else members[index]!.add(userId)
        meet()
      } else if (choice === 3) await master.sender.send(rooms[0]!, [message('x')], author('alice'))
      else await sync(userId, random.pick(processes))
    }
    await caughtUp()
    for (const name of names) {
      await sync(user(name), random.pick(processes))
      await sync(user(name), random.pick(processes))
    }
    for (const [userId, { known }] of clients)
      for (const there of members)
        if (there.has(userId))
          for (const other of there)
            assert.equal(known.get(other) ?? 'offline', truth.get(other) ?? 'offline', `${userId} of ${other}`)
  })
