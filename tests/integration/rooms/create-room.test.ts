/** `POST …/createRoom`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomAlias, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { selectAlias } from '../../../worker/storage/rooms.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { changed, roomRequests, told } from '../../harness/room-requests.ts'

const postgres = await startPostgres()
const alice = '@alice:example.com'
const bob = '@bob:example.com'

test('a room has the events of its preset, in their order', async (t) => {
  const { send, eventsOf, db } = await roomRequests(t, postgres)
  await db.run("insert into profiles (user_id, full_user_id, displayname) values ('alice', $1, 'Alice')", [alice])
  const created = await send('alice', 'POST', '/createRoom', { room_version: '11', name: 'N', topic: 'T' })
  assert.equal(created.status, 200)
  const events = (await eventsOf(created.room_id as RoomId)).map(told)
  assert.deepEqual(
    events.filter(([type]) => type !== 'm.room.power_levels'),
    [
      ['m.room.create', '', { room_version: '11' }],
      ['m.room.member', alice, { membership: 'join', displayname: 'Alice' }],
      ['m.room.join_rules', '', { join_rule: 'invite' }],
      ['m.room.history_visibility', '', { history_visibility: 'shared' }],
      ['m.room.guest_access', '', { guest_access: 'can_join' }],
      ['m.room.name', '', { name: 'N' }],
      ['m.room.topic', '', { topic: 'T', 'm.topic': { 'm.text': [{ body: 'T' }] } }],
    ],
  )
  assert.deepEqual(events[2]![0], 'm.room.power_levels')
  assert.deepEqual((events[2]![2] as { users: unknown }).users, { [alice]: 100 })
})

test('initial state takes the place of the preset, and is set before name, topic and invites', async (t) => {
  const { send, eventsOf } = await roomRequests(t, postgres)
  const created = await send('alice', 'POST', '/createRoom', {
    preset: 'public_chat',
    name: 'N',
    invite: [bob, bob],
    is_direct: true,
    initial_state: [
      { type: 'm.room.join_rules', content: { join_rule: 'knock' } },
      { type: 'x', state_key: 'k', content: { n: 1 } },
      { type: 'x', state_key: 'k', content: { n: 2 } },
      { type: 'm.room.power_levels', content: { users: {} } },
    ],
  })
  const events = (await eventsOf(created.room_id as RoomId)).map(told)
  assert.deepEqual(events.slice(2), [
    ['m.room.power_levels', '', { users: {} }],
    ['m.room.history_visibility', '', { history_visibility: 'shared' }],
    ['m.room.join_rules', '', { join_rule: 'knock' }],
    ['x', 'k', { n: 2 }],
    ['m.room.name', '', { name: 'N' }],
    ['m.room.member', bob, { membership: 'invite', is_direct: true }],
  ])
})

test('whom a trusted private chat invites is its creator too, or has its power', async (t) => {
  const { send, eventsOf } = await roomRequests(t, postgres)
  const of = async (version: string) => {
    const body = { preset: 'trusted_private_chat', invite: [bob], room_version: version }
    return (await eventsOf((await send('alice', 'POST', '/createRoom', body)).room_id as RoomId)).map(told)
  }
  const [create, , levels] = await of('12')
  assert.deepEqual(create![2], { room_version: '12', additional_creators: [bob] })
  assert.deepEqual((levels![2] as { users: unknown }).users, {})
  const [older, , olderLevels] = await of('10')
  assert.deepEqual(older![2], { room_version: '10', creator: alice })
  assert.deepEqual((olderLevels![2] as { users: unknown }).users, { [alice]: 100, [bob]: 100 })
})

test('the configuration may encrypt rooms and change their power levels', async (t) => {
  const { send, eventsOf } = await roomRequests(t, postgres, {
    config: changed({
      defaultRoomVersion: '11',
      encryptionEnabledByDefaultForRoomType: 'invite',
      defaultPowerLevelContentOverride: { private_chat: { ban: 70, kick: 70 } },
    }),
  })
  const of = async (body: object) =>
    (await eventsOf((await send('alice', 'POST', '/createRoom', body)).room_id as RoomId)).map(told)
  const named = (events: Awaited<ReturnType<typeof of>>, type: string) => events.find(([name]) => name === type)?.[2]
  const room = await of({ power_level_content_override: { kick: 80 } })
  assert.deepEqual(named(room, 'm.room.encryption'), { algorithm: 'm.megolm.v1.aes-sha2' })
  const { ban, kick } = named(room, 'm.room.power_levels') as { ban: number; kick: number }
  assert.deepEqual([ban, kick], [70, 80])
  assert.equal(named(await of({ preset: 'public_chat' }), 'm.room.encryption'), undefined)
  const own = await of({ initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'mine' } }] })
  assert.deepEqual(
    own.filter(([type]) => type === 'm.room.encryption').map(([, , content]) => content),
    [{ algorithm: 'mine' }],
  )
})

test('an alias is the room’s, and named by it', async (t) => {
  const { send, eventsOf, db } = await roomRequests(t, postgres)
  const { room_id: roomId } = await send('alice', 'POST', '/createRoom', { room_alias_name: 'tea' })
  assert.deepEqual(told((await eventsOf(roomId as RoomId))[3]!), [
    'm.room.canonical_alias',
    '',
    { alias: '#tea:example.com' },
  ])
  assert.deepEqual(await selectAlias(db, '#tea:example.com' as RoomAlias), {
    alias: '#tea:example.com',
    roomId,
    creator: alice,
    servers: ['example.com'],
  })
})

test('nothing is made where something is wrong', async (t) => {
  const { send, countRooms, db } = await roomRequests(t, postgres)
  await send('alice', 'POST', '/createRoom', { room_alias_name: 'taken' })
  const before = await countRooms()
  const [name, wrong] = ['free', 'M_UNKNOWN']
  for (const [body, status, errcode] of [
    [{ room_alias_name: 'taken' }, 400, 'M_ROOM_IN_USE'],
    [{ room_alias_name: 'a b' }, 400, 'M_UNKNOWN'],
    [{ room_alias_name: 'a:b' }, 400, 'M_UNKNOWN'],
    [{ room_alias_name: 'x'.repeat(250) }, 400, 'M_INVALID_PARAM'],
    [{ room_alias_name: name, invite: [alice] }, 403, 'M_FORBIDDEN'],
    [{ room_alias_name: name, name: 5 }, 400, wrong],
    [{ room_alias_name: name, topic: null }, 400, wrong],
    [
      { room_alias_name: name, room_version: '11', power_level_content_override: { users: { [alice]: 0 } }, name: 'n' },
      403,
      'M_FORBIDDEN',
    ],
    [
      {
        room_alias_name: name,
        initial_state: [{ type: 'm.room.canonical_alias', content: { alias: '#other:example.com' } }],
      },
      400,
      'M_BAD_ALIAS',
    ],
    [{ invite: ['bob'] }, 400, wrong],
    [{ invite: ['@carol:elsewhere.org'] }, 502, 'M_UNKNOWN'],
    [{ invite: bob }, 400, 'M_BAD_JSON'],
    [{ invite_3pid: [{}] }, 400, 'M_MISSING_PARAM'],
    [{ preset: 'chat' }, 400, 'M_BAD_JSON'],
    [{ room_version: '99' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
    [{ room_version: 11 }, 400, 'M_BAD_JSON'],
    [{ room_version: '11', power_level_content_override: { users: {} } }, 400, wrong],
    [{ power_level_content_override: { users: { [alice]: 100 } } }, 400, wrong],
    [{ power_level_content_override: { ban: '50' } }, 400, 'M_BAD_JSON'],
    [{ creation_content: { additional_creators: ['bob'] } }, 400, 'M_FORBIDDEN'],
    [{ creation_content: 5 }, 400, 'M_BAD_JSON'],
    [{ initial_state: [{ type: 'a' }] }, 400, 'M_MISSING_PARAM'],
    [{ initial_state: [{ type: 'm.room.create', content: {} }] }, 400, 'M_INVALID_PARAM'],
    [{ name: 'x'.repeat(70_000) }, 413, 'M_TOO_LARGE'],
  ] as const) {
    const answer = await send('alice', 'POST', '/createRoom', body)
    assert.deepEqual([answer.status, answer.errcode], [status, errcode], JSON.stringify(body).slice(0, 100))
  }
  assert.equal(await countRooms(), before)
  assert.equal(await selectAlias(db, '#free:example.com' as RoomAlias), undefined)
})

test('the same transaction makes one room', async (t) => {
  const { send, countRooms } = await roomRequests(t, postgres)
  const [first, second] = await Promise.all([1, 2].map(() => send('alice', 'PUT', '/createRoom/t', {})))
  assert.equal(first!.status, 200)
  assert.deepEqual(first, second)
  assert.equal(await countRooms(), 1)
})

test('rooms that are made alike at the same moment are as many', async (t) => {
  const { send, countRooms } = await roomRequests(t, postgres)
  const answers = await Promise.all(Array.from({ length: 8 }, () => send('alice', 'POST', '/createRoom', {})))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.equal(new Set(answers.map(({ room_id: roomId }) => roomId)).size, 8)
  assert.equal(await countRooms(), 8)
})

test('rooms are made, and people invited, no faster than the limits say', async (t) => {
  const few = { perSecond: 0.001, burstCount: 2 }
  const config = changed({ rcRoomCreation: few, rcInvites: { perRoom: few, perUser: few, perIssuer: few } })
  const { send, db } = await roomRequests(t, postgres, { config })
  const many = await send('alice', 'POST', '/createRoom', { invite: [bob, '@carol:example.com', '@dora:example.com'] })
  assert.deepEqual([many.status, many.error], [400, 'Cannot invite so many users at once'])
  assert.equal((await send('alice', 'POST', '/createRoom', { invite: [bob] })).status, 200)
  const late = await send('alice', 'POST', '/createRoom', {})
  assert.deepEqual([late.status, late.errcode], [429, 'M_LIMIT_EXCEEDED'])
  await db.run('insert into ratelimit_override values ($1, 0, 0)', [bob])
  for (let i = 0; i < 4; i++) assert.equal((await send('bob', 'POST', '/createRoom', {})).status, 200)
})

test('nobody is invited who does not want it, by shadow-banned users, or by others than admins if so configured', async (t) => {
  const people = { ghost: { isShadowBanned: true }, late: { isSuspended: true } }
  const { send, eventsOf, db, pauses } = await roomRequests(t, postgres, { people })
  const [type, content] = ['m.invite_permission_config', '{"default_action":"block"}']
  await db.run('insert into account_data (user_id, account_data_type, stream_id, content) values ($1, $2, 1, $3)', [
    bob,
    type,
    content,
  ])
  const blocked = await send('alice', 'POST', '/createRoom', { invite: [bob] })
  assert.deepEqual([blocked.status, blocked.errcode], [403, 'M_INVITE_BLOCKED'])
  assert.equal((await send('admin', 'POST', '/createRoom', { invite: [bob] })).status, 200)

  const { room_id: roomId } = await send('ghost', 'POST', '/createRoom', { invite: ['@carol:example.com' as UserId] })
  assert.equal((await eventsOf(roomId as RoomId)).filter(({ type }) => type === 'm.room.member').length, 1)
  assert.equal(pauses(), 1)
  assert.equal((await send('late', 'POST', '/createRoom', {})).errcode, 'M_USER_SUSPENDED')

  const strict = await roomRequests(t, postgres, { config: changed({ blockNonAdminInvites: true }) })
  assert.equal((await strict.send('alice', 'POST', '/createRoom', { invite: [bob] })).errcode, 'M_FORBIDDEN')
  assert.equal((await strict.send('admin', 'POST', '/createRoom', { invite: [bob] })).status, 200)
})
