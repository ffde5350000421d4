/** Sliding sync by a client library's own implementation, through the router, with two processes that answer it. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createClient, type MatrixClient } from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { type MSC3575RoomData, SlidingSync, SlidingSyncEvent } from 'matrix-js-sdk/lib/sliding-sync.js'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
// The library's own writes to the console.
const library = logger as unknown as { methodFactory: () => () => void; rebuild: () => void }
library.methodFactory = () => () => {}
library.rebuild()

const clientOf = (url: string, { userId, deviceId, token }: User): MatrixClient =>
  createClient({ baseUrl: url, userId, deviceId, accessToken: token })

interface Follower {
  readonly sync: SlidingSync
  readonly rooms: Map<string, MSC3575RoomData[]>
  /** Texts of the room's messages so far, in order. */
  readonly texts: (roomId: string) => readonly string[]
}

function follow(t: TestContext, client: MatrixClient, last = 9): Follower {
  const list = { ranges: [[0, last]], timeline_limit: 10, required_state: [['m.room.name', '']] }
  const sync = new SlidingSync(
    client.baseUrl,
    new Map([['all', list]]) as never,
    { timeline_limit: 10 } as never,
    client,
    2_000,
  )
  const rooms = new Map<string, MSC3575RoomData[]>()
  sync.on(SlidingSyncEvent.RoomData, (roomId: string, data: MSC3575RoomData) => {
    rooms.set(roomId, [...(rooms.get(roomId) ?? []), data])
  })
  void sync.start()
  t.after(() => {
    sync.stop()
    client.stopClient()
  })
  const texts = (roomId: string) =>
    (rooms.get(roomId) ?? []).flatMap(({ timeline = [] }) =>
      timeline.flatMap(({ type, content }) => (type === 'm.room.message' ? String(content.body) : [])),
    )
  return { sync, rooms, texts }
}

test('a client library lists rooms, follows them, and goes on with another process', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'sync', 'sync'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const first = await alice.createRoom({ name: 'first', members: [bob] })
  const second = await alice.createRoom({ name: 'second', members: [bob] })
  await alice.send(first, 'before')

  const follower = follow(t, clientOf(hs.url, bob))
  await until(() => follower.rooms.size === 2)
  assert.equal(follower.rooms.get(first)![0]!.initial, true)
  assert.equal(follower.rooms.get(first)![0]!.name, 'first')
  assert.deepEqual(follower.texts(first), ['before'])
  const listed = () => follower.sync.getListData('all')
  await until(() => listed()?.joinedCount === 2)

  for (let i = 0; i < 5; i++) await alice.send(second, `m${i}`)
  await until(() => follower.texts(second).length === 5)
  assert.deepEqual(follower.texts(second), ['m0', 'm1', 'm2', 'm3', 'm4'])

  const third = await alice.createRoom({ name: 'third', invite: [bob.userId] })
  await until(() => follower.rooms.has(third))
  assert.ok((follower.rooms.get(third)![0]!.invite_state ?? []).length > 0)
  await bob.join(third)
  await until(() => follower.rooms.get(third)!.some(({ initial, timeline }) => initial && (timeline ?? []).length > 0))
})

/** As a client that the router sends elsewhere: each request goes to the next process. */
test('a connection goes on whichever process is asked, and no event is missed or told twice', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'sync', 'sync'] })
  const [alice, bob] = await hs.register('carl', 'dora')
  const room = await alice.createRoom({ members: [bob] })
  const processes = [...hs.processes.values()].flatMap(({ name, place }) =>
    /sync/.test(name) && 'path' in place ? bob.at(`unix:${place.path}`) : [],
  )
  assert.equal(processes.length, 2)
  const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
  const asked = { lists: { l: { ranges: [[0, 9]], timeline_limit: 20, required_state: [['m.room.member', '$LAZY']] } } }
  let pos: string | undefined
  const seen: string[] = []
  const members: string[] = []
  for (let i = 0; i < 12; i++) {
    await (i % 3 === 0 ? bob : alice).send(room, `m${i}`)
    await until(async () => {
      const query = pos === undefined ? '' : `&pos=${encodeURIComponent(pos)}`
      const answer = await processes[i % 2]!.ask('POST', `${path}?timeout=2000${query}`, asked)
      pos = answer.pos
      for (const { type, content } of answer.rooms[room]?.timeline ?? [])
        if (type === 'm.room.message') seen.push(content.body)
      for (const { type, state_key } of answer.rooms[room]?.required_state ?? [])
        if (type === 'm.room.member') members.push(state_key)
      return seen.length > i
    })
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 12 }, (_, i) => `m${i}`),
  )
  assert.deepEqual(members.sort(), [alice.userId, bob.userId].sort(), 'a member is sent once')
  const old = await processes[0]!.tryTo('POST', `${path}?pos=999999${pos!.slice(pos!.indexOf('/'))}`, asked)
  assert.equal(old.status, 400)
  assert.equal(old.body.errcode, 'M_UNKNOWN_POS')
})
