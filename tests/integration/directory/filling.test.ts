/** Directories are filled where they are empty, and soon after something changes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'
import { directoryWorld } from './world.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'

test('directories that are empty, of a server that has rooms, are filled at the next start', async (t) => {
  const { hs, db, faults } = await directoryWorld(t, postgres)
  const [alice, bob, carol] = await hs.register('alice', 'bob', 'carol')
  await alice.createRoom({ members: [bob], name: 'private' })
  const open = await alice.createRoom({ preset: 'public_chat', name: 'open', visibility: 'public' })
  await carol.join(open)
  await until(async () => (await faults()).length === 0)
  const background = hs.processes.get('background1')!
  await background.stop()
  for (const table of ['room_stats_current', 'room_stats_state', 'user_stats_current', 'user_directory'])
    await db.run(`delete from ${table}`)
  for (const table of ['user_directory_search', 'users_in_public_rooms', 'users_who_share_private_rooms'])
    await db.run(`delete from ${table}`)
  await db.run('update user_directory_stream_pos set stream_id = null')
  await background.start()
  let wrong: readonly string[] = []
  await until(async () => {
    // How many rooms users are in comes with the next of their changes, as it is shown to nobody.
    wrong = (await faults()).filter((fault) => !fault.startsWith('rooms of users'))
    return wrong.length === 0
  }).catch(() => undefined)
  assert.deepEqual(wrong, [])
})

test('a change is in the directories within a second', async (t) => {
  const { hs } = await directoryWorld(t, postgres)
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ preset: 'public_chat', name: 'first', visibility: 'public' })
  const list = async () => (await bob.ask('GET', `${V3}/publicRooms`)).chunk as readonly { name: string }[]
  await until(async () => (await list())[0]?.name === 'first', 1_000)
  for (let i = 0; i < 5; i++) {
    await alice.ask('PUT', `${V3}/rooms/${encodeURIComponent(room)}/state/m.room.name/`, { name: `name ${i}` })
    await until(async () => (await list())[0]?.name === `name ${i}`, 1_000)
  }
  const find = async () =>
    (await bob.ask('POST', `${V3}/user_directory/search`, { search_term: 'alice' })).results as readonly unknown[]
  await until(async () => (await find()).length === 1, 1_000)
})
