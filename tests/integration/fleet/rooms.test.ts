/** Rooms changed through several processes at once: each asks the same persisters, and all know what the others did. */

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { DeployedProcess } from '../../harness/fleet-processes.ts'
import { homeserver } from '../../harness/homeserver.ts'
import type { User } from '../../harness/matrix-client.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()

type Answer = { readonly status: number } & Readonly<Record<string, unknown>>

/** Of that process, past the router. */
function ask({ place }: DeployedProcess, { token }: User, method: string, path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    request({ ...where(place), method, path: `/_matrix/client/v3${path}`, headers }, async (response) => {
      resolve({ status: response.statusCode!, ...(JSON.parse(await text(response)) as object) })
    })
      .on('error', reject)
      .end(JSON.stringify(body))
  })
}

const where = (place: DeployedProcess['place']): object =>
  'path' in place ? { socketPath: place.path } : { host: '127.0.0.1', port: place.port }

test('rooms are made, joined and written to through any worker, and by a transaction ID once', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'client', 'persister', 'persister'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const workers = [...hs.processes.values()].filter(({ name }) => name.startsWith('client'))
  const [one, other] = workers as [DeployedProcess, DeployedProcess]

  for (let i = 0; i < 4; i++) {
    const body = { preset: 'public_chat', room_alias_name: `tea${i}` }
    const created = await ask(one, alice, 'POST', '/createRoom', body)
    assert.equal(created.status, 200)
    // The other worker knows of it at once, or would refuse.
    const joined = await ask(other, bob, 'POST', `/join/${encodeURIComponent(`#tea${i}:${hs.serverName}`)}`, {})
    assert.deepEqual(joined, { status: 200, room_id: created.room_id })
    const room = `/rooms/${encodeURIComponent(created.room_id as string)}`

    const content = { msgtype: 'm.text', body: 'once' }
    const sends = await Promise.all(
      [one, other, one, other].map((worker) => ask(worker, bob, 'PUT', `${room}/send/m.room.message/t${i}`, content)),
    )
    assert.equal(sends[0]!.status, 200)
    assert.equal(new Set(sends.map(({ event_id: eventId }) => eventId)).size, 1)

    // A ban that one has heard of, the other holds to.
    assert.equal((await ask(one, alice, 'POST', `${room}/ban`, { user_id: bob.userId })).status, 200)
    const late = await ask(one, bob, 'POST', `${room}/send/m.room.message`, content)
    assert.deepEqual([late.status, late.errcode], [403, 'M_FORBIDDEN'])
    const again = await ask(other, bob, 'PUT', `${room}/send/m.room.message/t${i}`, content)
    assert.equal(again.event_id, sends[0]!.event_id)
    assert.equal((await ask(other, bob, 'POST', `${room}/join`, {})).errcode, 'M_BAD_STATE')
  }

  const taken = await ask(other, bob, 'POST', '/createRoom', { room_alias_name: 'tea0' })
  assert.deepEqual([taken.status, taken.errcode], [400, 'M_ROOM_IN_USE'])
})

test('who forgot a room is not told of it any more', async (t) => {
  const hs = await homeserver(t, postgres, { workers: ['client', 'sync'] })
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ members: [bob] })
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}`
  assert.equal((await bob.tryTo('POST', `${path}/forget`, {})).status, 400)
  await bob.ask('POST', `${path}/leave`, {})
  const filter = JSON.stringify({ room: { include_leave: true } })
  assert.ok((await bob.sync(undefined, { filter })).rooms?.leave?.[room])
  await bob.ask('POST', `${path}/forget`, {})
  // Main is told, and tells the others.
  await until(async () => (await bob.sync(undefined, { filter })).rooms?.leave?.[room] === undefined)
})
