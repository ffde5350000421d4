/** Every event is told of once, in its room's order, whichever process is asked, and whoever wrote it. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { EventPlace } from '../../../worker/storage/timelines.ts'
import { shardOf } from '../../../worker/streams/shard.ts'
import { parseRoomToken, parseStreamToken } from '../../../worker/streams/tokens.ts'
import { isBetween, type MultiWriterToken } from '../../../worker/streams/vector-clock.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { author, createIntent, member, message, roomIntents, user } from '../../harness/room-process.ts'
import { type Answer, type AnswerRoom, type SyncProcess, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const alice = user('alice')

for (const { limit, seed } of [
  { limit: 1_000, seed: 1 },
  { limit: 3, seed: 2 },
])
  test(`two writers, rooms that are busy, clients that move between processes; at most ${limit} events of a room`, async (t) => {
    const db = await postgres.db(t)
    const random = makeRandom(seed)
    const processes = await startSyncProcesses(t, db, {
      names: ['sync', 'forgetful', 'writer1', 'writer2'],
      persisters: ['writer1', 'writer2'],
      recentRows: (name) => (name === 'forgetful' ? 6 : undefined),
    })
    const [sync, forgetful] = processes as readonly [SyncProcess, SyncProcess]
    const rooms: RoomId[] = []
    // Six or more, of both writers.
    while (rooms.length < 6 || new Set(rooms.map((roomId) => shardOf(roomId, 2))).size < 2) {
      const { roomId } = await sync.sender.createRoom(
        roomVersions['10'],
        createIntent('10', alice),
        () => roomIntents(alice),
        author('alice'),
        { isPublic: false },
      )
      rooms.push(roomId)
    }

    const filter = { room: { timeline: { limit } } }
    let isOver = false
    const follow = async (): Promise<readonly (readonly [since: string, Answer])[]> => {
      const answers: (readonly [string, Answer])[] = []
      let since = (await sync.ask(alice, { filter })).next_batch
      for (let last = false; !last; ) {
        last = isOver
        const process = random.oneIn(2) ? sync : forgetful
        const answer = await process.ask(alice, { since, filter, timeoutMs: random.oneIn(3) ? 0 : 30 })
        answers.push([since, answer])
        since = answer.next_batch
        if (random.oneIn(3)) await new Promise((resolve) => setTimeout(resolve, random.int(20)))
      }
      return answers
    }
    const clients = [follow(), follow(), follow()]
    const senders = Array.from({ length: 5 }, async (_, i) => {
      const name = `sender${i}`
      const { sender } = processes[i % processes.length]!
      for (const roomId of rooms) await sender.send(roomId, [member(user(name), 'join')], author(name))
      for (let n = 0; n < 25; n++) {
        const roomId = random.pick(rooms)
        const messages = Array.from({ length: 1 + random.int(3) }, () => message(`${name} ${n}`))
        await sender.send(roomId, messages, author(name))
        if (random.oneIn(6)) await sender.send(roomId, [topic(name, n)], author('alice'))
      }
    })
    await Promise.all(senders)
    isOver = true

    const places = await db.rows<EventPlace>(
      `select event_id as "eventId", room_id as "roomId", stream_ordering as "streamOrdering",
         coalesce(instance_name, 'master') as "instanceName", 0 as "topologicalOrdering"
       from events order by stream_ordering`,
    )
    assert.equal(new Set(places.map(({ instanceName }) => instanceName)).size, 2, 'both wrote')
    for (const answers of await Promise.all(clients)) await check(t, sync, rooms, places, answers, limit)
  })

const topic = (name: string, n: number) => ({
  type: 'm.room.topic',
  stateKey: '',
  content: { topic: `${name} ${n}` },
})

async function check(
  t: TestContext,
  { streams }: SyncProcess,
  rooms: readonly RoomId[],
  places: readonly EventPlace[],
  answers: readonly (readonly [since: string, Answer])[],
  limit: number,
): Promise<void> {
  const eventsAt = async (text: string): Promise<MultiWriterToken> => {
    const token = await streams.instances.parse(parseStreamToken, text)
    assert.ok(token.ok)
    return token.value.room as MultiWriterToken
  }
  const [start, end] = [await eventsAt(answers[0]![0]), await eventsAt(answers.at(-1)![1].next_batch)]
  let [delivered, gaps] = [0, 0]
  for (const roomId of rooms) {
    const all = places.filter(
      (place) => place.roomId === roomId && isBetween(start, end, place.instanceName, place.streamOrdering),
    )
    /** Told of, or left out by a limited timeline that says so. */
    const told: string[] = []
    for (const [since, answer] of answers) {
      const room: AnswerRoom | undefined = answer.rooms?.join?.[roomId]
      if (room === undefined) continue
      const events = room.timeline.events.map(({ event_id }) => event_id)
      assert.ok(events.length <= limit)
      if (room.timeline.limited) {
        gaps++
        const before = parseRoomToken(room.timeline.prev_batch.split('_')[0]!, streams.instances)
        assert.ok(before.ok)
        const from = await eventsAt(since)
        const left = all.filter((place) =>
          isBetween(from, before.value as MultiWriterToken, place.instanceName, place.streamOrdering),
        )
        assert.ok(left.length > 0, 'a timeline is limited only if something is left out')
        told.push(...left.map(({ eventId }) => eventId))
      }
      told.push(...events)
      delivered += events.length
    }
    assert.deepEqual(
      told,
      all.map(({ eventId }) => eventId),
    )
  }
  if (limit > 100) assert.equal(gaps, 0)
  else assert.ok(gaps > 0)
  const vectors = answers.filter(([, { next_batch }]) => next_batch.startsWith('m')).length
  t.diagnostic(`${answers.length} answers, ${vectors} with a vector clock, ${delivered} events, ${gaps} gaps`)
}
