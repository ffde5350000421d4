/** What syncing asks of Postgres; the table of `docs/sync.md`. */

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
    const { roomId } = await master!.sender.createRoom(
      roomVersions['10'],
      createIntent('10', alice),
      () => roomIntents(alice),
      author('alice'),
      { isPublic: false },
    )
    await master!.sender.send(roomId, [member(bob, 'join')], author('bob'))
    await master!.sender.send(
      roomId,
      Array.from({ length: 12 }, () => message('x')),
      author('bob'),
    )
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

test('a first sync asks as much for twenty rooms as for one', async (t) => {
  const counts: (readonly string[])[] = []
  for (const rooms of [1, 20]) {
    const { sync, count } = await setUp(t, rooms)
    const [answer, statements] = await count(() => sync.ask(alice))
    assert.equal(Object.keys(answer.rooms!.join!).length, rooms)
    counts.push(statements)
    const [, again] = await count(() => sync.ask(alice))
    t.diagnostic(`${rooms} rooms: ${statements.length}, then ${again.length}: ${again.join(', ')}`)
    assert.ok(again.length <= 5)
  }
  t.diagnostic(counts[1]!.join(', '))
  assert.equal(counts[1]!.length, counts[0]!.length)
  assert.ok(counts[0]!.length <= 18)
})

test('nothing new asks nothing; a message asks for the event and whom it notifies, once for all who read it', async (t) => {
  const { master, sync, roomIds, count } = await setUp(t, 5)
  const [a, b] = [await sync.ask(alice), await sync.ask(bob)]
  const [nothing, none] = await count(() => sync.ask(alice, { since: a.next_batch }))
  assert.deepEqual(none, [])
  assert.equal(nothing.rooms, undefined)

  const polls = count(() =>
    Promise.all([
      sync.ask(alice, { since: a.next_batch, timeoutMs: 10_000 }),
      sync.ask(bob, { since: b.next_batch, timeoutMs: 10_000 }),
    ]),
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  await master.sender.send(roomIds[0]!, [message('hello')], author('bob'))
  const [answers, statements] = await polls
  for (const answer of answers) assert.equal(answer.rooms!.join![roomIds[0]!]!.timeline.events.length, 1)
  t.diagnostic(statements.join(', '))
  assert.equal(statements.length, 2)
})
