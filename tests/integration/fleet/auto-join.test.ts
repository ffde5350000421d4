/** Rooms that new users find themselves in, as the configuration says. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'
const rooms = async (user: User): Promise<string[]> => (await user.ask('GET', `${V3}/joined_rooms`)).joined_rooms

test('the first user makes the rooms, and those after join them, guests if they may', async (t) => {
  const hs = await homeserver(t, postgres, {
    workers: ['client'],
    settings: {
      auto_join_rooms: ['#lobby:hs.test', '#tea:hs.test', '#far:away.org'],
      autocreate_auto_join_rooms_federated: false,
      auto_join_rooms_for_guests: false,
      allow_guest_access: true,
      rc_message: { per_second: 0.001, burst_count: 1 },
      rc_joins: { local: { per_second: 0.001, burst_count: 1 } },
    },
  })
  const [alice, bob] = await hs.register('alice', 'bob')
  const made = await rooms(alice)
  assert.equal(made.length, 2)

  assert.deepEqual((await rooms(bob)).toSorted(), made.toSorted())
  const create = await alice.ask('GET', `${V3}/rooms/${encodeURIComponent(made[0]!)}/state/m.room.create`)
  assert.equal(create['m.federate'], false)
  const response = await fetch(`${hs.url}${V3}/register?kind=guest`, { method: 'POST', body: '{}' })
  const guest = (await response.json()) as { access_token: string }
  const theirs = await fetch(`${hs.url}${V3}/joined_rooms`, {
    headers: { authorization: `Bearer ${guest.access_token}` },
  })
  assert.deepEqual(((await theirs.json()) as { joined_rooms: string[] }).joined_rooms ?? [], [])
})

test('who makes private rooms invites into them', async (t) => {
  const hs = await homeserver(t, postgres, {
    settings: {
      auto_join_rooms: ['#lobby:hs.test'],
      autocreate_auto_join_room_preset: 'private_chat',
      auto_join_mxid_localpart: 'founder',
    },
  })
  const [alice, bob] = await hs.register('alice', 'bob')
  const [room] = await rooms(alice)
  assert.ok(room)
  assert.deepEqual([await rooms(alice), await rooms(bob)], [[room], [room]])
  const member = await alice.ask('GET', `${V3}/rooms/${encodeURIComponent(room!)}/state/m.room.member/${bob.userId}`)
  assert.equal(member.membership, 'join')
})
