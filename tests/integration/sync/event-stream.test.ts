/** `/events`, by which clients of before `/sync` follow the server. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { StreamToken } from '../../../worker/streams/tokens.ts'
import type { StreamRequest } from '../../../worker/sync/event-stream.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, message, roomIntents, user } from '../../harness/room-process.ts'
import { startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()

async function setUp(t: TestContext, recentRows?: number) {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db, recentRows === undefined ? {} : { recentRows: () => recentRows })
  const { sender, streams, eventStream } = process!
  const room = async (visibility = 'shared') => {
    const { roomId } = await sender.createRoom(
      roomVersions['10'],
      createIntent('10', user('alice')),
      () =>
        roomIntents(user('alice')).map((intent) =>
          intent.type === 'm.room.history_visibility'
            ? { ...intent, content: { history_visibility: visibility } }
            : intent,
        ),
      author('alice'),
      { isPublic: false },
    )
    return roomId
  }
  const follow = async (
    localpart: string,
    from: StreamToken | undefined,
    { timeoutMs = 0, ...more }: Partial<StreamRequest> & { timeoutMs?: number } = {},
  ) => {
    const answer = await eventStream(
      { reader: { userId: user(localpart) }, from, room: undefined, limit: 10, format: 'client', ...more },
      { timeoutMs },
    )
    const bodies = answer.events.map((text) => (JSON.parse(text) as { content: { body?: string } }).content.body)
    return { ...answer, bodies: bodies.filter((body) => body !== undefined) }
  }
  return { sender, streams, room, follow }
}

for (const [where, recentRows] of [
  ['memory', undefined],
  ['the tables', 4],
] as const)
  test(`pages have every event once, from ${where}`, async (t) => {
    const { sender, streams, room, follow } = await setUp(t, recentRows)
    const rooms = [await room(), await room()]
    const from = streams.now()
    for (let i = 0; i < 12; i++) await sender.send(rooms[i % 2]!, [message(`m${i}`)], author('alice'))
    const told: string[] = []
    let at = from
    for (let page = 0; page < 20; page++) {
      const answer = await follow('alice', at, { limit: 5 })
      told.push(...(answer.bodies as string[]))
      at = answer.end
      if (answer.events.length === 0) break
    }
    assert.deepEqual(
      told,
      Array.from({ length: 12 }, (_, i) => `m${i}`),
    )
    assert.deepEqual((await follow('bob', from)).events, [])
  })

test('who waits is told as soon as there is something', async (t) => {
  const { sender, room, follow, streams } = await setUp(t)
  const roomId = await room()
  const start = performance.now()
  const waiting = follow('alice', undefined, { timeoutMs: 20_000 })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await sender.send(roomId, [message('at last')], author('alice'))
  assert.deepEqual((await waiting).bodies, ['at last'])
  assert.ok(performance.now() - start < 10_000)
  const before = streams.now()
  const nothing = await follow('alice', before, { timeoutMs: 50 })
  assert.deepEqual([nothing.events, nothing.end], [[], before])
})

test('who is asked in is told, and who looks at a room of which the world may read', async (t) => {
  const { sender, room, follow } = await setUp(t)
  const [closed, open] = [await room(), await room('world_readable')]
  const invited = follow('bob', undefined, { timeoutMs: 20_000 })
  const looking = follow('guest', undefined, { timeoutMs: 20_000, room: { roomId: open, isPeeking: true } })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await sender.send(closed, [message('not for bob')], author('alice'))
  await sender.send(closed, [member(user('bob'), 'invite')], author('alice'))
  const { events } = await invited
  assert.deepEqual(
    events.map((text) => (JSON.parse(text) as { type: string }).type),
    ['m.room.member'],
  )
  await sender.send(open, [message('for the world')], author('alice'))
  assert.deepEqual((await looking).bodies, ['for the world'])
})
