/** IDs and positions on a real Postgres, with tables as small as the stream needs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import type { StreamIds } from '../../../worker/streams/definitions.ts'
import { type IdGenerator, makeIdGenerator } from '../../../worker/streams/id-generator.ts'
import { loadInstanceIds } from '../../../worker/streams/instance-ids.ts'
import { parseRoomToken, printRoomToken } from '../../../worker/streams/tokens.ts'
import { tokenOf } from '../../../worker/streams/vector-clock.ts'
import { startPostgres } from '../../harness/restartable-postgres.ts'

const column = (table: string) => ({ table, id: 'stream_id', instance: 'instance_name' })
const stream: StreamIds = {
  positions: 'things',
  sequence: 'things_seq',
  columns: [column('things'), column('other_things')],
  negative: false,
}
const backfill: StreamIds = { positions: 'old', sequence: 'old_seq', columns: [column('old_things')], negative: true }

const schema = `
  drop schema public cascade; create schema public;
  create table stream_positions (stream_name text not null, instance_name text not null, stream_id bigint not null,
    unique (stream_name, instance_name));
  create table instance_map (instance_id serial primary key, instance_name text not null unique);
  create table things (stream_id bigint not null, instance_name text);
  create table other_things (stream_id bigint not null, instance_name text);
  create table old_things (stream_id bigint not null, instance_name text);
  create sequence things_seq; create sequence old_seq;
  select nextval('things_seq');`

const database = (pool: pg.Pool) => ({
  rows: async <Row>(sql: string, params: readonly unknown[] = []) =>
    (await pool.query(sql, params as unknown[])).rows as readonly Row[],
})

test('IDs and positions in Postgres', async (t) => {
  const server = await startPostgres(t)
  if (server === undefined) return
  const pool = await server.connect()
  const db = database(pool)
  const opened: IdGenerator[] = []
  const open = async (instance: string, writers = ['a', 'b'], ids = stream) => {
    const generator = await makeIdGenerator({ db, ids, instance, writers })
    opened.push(generator)
    return generator
  }
  const insert = (id: number, instance: string | null, table = 'things') =>
    pool.query(`insert into ${table} values ($1, $2)`, [id, instance])
  const savedPositions = async () =>
    (await pool.query('select instance_name, stream_id from stream_positions order by 1')).rows.map((row) => [
      row.instance_name,
      Number(row.stream_id),
    ])
  const fresh = async () => {
    await Promise.all(opened.splice(0).map((generator) => generator.saved()))
    await pool.query(schema)
  }

  await t.test('an empty stream is at 1, and its first ID is 2, also where the sequence was never used', async () => {
    await fresh()
    const generator = await open('a')
    assert.deepEqual([generator.positions.positionOf('a'), generator.positions.persistedUpTo()], [1, 1])
    await generator.write(1, async (ids) => assert.deepEqual(ids, [2]))
    const old = await open('a', ['a'], backfill)
    assert.equal(old.positions.positionOf('a'), 1)
    await old.write(2, async (ids) => assert.deepEqual(ids, [-2, -3]))
    await old.saved()
    const { rows } = await pool.query("select stream_id::int from stream_positions where stream_name = 'old'")
    assert.deepEqual(rows, [{ stream_id: -3 }])
  })

  await t.test('two writers share the sequence: no ID twice, none missing, positions saved', async () => {
    await fresh()
    const [a, b] = [await open('a'), await open('b')]
    const given: number[] = []
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 === 0 ? a : b).write(1 + (index % 3), async (ids) => {
          for (const id of ids) await insert(id, index % 2 === 0 ? 'a' : 'b')
          given.push(...ids)
        }),
      ),
    )
    given.sort((x, y) => x - y)
    assert.deepEqual(
      given,
      Array.from({ length: given.length }, (_, index) => index + 2),
    )
    a.positions.advance('b', b.positions.positionOf('b'), false)
    b.positions.advance('a', a.positions.positionOf('a'), false)
    a.positions.advance('b', b.positions.positionOf('b'), false)
    assert.equal(a.positions.persistedUpTo(), given.at(-1))
    await Promise.all([a.saved(), b.saved()])
    const saved = new Map((await savedPositions()) as [string, number][])
    assert.equal(Math.max(saved.get('a')!, saved.get('b')!), given.at(-1))
  })

  await t.test('a process that starts reads where the writers are, and rows that their positions lack', async () => {
    await fresh()
    await pool.query("insert into stream_positions values ('things', 'a', 5), ('things', 'b', 8)")
    await pool.query("select setval('things_seq', 12)")
    for (const [id, instance] of [
      [5, 'a'],
      [6, 'a'],
      [8, 'b'],
      [10, 'b'],
    ] as const)
      await insert(id, instance)
    await insert(7, null, 'other_things')
    const { positions } = await open('reader')
    assert.equal(positions.persistedUpTo(), 8)
    assert.equal(positions.positionOf('a'), 8, 'a has nothing between 6 and 8')
    assert.equal(positions.positionOf('b'), 8, 'b may have 9 under way, though 10 is there')
    positions.advance('b', 9, true)
    assert.equal(positions.persistedUpTo(), 10)
  })

  await t.test('a writer that starts is at the end of its sequence', async () => {
    await fresh()
    await pool.query("insert into stream_positions values ('things', 'a', 5), ('things', 'b', 8)")
    await pool.query("select setval('things_seq', 12)")
    const { positions, write } = await open('a')
    assert.deepEqual([positions.positionOf('a'), positions.positionOf('b')], [12, 8])
    await write(1, async (ids) => assert.deepEqual(ids, [13]))
  })

  await t.test('writers that are gone are forgotten; a new one is where all are', async () => {
    await fresh()
    await pool.query(
      "insert into stream_positions values ('things', 'gone', 2), ('things', 'a', 9), ('elsewhere', 'gone', 3)",
    )
    await pool.query("select setval('things_seq', 9)")
    const { positions } = await open('reader', ['a', 'new'])
    assert.deepEqual([positions.persistedUpTo(), positions.positionOf('new')], [9, 9])
    assert.deepEqual(await savedPositions(), [
      ['a', 9],
      ['gone', 3],
    ])
  })

  await t.test('without saved positions the tables say where the stream is', async () => {
    await fresh()
    await insert(17, 'a')
    await insert(21, null, 'other_things')
    const { positions } = await open('reader')
    assert.deepEqual([positions.persistedUpTo(), positions.positionOf('a')], [21, 21])
  })

  await t.test('a sequence that is behind the tables is put right, one behind saved positions is refused', async () => {
    await fresh()
    await insert(30, 'b')
    const { write } = await open('a')
    await write(1, async (ids) => assert.deepEqual(ids, [31]))
    await pool.query("insert into stream_positions values ('things', 'b', 99)")
    await assert.rejects(
      open('a'),
      /inconsistent: stream_positions has things at 99, but its sequence things_seq .* 31/,
    )
  })

  await t.test('who writes last wins, but never backwards', async () => {
    await fresh()
    const a = await open('a')
    await a.write(3, async () => {})
    await a.saved()
    assert.deepEqual(await savedPositions(), [['a', 4]])
    await pool.query("update stream_positions set stream_id = 50 where instance_name = 'a'")
    await a.write(1, async () => {})
    await a.saved()
    assert.deepEqual(await savedPositions(), [['a', 50]])
  })

  await t.test('writers may start while others write', async () => {
    await fresh()
    const a = await open('a')
    let isOver = false
    const writing = Array.from({ length: 8 }, async () => {
      while (!isOver) await a.write(1, async ([id]) => insert(id!, 'a'))
    })
    for (let count = 0; count < 20; count++) {
      const { positions } = await open('b')
      assert.ok(positions.positionOf('b') >= positions.persistedUpTo())
    }
    isOver = true
    await Promise.all(writing)
  })

  await t.test('a stream that everyone writes has no saved positions', async () => {
    await fresh()
    await insert(4, 'x')
    const generator = await open('y', [])
    assert.equal(generator.positions.positionOf('y'), 4)
    await generator.write(1, async (ids) => assert.deepEqual(ids, [5]))
    await generator.saved()
    assert.deepEqual(await savedPositions(), [])
  })

  await t.test('instances have numbers: given once, found by others', async () => {
    await fresh()
    let now = 0
    const [one, other] = [await loadInstanceIds(db, () => now), await loadInstanceIds(db, () => now)]
    const names = Array.from({ length: 50 }, (_, index) => `w${index}`)
    await Promise.all([one.ensure(['a', 'b', ...names]), one.ensure([...names, 'b', 'a'].reverse())])
    await one.ensure(['a', 'b'])
    const token = tokenOf(5, [['b', 7]])
    const text = printRoomToken(token, one)
    assert.equal((await other.parse(parseRoomToken, text)).ok, false, 'looked at most once a second')
    now = 2_000
    assert.deepEqual(await other.parse(parseRoomToken, text), { ok: true, value: token })
  })
})
