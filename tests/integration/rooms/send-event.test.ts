/** Messages, state and redactions over HTTP. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { type Answer, changed, roomRequests, told } from '../../harness/room-requests.ts'

const postgres = await startPostgres()
const [alice, bob] = ['alice', 'bob'].map((name) => `@${name}:example.com`) as [string, string]
const encoded = encodeURIComponent
const text = { msgtype: 'm.text', body: 'x' }

type Rooms = Awaited<ReturnType<typeof roomRequests>>
const roomWithBob = async ({ send }: Rooms, more: object = {}) => {
  const created = await send('alice', 'POST', '/createRoom', { preset: 'public_chat', room_version: '11', ...more })
  await send('bob', 'POST', `/join/${encoded(created.room_id as string)}`)
  return created.room_id as RoomId
}
const short = ({ status, errcode }: Answer) => (errcode === undefined ? `${status}` : `${status} ${errcode}`)

test('a transaction ID makes one event', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const room = await roomWithBob(rooms)
  const { length } = await rooms.eventsOf(room)
  const put = (who: string, type = 'm.room.message') =>
    rooms.send(who, 'PUT', `/rooms/${encoded(room)}/send/${type}/t1`, text)
  const first = await put('alice')
  assert.equal(first.status, 200)
  assert.deepEqual([await put('alice'), await put('alice', 'other')], [first, first])
  assert.notEqual((await put('bob')).event_id, first.event_id)
  assert.equal((await rooms.eventsOf(room)).length, length + 2)
  // It is known as well when its sender is not in the room any more; a new one is not let in.
  await rooms.send('alice', 'POST', `/rooms/${encoded(room)}/leave`)
  assert.deepEqual(await put('alice'), first)
  const late = await rooms.send('alice', 'PUT', `/rooms/${encoded(room)}/send/m.room.message/t2`, text)
  assert.deepEqual([short(late), late.error], ['403 M_FORBIDDEN', `User ${alice} not in room ${room}`])
})

test('what makes no sense is not sent', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const room = await roomWithBob(rooms)
  const { length } = await rooms.eventsOf(room)
  const state = (type: string, body: unknown, key = '') => ['PUT', `state/${type}/${encoded(key)}`, body] as const
  const post = (type: string, body: unknown) => ['POST', `send/${type}`, body] as const
  for (const [[method, path, body], expected] of [
    [post('m.room.message', {}), '400 M_UNKNOWN'],
    [post('m.room.message', { msgtype: 'm.text', body: 5 }), '400 M_UNKNOWN'],
    [post('m.room.member', { membership: 'leave' }), '400 M_BAD_JSON'],
    [post('m.room.name', { name: 'x' }), '400 M_UNKNOWN'],
    [post('m.room.create', {}), '400 M_INVALID_PARAM'],
    [post('m.room.power_levels', {}), '400 M_UNKNOWN'],
    [post('m.room.redaction', {}), '400 M_BAD_JSON'],
    [post('a%00', {}), '400 M_INVALID_PARAM'],
    [post('a', { x: 1.5 }), '400 M_BAD_JSON'],
    [post('a', { x: 'x'.repeat(66_000) }), '413 M_TOO_LARGE'],
    [post('x'.repeat(256), {}), '413 M_TOO_LARGE'],
    [post('a', '{'), '400 M_NOT_JSON'],
    [post('a', '[]'), '400 M_BAD_JSON'],
    [post('a', { 'm.mentions': 5 }), '400 M_BAD_JSON'],
    [post('a', { 'm.mentions': { user_ids: [5] } }), '400 M_BAD_JSON'],
    [post('a', { 'm.mentions': { room: 'yes' } }), '400 M_BAD_JSON'],
    [post('a?org.matrix.msc4140.delay=5', {}), '403 M_FORBIDDEN'],
    [state('m.room.create', {}), '400 M_INVALID_PARAM'],
    [state('m.room.topic', { topic: 5 }), '400 M_UNKNOWN'],
    [state('m.room.tombstone', {}), '400 M_UNKNOWN'],
    [state('m.room.tombstone', { replacement_room: room }), '400 M_UNKNOWN'],
    [state('m.room.server_acl', {}), '400 M_UNKNOWN'],
    [state('m.room.server_acl', { allow: ['*'], deny: ['Example.*'] }), '400 M_UNKNOWN'],
    [state('m.room.power_levels', { users: { [alice]: '100' } }), '400 M_BAD_JSON'],
    [state('m.room.power_levels', { users: 5 }), '400 M_BAD_JSON'],
    [state('m.room.power_levels', { users: { [alice]: 100 }, ban: true }), '400 M_BAD_JSON'],
    [state('m.room.retention', { min_lifetime: 5, max_lifetime: 3 }), '400 M_BAD_JSON'],
    [state('m.room.retention', { min_lifetime: '5' }), '400 M_BAD_JSON'],
    [state('m.room.aliases', { aliases: ['x'.repeat(256)] }, 'example.com'), '400 M_INVALID_PARAM'],
    [state('m.room.member', {}, alice), '400 M_UNKNOWN'],
    [state('m.room.member', { membership: 'x' }, alice), '400 M_UNKNOWN'],
    [state('m.room.member', { membership: 'join' }, 'alice'), '400 M_INVALID_PARAM'],
    [state('m.room.member', { membership: 'join', displayname: 5 }, alice), '400 M_BAD_JSON'],
    [state('m.room.member', { membership: 'join', displayname: 'x'.repeat(257) }, alice), '400 M_BAD_JSON'],
    [state('x', {}, bob), '403 M_FORBIDDEN'],
  ] as const)
    assert.equal(
      short(await rooms.send('alice', method, `/rooms/${encoded(room)}/${path}`, body)),
      expected,
      `${path} ${JSON.stringify(body)}`.slice(0, 100),
    )
  assert.equal((await rooms.eventsOf(room)).length, length)
  for (const path of ['send/a', 'send/m.room.message'])
    assert.equal(short(await rooms.send('alice', 'POST', `/rooms/!x:example.com/${path}`, text)), '403 M_FORBIDDEN')
})

test('what relates to an event is checked', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const [room, other] = [await roomWithBob(rooms), await roomWithBob(rooms)]
  let txns = 0
  const relate = async (who: string, relatesTo: object, { at = room, type = 'm.reaction', txn = `r${++txns}` } = {}) =>
    rooms.send(who, 'PUT', `/rooms/${encoded(at)}/send/${type}/${txn}`, { ...text, 'm.relates_to': relatesTo })
  const { event_id: root } = await rooms.send('alice', 'PUT', `/rooms/${encoded(room)}/send/m.room.message/root`, text)
  const like = { rel_type: 'm.annotation', event_id: root, key: '👍' }
  const thread = (eventId: unknown) => ({ rel_type: 'm.thread', event_id: eventId })

  const first = await relate('alice', like, { txn: 'once' })
  assert.equal(short(first), '200')
  assert.equal(short(await relate('alice', like)), '400 M_DUPLICATE_ANNOTATION')
  assert.deepEqual(await relate('alice', like, { txn: 'once' }), first, 'the same request again')
  assert.equal(short(await relate('bob', like)), '200')
  assert.equal(short(await relate('alice', { ...like, key: '🎉' })), '200')
  assert.equal(short(await relate('alice', like, { type: 'a' })), '200')
  await rooms.send('alice', 'PUT', `/rooms/${encoded(room)}/redact/${encoded(first.event_id as string)}/x`, {})
  assert.equal(short(await relate('alice', like)), '200', 'after it was taken back')

  assert.equal(short(await relate('alice', { ...like, key: undefined })), '400 M_UNKNOWN')
  assert.equal(short(await relate('alice', { ...like, key: 'x'.repeat(501) })), '400 M_UNKNOWN')
  assert.equal(short(await relate('alice', { ...like, event_id: '$unknown' })), '400 M_UNKNOWN')
  assert.equal(short(await relate('alice', { ...like, event_id: '$\0' })), '400 M_UNKNOWN')
  assert.equal(short(await relate('alice', like, { at: other })), '400 M_UNKNOWN')
  const reply = await relate('bob', thread(root))
  assert.equal(short(reply), '200')
  assert.equal(short(await relate('bob', thread(reply.event_id))), '400 M_UNKNOWN', 'a thread in a thread')
  assert.equal(short(await relate('bob', { 'm.in_reply_to': { event_id: '$unknown' } })), '200', 'no relation')
})

test('state is set, once, and memberships as by the requests of their own', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const room = await roomWithBob(rooms)
  const put = (who: string, path: string, body: object) =>
    rooms.send(who, 'PUT', `/rooms/${encoded(room)}/state/${path}`, body)
  const first = await put('alice', 'm.room.name', { name: 'n' })
  assert.deepEqual(await put('alice', 'm.room.name/', { name: 'n' }), first)
  assert.equal(short(await put('bob', 'm.room.name', { name: 'b' })), '403 M_FORBIDDEN')
  const given = { membership: 'join', join_authorised_via_users_server: alice, x: 1 }
  assert.equal(short(await put('bob', `m.room.member/${bob}`, given)), '200')
  assert.deepEqual(told((await rooms.eventsOf(room)).at(-1)!), ['m.room.member', bob, { membership: 'join', x: 1 }])
  assert.equal(short(await put('alice', `m.room.member/${bob}`, { membership: 'kick' })), '200')
  assert.deepEqual(told((await rooms.eventsOf(room)).at(-1)!), ['m.room.member', bob, { membership: 'leave' }])
})

test('a canonical alias is one that points to the room', async (t) => {
  const rooms = await roomRequests(t, postgres)
  const room = await roomWithBob(rooms, { room_alias_name: 'here' })
  await roomWithBob(rooms, { room_alias_name: 'there' })
  const put = async (body: object) =>
    short(await rooms.send('alice', 'PUT', `/rooms/${encoded(room)}/state/m.room.canonical_alias/`, body))
  const [here, there] = ['#here:example.com', '#there:example.com']
  for (const [body, expected] of [
    [{ alias: there }, '400 M_BAD_ALIAS'],
    [{ alias: '#nowhere:example.com' }, '400 M_BAD_ALIAS'],
    [{ alias: '#x:elsewhere.org' }, '502 M_UNKNOWN'],
    [{ alias: 'x' }, '400 M_INVALID_PARAM'],
    [{ alias: 5 }, '400 M_INVALID_PARAM'],
    [{ alt_aliases: 5 }, '400 M_INVALID_PARAM'],
    [{ alt_aliases: [5] }, '400 M_INVALID_PARAM'],
    [{ alias: here, alt_aliases: [there] }, '400 M_BAD_ALIAS'],
    [{ alias: here, alt_aliases: [here] }, '200'],
    [{}, '200'],
  ] as const)
    assert.equal(await put(body), expected, JSON.stringify(body))
  // What was named before need not point here any more.
  assert.equal(await put({ alias: here }), '200')
  await rooms.aliases.release(here as never)
  assert.equal(await put({ alias: here, n: 1 }), '200')
})

test('who may redact what', async (t) => {
  const rooms = await roomRequests(t, postgres)
  for (const version of ['1', '10', '11']) {
    const room = await roomWithBob(rooms, { room_version: version })
    const other = await roomWithBob(rooms, { room_version: version })
    const say = async (who: string, roomId = room) =>
      (await rooms.send(who, 'POST', `/rooms/${encoded(roomId)}/send/m.room.message`, text)).event_id as EventId
    const redact = async (who: string, eventId: string, body: object = {}) =>
      short(await rooms.send(who, 'POST', `/rooms/${encoded(room)}/redact/${encoded(eventId)}`, body))
    const [mine, his, elsewhere] = [await say('alice'), await say('bob'), await say('alice', other)]
    const create = (await rooms.states.currentEvent(room, 'm.room.create', ''))!
    const nobody = version === '1' ? '$nobody:example.com' : '$nobody'
    for (const [who, eventId, expected] of [
      ['bob', mine, '403 M_FORBIDDEN'],
      ['bob', his, '200'],
      ['bob', nobody, '404 M_NOT_FOUND'],
      ['alice', his, '200'],
      ['alice', nobody, '200'],
      ['alice', create, '403 M_FORBIDDEN'],
      ['alice', elsewhere, '400 M_UNKNOWN'],
      ['alice', '%00', '400 M_INVALID_PARAM'],
    ] as const)
      assert.equal(
        await redact(who, eventId === '%00' ? '\0' : eventId, { reason: 'r' }),
        expected,
        `${version} ${who} ${eventId}`,
      )
    const { type, content, redacts } = (await rooms.eventsOf(room)).at(-1)!
    assert.deepEqual([type, redacts], ['m.room.redaction', nobody])
    assert.deepEqual(content, version === '11' ? { reason: 'r', redacts: nobody } : { reason: 'r' })
    if (version === '11') {
      assert.equal(await redact('alice', mine, { redacts: his }), '400 M_INVALID_PARAM')
      assert.equal(await redact('alice', mine, { redacts: mine }), '200')
      const sent = await rooms.send('bob', 'POST', `/rooms/${encoded(room)}/send/m.room.redaction`, { redacts: mine })
      assert.equal(short(sent), '403 M_FORBIDDEN')
    }
  }
  assert.equal(short(await rooms.send('alice', 'POST', '/rooms/!x:example.com/redact/$x', {})), '404 M_NOT_FOUND')
})

test('messages are as many as the limits say; what made nothing does not count', async (t) => {
  const config = changed({
    rcMessage: { perSecond: 0.001, burstCount: 4 },
    rcAdminRedaction: { perSecond: 1, burstCount: 9 },
  })
  const rooms = await roomRequests(t, postgres, { config })
  // The room of alice, who joins none: one each.
  const room = await roomWithBob(rooms)
  const say = async (who: string, body: object = text, txnId?: string) => {
    const path = `/rooms/${encoded(room)}/send/m.room.message`
    return rooms.send(who, txnId === undefined ? 'POST' : 'PUT', txnId === undefined ? path : `${path}/${txnId}`, body)
  }
  const { event_id: eventId } = await say('bob', text, 't')
  for (let i = 0; i < 5; i++) {
    assert.equal((await say('bob', text, 't')).event_id, eventId)
    assert.equal(
      short(await rooms.send('bob', 'PUT', `/rooms/${encoded(room)}/state/m.room.name/`, { name: 'n' })),
      '403 M_FORBIDDEN',
    )
  }
  assert.equal(short(await say('bob')), '200')
  assert.equal(short(await say('bob')), '200')
  const late = await say('bob')
  assert.equal(short(late), '429 M_LIMIT_EXCEEDED')
  assert.ok((late.retry_after_ms as number) > 0)
  // Redactions by who moderates have a limit of their own.
  for (let i = 0; i < 6; i++)
    assert.equal(short(await rooms.send('alice', 'POST', `/rooms/${encoded(room)}/redact/${eventId}`, { i })), '200')
  await rooms.db.run('insert into ratelimit_override values ($1, 1000, 1000)', [alice])
})

test('what a shadow-banned user says reaches nobody, and a suspended one only takes back', async (t) => {
  const rooms = await roomRequests(t, postgres, { people: { ghost: { isShadowBanned: true } } })
  const room = await roomWithBob(rooms)
  await rooms.send('ghost', 'POST', `/join/${encoded(room)}`)
  const { length } = await rooms.eventsOf(room)
  for (const path of ['send/m.room.message/t', 'state/m.room.topic/'])
    assert.match(
      (await rooms.send('ghost', 'PUT', `/rooms/${encoded(room)}/${path}`, { ...text, topic: 't' })).event_id as string,
      /^\$[\w-]{43}$/,
    )
  assert.deepEqual([(await rooms.eventsOf(room)).length, rooms.pauses()], [length, 2])
})

test('who is suspended only takes back what they said', async (t) => {
  const late = { isSuspended: false }
  const rooms = await roomRequests(t, postgres, { people: { late } })
  const room = await roomWithBob(rooms)
  const path = `/rooms/${encoded(room)}`
  await rooms.send('late', 'POST', `/join/${encoded(room)}`)
  const own = (await rooms.send('late', 'POST', `${path}/send/m.room.message`, text)).event_id
  const his = (await rooms.send('bob', 'POST', `${path}/send/m.room.message`, text)).event_id
  late.isSuspended = true
  const of = async (target: string) => short(await rooms.send('late', 'POST', `${path}/${target}`, text))
  assert.equal(await of('send/m.room.message'), '403 M_USER_SUSPENDED')
  assert.equal(await of(`redact/${his}`), '403 M_USER_SUSPENDED')
  assert.equal(await of(`redact/${own}`), '200')
})

test('only appservices say when it happened', async (t) => {
  const rooms = await roomRequests(t, postgres, { people: { bridge: { appserviceId: 'irc', deviceId: undefined } } })
  const room = await roomWithBob(rooms)
  await rooms.send('bridge', 'POST', `/join/${encoded(room)}`)
  const at = async (who: string, txnId: string, ts: string) => {
    const sent = await rooms.send(who, 'PUT', `/rooms/${encoded(room)}/send/a/${txnId}?ts=${ts}`, {})
    return sent.status === 200 ? rooms.events.peek(sent.event_id as EventId)!.event.originServerTs : short(sent)
  }
  assert.equal(await at('bridge', '1', '5'), 5)
  assert.equal(await at('bridge', '2', 'x'), '400 M_INVALID_PARAM')
  assert.notEqual(await at('alice', '1', 'x'), 5)
  const { length } = await rooms.eventsOf(room)
  await at('bridge', '1', '5')
  assert.equal((await rooms.eventsOf(room)).length, length)
})
