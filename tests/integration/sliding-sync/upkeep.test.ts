/** Rows of lists of rooms from before there were such, and connections that nobody uses any longer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { startUpkeep } from '../../../worker/sliding-sync/upkeep.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { deleteUnusedConnections } from '../../../worker/storage/sliding-sync-connections.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, roomIntents, user } from '../../harness/room-process.ts'
import { startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const [alice, bob] = [user('alice'), user('bob')]

type Row = Readonly<Record<string, unknown>>
const rowsOf = async (db: Db) => ({
  rooms: await db.rows<Row>('select * from sliding_sync_joined_rooms order by room_id'),
  memberships: await db.rows<Row>('select * from sliding_sync_membership_snapshots order by room_id, user_id'),
})

test('what is missing is filled in whole, by whoever goes on where another stopped', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const { sender, events, states } = process!
  for (let i = 0; i < 120; i++) {
    const name = { type: 'm.room.name', stateKey: '', content: { name: `room ${i}` } }
    const { roomId } = await sender.createRoom(
      roomVersions['10'],
      createIntent('10', alice),
      () => [...roomIntents(alice), name],
      author('alice'),
      { isPublic: false },
    )
    await sender.send(roomId, [member(bob, 'join')], author('bob'))
    if (i % 3 === 0) await sender.send(roomId, [member(bob, 'leave')], author('bob'))
  }
  const before = await rowsOf(db)
  assert.equal(before.rooms.length, 120)
  assert.equal(before.memberships.length, 240)

  await db.run('delete from sliding_sync_joined_rooms')
  await db.run('delete from sliding_sync_membership_snapshots')
  const problems: string[] = []
  const deps = { db, events, states, now: Date.now, onProblem: (problem: string) => void problems.push(problem) }

  // The process ends before it writes for the second time.
  let writes = 0
  const dying = {
    ...db,
    run: (async (...args: Parameters<Db['run']>) => {
      if (++writes > 1) throw new Error('the process ended')
      return db.run(...args)
    }) as Db['run'],
  }
  const first = startUpkeep({ ...deps, db: dying })
  await assert.rejects(first.fill(), /the process ended/)
  await first.close()
  const half = await rowsOf(db)
  assert.ok(half.rooms.length > 0 && half.rooms.length < 120)
  assert.equal(half.memberships.length, 0)

  // Two at once do no harm.
  const others = [startUpkeep(deps), startUpkeep(deps)]
  await Promise.all(others.map(({ fill }) => fill()))
  await Promise.all(others.map(({ close }) => close()))
  const after = await rowsOf(db)
  for (const [i, row] of before.rooms.entries()) assert.deepEqual(after.rooms[i], row)
  assert.equal(after.memberships.length, before.memberships.length)
  for (const [i, row] of before.memberships.entries()) {
    // Who made the room joined it before it had a name. Of who is in a room that column is not read.
    const known = row.user_id === alice ? { room_name: after.memberships[i]!.room_name } : {}
    assert.deepEqual(after.memberships[i], { ...row, ...known })
  }
  assert.deepEqual(problems, [])
})

test('a connection that nobody used for a week is gone whole; its client begins anew', async (t) => {
  const db = await postgres.db(t)
  const [process, fresh] = await startSyncProcesses(t, db, { names: ['master', 'sync'] })
  await process!.sender.createRoom(
    roomVersions['10'],
    createIntent('10', alice),
    () => roomIntents(alice),
    author('alice'),
    { isPublic: false },
  )
  const lists = {
    all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [['m.room.member', '$LAZY']] },
  }
  const slide = (conn_id: string, pos?: string) =>
    process!.slide(alice, { conn_id, lists }, pos === undefined ? {} : { pos })
  const [old, current] = [await slide('old'), await slide('current')]
  await slide('old', old.pos)
  const day = 24 * 3_600_000
  await db.run(`update sliding_sync_connections set last_used_ts = $1 where conn_id = 'old'`, [Date.now() - 8 * day])
  await deleteUnusedConnections(db, Date.now() - 7 * day)
  const count = async (table: string) => (await db.one<{ n: number }>(`select count(*)::int as n from ${table}`))!.n
  for (const table of ['connections', 'connection_positions', 'connection_streams', 'connection_room_configs'])
    assert.equal(await count(`sliding_sync_${table}`), 1, table)

  // Another process has nothing of it in memory.
  const again = (pos: string, conn_id: string) => fresh!.slide(alice, { conn_id, lists }, { pos })
  await assert.rejects(again(old.pos, 'old'), { errcode: 'M_UNKNOWN_POS' })
  assert.deepEqual((await again(current.pos, 'current')).rooms, {})
})
