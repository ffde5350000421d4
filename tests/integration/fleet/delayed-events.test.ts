/** Delayed events in a fleet: main sends what workers were asked for, and what waited while it was away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const DELAYED = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events'
const inRoom = (room: string, path: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${path}`

const delay = async (user: User, room: string, path: string, content: object, ms: number): Promise<string> =>
  (await user.ask('PUT', inRoom(room, `${path}?org.matrix.msc4140.delay=${ms}`), content)).delay_id
const waiting = async (user: User): Promise<string[]> =>
  (await user.ask('GET', DELAYED)).delayed_events.map(({ delay_id: id }: { delay_id: string }) => id)
const bodies = async (user: User, room: string): Promise<string[]> =>
  (await user.ask('GET', inRoom(room, 'messages?dir=f&limit=100'))).chunk.flatMap(
    ({ type, content }: { type: string; content: { body: string } }) => (type === 'm.room.message' ? content.body : []),
  )
const text = (body: string) => ({ msgtype: 'm.text', body })

test('what a worker was asked for is sent by main, unless it is overtaken', async (t) => {
  const hs = await homeserver(t, postgres, {
    workers: ['client', 'client', 'persister'],
    settings: { max_event_delay_duration: '1h', rc_delayed_event_mgmt: { per_second: 1000, burst_count: 1000 } },
  })
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob], room_version: '11' })
  await alice.ask('PUT', inRoom(room, 'state/m.room.power_levels'), {
    users: { [alice.userId]: 100, [bob.userId]: 50 },
  })
  const since = await bob.since()
  await delay(alice, room, 'send/m.room.message/1', text('soon'), 300)
  await bob.syncUntil(since, ({ rooms }) =>
    (rooms?.join?.[room]?.timeline.events ?? []).some(({ content }) => content.body === 'soon'),
  )
  const own = await delay(alice, room, 'state/m.room.topic', { topic: 'mine' }, 600_000)
  const other = await delay(bob, room, 'state/m.room.topic', { topic: 'his' }, 600_000)
  await alice.ask('PUT', inRoom(room, 'state/m.room.topic'), { topic: 'now' })
  await until(async () => (await waiting(bob)).length === 0)
  assert.deepEqual(await waiting(alice), [own])
  assert.equal((await bob.tryTo('POST', `${DELAYED}/${other}/send`, {})).status, 404)

  // Asked for at once by two, it is sent once.
  const once = await delay(alice, room, 'send/m.room.message/2', text('once'), 600_000)
  const answers = await Promise.all([1, 2, 3].map(() => alice.tryTo('POST', `${DELAYED}/${once}/send`, {})))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 404, 404])
  assert.deepEqual(await bodies(alice, room), ['soon', 'once'])
})

test('what waited while main was away is sent when it is back, and state changed meanwhile counts', async (t) => {
  const hs = await homeserver(t, postgres, {
    workers: ['client', 'persister'],
    settings: { max_event_delay_duration: '1h', rc_delayed_event_mgmt: { per_second: 1000, burst_count: 1000 } },
  })
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob], room_version: '11' })
  await alice.ask('PUT', inRoom(room, 'state/m.room.power_levels'), {
    users: { [alice.userId]: 100, [bob.userId]: 50 },
  })
  await delay(alice, room, 'send/m.room.message/1', text('while away'), 1_500)
  await delay(bob, room, 'state/m.room.topic', { topic: 'his' }, 600_000)
  const main = hs.processes.get('main')!
  await main.kill()
  await alice.ask('PUT', inRoom(room, 'state/m.room.topic'), { topic: 'hers' })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await main.start()
  await until(async () => (await bodies(alice, room)).includes('while away'), 20_000)
  await until(async () => (await waiting(bob)).length === 0)
  assert.deepEqual(await bodies(alice, room), ['while away'])
})
