/** What is found by words, from the send to the answer. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeRoomReading } from '../../../worker/rooms/make-reading.ts'
import { searchOperations } from '../../../worker/services/searching.ts'
import { requesterOf, serveTest, townsfolk } from '../../harness/http-worker.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  roomIntents,
  serverName,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'

const postgres = await startPostgres()

interface Answer {
  readonly status: number
  readonly errcode?: string
  readonly bodies: readonly string[]
  readonly count: number
  readonly highlights: readonly string[]
  readonly next: string | undefined
}

async function bed(t: TestContext, isEnabled = true) {
  const db = await postgres.db(t)
  const [process] = await startRoomProcesses(t, db)
  const { sender, streams, events, states: state } = process!
  const reading = makeRoomReading({ db, streams, caches: streams.caches, serverName, events, state })
  const server = await serveTest(t, searchOperations({ isEnabled, db, streams, events, state, ...reading }), {
    maxBodyBytes: 100_000,
    requesters: {
      ...townsfolk,
      byAccessToken: (token) => ({ ...requesterOf(token), userId: user(token), deviceId: 'PHONE' }),
    },
  })
  const room = async (predecessor?: RoomId): Promise<RoomId> => {
    const create = createIntent('10', user('alice'))
    const content = { ...create.content, ...(predecessor !== undefined && { predecessor: { room_id: predecessor } }) }
    const { roomId } = await sender.createRoom(
      roomVersions['10'],
      { ...create, content },
      () => roomIntents(user('alice')),
      author('alice'),
      { isPublic: false },
    )
    return roomId
  }
  return {
    db,
    sender,
    room,
    search: async (who: string, category: JsonObject, batch?: string): Promise<Answer> => {
      const query = batch === undefined ? '' : `?next_batch=${encodeURIComponent(batch)}`
      const response = await fetch(`http://127.0.0.1:${server.port}/_matrix/client/v3/search${query}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${who}` },
        body: JSON.stringify({ search_categories: { room_events: { order_by: 'recent', ...category } } }),
      })
      const json = (await response.json()) as {
        errcode?: string
        search_categories?: {
          room_events: {
            results: { result: { content: { body: string } } }[]
            count: number
            highlights: string[]
            next_batch?: string
          }
        }
      }
      const found = json.search_categories?.room_events
      return {
        status: response.status,
        ...(json.errcode !== undefined && { errcode: json.errcode }),
        bodies: found?.results.map(({ result }) => result.content.body) ?? [],
        count: found?.count ?? 0,
        highlights: found?.highlights ?? [],
        next: found?.next_batch,
      }
    },
  }
}

test('what was sent is found, until it is redacted', async (t) => {
  const { sender, room, search } = await bed(t)
  const roomId = await room()
  const [sent] = await sender.send(roomId, [message('the quick\u0000brown Foxes')], author('alice'))
  await sender.send(roomId, [message('nothing of the kind')], author('alice'))
  const found = await search('alice', { search_term: 'fox' })
  assert.deepEqual([found.count, found.highlights], [1, ['foxes']])
  assert.equal(found.bodies.length, 1)
  assert.deepEqual((await search('bob', { search_term: 'fox' })).bodies, [])
  await sender.send(
    roomId,
    [{ type: 'm.room.redaction', redacts: sent!.eventId as EventId, content: {} }],
    author('alice'),
  )
  const gone = await search('alice', { search_term: 'fox' })
  assert.deepEqual([gone.bodies, gone.count, gone.highlights], [[], 0, []])
})

test('who joined later learns nothing of what was said before, not even how often', async (t) => {
  const { sender, room, search } = await bed(t)
  const roomId = await room()
  const visibility = { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'joined' } }
  await sender.send(roomId, [visibility, message('secret apples')], author('alice'))
  await sender.send(roomId, [member(user('bob'), 'join')], author('bob'))
  await sender.send(roomId, [message('apples')], author('alice'))
  for (const order_by of ['recent', 'rank']) {
    const found = await search('bob', { search_term: 'apples', order_by })
    assert.deepEqual([found.bodies, found.count], [['apples'], 1])
    assert.deepEqual((await search('bob', { search_term: 'secret', order_by })).count, 0)
  }
})

test('pages have every message once, and of rooms of before an upgrade where they are asked for', async (t) => {
  const { sender, room, search } = await bed(t)
  const old = await room()
  const roomId = await room(old)
  for (let i = 0; i < 7; i++) await sender.send(i < 3 ? old : roomId, [message(`pear ${i}`)], author('alice'))
  const told: string[] = []
  let batch: string | undefined
  for (let page = 0; page < 5; page++) {
    const found = await search('alice', { search_term: 'pear', filter: { limit: 3, rooms: [roomId] } }, batch)
    told.push(...found.bodies)
    batch = found.next
    if (batch === undefined) break
  }
  assert.deepEqual(
    told,
    [6, 5, 4, 3, 2, 1, 0].map((i) => `pear ${i}`),
  )
})

test('words are words: whatever is searched for does no harm', async (t) => {
  const { sender, room, search, db } = await bed(t)
  await sender.send(await room(), [message("it's a test")], author('alice'))
  for (const words of [
    "'",
    '"',
    '\\',
    "'); drop table event_search; --",
    ':*',
    '&|!()<->',
    '\u0000',
    '%',
    '\uE000test\uE001',
  ])
    assert.equal((await search('alice', { search_term: words })).status, 200, words)
  for (const bad of [{ search_term: 5 }, { search_term: 'x', keys: 'x' }, { search_term: 'x', filter: 5 }, {}])
    assert.equal((await search('alice', bad as JsonObject)).status, 400)
  assert.equal((await search('alice', { search_term: 'x'.repeat(5_000) })).status, 400)
  assert.equal((await search('alice', { search_term: 'x' }, 'no batch')).status, 400)
  assert.equal((await db.one<{ count: number }>('select count(*) as count from event_search'))!.count, 1)
})

test('where it is disabled nobody searches', async (t) => {
  const { search } = await bed(t, false)
  const answer = await search('alice', { search_term: 'x' })
  assert.deepEqual([answer.status, answer.errcode], [400, 'M_UNKNOWN'])
})
