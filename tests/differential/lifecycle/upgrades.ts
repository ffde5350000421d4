import type { User } from '../../harness/matrix-client.ts'
import { inRoom, type Json, type Stage, V3 } from './play.ts'

const versions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'] as const
const stateOf = (room: string, type: string, key = '') => inRoom(room, `state/${type}/${encodeURIComponent(key)}`)

export async function upgrades(stage: Stage): Promise<void> {
  const [alice, bob, carol, dave] = [
    await stage.user('alice'),
    await stage.user('bob'),
    await stage.user('carol'),
    await stage.user('dave'),
  ]
  for (const [i, to] of versions.entries()) await fullRoom(stage, { alice, bob, carol }, i % 2 === 0 ? '10' : to, to)
  await fullRoom(stage, { alice, bob, carol }, '1', '12')
  await fullRoom(stage, { alice, bob, carol }, '12', '11')
  await space(stage, alice, bob)
  await refusals(stage, alice, bob, carol, dave)
  await moderators(stage, alice, bob)
  await creators(stage, alice, bob)
}

async function fullRoom(
  { name, note, noted, history, serverName }: Stage,
  { alice, bob, carol }: Readonly<Record<'alice' | 'bob' | 'carol', User>>,
  from: string,
  to: string,
): Promise<void> {
  const which = `${from} to ${to}`
  const local = `r${from}x${to}`
  const { room_id: room } = await alice.ask('POST', `${V3}/createRoom`, {
    preset: 'private_chat',
    visibility: 'public',
    room_version: from,
    room_alias_name: local,
    name: 'a name',
    topic: 'a topic',
    invite: [bob.userId],
    initial_state: [
      { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'm.room.server_acl', content: { allow: ['*'], deny: ['evil.com'] } },
      { type: 'm.room.avatar', content: { url: `mxc://${serverName}/a` } },
      { type: 'org.example.own', content: { a: 1 } },
    ],
  })
  name(room, `old ${which}`)
  await bob.join(room)
  await alice.ask('POST', inRoom(room, 'ban'), { user_id: carol.userId, reason: 'no' })
  const levels = await alice.ask('GET', stateOf(room, 'm.room.power_levels'))
  await alice.ask('PUT', stateOf(room, 'm.room.power_levels'), {
    ...levels,
    users: { ...levels.users, [bob.userId]: 60 },
    events: { ...levels.events, 'org.example.own': 70 },
  })
  await alice.ask('PUT', stateOf(room, 'm.room.canonical_alias'), { alias: `#${local}:${serverName}` })
  await bob.ask('PUT', `${V3}/user/${bob.userId}/rooms/${encodeURIComponent(room)}/tags/u.mine`, { order: 0.5 })
  await bob.ask('PUT', `${V3}/user/${bob.userId}/account_data/m.direct`, { [alice.userId]: [room], x: 1 })
  await bob.ask('PUT', `${V3}/pushrules/global/room/${encodeURIComponent(room)}`, { actions: ['notify'] })

  const { replacement_room: replacement } = await noted(`${which}: upgraded`, alice, 'POST', inRoom(room, 'upgrade'), {
    new_version: to,
  })
  name(replacement, `new ${which}`)
  await history(`${which}: the old room`, alice, room)
  await history(`${which}: the new room`, alice, replacement)
  note(
    `${which}: aliases`,
    await alice.tryTo('POST', `${V3}/join/${encodeURIComponent(`#${local}:${serverName}`)}`, {}),
  )
  const theirs = (path: string) => bob.ask('GET', `${V3}/user/${bob.userId}/${path}`)
  note(`${which}: tags`, await theirs(`rooms/${encodeURIComponent(replacement)}/tags`))
  note(`${which}: m.direct`, await theirs('account_data/m.direct'))
  const { global } = await bob.ask('GET', `${V3}/pushrules/`)
  note(
    `${which}: push rules`,
    global.room.filter(({ rule_id: id }: Json) => id === room || id === replacement),
  )
  await noted(`${which}: bob cannot speak below 50`, bob, 'PUT', inRoom(room, 'send/m.room.message/a'), {
    msgtype: 'm.text',
    body: 'a',
  })
}

async function space({ name, noted, history }: Stage, alice: User, bob: User): Promise<void> {
  const via = { via: ['a.org'] }
  const { room_id: room } = await alice.ask('POST', `${V3}/createRoom`, {
    creation_content: { type: 'm.space', 'm.federate': false },
    room_version: '10',
    initial_state: [
      { type: 'm.space.child', state_key: '!a:a.org', content: via },
      { type: 'm.space.child', state_key: '!b:a.org', content: {} },
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!x:a.org' }] },
      },
    ],
  })
  name(room, 'old space')
  await alice.ask('POST', inRoom(room, 'invite'), { user_id: bob.userId })
  const { replacement_room: replacement } = await noted('a space', alice, 'POST', inRoom(room, 'upgrade'), {
    new_version: '9',
  })
  name(replacement, 'new space')
  await history('the old space', alice, room)
  // Synapse copies a space's state in the order of its tables.
  await history('the new space', alice, replacement, true)
}

