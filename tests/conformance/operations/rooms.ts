import { register } from '../../harness/matrix-client.ts'
import { type Calls, e, V1, V3 } from './world.ts'

/** Rooms made, entered, left and written to; their names, and what others say of them. */
export const rooms: Calls = async ({ url, serverName, alice, bob, bridge, room, step }) => {
  const at = (id: string, rest: string) => `${V3}/rooms/${e(id)}${rest}`
  const other = await step(
    'createRoom',
    async () => (await alice.ask('POST', `${V3}/createRoom`, {})).room_id as string,
  )
  if (other === undefined) return
  await step('inviteUser', () => alice.ask('POST', at(other, '/invite'), { user_id: bob.userId }))
  await step('joinRoom', () => bob.ask('POST', `${V3}/join/${e(other)}`, {}))
  await step('leaveRoom', () => bob.ask('POST', at(other, '/leave'), {}))
  await step('forgetRoom', () => bob.ask('POST', at(other, '/forget'), {}))
  await step('ban', () => alice.ask('POST', at(other, '/ban'), { user_id: bob.userId, reason: 'none' }))
  await step('unban', () => alice.ask('POST', at(other, '/unban'), { user_id: bob.userId }))
  await step('kick', async () => {
    await alice.ask('POST', at(other, '/invite'), { user_id: bob.userId })
    return alice.ask('POST', at(other, '/kick'), { user_id: bob.userId })
  })
  await step('inviteBy3PID', () =>
    alice.ask('POST', at(other, '/invite'), {
      id_server: 'identity.test',
      id_access_token: 'token',
      medium: 'email',
      address: 'bob@mail.test',
    }),
  )
  await step('joinRoomById', async () => {
    const open = await alice.createRoom({ preset: 'public_chat' })
    return bob.ask('POST', at(open, '/join'), {})
  })
  await step('knockRoom', async () => {
    const knocked = await alice.createRoom({
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    })
    return bob.ask('POST', `${V3}/knock/${e(knocked)}`, { reason: 'let me in' })
  })
  await step('getJoinedRooms', () => alice.ask('GET', `${V3}/joined_rooms`))
  await step('setRoomStateWithKey', () => alice.ask('PUT', at(room, '/state/m.room.name/'), { name: 'The room' }))
  await step('getRoomStateWithKey', () => alice.ask('GET', at(room, '/state/m.room.name/')))
  await step('getRoomState', () => alice.ask('GET', at(room, '/state')))
  await step('getMembersByRoom', () => alice.ask('GET', at(room, '/members')))
  await step('getJoinedMembersByRoom', () => alice.ask('GET', at(room, '/joined_members')))
  await step('sendMessage', () => alice.send(room, 'hello'))
  await step('redactEvent', async () => {
    const sent = await alice.send(room, 'wrong')
    return alice.ask('PUT', at(room, `/redact/${e(sent)}/r1`), { reason: 'wrong' })
  })

  const alias = `#the-room:${serverName}`
  await step('setRoomAlias', () => alice.ask('PUT', `${V3}/directory/room/${e(alias)}`, { room_id: room }))
  await step('getRoomIdByAlias', () => bob.ask('GET', `${V3}/directory/room/${e(alias)}`))
  await step('getLocalAliases', () => alice.ask('GET', at(room, '/aliases')))
  await step('setRoomVisibilityOnDirectory', () =>
    alice.ask('PUT', `${V3}/directory/list/room/${e(room)}`, { visibility: 'public' }),
  )
  await step('getRoomVisibilityOnDirectory', () => alice.ask('GET', `${V3}/directory/list/room/${e(room)}`))
  await step('getPublicRooms', () => alice.ask('GET', `${V3}/publicRooms?limit=10`))
  await step('queryPublicRooms', () =>
    alice.ask('POST', `${V3}/publicRooms`, { limit: 10, filter: { generic_search_term: 'room' } }),
  )
  await step('updateAppserviceRoomDirectoryVisibility', () =>
    bridge.ask('PUT', `${V3}/directory/list/appservice/west/${e(room)}`, { visibility: 'public' }),
  )
  await step('deleteRoomAlias', () => alice.ask('DELETE', `${V3}/directory/room/${e(alias)}`))

  await step('getSpaceHierarchy', async () => {
    const space = await alice.createRoom({ creation_content: { type: 'm.space' }, preset: 'public_chat' })
    await alice.ask('PUT', at(space, `/state/m.space.child/${e(room)}`), { via: [serverName] })
    return alice.ask('GET', `${V1}/rooms/${e(space)}/hierarchy`)
  })
  await step('getRoomSummary', () => bob.ask('GET', `${V1}/room_summary/${e(room)}`))
  await step('getMutualRooms', () => alice.ask('GET', `${V1}/mutual_rooms?user_id=${e(bob.userId)}`))
  await step('searchUserDirectory', () => alice.ask('POST', `${V3}/user_directory/search`, { search_term: 'bob' }))

  const gail = await register(url, 'gail')
  await gail.join(room)
  const bad = await alice.send(room, 'bad')
  await step('reportRoom', () => gail.ask('POST', at(room, '/report'), { reason: 'bad' }))
  await step('reportEvent', () => gail.ask('POST', at(room, `/report/${e(bad)}`), { reason: 'bad', score: -1 }))
  await step('reportUser', () => gail.ask('POST', `${V3}/users/${e(alice.userId)}/report`, { reason: 'bad' }))
  await step('upgradeRoom', () => alice.ask('POST', at(other, '/upgrade'), { new_version: '10' }))

  await step('getProtocols', () => alice.ask('GET', `${V3}/thirdparty/protocols`))
  await step('getProtocolMetadata', () => alice.ask('GET', `${V3}/thirdparty/protocol/telegraph`))
  await step('queryLocationByProtocol', () => alice.ask('GET', `${V3}/thirdparty/location/telegraph?wire=1`))
  await step('queryUserByProtocol', () => alice.ask('GET', `${V3}/thirdparty/user/telegraph?operator=a`))
  await step('queryLocationByAlias', () => alice.ask('GET', `${V3}/thirdparty/location?alias=${e(alias)}`))
  await step('queryUserByID', () => alice.ask('GET', `${V3}/thirdparty/user?userid=${e(bob.userId)}`))
}
