/** Which rooms are in a list: filters that Synapse does not serve, and rooms that nobody is told of. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, message, roomIntents, user } from '../../harness/room-process.ts'
import { type SyncProcess, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const [alice, bob] = [user('alice'), user('bob')]

const create = async ({ sender }: SyncProcess, name: string): Promise<RoomId> => {
  const { roomId } = await sender.createRoom(
    roomVersions['10'],
    createIntent('10', alice),
    () => [...roomIntents(alice), { type: 'm.room.name', stateKey: '', content: { name } }],
    author('alice'),
    { isPublic: false },
  )
  return roomId
}

const listed = async (process: SyncProcess, filters: JsonObject): Promise<readonly RoomId[]> => {
  const list = { ranges: [[0, 99]], timeline_limit: 1, required_state: [], filters }
  const { lists } = await process.slide(alice, { lists: { all: list } })
  return [...lists!.all!.ops[0]!.room_ids].sort()
}

test('of spaces: rooms that they name; those that were taken out of them, and spaces one is not in, have none', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const { sender } = process!
  const make = (name: string) => create(process!, name)
  const [space, other] = [await make('space'), await make('other')]
  const [inside, gone, beside] = [await make('inside'), await make('gone'), await make('beside')]
  const link = (from: RoomId, to: RoomId, content: JsonObject) =>
    sender.send(from, [{ type: 'm.space.child', stateKey: to, content }], author('alice'))
  await link(space, inside, { via: ['hs.test'] })
  await link(space, gone, { via: ['hs.test'] })
  await link(other, beside, { via: ['hs.test'] })
  assert.deepEqual(await listed(process!, { spaces: [space] }), [inside, gone].sort())

  await link(space, gone, {})
  assert.deepEqual(await listed(process!, { spaces: [space] }), [inside])
  assert.deepEqual(await listed(process!, { spaces: [space, other] }), [inside, beside].sort())
  await sender.send(other, [member(bob, 'join')], author('bob')).catch(() => undefined)
  await sender.send(other, [member(alice, 'leave')], author('alice'))
  assert.deepEqual(await listed(process!, { spaces: [space, other] }), [inside])
  assert.deepEqual(await listed(process!, { spaces: ['!none:hs.test'] }), [])
})

test('by a part of the name, in any case; as it is called now', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const [garden, kitchen] = [await create(process!, 'The Garden'), await create(process!, 'Kitchen')]
  assert.deepEqual(await listed(process!, { room_name_like: 'gARD' }), [garden])
  assert.deepEqual(await listed(process!, { room_name_like: 'e' }), [garden, kitchen].sort())
  // No wildcards.
  assert.deepEqual(await listed(process!, { room_name_like: '%' }), [])
  const name = { type: 'm.room.name', stateKey: '', content: { name: 'Garden shed' } }
  await process!.sender.send(kitchen, [name], author('alice'))
  assert.deepEqual(await listed(process!, { room_name_like: 'shed' }), [kitchen])
})

test('a room that is excluded from sync is in no list, no subscription and no extension', async (t) => {
  const db = await postgres.db(t)
  const excludedRooms = new Set<RoomId>()
  const [process] = await startSyncProcesses(t, db, { excludedRooms })
  const [seen, unseen] = [await create(process!, 'seen'), await create(process!, 'unseen')]
  excludedRooms.add(unseen)
  const config = { timeline_limit: 5, required_state: [] }
  const body = {
    lists: { all: { ranges: [[0, 99]], ...config } },
    room_subscriptions: { [unseen]: config },
    extensions: { receipts: { enabled: true }, account_data: { enabled: true }, typing: { enabled: true } },
  }
  const first = await process!.slide(alice, body)
  assert.deepEqual(Object.keys(first.rooms), [seen])
  assert.equal(first.lists!.all!.count, 1)
  await process!.sender.send(unseen, [message('psst')], author('alice'))
  const next = await process!.slide(alice, body, { pos: first.pos })
  assert.ok(!JSON.stringify(next).includes(unseen))
})