async function refusals({ name, noted }: Stage, alice: User, bob: User, carol: User, dave: User): Promise<void> {
  const room = name(await alice.createRoom({ members: [bob], room_version: '10' }), 'refusing')
  const upgrade = (what: string, user: User | undefined, body: unknown, id = room) =>
    noted(`refused: ${what}`, user, 'POST', inRoom(id, 'upgrade'), body)
  await upgrade('no body', alice, {})
  await upgrade('an unknown version', alice, { new_version: '99' })
  await upgrade('a version of none', alice, { new_version: 'org.example' })
  await upgrade('a room that is not there', alice, { new_version: '11' }, '!nothere:a.org')
  await upgrade('who is not allowed', bob, { new_version: '11' })
  await upgrade('who is not there', carol, { new_version: '11' })
  await upgrade('without a token', undefined, { new_version: '11' })
  await upgrade('no list of creators', alice, { new_version: '12', additional_creators: 'a' })
  await upgrade('no user IDs', alice, { new_version: '12', additional_creators: ['a'] })
  await noted('it is as it was', dave, 'GET', stateOf(room, 'm.room.tombstone'))
}

/** Somebody who may send a tombstone and little else. */
async function moderators({ name, noted, history }: Stage, alice: User, bob: User): Promise<void> {
  for (const to of ['9', '12']) {
    const room = name(
      await alice.createRoom({
        members: [bob],
        room_version: '10',
        power_level_content_override: {
          users: { [alice.userId]: 100, [bob.userId]: 50 },
          events: { 'm.room.tombstone': 50, 'm.room.power_levels': 100 },
        },
      }),
      `moderated, to ${to}`,
    )
    const { replacement_room: replacement } = await noted(
      `a moderator, to ${to}`,
      bob,
      'POST',
      inRoom(room, 'upgrade'),
      {
        new_version: to,
      },
    )
    name(replacement, `of a moderator, to ${to}`)
    await history(`a moderator's old room, to ${to}`, bob, room)
    await history(`a moderator's new room, to ${to}`, bob, replacement)
  }
}

async function creators({ name, noted, history }: Stage, alice: User, bob: User): Promise<void> {
  for (const to of ['11', '12']) {
    const room = name(
      await alice.createRoom({
        members: [bob],
        room_version: '11',
        power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 70 }, users_default: 60 },
      }),
      `of creators, to ${to}`,
    )
    const { replacement_room: replacement } = await noted(
      `creators, to ${to}`,
      alice,
      'POST',
      inRoom(room, 'upgrade'),
      {
        new_version: to,
        additional_creators: [bob.userId],
      },
    )
    name(replacement, `with creators, to ${to}`)
    await history(`creators: the old room, to ${to}`, alice, room)
    await history(`creators: the new room, to ${to}`, alice, replacement)
  }
}
