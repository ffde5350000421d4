import { type JsonObject, joinRemotely, type RemoteServer } from '../remote-server.ts'
import type { Rooms, Users, World } from '../world.ts'
import { genericWorkers, servedOnlyBy } from '../world.ts'

/** Another server joins a room through the edge. Its signatures cover method and target: they fail if a byte is changed on the way. */
export const federation = async (
  world: World,
  remote: RemoteServer,
  { alice }: Users,
  { lobby, alias }: Rooms,
): Promise<void> => {
  const { report, traffic, topology } = world
  const from = traffic.sent.length
  const user = `@rita:${remote.name}`
  const encoded = encodeURIComponent(lobby)
  await report.group('federation: keys, version, queries, public rooms', async (t) => {
    const own = await traffic.ask('GET', '/_matrix/key/v2/server')
    t.equal(own.json?.server_name, topology.serverName, `the homeserver's keys (${own.text.slice(0, 200)})`)
    t.ok((await traffic.ask('GET', '/_matrix/federation/v1/version')).json?.server?.version, 'version')
    const unsigned = await traffic.ask(
      'GET',
      `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(alias)}`,
    )
    t.equal(unsigned.status, 401, 'a request without a signature')
    const directory = await remote.ask(
      'GET',
      `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(alias)}`,
    )
    t.equal(directory.json?.room_id, lobby, `the room of the alias (${directory.text})`)
    const profile = await remote.ask(
      'GET',
      `/_matrix/federation/v1/query/profile?user_id=${alice.userId}&field=displayname`,
    )
    t.equal(profile.status, 200, `the profile, asked for with an unencoded ID (${profile.text})`)
    t.ok((await remote.ask('GET', '/_matrix/federation/v1/publicRooms?limit=5')).json?.chunk, 'public rooms')
    const keys = await remote.ask('POST', '/_matrix/federation/v1/user/keys/query', {
      device_keys: { [alice.userId]: [] },
    })
    t.ok(keys.json?.device_keys, `a user's keys (${keys.text})`)
    const devices = await remote.ask('GET', `/_matrix/federation/v1/user/devices/${encodeURIComponent(alice.userId)}`)
    t.equal(devices.json?.user_id, alice.userId, `a user's devices (${devices.text.slice(0, 200)})`)
  })

  await report.group('federation: a server joins, reads, sends and is sent to', async (t) => {
    const join = await joinRemotely(remote, lobby, user)
    await t.until(
      'alice sees the remote user',
      () => alice.client.getRoom(lobby)?.getMember(user)?.membership === 'join',
    )

    const { event_id } = await alice.client.sendTextMessage(lobby, 'welcome')
    const got = await t.until('the remote server is sent what alice says', () =>
      remote.received.find((event) => (event.content as JsonObject)?.body === 'welcome'),
    )

    const state = await remote.ask(
      'GET',
      `/_matrix/federation/v1/state_ids/${encoded}?event_id=${encodeURIComponent(event_id)}`,
    )
    t.ok(state.json?.pdu_ids?.length > 5, `state_ids (${state.text.slice(0, 200)})`)
    const back = await remote.ask(
      'GET',
      `/_matrix/federation/v1/backfill/${encoded}?v=${encodeURIComponent(event_id)}&limit=5`,
    )
    t.equal(back.json?.pdus?.length, 5, `backfill (${back.text.slice(0, 200)})`)
    const one = await remote.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(event_id)}`)
    t.equal(one.json?.pdus?.[0]?.content?.body, 'welcome', 'the event by its ID')

    // A message is allowed by the power levels and its sender's membership (and the create event, before room version 12).
    const auth: string[] = [join.eventId]
    for (const id of join.authEvents) {
      const { json } = await remote.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(id)}`)
      if (['m.room.power_levels', 'm.room.create'].includes(json?.pdus?.[0]?.type)) auth.push(id)
    }
    const message = remote.signEvent({
      type: 'm.room.message',
      room_id: lobby,
      sender: user,
      content: { msgtype: 'm.text', body: 'from afar' },
      depth: (got.depth as number) + 1,
      prev_events: [event_id],
      auth_events: auth,
      origin_server_ts: Date.now(),
    })
    const transaction = {
      origin: remote.name,
      origin_server_ts: Date.now(),
      pdus: [message.event],
      edus: [{ edu_type: 'm.typing', content: { room_id: lobby, user_id: user, typing: true } }],
    }
    const sent = await remote.ask('PUT', '/_matrix/federation/v1/send/t1', transaction)
    t.equal(sent.json?.pdus?.[message.eventId], {}, `the result of the event (${sent.text})`)
    await t.until('alice has the message', () => alice.client.getRoom(lobby)?.findEventById(message.eventId))
    await t.until('alice sees the remote user typing', () => alice.client.getRoom(lobby)?.getMember(user)?.typing)
    const missing = await remote.ask('POST', `/_matrix/federation/v1/get_missing_events/${encoded}`, {
      earliest_events: [join.eventId],
      latest_events: [message.eventId],
      limit: 10,
    })
    t.ok(missing.json?.events?.length > 0, `get_missing_events (${missing.text.slice(0, 200)})`)

    const leaving = await remote.ask('GET', `/_matrix/federation/v1/make_leave/${encoded}/${encodeURIComponent(user)}`)
    const leave = remote.signEvent({ ...leaving.json.event, origin_server_ts: Date.now() })
    const left = await remote.ask(
      'PUT',
      `/_matrix/federation/v2/send_leave/${encoded}/${encodeURIComponent(leave.eventId)}`,
      leave.event,
    )
    t.equal(left.status, 200, `send_leave (${left.text})`)
    await t.until('the remote user is gone', () => alice.client.getRoom(lobby)?.getMember(user)?.membership === 'leave')
  })

  await report.group('federation: workers serve it, the sends of one address one of them', async (t) => {
    const workers = genericWorkers(world)
    const federated =
      /^\/_matrix\/federation\/v[12]\/(event|state_ids|backfill|make_join|send_join|make_leave|send_leave|query|get_missing_events)\//
    await servedOnlyBy(t, world, 'federation', workers, (sent) => federated.test(sent.target), from)
    for (const n of [2, 3, 4, 5]) {
      const empty = await remote.ask('PUT', `/_matrix/federation/v1/send/t${n}`, {
        origin: remote.name,
        origin_server_ts: Date.now(),
        pdus: [],
        edus: [],
      })
      t.equal(empty.status, 200, `PUT send (${empty.text})`)
    }
    const by = await servedOnlyBy(
      t,
      world,
      'PUT send',
      workers,
      (sent) => /\/federation\/v1\/send\//.test(sent.target),
      from,
    )
    t.equal(by.length, 1, `the number of processes that served them (${by})`)
  })
}
