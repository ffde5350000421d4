/** Invitations by an address, with an identity server that the test plays. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { AskIdentityServer } from '../../../worker/rooms/third-party/identity-server.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { changed, roomRequests, told } from '../../harness/room-requests.ts'

const postgres = await startPostgres()
const bob = '@bob:example.com'
const known = 'bob@b.org'
const hashed = createHash('sha256').update(`${known} email pepper`).digest('base64url')

/** Knows bob, and stores invitations of others. */
function identityServer() {
  const asked: { path: string; token: string; body: unknown }[] = []
  const ask: AskIdentityServer = async ({ url, token, body }) => {
    asked.push({ path: `${url.host}${url.pathname}`, token, body })
    if (url.host === 'broken.org') throw new Error('no answer')
    if (url.pathname.endsWith('/hash_details')) return { algorithms: ['none', 'sha256'], lookup_pepper: 'pepper' }
    if (url.pathname.endsWith('/lookup')) return { mappings: { [hashed]: bob } }
    return { token: 'a token', display_name: 'c...@c...', public_key: 'key', public_keys: [{ public_key: 'key2' }] }
  }
  return { ask, asked }
}
const invite = (address: string, more: object = {}) => ({
  medium: 'email',
  address,
  id_server: 'id.org',
  id_access_token: 'token',
  ...more,
})

test('who has the address is invited, and who has none may come by a token', async (t) => {
  const { ask, asked } = identityServer()
  const rooms = await roomRequests(t, postgres, { askIdentityServer: ask, onProblem: () => undefined })
  const { send, eventsOf } = rooms
  const roomId = (await send('alice', 'POST', '/createRoom', { name: 'tea' })).room_id as RoomId
  const path = `/rooms/${encodeURIComponent(roomId)}/invite`
  const last = async () => told((await eventsOf(roomId)).at(-1)!)

  assert.equal((await send('alice', 'POST', path, invite(known))).status, 200)
  assert.deepEqual((await last()).slice(0, 2), ['m.room.member', bob])
  assert.deepEqual(asked.at(-1), {
    path: 'id.org/_matrix/identity/v2/lookup',
    token: 'token',
    body: { addresses: [hashed], algorithm: 'sha256', pepper: 'pepper' },
  })

  assert.equal((await send('alice', 'PUT', `${path}/t1`, invite('carol@c.org'))).status, 200)
  assert.deepEqual(await last(), [
    'm.room.third_party_invite',
    'a token',
    {
      display_name: 'c...@c...',
      public_keys: [{ public_key: 'key2' }],
      key_validity_url: 'https://id.org/_matrix/identity/v2/pubkey/isvalid',
      public_key: 'key',
    },
  ])
  const { body } = asked.at(-1)!
  assert.deepEqual(body, {
    medium: 'email',
    address: 'carol@c.org',
    room_id: roomId,
    room_alias: '',
    room_avatar_url: '',
    room_join_rules: 'invite',
    room_name: 'tea',
    sender: '@alice:example.com',
    sender_display_name: '@alice:example.com',
    sender_avatar_url: '',
  })
  const { length } = asked
  await send('alice', 'PUT', `${path}/t1`, invite('carol@c.org'))
  assert.equal(asked.length, length)

  const made = await send('alice', 'POST', '/createRoom', { invite_3pid: [invite(known), invite('carol@c.org')] })
  const types = (await eventsOf(made.room_id as RoomId)).slice(-2).map(({ type }) => type)
  assert.deepEqual(types, ['m.room.member', 'm.room.third_party_invite'])
})

test('strangers have nobody written to, and only servers are asked', async (t) => {
  const { ask, asked } = identityServer()
  const { send } = await roomRequests(t, postgres, { askIdentityServer: ask, onProblem: () => undefined })
  const roomId = (await send('alice', 'POST', '/createRoom', {})).room_id as RoomId
  const path = `/rooms/${encodeURIComponent(roomId)}/invite`
  for (const [who, body, status, errcode] of [
    ['bob', invite('c@c.org'), 403, 'M_FORBIDDEN'],
    ['alice', invite('c@c.org', { id_server: 'id.org/x?' }), 400, 'M_INVALID_PARAM'],
    ['alice', invite('c@c.org', { id_server: 'a@id.org' }), 400, 'M_INVALID_PARAM'],
    ['alice', invite('c@c.org', { id_server: 5 }), 400, 'M_BAD_JSON'],
    ['alice', invite('c@c.org', { id_access_token: 'a\r\nb' }), 400, 'M_BAD_JSON'],
    ['alice', { medium: 'email', address: 'c@c.org' }, 400, 'M_MISSING_PARAM'],
  ] as const) {
    const answer = await send(who, 'POST', path, body)
    assert.deepEqual([answer.status, answer.errcode], [status, errcode], JSON.stringify(body))
  }
  assert.deepEqual(asked, [])
  const broken = await send('alice', 'POST', path, invite('c@c.org', { id_server: 'broken.org' }))
  assert.equal(broken.status, 502)
})

test('nobody is asked where that is switched off', async (t) => {
  const { ask, asked } = identityServer()
  const { send, countRooms } = await roomRequests(t, postgres, {
    askIdentityServer: ask,
    config: changed({ enable3pidLookup: false }),
  })
  const roomId = (await send('alice', 'POST', '/createRoom', {})).room_id as RoomId
  const answer = await send('alice', 'POST', `/rooms/${encodeURIComponent(roomId)}/invite`, invite(known))
  assert.equal(answer.status, 403)
  assert.equal((await send('alice', 'POST', '/createRoom', { invite_3pid: [invite(known)] })).status, 403)
  assert.equal(await countRooms(), 1)
  assert.deepEqual(asked, [])
})
