/** The process that keeps the directories is killed while rooms change: nothing is lost, nothing is counted twice. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { until } from '../../harness/until.ts'
import { directoryWorld } from './world.ts'

const postgres = await startPostgres()
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1e6))

const V3 = '/_matrix/client/v3'
const SECONDS = 12
const KILLS = 4

test(`directories are what the rooms' state says, whenever their process is killed (TEST_SEED=${seed})`, async (t) => {
  const { hs, db, faults } = await directoryWorld(t, postgres)
  const users = (await hs.register('alice', 'bob', 'carol', 'dave', 'erin')) as readonly User[]
  const random = makeRandom(seed)
  const { pick } = random
  const rooms = await Promise.all(
    ['public_chat', 'private_chat', 'public_chat', 'private_chat'].map((preset, i) =>
      users[0]!.createRoom({ preset, name: `room ${i}`, visibility: 'public' }),
    ),
  )
  const inRoom = (path: string) => `${V3}/rooms/${encodeURIComponent(pick(rooms))}/${path}`
  const acts: readonly ((user: User) => Promise<unknown>)[] = [
    (user) => user.tryTo('POST', inRoom('join'), {}),
    (user) => user.tryTo('POST', inRoom('leave'), {}),
    () => users[0]!.tryTo('POST', inRoom('invite'), { user_id: pick(users).userId }),
    () => users[0]!.tryTo('POST', inRoom('kick'), { user_id: pick(users.slice(1)).userId }),
    () => users[0]!.tryTo('PUT', inRoom('state/m.room.name/'), { name: `name ${random.int(1_000)}` }),
    () =>
      users[0]!.tryTo('PUT', inRoom('state/m.room.join_rules/'), { join_rule: pick(['public', 'invite', 'knock']) }),
    () =>
      users[0]!.tryTo('PUT', inRoom('state/m.room.history_visibility/'), {
        history_visibility: pick(['world_readable', 'shared']),
      }),
    (user) =>
      user.tryTo('PUT', `${V3}/profile/${encodeURIComponent(user.userId)}/displayname`, {
        displayname: `name ${random.int(1_000)}`,
      }),
  ]
  const end = performance.now() + SECONDS * 1_000
  let count = 0
  const busy = users.map(async (user) => {
    while (performance.now() < end) {
      await pick(acts)(user)
      count++
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  const background = hs.processes.get('background1')!
  for (let i = 0; i < KILLS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 500 + random.int(1_500)))
    await background.kill()
    // Registered while nobody files users.
    await hs.register(`newcomer${i}`)
    await background.start()
  }
  await Promise.all(busy)
  assert.ok(count > 100, `${count} changes`)

  let wrong: readonly string[] = []
  await until(async () => {
    wrong = await faults()
    return wrong.length === 0
  }, 10_000).catch(() => undefined)
  assert.deepEqual(wrong, [])
  const { id } = (await db.one<{ id: number }>('select stream_id as id from stats_incremental_position'))!
  assert.ok(id > 50, 'the position goes on')
  t.diagnostic(`${count} changes, ${KILLS} kills`)
})
