/** Accounts in a fleet: what one process does, the others know; and what goes on while main is away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeserver } from '../../harness/homeserver.ts'
import { ask } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'

test('a new name is in all rooms, a session ends everywhere, and without main one still registers', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'client', 'persister', 'persister'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const rooms = await Promise.all([1, 2, 3].map(() => alice.createRoom({ members: [bob] })))

  /** As another member's next sync would have it. */
  const memberOf = async (room: string) => {
    const { state, timeline } = (await bob.sync()).rooms!.join![room]!
    return [...state.events, ...timeline.events].findLast((event) => event.state_key === alice.userId)!.content
  }
  const profile = `${V3}/profile/${encodeURIComponent(alice.userId)}`
  await alice.ask('PUT', `${profile}/displayname`, { displayname: 'Alice the First' })
  await alice.ask('PUT', `${profile}/avatar_url`, { avatar_url: 'mxc://hs.test/a' })
  const expected = { membership: 'join', displayname: 'Alice the First', avatar_url: 'mxc://hs.test/a' }
  for (const room of rooms)
    await until(async () => JSON.stringify(sorted(await memberOf(room))) === JSON.stringify(sorted(expected)))
  assert.deepEqual(await bob.ask('GET', profile), { displayname: 'Alice the First', avatar_url: 'mxc://hs.test/a' })

  // A worker knows the token; main ends it.
  const phone = await alice.login()
  const whoami = () => ask(hs.url, 'GET', `${V3}/account/whoami`, { token: phone.token })
  assert.equal((await whoami()).body.device_id, phone.deviceId)
  assert.equal((await ask(hs.url, 'POST', `${V3}/logout`, { token: phone.token, body: {} })).status, 200)
  await until(async () => (await whoami()).status === 401)

  await hs.processes.get('main')!.stop()
  const [carol] = await hs.register('carol')
  assert.equal((await carol.ask('GET', `${V3}/account/whoami`)).user_id, carol.userId)
  assert.equal((await (await carol.login()).ask('GET', `${V3}/account/whoami`)).user_id, carol.userId)
  await alice.ask('PUT', `${profile}/displayname`, { displayname: 'Alice the Second' })
  await until(async () => (await memberOf(rooms[0]!)).displayname === 'Alice the Second')
})

const sorted = (value: object): object => Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
