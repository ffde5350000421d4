import { type Calls, e, V1, V3 } from './world.ts'

/** What happened, read in all the ways there are. */
export const reading: Calls = async ({ alice, bob, room, step }) => {
  const at = (rest: string) => `${V3}/rooms/${e(room)}${rest}`
  const since = await bob.since()
  const root = await alice.send(room, `a root for ${bob.userId}`)
  const relate = (relation: object, body: string, txnId: string) =>
    alice.ask('PUT', at(`/send/m.room.message/${txnId}`), { msgtype: 'm.text', body, 'm.relates_to': relation })
  await relate({ rel_type: 'm.thread', event_id: root }, 'in a thread', 'thread1')
  await alice.ask('PUT', at('/send/m.reaction/reaction1'), {
    'm.relates_to': { rel_type: 'm.annotation', event_id: root, key: '👍' },
  })
  await step('sync', async () => {
    await bob.sync(since)
    return alice.sync()
  })
  await step('getOneRoomEvent', () => bob.ask('GET', at(`/event/${e(root)}`)))
  await step('getOneEvent', () => bob.ask('GET', `${V3}/events/${e(root)}`))
  await step('getEventContext', () => bob.ask('GET', at(`/context/${e(root)}?limit=4`)))
  await step('getRoomEvents', () => bob.ask('GET', at('/messages?dir=b&limit=20')))
  const relations = `${V1}/rooms/${e(room)}/relations/${e(root)}`
  await step('getRelatingEvents', () => bob.ask('GET', relations))
  await step('getRelatingEventsWithRelType', () => bob.ask('GET', `${relations}/m.thread`))
  await step('getRelatingEventsWithRelTypeAndEventType', () => bob.ask('GET', `${relations}/m.annotation/m.reaction`))
  await step('getThreadRoots', () => bob.ask('GET', `${V1}/rooms/${e(room)}/threads`))
  await step('getEventByTimestamp', () =>
    bob.ask('GET', `${V1}/rooms/${e(room)}/timestamp_to_event?ts=${Date.now()}&dir=b`),
  )
  await step('search', () =>
    bob.ask('POST', `${V3}/search`, {
      search_categories: {
        room_events: {
          search_term: 'thread',
          event_context: { before_limit: 1, after_limit: 1, include_profile: true },
          groupings: { group_by: [{ key: 'room_id' }] },
          include_state: true,
        },
      },
    }),
  )
  await step('getNotifications', () => bob.ask('GET', `${V3}/notifications?limit=5`))
  await step('getEvents', () => bob.ask('GET', `${V3}/events?timeout=0`))
  await step('peekEvents', () => bob.ask('GET', `${V3}/events?timeout=0&room_id=${e(room)}`))
  await step('initialSync', () => bob.ask('GET', `${V3}/initialSync?limit=2`))
  await step('roomInitialSync', () => bob.ask('GET', at('/initialSync?limit=2')))
  await step('postReceipt', () => bob.ask('POST', at(`/receipt/m.read/${e(root)}`), {}))
  await step('setReadMarker', () => bob.ask('POST', at('/read_markers'), { 'm.fully_read': root, 'm.read': root }))
  await step('setTyping', () => bob.setTyping(room, true))
  await step('getTurnServer', () => bob.ask('GET', `${V3}/voip/turnServer`))
  // With receipts, typing, unread threads and mentions in it.
  await alice.sync()
  await alice.sync(since)
}
