import { Direction, EventType, RelationType } from 'matrix-js-sdk'
import { genericWorkers, pathOf, type Rooms, servedOnlyBy, type Users, type World } from '../world.ts'

const inRoom = (roomId: string, what: RegExp) => (sent: { target: string }) => {
  const path = sent.target.split('?', 1)[0]!
  return path.includes(`/rooms/${encodeURIComponent(roomId)}/`) && what.test(path)
}

export const rooms = async (world: World, { alice, tablet, bob }: Users): Promise<Rooms | undefined> => {
  const { report, traffic, topology } = world
  let made: Rooms | undefined

  await report.group('create rooms; join by alias, and by ID when invited', async (t) => {
    const { room_id: lobby } = await alice.client.createRoom({
      room_alias_name: 'lobby',
      visibility: 'public' as never,
      preset: 'public_chat' as never,
      name: 'The lobby',
      topic: 'where all come by',
    })
    const alias = `#lobby:${topology.serverName}`
    t.equal((await bob.client.getRoomIdForAlias(alias)).room_id, lobby, 'the alias points at the room')
    t.equal((await bob.client.joinRoom(alias)).roomId, lobby, 'bob joined by alias')
    const { room_id: study } = await alice.client.createRoom({ preset: 'private_chat' as never, name: 'The study' })
    const refused = await traffic.ask('POST', `/_matrix/client/v3/join/${encodeURIComponent(study)}`, {
      token: bob.token,
      body: {},
    })
    t.equal(refused.status, 403, 'bob joins the private room without an invite')
    await alice.client.invite(study, bob.userId)
    await t.until("the invite is in bob's sync", () => bob.client.getRoom(study)?.getMyMembership() === 'invite')
    await bob.client.joinRoom(study)
    for (const device of [alice, tablet]) {
      await t.until(
        `${device.deviceId} sees bob in the private room`,
        () => device.client.getRoom(study)?.getMember(bob.userId)?.membership === 'join',
      )
    }
    t.equal((await bob.client.getJoinedRooms()).joined_rooms.sort(), [lobby, study].sort(), "bob's rooms")
    made = { lobby, alias, study }
  })
  if (!made) return undefined
  const { lobby, alias, study } = made

  const sends: string[] = []
  await report.group('messages reach every device, once and in order', async (t) => {
    for (let i = 0; i < 30; i++) {
      const { client } = i % 2 ? alice : bob
      sends.push((await client.sendTextMessage(lobby, `message ${i} aardvark`)).event_id)
    }
    for (const { client, deviceId } of [alice, tablet, bob]) {
      const seen = () =>
        (client.getRoom(lobby)?.timeline ?? [])
          .filter((event) => event.getType() === 'm.room.message')
          .map((event) => event.getId()!)
      await t.until(`${deviceId} has the last message`, () => sends.every((id) => seen().includes(id)))
      // The library puts the echo of a device's own message where it was when it was sent; the tablet sent none.
      if (client === tablet.client) t.equal(seen(), sends, 'the messages of the tablet, in order')
      else t.equal(seen().sort(), [...sends].sort(), `the messages of ${deviceId}`)
    }
    const by = await servedOnlyBy(
      t,
      world,
      'PUT send',
      genericWorkers(world),
      (sent) => sent.method === 'PUT' && inRoom(lobby, /\/send\//)(sent),
    )
    t.equal(by.length, 1, `the number of processes that served one room's sends (${by})`)
    t.note(`all by ${by}`)
  })

  await report.group('a send is repeated with its transaction ID: the same event', async (t) => {
    const target = `/_matrix/client/v3/rooms/${encodeURIComponent(lobby)}/send/m.room.message/txn1`
    const body = { msgtype: 'm.text', body: 'once' }
    const [first, second] = [
      await traffic.ask('PUT', target, { token: alice.token, body }),
      await traffic.ask('PUT', target, { token: alice.token, body }),
    ]
    t.ok(first.json?.event_id, `an event ID (${first.text})`)
    t.equal(second.json?.event_id, first.json.event_id, 'the second answer')
  })

  await report.group('a send whose body is chunked', async (t) => {
    const text = JSON.stringify({ msgtype: 'm.text', body: 'in pieces '.repeat(500) })
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(lobby)}/send/m.room.message/chunked`
    const answer = await traffic.fetch(new URL(path, traffic.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'application/json' },
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < text.length; i += 1000)
            controller.enqueue(new TextEncoder().encode(text.slice(i, i + 1000)))
          controller.close()
        },
      }),
      duplex: 'half',
    } as RequestInit)
    const { event_id } = (await answer.json()) as { event_id?: string }
    t.equal(answer.status, 200, 'PUT send')
    t.equal((await bob.client.fetchRoomEvent(lobby, event_id!)).content?.body, JSON.parse(text).body, 'the body it has')
  })

  await report.group('/messages: all pages, backwards, without gap or repetition', async (t) => {
    const found: string[] = []
    let from: string | null = null
    let pages = 0
    do {
      const page: { chunk: { type: string; event_id?: string }[]; end?: string } =
        await alice.client.createMessagesRequest(lobby, from, 7, Direction.Backward)
      found.push(...page.chunk.filter((event) => event.type === 'm.room.message').map((event) => event.event_id!))
      from = page.end ?? null
      pages++
    } while (from !== null && pages < 30)
    t.equal(from, null, 'the end is reached')
    t.equal(
      found.filter((id) => sends.includes(id)),
      [...sends].reverse(),
      'the messages',
    )
    t.note(`${pages} pages`)
    const by = await servedOnlyBy(t, world, 'GET messages', genericWorkers(world), inRoom(lobby, /\/messages$/))
    t.equal(by.length, 1, `the number of processes that paginated one room (${by})`)
  })

  await report.group('context, event, state, members, timestamp', async (t) => {
    const middle = sends[15]!
    const context = await traffic.ask(
      'GET',
      `/_matrix/client/v3/rooms/${encodeURIComponent(lobby)}/context/${encodeURIComponent(middle)}?limit=4`,
      { token: bob.token },
    )
    t.equal(context.json?.events_before?.[0]?.event_id, sends[14], 'the event before')
    t.equal(context.json?.events_after?.[0]?.event_id, sends[16], 'the event after')
    t.equal(
      (await alice.client.fetchRoomEvent(lobby, middle)).content?.body,
      'message 15 aardvark',
      'the event by its ID',
    )
    await alice.client.sendStateEvent(lobby, EventType.RoomTopic, { topic: 'changed' }, '')
    t.equal((await bob.client.getStateEvent(lobby, 'm.room.topic', '')).topic, 'changed', 'the state event')
    t.ok(
      (await bob.client.roomState(lobby)).some((event) => event.type === 'm.room.create'),
      'the whole state has the create event',
    )
    t.equal((await alice.client.members(lobby, 'join')).chunk?.length, 2, 'the number of members')
    t.equal(
      Object.keys((await alice.client.getJoinedRoomMembers(lobby)).joined).sort(),
      [alice.userId, bob.userId].sort(),
      'the joined members',
    )
    const at = (await alice.client.fetchRoomEvent(lobby, middle)).origin_server_ts!
    const found = await alice.client.timestampToEvent(lobby, at, Direction.Forward)
    t.ok(
      found.origin_server_ts >= at && sends.includes(found.event_id),
      `an event at its time (${JSON.stringify(found)})`,
    )
  })

  await report.group('search, user directory, public rooms, aliases', async (t) => {
    const results = await alice.client.searchMessageText({ query: 'aardvark' })
    t.equal(results.search_categories.room_events?.count, 30, 'the messages found')
    await t.until('bob is in the user directory', async () =>
      (await alice.client.searchUserDirectory({ term: 'bob' })).results.some((user) => user.user_id === bob.userId),
    )
    await servedOnlyBy(t, world, 'user directory', ['user_dir1'], (sent) =>
      pathOf(sent).endsWith('/user_directory/search'),
    )
    // Both are filled by a background task of main's.
    const listed = async (method: string, query: string, body?: unknown) =>
      (
        await traffic.ask(method, `/_matrix/client/v3/publicRooms${query}`, { token: bob.token, body })
      ).json?.chunk?.some((room: { room_id: string }) => room.room_id === lobby)
    await t.until('the lobby is among the public rooms', () => listed('GET', '?limit=50'), 20_000)
    await t.until(
      'the lobby is found among the public rooms',
      () => listed('POST', '', { filter: { generic_search_term: 'lobby' } }),
      20_000,
    )
    const other = `#foyer:${topology.serverName}`
    await alice.client.createAlias(other, lobby)
    t.equal((await alice.client.getLocalAliases(lobby)).aliases.sort(), [alias, other].sort(), 'the aliases')
    await alice.client.deleteAlias(other)
    t.equal((await alice.client.getLocalAliases(lobby)).aliases, [alias], 'the aliases after deletion')
    await alice.client.setRoomDirectoryVisibility(lobby, 'private' as never)
    t.equal((await alice.client.getRoomDirectoryVisibility(lobby)).visibility, 'private', 'the visibility')
    await alice.client.setRoomDirectoryVisibility(lobby, 'public' as never)
  })

  await report.group('relations, threads, hierarchy, room summary', async (t) => {
    const root = sends[3]!
    const { event_id: reply } = await bob.client.sendMessage(lobby, root, {
      msgtype: 'm.text',
      body: 'in the thread',
    } as never)
    await alice.client.sendEvent(lobby, EventType.Reaction, {
      'm.relates_to': { rel_type: RelationType.Annotation, event_id: root, key: '+' },
    })
    const related = await alice.client.fetchRelations(lobby, root, RelationType.Annotation, EventType.Reaction)
    t.equal(
      related.chunk.map((event) => event.content['m.relates_to']?.key),
      ['+'],
      'the reactions',
    )
    const threads = await traffic.ask('GET', `/_matrix/client/v1/rooms/${encodeURIComponent(lobby)}/threads`, {
      token: alice.token,
    })
    t.equal(
      threads.json?.chunk?.[0]?.unsigned?.['m.relations']?.['m.thread']?.latest_event?.event_id,
      reply,
      "the thread's last event",
    )
    const { room_id: space } = await alice.client.createRoom({ creation_content: { type: 'm.space' }, name: 'A space' })
    await alice.client.sendStateEvent(space, 'm.space.child' as never, { via: [topology.serverName] } as never, lobby)
    const hierarchy = await alice.client.getRoomHierarchy(space)
    t.equal(
      hierarchy.rooms.map((room) => room.room_id),
      [space, lobby],
      'the rooms of the space',
    )
    const summary = await traffic.ask('GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(alias)}`, {
      token: bob.token,
    })
    t.equal(summary.json?.room_id, lobby, 'the summary of the alias')
  })

  await report.group('redaction reaches the other devices', async (t) => {
    const target = sends[20]!
    await bob.client
      .redactEvent(lobby, target)
      .catch((error: { errcode?: string }) => t.equal(error.errcode, undefined, 'bob redacts his own message'))
    for (const { client, deviceId } of [alice, tablet]) {
      await t.until(`${deviceId} sees the redaction`, () => client.getRoom(lobby)?.findEventById(target)?.isRedacted())
    }
    t.equal((await alice.client.fetchRoomEvent(lobby, target)).content, {}, 'the content as the server has it')
  })

  await report.group('kick, ban, unban, knock, leave, forget, report, upgrade', async (t) => {
    const { room_id: porch } = await alice.client.createRoom({
      preset: 'private_chat' as never,
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    })
    const bobIs = (membership: string) =>
      t.until(
        `bob is "${membership}" for the tablet`,
        () => tablet.client.getRoom(porch)?.getMember(bob.userId)?.membership === membership,
      )
    await bob.client.knockRoom(porch, { viaServers: [] } as never)
    await bobIs('knock')
    await alice.client.invite(porch, bob.userId)
    await bob.client.joinRoom(porch)
    await bobIs('join')
    await alice.client.kick(porch, bob.userId, 'out')
    await bobIs('leave')
    await alice.client.ban(porch, bob.userId)
    await bobIs('ban')
    await alice.client.unban(porch, bob.userId)
    await bobIs('leave')
    await alice.client.invite(porch, bob.userId)
    await bob.client.joinRoom(porch)
    const { event_id: said } = await bob.client.sendTextMessage(porch, 'something')
    t.equal(
      (
        await traffic.ask(
          'POST',
          `/_matrix/client/v3/rooms/${encodeURIComponent(porch)}/report/${encodeURIComponent(said)}`,
          { token: alice.token, body: { reason: 'because' } },
        )
      ).status,
      200,
      'report',
    )
    await bob.client.leave(porch)
    await bobIs('leave')
    await bob.client.forget(porch)
    const gone = await traffic.ask('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(porch)}/messages?dir=b`, {
      token: bob.token,
    })
    t.equal(gone.status, 403, 'the messages of a forgotten room')
    const { replacement_room } = await alice.client.upgradeRoom(porch, '11')
    t.equal(
      (await alice.client.getStateEvent(porch, 'm.room.tombstone', '')).replacement_room,
      replacement_room,
      'the tombstone',
    )
    await servedOnlyBy(
      t,
      world,
      'forget, report and upgrade',
      ['main'],
      inRoom(porch, /\/(forget|upgrade|report\/[^/]+)$/),
    )
  })

  await report.group('a long poll is held, answered by a message at once, and ends by its time-out', async (t) => {
    const sync = (query: string, timeoutMs = 30_000) =>
      traffic.ask('GET', `/_matrix/client/v3/sync?${query}`, { token: tablet.token, timeoutMs })
    let since: string = (await sync('timeout=0&filter={"presence":{"types":[]}}')).json.next_batch
    // Drain what is still on its way.
    for (let quiet = false; !quiet; ) {
      const { json } = await sync(`timeout=300&since=${since}`)
      quiet = !json.rooms && !json.presence && !json.account_data?.events?.length && !json.to_device?.events?.length
      since = json.next_batch
    }
    const from = performance.now()
    const idle = await sync(`timeout=1500&since=${since}`)
    const heldMs = performance.now() - from
    t.ok(heldMs >= 1400 && heldMs < 10_000, `held for its 1.5 s (${Math.round(heldMs)} ms)`)
    const parked = sync(`timeout=25000&since=${idle.json.next_batch}`)
    await new Promise((resolve) => setTimeout(resolve, 700))
    const sentAt = performance.now()
    const { event_id } = await bob.client.sendTextMessage(study, 'wake up')
    const woken = await parked
    const tookMs = Math.round(performance.now() - sentAt)
    const events: { event_id: string }[] = woken.json.rooms?.join?.[study]?.timeline?.events ?? []
    t.ok(
      events.some((event) => event.event_id === event_id),
      `the message is in the answer (${woken.text.slice(0, 200)})`,
    )
    t.ok(tookMs < 5000, `it woke within 5 s (${tookMs} ms)`)
    t.note(`woken after ${tookMs} ms`)
  })

  await report.group('every sync of a user is served by one process, on both devices', async (t) => {
    const isSync = (token: string) => (sent: { method: string; target: string; token?: string }) =>
      sent.token === token && /\/v3\/sync(\?|$)/.test(sent.target)
    const processes = new Set<string>()
    for (const { token } of [alice, tablet]) {
      // The first one, without `since`, may belong to another pool.
      const by = await servedOnlyBy(
        t,
        world,
        'sync',
        genericWorkers(world),
        (sent) => isSync(token)(sent) && /[?&]since=[^&]/.test(sent.target),
      )
      for (const name of by) processes.add(name)
    }
    t.equal(processes.size, 1, `the number of processes that served alice's incremental syncs (${[...processes]})`)
    t.note(`all by ${[...processes]}`)
  })

  await report.group('simplified sliding sync', async (t) => {
    const body = { lists: { all: { ranges: [[0, 10]], required_state: [['m.room.name', '']], timeline_limit: 3 } } }
    const ask = (query: string) =>
      traffic.ask('POST', `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?${query}`, {
        token: alice.token,
        body,
      })
    const first = await ask('timeout=0')
    t.ok(first.json?.rooms?.[lobby], `the lobby is in the answer (${first.text.slice(0, 200)})`)
    const { event_id } = await bob.client.sendTextMessage(lobby, 'for sliding sync')
    let pos: string = first.json.pos
    await t.until('the message comes by sliding sync', async () => {
      const { json } = await ask(`timeout=2000&pos=${pos}`)
      pos = json.pos
      return json.rooms?.[lobby]?.timeline?.some((event: { event_id: string }) => event.event_id === event_id)
    })
  })

  return made
}
