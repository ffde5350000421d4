import { ConditionKind, PushRuleActionName, PushRuleKind, ReceiptType, RoomMemberEvent } from 'matrix-js-sdk'
import { pathOf, type Rooms, servedOnlyBy, type Users, type World, writersOf } from '../world.ts'

/** What belongs to a stream's writer: served there, and told from there to the processes that hold the syncs. */
export const ephemeral = async (
  world: World,
  { alice, tablet, bob }: Users,
  { lobby, study }: Rooms,
): Promise<void> => {
  const { report, traffic } = world
  const at = () => traffic.sent.length
  const path =
    (what: RegExp, methods = ['PUT', 'POST', 'DELETE']) =>
    (sent: { method: string; target: string }) =>
      methods.includes(sent.method) && what.test(sent.target.split('?', 1)[0]!)

  await report.group('typing reaches the other member, by its writer', async (t) => {
    const from = at()
    let typing = false
    alice.client.on(RoomMemberEvent.Typing, (_, member) => {
      if (member.userId === bob.userId) typing = member.typing
    })
    await bob.client.sendTyping(study, true, 20_000)
    await t.until('alice sees bob typing', () => typing)
    await bob.client.sendTyping(study, false, 0)
    await t.until('alice sees bob stop', () => !typing)
    await servedOnlyBy(t, world, 'PUT typing', writersOf(world, 'typing'), path(/\/typing\//), from)
  })

  await report.group('receipts and read markers, by their writers', async (t) => {
    const from = at()
    for (const room of [study, lobby]) {
      const { event_id } = await bob.client.sendTextMessage(room, 'read me')
      const event = await t.until('the message is there', () => alice.client.getRoom(room)?.findEventById(event_id))
      await alice.client.sendReadReceipt(event)
      await t.until(
        "bob sees alice's receipt",
        () => bob.client.getRoom(room)?.getEventReadUpTo(alice.userId, true) === event_id,
      )
      await alice.client.setRoomReadMarkersHttpRequest(room, event_id, event_id)
      await t.until(
        'the tablet has the read marker',
        () => tablet.client.getRoom(room)?.getAccountData('m.fully_read')?.getContent().event_id === event_id,
      )
      await traffic.ask(
        'POST',
        `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/receipt/${ReceiptType.ReadPrivate}/${encodeURIComponent(event_id)}`,
        { token: alice.token, body: {} },
      )
    }
    const by = await servedOnlyBy(
      t,
      world,
      'POST receipt and read_markers',
      writersOf(world, 'receipts'),
      path(/\/(receipt|read_markers)(\/|$)/),
      from,
    )
    t.note(`by ${by.join(' and ')}`)
  })

  await report.group('to-device messages, by their writer', async (t) => {
    const from = at()
    const got: string[] = []
    // The library only emits what is for this device: a message to the tablet must not reach the other one.
    for (const device of [alice, tablet]) {
      device.client.on(
        'receivedToDeviceMessage' as never,
        ((payload: { message: { content: { n: number } } }) =>
          got.push(`${device.deviceId}:${payload.message.content.n}`)) as never,
      )
    }
    const send = (deviceId: string, n: number) =>
      bob.client.sendToDevice('org.example.probe', new Map([[alice.userId, new Map([[deviceId, { n }]])]]))
    await send(tablet.deviceId, 1)
    await t.until('the tablet has its message', () => got.includes(`${tablet.deviceId}:1`))
    await send('*', 2)
    await t.until(
      'both devices have the second',
      () => got.includes(`${tablet.deviceId}:2`) && got.includes(`${alice.deviceId}:2`),
    )
    t.equal(got.length, 3, `the number of messages (${got})`)
    await servedOnlyBy(t, world, 'PUT sendToDevice', writersOf(world, 'to_device'), path(/\/sendToDevice\//), from)
  })

  await report.group('account data and tags reach the other device, by their writer', async (t) => {
    const from = at()
    await alice.client.setAccountData('org.example.setting' as never, { on: true } as never)
    await t.until(
      'the tablet has the account data',
      () => tablet.client.getAccountData('org.example.setting' as never)?.getContent<{ on?: boolean }>().on,
    )
    t.equal(
      await alice.client.getAccountDataFromServer('org.example.setting' as never),
      { on: true },
      'the account data as the server has it',
    )
    await alice.client.setRoomAccountData(study, 'org.example.room' as never, { colour: 'green' } as never)
    await t.until(
      "the tablet has the room's account data",
      () => tablet.client.getRoom(study)?.getAccountData('org.example.room')?.getContent().colour === 'green',
    )
    await alice.client.setRoomTag(study, 'm.favourite', { order: 0.5 })
    await t.until('the tablet has the tag', () => tablet.client.getRoom(study)?.tags['m.favourite']?.order === 0.5)
    t.equal(
      (await alice.client.getRoomTags(study)).tags,
      { 'm.favourite': { order: 0.5 } },
      'the tags as the server has them',
    )
    await alice.client.deleteRoomTag(study, 'm.favourite')
    await t.until('the tag is gone from the tablet', () => !tablet.client.getRoom(study)?.tags['m.favourite'])
    await servedOnlyBy(
      t,
      world,
      'writing account data and tags',
      writersOf(world, 'account_data'),
      path(/\/(account_data|tags)\//),
      from,
    )
  })

  await report.group('presence reaches who shares a room, by its writer', async (t) => {
    const from = at()
    await bob.client.setPresence({ presence: 'online', status_msg: 'at the router' })
    await t.until(
      "alice sees bob's status",
      () => alice.client.getUser(bob.userId)?.presenceStatusMsg === 'at the router',
      15_000,
    )
    t.equal((await alice.client.getPresence(bob.userId)).status_msg, 'at the router', 'GET presence')
    await servedOnlyBy(t, world, 'PUT presence', writersOf(world, 'presence'), path(/\/presence\//), from)
  })

  await report.group('push rules, by their writer; pushers; notifications', async (t) => {
    const from = at()
    await alice.client.addPushRule('global', PushRuleKind.Override, 'org.example.router', {
      conditions: [{ kind: ConditionKind.EventMatch, key: 'content.body', pattern: 'router' }],
      actions: [PushRuleActionName.Notify],
    })
    const rule = () => tablet.client.pushRules?.global.override?.find((one) => one.rule_id === 'org.example.router')
    await t.until('the tablet has the rule', () => rule())
    await alice.client.setPushRuleEnabled('global', PushRuleKind.Override, 'org.example.router', false)
    await t.until('the rule is off on the tablet', () => rule()?.enabled === false)
    await alice.client.setPushRuleEnabled('global', PushRuleKind.Override, 'org.example.router', true)
    await alice.client.setPushRuleActions('global', PushRuleKind.Override, 'org.example.router', [
      PushRuleActionName.Notify,
      { set_tweak: 'highlight' } as never,
    ])
    const { event_id } = await bob.client.sendTextMessage(study, 'the router is up')
    await t.until('the message is among the notifications', async () => {
      const { json } = await traffic.ask('GET', '/_matrix/client/v3/notifications?only=highlight', {
        token: alice.token,
      })
      return json?.notifications?.some((one: { event: { event_id: string } }) => one.event.event_id === event_id)
    })
    await alice.client.deletePushRule('global', PushRuleKind.Override, 'org.example.router')
    await t.until('the rule is gone from the tablet', () => !rule())
    t.ok((await alice.client.getPushRules()).global.override?.length, 'GET pushrules gives the default rules')
    await servedOnlyBy(
      t,
      world,
      'writing push rules',
      writersOf(world, 'push_rules'),
      path(/\/pushrules\//, ['PUT', 'DELETE']),
      from,
    )
    await alice.client.setPusher({
      app_id: 'org.example',
      pushkey: 'k',
      kind: 'http',
      app_display_name: 'a',
      device_display_name: 'd',
      lang: 'en',
      data: { url: 'http://127.0.0.1:9/_matrix/push/v1/notify' },
    } as never)
    t.equal(
      (await alice.client.getPushers()).pushers.map((one) => one.pushkey),
      ['k'],
      'the pushers',
    )
    await alice.client.removePusher('k', 'org.example')
    t.equal((await alice.client.getPushers()).pushers, [], 'the pushers after removal')
  })

  await report.group('filters', async (t) => {
    const { filterId } = await alice.client.createFilter({ room: { timeline: { limit: 1 } } })
    t.ok(filterId, 'a filter ID')
    t.equal(
      (await alice.client.getFilter(alice.userId, filterId!, false)).getDefinition(),
      { room: { timeline: { limit: 1 } } },
      'the filter as the server has it',
    )
    const { json } = await traffic.ask('GET', `/_matrix/client/v3/sync?filter=${filterId}&timeout=0`, {
      token: alice.token,
    })
    t.equal(json.rooms.join[lobby].timeline.events.length, 1, 'the number of events of a sync with it')
  })

  await report.group('thread subscriptions, by their writer', async (t) => {
    const from = at()
    const { event_id } = await alice.client.sendTextMessage(study, 'a root')
    const target = `/_matrix/client/unstable/io.element.msc4306/rooms/${encodeURIComponent(study)}/thread/${encodeURIComponent(event_id)}/subscription`
    const put = await traffic.ask('PUT', target, { token: alice.token, body: {} })
    t.equal(put.status, 200, `PUT subscription (${put.text})`)
    t.equal((await traffic.ask('GET', target, { token: alice.token })).json, { automatic: false }, 'GET subscription')
    t.equal((await traffic.ask('DELETE', target, { token: alice.token })).status, 200, 'DELETE subscription')
    await servedOnlyBy(
      t,
      world,
      'writing subscriptions',
      writersOf(world, 'thread_subscriptions'),
      (sent) => sent.method !== 'GET' && pathOf(sent).endsWith('/subscription'),
      from,
    )
  })

  await report.group('delayed events', async (t) => {
    const target = `/_matrix/client/v3/rooms/${encodeURIComponent(study)}/send/m.room.message/later1?org.matrix.msc4140.delay=600000`
    const { json, text } = await traffic.ask('PUT', target, {
      token: alice.token,
      body: { msgtype: 'm.text', body: 'later' },
    })
    t.ok(json?.delay_id, `a delay ID (${text})`)
    const base = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events'
    const restarted = await traffic.ask('POST', `${base}/${json.delay_id}/restart`, { body: {} })
    t.equal(restarted.status, 200, `restart (${restarted.text})`)
    const sent = await traffic.ask('POST', `${base}/${json.delay_id}/send`, { body: {} })
    t.equal(sent.status, 200, `send (${sent.text})`)
    await t.until('the message has come', () =>
      bob.client.getRoom(study)?.timeline.some((event) => event.getContent().body === 'later'),
    )
  })
}
