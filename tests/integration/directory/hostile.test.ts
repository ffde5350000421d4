/** What somebody sends to make the directories fail: each request is answered, none with 500, and the directories go on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'
import { directoryWorld } from './world.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'
const V1 = '/_matrix/client/v1'

test('names with NUL, topics as long as events may be, and IDs of nothing', async (t) => {
  const { hs } = await directoryWorld(t, postgres)
  const [mallory, alice] = await hs.register('mallory', 'alice')
  const open = { preset: 'public_chat', visibility: 'public' }
  const room = await mallory.createRoom({ ...open, topic: 'x'.repeat(30_000) })
  const state = (type: string, content: object) =>
    mallory.tryTo('PUT', `${V3}/rooms/${encodeURIComponent(room)}/state/${type}/`, content)
  const odd = ['a\0b', '\ud800', 5, null, { a: [] }, [], true, 'x'.repeat(60_000)]
  for (const value of odd) {
    for (const [type, key] of [
      ['m.room.name', 'name'],
      ['m.room.topic', 'topic'],
      ['m.room.avatar', 'url'],
      ['m.room.history_visibility', 'history_visibility'],
      ['m.room.guest_access', 'guest_access'],
    ] as const)
      assert.notEqual(
        (await state(type, { [key]: value })).status,
        500,
        `${type} ${JSON.stringify(value)?.slice(0, 20)}`,
      )
    const { status } = await mallory.tryTo('PUT', `${V3}/profile/${encodeURIComponent(mallory.userId)}/displayname`, {
      displayname: value,
    })
    assert.notEqual(status, 500)
  }
  // What it says is shown as it is, as by Synapse; the specification wants a picture.
  await state('m.room.avatar', { url: 'mxc://hs.test/a' })
  await state('m.room.topic', { topic: 'x', 'm.topic': { 'm.text': [null, 5, { body: 'a\0' }] } })
  for (const order of ['\0', 'é', 5, 'x'.repeat(51)])
    await mallory.tryTo(
      'PUT',
      `${V3}/rooms/${encodeURIComponent(room)}/state/m.space.child/${encodeURIComponent(room)}`,
      {
        via: ['x'],
        order,
      },
    )

  const asked: readonly (readonly [method: string, path: string, body?: unknown])[] = [
    ['GET', `${V3}/directory/room/%23a%00%3Ahs.test`],
    ['PUT', `${V3}/directory/room/%23a%00%3Ahs.test`, { room_id: room }],
    ['PUT', `${V3}/directory/room/%23a%3Ahs.test`, { room_id: '!\0' }],
    ['PUT', `${V3}/directory/room/%23b%3Ahs.test`, { room_id: room, servers: ['\0', 'x y', 'a'.repeat(70_000)] }],
    ['PUT', `${V3}/directory/room/%23${'é'.repeat(200)}%3Ahs.test`, { room_id: room }],
    ['GET', `${V3}/rooms/!%00/aliases`],
    ['GET', `${V3}/directory/list/room/!%00`],
    ['PUT', `${V3}/directory/list/room/!%00`, { visibility: 'public' }],
    ['POST', `${V3}/publicRooms`, { filter: { generic_search_term: 'a\0' } }],
    ['POST', `${V3}/publicRooms`, { filter: { generic_search_term: '\ud800' } }],
    ['POST', `${V3}/publicRooms`, { filter: { room_types: ['\0', null] } }],
    ['POST', `${V3}/publicRooms`, { filter: { room_types: Array.from({ length: 1_000 }, () => null) } }],
    ['POST', `${V3}/publicRooms`, { third_party_instance_id: 'a\0|b' }],
    ['POST', `${V3}/publicRooms`, { limit: -5 }],
    ['POST', `${V3}/publicRooms`, { limit: Number.MAX_SAFE_INTEGER }],
    ['POST', `${V3}/publicRooms`, { since: 'x'.repeat(100_000) }],
    ['GET', `${V3}/publicRooms?since=%00`],
    ['GET', `${V1}/rooms/!%00/hierarchy`],
    ['GET', `${V1}/rooms/${encodeURIComponent(room)}/hierarchy?from=%00`],
    ['GET', `${V1}/rooms/${encodeURIComponent(room)}/hierarchy?max_depth=9007199254740991`],
    ['GET', `${V1}/room_summary/!%00`],
    ['GET', `${V1}/room_summary/%23%00%3Ahs.test`],
    ['GET', `${V1}/mutual_rooms?user_id=@%00:hs.test`],
    ['GET', `${V1}/mutual_rooms?user_id=@a:hs.test&from=%00`],
    ['POST', `${V3}/user_directory/search`, { search_term: '\0' }],
    ['POST', `${V3}/user_directory/search`, { search_term: 'ﬃ'.repeat(1_000) }],
    ['POST', `${V3}/user_directory/search`, { search_term: "'\\':*!<->&|()" }],
    ['POST', `${V3}/user_directory/search`, { search_term: 'a '.repeat(100_000) }],
    ['POST', `${V3}/user_directory/search`, { search_term: 'a', limit: -1 }],
  ]
  for (const [method, path, body] of asked) {
    const { status } = await mallory.tryTo(method, path, body)
    assert.ok(status < 500, `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}: ${status}`)
  }

  const later = await alice.createRoom({ ...open, name: 'later' })
  await until(async () => {
    const { chunk } = await alice.ask('GET', `${V3}/publicRooms`)
    return (chunk as { room_id: string }[]).some(({ room_id: id }) => id === later)
  })
  await until(async () => {
    const { results } = await mallory.ask('POST', `${V3}/user_directory/search`, { search_term: 'alice' })
    return results.length === 1
  })
})
