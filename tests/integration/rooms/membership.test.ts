/** Joins, invites, kicks and their like over HTTP. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { type Answer, changed, roomRequests, told } from '../../harness/room-requests.ts'

const postgres = await startPostgres()
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => `@${name}:example.com`)
const encoded = encodeURIComponent

type Rooms = Awaited<ReturnType<typeof roomRequests>>
const publicRoom = async ({ send }: Rooms, more: object = {}) =>
  (await send('alice', 'POST', '/createRoom', { preset: 'public_chat', room_version: '11', ...more })).room_id as RoomId
const short = ({ status, errcode }: Answer) => (errcode === undefined ? `${status}` : `${status} ${errcode}`)
const last = async ({ eventsOf }: Rooms, roomId: RoomId) => told((await eventsOf(roomId)).at(-1)!)

test('a room is joined by its ID or alias, and joining again makes nothing', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send, eventsOf } = rooms
  const roomId = await publicRoom(rooms, { room_alias_name: 'tea' })
  for (const path of [
    `/join/${encoded('#tea:example.com')}?server_name=a.org&via=b.org`,
    `/join/${encoded(roomId)}`,
    `/rooms/${encoded(roomId)}/join`,
  ])
    assert.deepEqual(await send('bob', 'POST', path), { status: 200, room_id: roomId })
  const { length } = await eventsOf(roomId)
  assert.deepEqual(await last(rooms, roomId), ['m.room.member', bob, { membership: 'join' }])
  await send('bob', 'PUT', `/join/${encoded(roomId)}/t1`, {})
  await send('bob', 'PUT', `/rooms/${encoded(roomId)}/join/t1`, {})
  assert.equal((await eventsOf(roomId)).length, length)
  // The body of one is content of the event, of the other its reason alone.
  await send('bob', 'POST', `/join/${encoded(roomId)}`, { reason: 'r', displayname: 'B', n: 1 })
  assert.deepEqual((await last(rooms, roomId))[2], { membership: 'join', reason: 'r', displayname: 'B', n: 1 })
  await send('bob', 'POST', `/rooms/${encoded(roomId)}/join`, { reason: 's', displayname: 'B' })
  assert.deepEqual((await last(rooms, roomId))[2], { membership: 'join', reason: 's' })
})

test('rooms that cannot be joined', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send, db } = rooms
  const [open, closed] = [await publicRoom(rooms), await publicRoom(rooms, { preset: 'private_chat' })]
  for (const [room, expected] of [
    ['x', '400 M_UNKNOWN'],
    ['#x', '400 M_UNKNOWN'],
    ['!nope:example.com', '404 M_UNKNOWN'],
    ['#nope:example.com', '404 M_NOT_FOUND'],
    ['#nope:elsewhere.org', '502 M_UNKNOWN'],
    [closed, '403 M_FORBIDDEN'],
  ] as const)
    assert.equal(short(await send('bob', 'POST', `/join/${encoded(room)}`, {})), expected, room)
  assert.equal(short(await send('bob', 'POST', '/rooms/x/join')), '404 M_UNKNOWN')
  assert.equal(short(await send('bob', 'POST', '/rooms/%00/join')), '400 M_INVALID_PARAM')
  await db.run("insert into blocked_rooms values ($1, '')", [open])
  assert.equal(short(await send('bob', 'POST', `/join/${encoded(open)}`)), '403 M_FORBIDDEN')
})

test('whoever is invited, kicked, banned and unbanned must be there, or not', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send } = rooms
  const room = await publicRoom(rooms)
  const act = async (who: string, action: string, userId: unknown, more: object = {}) =>
    short(await send(who, 'POST', `/rooms/${encoded(room)}/${action}`, { user_id: userId, ...more }))
  for (const action of ['invite', 'kick', 'ban', 'unban']) {
    assert.equal(short(await send('alice', 'POST', `/rooms/${encoded(room)}/${action}`, {})), '400 M_MISSING_PARAM')
    assert.equal(await act('alice', action, 5), '400 M_INVALID_PARAM')
    assert.equal(await act('alice', action, 'bob'), '400 M_INVALID_PARAM')
    assert.equal(await act('alice', action, '@bob'), '400 M_INVALID_PARAM')
  }
  for (const [who, action, userId, expected] of [
    ['alice', 'kick', bob, '403 M_FORBIDDEN'],
    ['alice', 'invite', bob, '200'],
    ['alice', 'invite', bob, '200'],
    ['alice', 'unban', bob, '403 M_BAD_STATE'],
    ['bob', 'invite', carol, '403 M_FORBIDDEN'],
    ['alice', 'kick', bob, '200'],
    ['alice', 'kick', bob, '403 M_FORBIDDEN'],
    ['alice', 'ban', bob, '200'],
    ['alice', 'ban', bob, '200'],
    ['alice', 'invite', bob, '403 M_BAD_STATE'],
    ['alice', 'kick', bob, '403 M_BAD_STATE'],
    ['alice', 'invite', alice, '403 M_FORBIDDEN'],
    ['alice', 'unban', bob, '200'],
    ['carol', 'kick', alice, '403 M_FORBIDDEN'],
    ['alice', 'invite', '@dora:elsewhere.org', '502 M_UNKNOWN'],
  ] as const)
    assert.equal(await act(who, action, userId), expected, `${who} ${action} ${userId}`)
  assert.equal(await act('alice', 'ban', carol, { reason: 'spam' }), '200')
  assert.deepEqual(await last(rooms, room), ['m.room.member', carol, { membership: 'ban', reason: 'spam' }])
  assert.equal(short(await send('carol', 'POST', `/join/${encoded(room)}`)), '403 M_BAD_STATE')
  for (const [action, expected] of [
    ['invite', '403 M_FORBIDDEN'],
    ['ban', '403 M_FORBIDDEN'],
    ['kick', '404 M_UNKNOWN'],
    ['unban', '404 M_UNKNOWN'],
  ] as const)
    assert.equal(short(await send('alice', 'POST', `/rooms/!x:example.com/${action}`, { user_id: bob })), expected)
  // A kick that was sent again, by the same transaction ID, is not a kick of who has left.
  assert.equal(await act('alice', 'invite', bob), '200')
  for (let i = 0; i < 2; i++)
    assert.equal(short(await send('alice', 'PUT', `/rooms/${encoded(room)}/kick/t`, { user_id: bob })), '200')
})

test('an invite shows the profile of the invited, unless the server keeps it to itself', async (t) => {
  for (const includeProfileDataOnInvite of [true, false]) {
    const rooms = await roomRequests(t, postgres, { config: changed({ includeProfileDataOnInvite }) })
    const profile = ['bob', bob, 'Bob', 'mxc://a/b'] as const
    await rooms.db.run(
      'insert into profiles (user_id, full_user_id, displayname, avatar_url) values ($1, $2, $3, $4)',
      profile,
    )
    const room = await publicRoom(rooms)
    await rooms.send('alice', 'POST', `/rooms/${encoded(room)}/invite`, { user_id: bob, reason: 'because' })
    const shown = includeProfileDataOnInvite ? { displayname: 'Bob', avatar_url: 'mxc://a/b' } : {}
    assert.deepEqual((await last(rooms, room))[2], { membership: 'invite', reason: 'because', ...shown })
  }
})

test('who leaves may forget, and not before', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send } = rooms
  const room = await publicRoom(rooms)
  await send('bob', 'POST', `/join/${encoded(room)}`)
  const of = async (action: string, body?: object) =>
    short(await send('bob', 'POST', `/rooms/${encoded(room)}/${action}`, body))
  assert.equal(await of('forget', {}), '400 M_UNKNOWN')
  assert.equal(await of('leave', { reason: 'bye' }), '200')
  assert.deepEqual((await last(rooms, room))[2], { membership: 'leave', reason: 'bye' })
  assert.equal(await of('leave', { reason: 'bye' }), '200')
  assert.equal(await of('leave', {}), '403 M_FORBIDDEN')
  assert.equal(await of('forget', {}), '200')
  assert.equal(short(await send('bob', 'PUT', `/rooms/${encoded(room)}/forget/t`, {})), '200')
  assert.equal(short(await send('bob', 'POST', '/rooms/!x:example.com/forget', {})), '200')
  assert.equal(short(await send('bob', 'POST', '/rooms/!x:example.com/leave', {})), '404 M_UNKNOWN')
})

test('the server may forget for those who leave', async (t) => {
  const rooms = await roomRequests(t, postgres, { config: changed({ forgetRoomsOnLeave: true }) })
  const [left, banned] = [await publicRoom(rooms), await publicRoom(rooms)]
  for (const room of [left, banned]) await rooms.send('bob', 'POST', `/join/${encoded(room)}`)
  await rooms.send('bob', 'POST', `/rooms/${encoded(left)}/leave`)
  await rooms.send('alice', 'POST', `/rooms/${encoded(banned)}/ban`, { user_id: bob })
  const forgotten = await rooms.db.rows<{ roomId: RoomId }>(
    'select distinct room_id as "roomId" from room_memberships where user_id = $1 and forgotten = 1',
    [bob],
  )
  assert.deepEqual(new Set(forgotten.map(({ roomId }) => roomId)), new Set([left, banned]))
})

test('members of a space join its restricted rooms, in the name of who could invite them', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send } = rooms
  const space = await publicRoom(rooms)
  const restricted = (allow: unknown, more = {}) =>
    publicRoom(rooms, {
      ...more,
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
    })
  const room = await restricted([{ type: 'm.room_membership', room_id: space }])
  const join = async (roomId = room) => short(await send('bob', 'POST', `/join/${encoded(roomId)}`))
  assert.equal(await join(), '403 M_FORBIDDEN')
  await join(space)
  assert.equal(await join(), '200')
  const authorised = { membership: 'join', join_authorised_via_users_server: alice }
  assert.deepEqual((await last(rooms, room))[2], authorised)
  assert.equal(await join(await restricted([{ type: 'else' }])), '404 M_UNKNOWN')
  assert.equal(await join(await restricted('x')), '403 M_FORBIDDEN')
  // Nobody here may invite.
  const invite = { power_level_content_override: { invite: 101 }, room_version: '10' }
  assert.equal(await join(await restricted([{ type: 'm.room_membership', room_id: space }], invite)), '404 M_UNKNOWN')
})

test('who knocks waits to be let in', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const { send } = rooms
  const rule = { type: 'm.room.join_rules', content: { join_rule: 'knock' } }
  const room = await publicRoom(rooms, { initial_state: [rule], room_alias_name: 'door' })
  const knocked = await send('bob', 'POST', `/knock/${encoded('#door:example.com')}`, { reason: 'please' })
  assert.deepEqual(knocked, { status: 200, room_id: room })
  assert.deepEqual(await last(rooms, room), ['m.room.member', bob, { membership: 'knock', reason: 'please' }])
  assert.equal(short(await send('bob', 'POST', `/join/${encoded(room)}`)), '403 M_FORBIDDEN')
  assert.equal(short(await send('alice', 'POST', `/rooms/${encoded(room)}/invite`, { user_id: bob })), '200')
  assert.equal(short(await send('bob', 'POST', `/join/${encoded(room)}`)), '200')
  assert.equal(short(await send('carol', 'POST', `/knock/${encoded(await publicRoom(rooms))}`, {})), '403 M_FORBIDDEN')
  assert.equal(short(await send('carol', 'POST', '/knock/!x:example.com', {})), '404 M_UNKNOWN')
})

test('joins are as many as the limits say, but a member may change', async (t) => {
  const few = { perSecond: 0.001, burstCount: 1 }
  const rooms = await roomRequests(t, postgres, {
    config: changed({ rcJoins: { local: few, remote: few } }),
  })
  const [one, two] = [await publicRoom(rooms), await publicRoom(rooms)]
  const join = async (room: RoomId, body: object = {}) =>
    short(await rooms.send('bob', 'POST', `/join/${encoded(room)}`, body))
  assert.equal(await join(one), '200')
  assert.equal(await join(one, { displayname: 'B' }), '200')
  assert.equal(await join(two), '429 M_LIMIT_EXCEEDED')
})

test('a room takes so many joins, of whatever process', async (t) => {
  const config = changed({ rcJoinsPerRoom: { perSecond: 0.001, burstCount: 2 } })
  const rooms = await roomRequests(t, postgres, { config })
  // Its creator joins too.
  const room = await publicRoom(rooms)
  const join = async (who: string) => short(await rooms.send(who, 'POST', `/join/${encoded(room)}`))
  assert.equal(await join('bob'), '200')
  assert.equal(await join('carol'), '429 M_LIMIT_EXCEEDED')
  assert.equal(await join('bob'), '200')
})

test('guests join where they may, and leave when they may not any more', async (t) => {
  const rooms = await roomRequests(t, postgres, { people: { guest: { isGuest: true } } })
  const { send, eventsOf } = rooms
  const room = await publicRoom(rooms)
  const path = `/rooms/${encoded(room)}`
  assert.equal(short(await send('guest', 'POST', `${path}/join`)), '403 M_FORBIDDEN')
  await send('alice', 'PUT', `${path}/state/m.room.guest_access/`, { guest_access: 'can_join' })
  assert.equal(short(await send('guest', 'POST', `${path}/join`)), '200')
  await send('bob', 'POST', `${path}/join`)
  await send('alice', 'PUT', `${path}/state/m.room.guest_access/`, { guest_access: 'forbidden' })
  assert.deepEqual(await last(rooms, room), [
    'm.room.member',
    '@guest:example.com',
    { membership: 'leave', kind: 'guest' },
  ])
  assert.equal(
    (await eventsOf(room)).filter(({ type, stateKey }) => type === 'm.room.member' && stateKey === bob).length,
    1,
  )
})

test('shadow-banned users invite nobody, and have no names of their own; suspended ones only leave', async (t) => {
  const people = { ghost: { isShadowBanned: true }, late: { isSuspended: true } }
  const rooms = await roomRequests(t, postgres, { people })
  const { send, eventsOf, pauses } = rooms
  const room = await publicRoom(rooms, { power_level_content_override: { invite: 0 } })
  const path = `/rooms/${encoded(room)}`
  assert.equal(short(await send('ghost', 'POST', `/join/${encoded(room)}`, { displayname: 'G' })), '200')
  assert.deepEqual((await last(rooms, room))[2], { membership: 'join' })
  const { length } = await eventsOf(room)
  assert.equal(short(await send('ghost', 'POST', `${path}/invite`, { user_id: bob })), '200')
  assert.deepEqual([(await eventsOf(room)).length, pauses()], [length, 1])

  assert.equal(short(await send('late', 'POST', `${path}/join`)), '403 M_USER_SUSPENDED')
  await send('alice', 'POST', `${path}/invite`, { user_id: '@late:example.com' })
  assert.equal(short(await send('late', 'POST', `${path}/leave`)), '200')
})
