import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import { makeMemberships } from '../../../worker/rooms/memberships.ts'
import { updateCurrentState } from '../../../worker/storage/current-state.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { insertEvents } from '../../../worker/storage/events.ts'
import {
  forgetRoom,
  insertMemberships,
  type Membership,
  upsertLocalMemberships,
} from '../../../worker/storage/memberships.ts'
import type { OpenStreams } from '../../../worker/streams/make-live-streams.ts'
import { openStreams } from '../../harness/live-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const server = 'here.test' as ServerName
const [alice, bob, remote] = ['@alice:here.test', '@bob:here.test', '@carol:there.test'] as [UserId, UserId, UserId]
const [room, other] = ['!room:here.test', '!other:here.test'] as [RoomId, RoomId]

let made = 0
/** A membership event that becomes the room's state, stored and announced. */
async function change(db: Db, streams: OpenStreams, roomId: RoomId, userId: UserId, membership: Membership) {
  const eventId = `$${++made}` as EventId
  await streams.write('events', 1, async ([position]) => {
    const streamOrdering = position!
    await db.transaction('read committed', async (tx) => {
      await insertEvents(tx, [
        {
          eventId,
          roomId,
          type: 'm.room.member',
          stateKey: userId,
          sender: alice,
          depth: made,
          originServerTs: made,
          receivedTs: made,
          streamOrdering,
          topologicalOrdering: made,
          instanceName: streams.instance,
          isOutlier: false,
          containsUrl: false,
          rejectionReason: null,
          internalMetadata: '{}',
          json: '{}',
          formatVersion: 3,
          prevEventIds: [],
          authEventIds: [],
        },
      ])
      const names = { displayName: null, avatarUrl: null }
      const common = { eventId, roomId, userId, membership, eventStreamOrdering: streamOrdering }
      await insertMemberships(tx, [{ ...common, ...names, sender: alice }])
      if (userId.endsWith(`:${server}`)) await upsertLocalMemberships(tx, [common])
      await updateCurrentState(tx, roomId, streams.instance, [
        {
          streamId: streamOrdering,
          type: 'm.room.member',
          stateKey: userId,
          eventId,
          membership,
          eventStreamOrdering: streamOrdering,
        },
      ])
    })
    const event = {
      kind: 'ev',
      eventId,
      roomId,
      type: 'm.room.member',
      stateKey: userId,
      redacts: null,
      relatesTo: null,
      membership,
      rejected: false,
      outlier: false,
    } as const
    const state = { kind: 'state', roomId, type: 'm.room.member', stateKey: userId, eventId } as const
    return { result: undefined, rows: [[streamOrdering, [event, state]]] }
  })
  return eventId
}

/** Counts what is sent to the database. */
function counted(db: Db) {
  const count = { statements: 0 }
  const rows: Db['rows'] = (sql, params) => {
    count.statements++
    return db.rows(sql, params)
  }
  return { db: { ...db, rows }, count }
}

test('memberships and members follow the stream, and only what changed is read again', async (t) => {
  const { db, count } = counted(await postgres.db(t))
  const streams = await openStreams(t, db)
  const memberships = makeMemberships({ db, streams, caches: streams.caches, serverName: server })

  assert.equal((await memberships.ofUser(alice)).size, 0)
  assert.equal((await memberships.joined(room)).size, 0)
  const eventId = await change(db, streams, room, alice, 'join')
  await change(db, streams, room, remote, 'join')
  await change(db, streams, other, alice, 'invite')
  const rooms = await memberships.ofUser(alice)
  assert.deepEqual(rooms.get(room), {
    roomId: room,
    membership: 'join',
    eventId,
    streamOrdering: rooms.get(room)!.streamOrdering,
    instanceName: 'master',
    sender: alice,
    isForgotten: false,
  })
  assert.deepEqual([...rooms.values()].map(({ membership }) => membership).sort(), ['invite', 'join'])
  assert.deepEqual([...(await memberships.joined(room))].sort(), [alice, remote])
  assert.deepEqual([...(await memberships.joinedLocals(room))], [alice])

  const before = count.statements
  assert.equal(await memberships.ofUser(alice), rooms)
  assert.equal(await memberships.isJoined(alice, room), true)
  assert.equal(await memberships.isJoined(alice, other), false)
  assert.equal(await memberships.isJoined(remote, room), true)
  assert.equal((await memberships.of(alice, other))?.membership, 'invite')
  await memberships.joined(room)
  assert.equal(count.statements, before)

  await change(db, streams, other, alice, 'join')
  assert.equal(await memberships.isJoined(alice, other), true)
  assert.equal(rooms.get(other)?.membership, 'invite', 'what was given stays as it was')
  await change(db, streams, room, alice, 'leave')
  assert.equal(await memberships.isJoined(alice, room), false)
  assert.deepEqual([...(await memberships.joined(room))], [remote])
  assert.equal((await memberships.joinedLocals(room)).size, 0)
  assert.equal(await memberships.of(bob, room), undefined)
})

test('who forgets a room is told so, and comes back to it', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db)
  const memberships = makeMemberships({ db, streams, caches: streams.caches, serverName: server })
  await change(db, streams, room, bob, 'leave')
  assert.equal((await memberships.of(bob, room))?.isForgotten, false)
  await streams.caches.transaction('forget', async (tx, stale) => {
    await forgetRoom(tx, bob, room)
    stale('did_forget', [bob, room])
  })
  assert.equal((await memberships.of(bob, room))?.isForgotten, true)
  await change(db, streams, room, bob, 'join')
  assert.equal((await memberships.of(bob, room))?.isForgotten, false)
})

test('state that was replaced as a whole is read anew', async (t) => {
  const db = await postgres.db(t)
  const streams = await openStreams(t, db)
  const memberships = makeMemberships({ db, streams, caches: streams.caches, serverName: server })
  await change(db, streams, room, alice, 'join')
  await change(db, streams, room, bob, 'join')
  assert.equal((await memberships.joined(room)).size, 2)
  assert.equal(await memberships.isJoined(bob, room), true)

  await db.run(`update local_current_membership set membership = 'leave' where user_id = $1`, [bob])
  await db.run(`update current_state_events set membership = 'leave' where state_key = $1`, [bob])
  assert.equal(await memberships.isJoined(bob, room), true)
  await streams.write('events', 1, async ([position]) => ({
    result: undefined,
    rows: [[position!, [{ kind: 'state-all', roomId: room } as const]]],
  }))
  assert.equal(await memberships.isJoined(bob, room), false)
  assert.deepEqual([...(await memberships.joined(room))], [alice])
  assert.deepEqual([...(await memberships.joinedLocals(room))], [alice])

  await db.run(`update local_current_membership set membership = 'leave'`)
  await db.run(`update current_state_events set membership = 'leave'`)
  await streams.caches.transaction('reset', async (_tx, stale) => stale('cs_cache_fake', [room, alice]))
  assert.equal(await memberships.isJoined(alice, room), false)
  assert.equal((await memberships.joined(room)).size, 0)
})
