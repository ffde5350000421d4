/** How many statements a send takes: `docs/persist.md` has them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { type Db, makeDb } from '../../../worker/storage/db.ts'
import type { Observer } from '../../../worker/storage/observer.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  roomIntents,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'

const postgres = await startPostgres()
const alice = user('alice')

/** Statements of a process, and transactions of several, in the order of their answers. Positions are saved at any time. */
function listener() {
  let seen: string[] = []
  const observer: Observer = {
    statement: ({ description }) => {
      if (description !== 'insert stream_positions') seen.push(description)
    },
    transaction: () => undefined,
    scheduled: () => undefined,
  }
  return {
    observer,
    take: () => {
      const taken = seen
      seen = []
      return taken
    },
  }
}

const MESSAGE = [
  'select event_forward_extremities',
  'insert events',
  'insert event_json',
  'insert event_edges',
  'insert event_to_state_groups',
]
const GROUPS = [
  'select generate_series',
  'select chain',
  'insert state_groups',
  'insert state_group_edges',
  'insert state_groups_state',
]
const MEMBER = [
  'insert state_events',
  'insert event_auth',
  'insert room_memberships',
  'insert current_state_delta_stream',
  'delete current_state_events',
  'insert current_state_events',
  'insert local_current_membership',
  'insert sliding_sync_membership_snapshots',
]
const sorted = (texts: readonly string[]) => [...texts].sort()

test('a send takes few statements, and those behind it no more', async (t) => {
  const settings = await postgres.database()
  const listeners = { sender: listener(), persister: listener() }
  const dbs = new Map<string, Db>(
    Object.entries(listeners).map(([name, { observer }]) => [name, makeDb(settings, [observer])]),
  )
  t.after(() => Promise.all([...dbs.values()].map((db) => db.close())).then(() => undefined))
  const [sender] = await startRoomProcesses(t, dbs.get('sender')!, {
    names: ['sender', 'persister'],
    persisters: ['persister'],
    dbOf: (name) => dbs.get(name)!,
  })
  const send = async (...bodies: readonly string[]) => {
    await Promise.all(
      bodies.map((body) => sender!.sender.send(roomId, [message(body)], author('alice', 'D'), { txnId: body })),
    )
    return { sender: listeners.sender.take(), persister: listeners.persister.take() }
  }
  await dbs.get('sender')!.run("insert into devices (user_id, device_id) values ($1, 'D')", [alice])
  for (const { take } of Object.values(listeners)) take()
  const { roomId } = await sender!.sender.createRoom(
    roomVersions['12'],
    createIntent('12', alice),
    () => [...roomIntents(alice, { users: {} }), member(user('bob'), 'invite')],
    author('alice'),
    { isPublic: false },
  )
  assert.equal(listeners.sender.take().length, 4, 'createRoom: the state groups')
  assert.equal(listeners.persister.take().length, 21, 'createRoom: all the rest, of 6 events')
  // The room's version, and what of its state was read at first.
  await send('first')

  const quiet = await send('quiet')
  assert.deepEqual(quiet.sender, ['select event_forward_extremities'])
  const persisted = sorted(['select generate_series', ...MESSAGE, 'insert event_txn_id_device_id'])
  assert.deepEqual(sorted(quiet.persister), persisted)

  const twenty = await send(...Array.from({ length: 20 }, (_, i) => `busy ${i}`))
  assert.deepEqual(
    sorted(twenty.persister),
    sorted([...persisted, ...persisted]),
    'the first goes at once, the others together',
  )
  assert.equal(twenty.sender.length, 2)

  await sender!.sender.send(roomId, [member(user('bob'), 'join')], author('bob'))
  assert.deepEqual(sorted(listeners.sender.take()), sorted(['select event_forward_extremities', ...GROUPS]))
  assert.deepEqual(sorted(listeners.persister.take()), sorted(['select generate_series', ...MESSAGE, ...MEMBER]))
})
