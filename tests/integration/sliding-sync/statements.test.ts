/** What sliding sync asks of Postgres; the table of `docs/sliding-sync.md`. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeDb } from '../../../worker/storage/db.ts'
import type { Statement } from '../../../worker/storage/postgres/statement.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, message, roomIntents, user } from '../../harness/room-process.ts'
import { startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const [alice, bob] = [user('alice'), user('bob')]

const asked = {
  conn_id: 'main',
  lists: {
    all: {
      ranges: [[0, 99]],
      timeline_limit: 5,
      required_state: [
        ['m.room.name', ''],
        ['m.room.member', '$ME'],
        ['m.room.member', '$LAZY'],
      ],
    },
  },
  extensions: {
    to_device: { enabled: true },
    e2ee: { enabled: true },
    account_data: { enabled: true },
    receipts: { enabled: true },
    typing: { enabled: true },
  },
}

async function setUp(t: TestContext, rooms: number) {
  const settings = await postgres.database()
  const statements: string[] = []
  const observer = {
    scheduled: () => undefined,
    statement: ({ description }: Statement) => void statements.push(description),
    transaction: () => undefined,
  }
  const [db, counted] = [makeDb(settings), makeDb(settings, [observer])]
  t.after(async () => void (await Promise.all([db.close(), counted.close()])))
  const [master, sync] = await startSyncProcesses(t, db, {
    names: ['master', 'sync'],
    dbOf: (name) => (name === 'sync' ? counted : db),
  })
  const roomIds: RoomId[] = []
  for (let i = 0; i < rooms; i++) {
    const create = createIntent('10', alice)
    const { roomId } = await master!.sender.createRoom(
      roomVersions['10'],
      create,
      () => roomIntents(alice),
      author('alice'),
      { isPublic: false },
    )
    await master!.sender.send(roomId, [member(bob, 'join'), message('x'), message('x')], author('bob'))
    roomIds.push(roomId)
  }
  assert.ok(await sync!.streams.reach(master!.streams.now(), 5_000))
  const count = async <T>(work: () => Promise<T>): Promise<readonly [T, readonly string[]]> => {
    statements.length = 0
    const result = await work()
    return [result, [...statements]]
  }
  return { master: master!, sync: sync!, roomIds, count }
}

test('a first answer asks as much for twenty rooms as for one', async (t) => {
  const counts: number[] = []
  for (const rooms of [1, 20]) {
    const { sync, count } = await setUp(t, rooms)
    const [answer, statements] = await count(() => sync.slide(alice, asked))
    assert.equal(Object.keys(answer.rooms).length, rooms)
    t.diagnostic(`${rooms} rooms: ${statements.length}: ${statements.join(', ')}`)
    counts.push(statements.length)
  }
  assert.equal(counts[0], counts[1])
  assert.ok(counts[0]! <= 40)
})

test('nothing new asks nothing; a message asks what /sync asks', async (t) => {
  const { master, sync, roomIds, count } = await setUp(t, 5)
  const first = await sync.slide(alice, asked)
  // The client has come with the position: that is noted once.
  const second = await sync.slide(alice, asked, { pos: first.pos })
  const [idle, none] = await count(() => sync.slide(alice, asked, { pos: second.pos }))
  assert.deepEqual(none, [])
  assert.deepEqual(idle.rooms, {})

  const say = (body: string) => master.sender.send(roomIds[0]!, [message(body)], author('bob'))
  const told = async (pos: string) => {
    const poll = count(() => sync.slide(alice, asked, { pos, timeoutMs: 10_000 }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await say('hello')
    const [answer, statements] = await poll
    assert.equal(answer.rooms[roomIds[0]!]!.timeline!.length, 1)
    return { pos: answer.pos, statements }
  }
  const one = await told(idle.pos)
  const { statements } = await told(one.pos)
  t.diagnostic(`a message: ${statements.join(', ')}`)
  assert.ok(statements.length <= 2, statements.join(', '))
})
