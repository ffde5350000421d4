/** The room directory of a server with 10,000 public rooms. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRoomList } from '../../../worker/directory/room-list.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { selectPublicRooms } from '../../../worker/storage/public-rooms.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const ROOMS = 10_000

/** As many again are not published. Most have few members, so that many have as many as others. */
async function fill(db: Db): Promise<void> {
  await db.run(
    `insert into rooms (room_id, room_version, creator, is_public)
     select '!' || md5(i::text) || ':x', '10', '@a:x', i <= $1 from generate_series(1, 2 * $1) as i`,
    [ROOMS],
  )
  await db.run(
    `insert into room_stats_state (room_id, name, topic, canonical_alias, join_rules, room_type, is_federatable)
     select '!' || md5(i::text) || ':x', 'Room ' || i, repeat('topic ', 50), '#r' || i || ':x',
       case i % 50 when 0 then 'invite' when 1 then 'knock' else 'public' end,
       case i % 100 when 7 then 'm.space' end, true
     from generate_series(1, 2 * $1) as i`,
    [ROOMS],
  )
  await db.run(
    `insert into room_stats_current (room_id, current_state_events, joined_members, invited_members, left_members,
       banned_members, local_users_in_room, completed_delta_stream_id)
     select '!' || md5(i::text) || ':x', 10, 1 + i % 20 + 100 * (i % 97 / 96), 0, 0, 0, 1, 1
     from generate_series(1, 2 * $1) as i`,
    [ROOMS],
  )
  for (const table of ['rooms', 'room_stats_state', 'room_stats_current']) await db.run(`analyze ${table}`)
}

const listOf = (db: Db) =>
  makeRoomList({
    db,
    current: async () => undefined,
    mayEditRoomList: async () => false,
    mayPublish: () => false,
    isEnabled: true,
  })

type Page = {
  chunk: readonly { room_id: string; num_joined_members: number }[]
  next_batch?: string
  prev_batch?: string
}

test('10,000 rooms are paged through, each of them once, forwards and back', async (t) => {
  const db = await postgres.db(t)
  await fill(db)
  const list = listOf(db)
  const forwards: string[] = []
  let page: Page
  let since: string | undefined
  let slowestMs = 0
  do {
    const began = performance.now()
    page = (await list.page({ network: 'own', since })) as unknown as Page
    slowestMs = Math.max(slowestMs, performance.now() - began)
    forwards.push(...page.chunk.map(({ room_id: id }) => id))
    since = page.next_batch
  } while (since !== undefined)
  const published = ROOMS - ROOMS / 50
  assert.equal(forwards.length, published)
  assert.equal(new Set(forwards).size, published)

  const back = page.chunk.map(({ room_id: id }) => id)
  for (since = page.prev_batch; since !== undefined && back.length < published / 5; since = page.prev_batch) {
    page = (await list.page({ network: 'own', since })) as unknown as Page
    back.unshift(...page.chunk.map(({ room_id: id }) => id))
  }
  assert.deepEqual(back, forwards.slice(-back.length))
  assert.ok(slowestMs < 1_000, `${slowestMs} ms`)
  t.diagnostic(`the slowest page took ${Math.round(slowestMs)} ms`)
})

test('the statement reads each table once', async (t) => {
  const db = await postgres.db(t)
  await fill(db)
  const sent: [string, readonly unknown[]][] = []
  const listening = {
    ...db,
    rows: <Row>(sql: string, params: never) => {
      sent.push([sql, params])
      return db.rows<Row>(sql, params)
    },
  }
  const found = await selectPublicRooms(listening, {
    network: 'own',
    searchTerm: 'ROOM 77',
    roomTypes: ['m.space', null],
    after: { members: 90, roomId: '!zzz' },
    limit: 101,
  })
  assert.ok(found.length > 50)
  const [sql, params] = sent[0]!
  const plan = await db.rows<{ 'QUERY PLAN': string }>(`explain (analyze, timing off) ${sql}`, params as never)
  const text = plan.map((row) => row['QUERY PLAN']).join('\n')
  const loops = [...text.matchAll(/(?:Seq|Index|Bitmap Heap)[\w ]*Scan[^\n]*? on (\w+)[^\n]*loops=(\d+)/g)]
  assert.ok(loops.length > 0, text)
  for (const [, table, count] of loops) assert.ok(Number(count) <= 2, `${table} is read ${count} times:\n${text}`)
  t.diagnostic(text.split('\n').at(-1)!.trim())
})

test('what is searched for stands for itself, and long ones take no time', async (t) => {
  const db = await postgres.db(t)
  await fill(db)
  await db.run(`update room_stats_state set topic = '100% sure_thing \\' where name = 'Room 5'`)
  await db.run(`update room_stats_state set topic = repeat('a', 60000) where name = 'Room 6'`)
  const list = listOf(db)
  const names = async (searchTerm: string) =>
    ((await list.page({ network: 'own', searchTerm })).chunk as unknown as { name: string }[]).map(({ name }) => name)
  assert.deepEqual(await names('100%'), ['Room 5'])
  assert.deepEqual(await names('SURE_THING \\'), ['Room 5'])
  assert.deepEqual(await names('%'), ['Room 5'])
  const began = performance.now()
  assert.deepEqual(await names(`${'a'.repeat(200)}b`), [])
  assert.ok(performance.now() - began < 2_000)
})
