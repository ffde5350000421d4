/**
 * `/sync` beside a real Synapse: the same script on both, the same answers, but for what is no part of this server yet, and
 * what every server makes up for itself (IDs, times, tokens).
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { homeserver } from '../harness/homeserver.ts'
import { register, type User } from '../harness/matrix-client.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSynapse } from '../harness/synapse.ts'

const V3 = '/_matrix/client/v3'
const plenty = { per_second: 1_000, burst_count: 1_000 }
const limits = {
  rc_message: plenty,
  rc_registration: plenty,
  rc_joins: { local: plenty, remote: plenty },
  rc_joins_per_room: plenty,
  rc_invites: { per_room: plenty, per_user: plenty, per_issuer: plenty },
  rc_room_creation: plenty,
}

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
type Json = any
/** What was asked, and what came of it, without what differs anyway. */
type Seen = readonly (readonly [what: string, answer: Json])[]

async function play(url: string): Promise<Seen> {
  const seen: (readonly [string, Json])[] = []
  const names = new Map<string, string>()
  const users = new Map<string, User>()
  const tokens = new Map<string, string>()
  for (const name of ['alice', 'bob', 'carol']) users.set(name, await register(url, name))
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => users.get(name)!) as [User, User, User]
  let timeout = 0

  const name = (id: string, as: string) => names.set(id, as)
  /** Goes on from the user's last answer. */
  const sync = async (what: string, user: User, query: Readonly<Record<string, string>> = {}, isNew = false) => {
    const since = isNew ? undefined : tokens.get(user.userId)
    // Synapse keeps first answers for two minutes: each asks for another timeout.
    const answer = (await user.sync(since, { timeout: String(++timeout), ...query })) as Json
    if (!isNew || !tokens.has(user.userId)) tokens.set(user.userId, answer.next_batch)
    seen.push([what, plain(answer, names)])
    return answer
  }
  const inRoom = (room: string, path: string) => `${V3}/rooms/${encodeURIComponent(room)}/${path}`
  const send = async (user: User, room: string, body: string, as = body) => name(await user.send(room, body), `$${as}`)
  const state = async (user: User, room: string, type: string, content: object, as: string) => {
    const { event_id: id } = await user.ask('PUT', inRoom(room, `state/${type}/`), content)
    name(id, `$${as}`)
  }
  const membership = (user: User, room: string, action: string, target?: User) =>
    user.ask('POST', inRoom(room, action), target === undefined ? {} : { user_id: target.userId })

  await sync('a new user', carol)
  const room = await alice.createRoom({ name: 'a room', topic: 'a topic' })
  name(room, '!room')
  await sync('the creator', alice)
  await sync('nothing new', alice)
  await sync('before the invitation', bob)
  await membership(alice, room, 'invite', bob)
  await sync('invited', bob)
  await sync('the inviter', alice)
  await bob.join(room)
  await sync('joined', bob)
  await sync('who was there', alice)
  for (let i = 0; i < 3; i++) await send(bob, room, `m${i}`)
  await sync('messages', alice)
  await sync('of oneself', bob)
  for (let i = 3; i < 20; i++) await send(bob, room, `m${i}`)
  await state(alice, room, 'm.room.topic', { topic: 'another' }, 'topic2')
  for (let i = 20; i < 23; i++) await send(bob, room, `m${i}`)
  await sync('a gap, all events', alice, { filter: filter({ timeline: { limit: 50 } }) })
  await send(alice, room, 'a reply')
  await sync('only topics', bob, { filter: filter({ timeline: { types: ['m.room.topic'] } }) })
  await state(alice, room, 'm.room.topic', { topic: 'third' }, 'topic3')
  for (let i = 23; i < 40; i++) await send(alice, room, `m${i}`)
  await sync('a gap', bob, { filter: filter({ timeline: { limit: 4 } }) })
  await sync('anew, the last two', bob, { filter: filter({ timeline: { limit: 2 } }) }, true)
  const lazy = { lazy_load_members: true }
  await sync('anew and lazily', bob, { filter: filter({ state: lazy, timeline: { limit: 2, ...lazy } }) }, true)
  await sync('full state', bob, { full_state: 'true', filter: filter({ timeline: { limit: 3 } }) })
  await sync(
    'nothing but account data',
    alice,
    { filter: filter({ timeline: { limit: 0 }, state: { types: [] } }) },
    true,
  )

  await alice.setTyping(room, true)
  await sync('typing', bob)
  await alice.setTyping(room, false)
  await sync('not typing', bob)
  const last = [...names].find(([, as]) => as === '$m39')![0]
  await bob.ask('POST', inRoom(room, `receipt/m.read/${encodeURIComponent(last)}`), {})
  await sync('read', bob)
  await sync('read by another', alice)
  await alice.ask('POST', inRoom(room, `receipt/m.read.private/${encodeURIComponent(last)}`), {})
  await sync('read in private', alice)
  await sync('and nobody else sees', bob)
  await bob.ask('POST', inRoom(room, 'read_markers'), { 'm.fully_read': last })
  await sync('the marker', bob)
  const data = (user: User, path: string) => `${V3}/user/${encodeURIComponent(user.userId)}/${path}`
  await bob.ask('PUT', data(bob, 'account_data/im.x'), { a: 1 })
  await bob.ask('PUT', data(bob, `rooms/${encodeURIComponent(room)}/account_data/im.y`), { b: 2 })
  await bob.ask('PUT', data(bob, `rooms/${encodeURIComponent(room)}/tags/u.work`), { order: 0.5 })
  await sync('account data', bob)
  await bob.ask('DELETE', data(bob, `rooms/${encodeURIComponent(room)}/tags/u.work`))
  await sync('no tag', bob)
  await bob.ask('PUT', `${V3}/pushrules/global/room/${encodeURIComponent(room)}`, { actions: [] })
  await sync('push rules', bob)
  await bob.ask('DELETE', `${V3}/pushrules/global/room/${encodeURIComponent(room)}`)
  await send(alice, room, 'bob, hello', 'mention')
  await sync('unread', bob)
  await sync('anew', bob, {}, true)

  await membership(alice, room, 'invite', carol)
  await sync('asked', carol)
  await membership(carol, room, 'leave')
  await sync('declined', carol)
  await sync('declined, anew', carol, {}, true)
  await sync('declined, anew, with rooms left', carol, { filter: filter({ include_leave: true }) }, true)
  await membership(alice, room, 'kick', bob)
  await send(alice, room, 'behind their back')
  await sync('thrown out', bob)
  await sync('thrown out, anew', bob, { filter: filter({ timeline: { limit: 2 } }) }, true)
  await membership(alice, room, 'ban', bob)
  await sync('banned', bob)
  await membership(alice, room, 'unban', bob)
  await membership(alice, room, 'invite', bob)
  await sync('asked again', bob)
  await bob.join(room)
  await sync('back', bob)
  await membership(bob, room, 'leave')
  await bob.tryTo('POST', inRoom(room, 'forget'), {})
  await sync('left and forgotten', bob)
  await sync('anew, without', bob, { filter: filter({ include_leave: true }) }, true)

  const open = await alice.createRoom({ preset: 'public_chat' })
  name(open, '!open')
  await send(alice, open, 'hear, hear')
  await bob.join(open)
  await membership(bob, open, 'leave')
  await sync('came and went', bob)

  // Knocks: who may come in is asked, and answered.
  const closed = await alice.createRoom({
    room_version: '10',
    name: 'closed',
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
  })
  name(closed, '!closed')
  await sync('before the knock', carol)
  await carol.ask('POST', `${V3}/knock/${encodeURIComponent(closed)}`, { reason: 'please' })
  await sync('knocked', carol)
  await sync('who is knocked at', alice)
  await sync('knocked, anew', carol, {}, true)
  await membership(alice, closed, 'kick', carol)
  await sync('not let in', carol)
  await carol.ask('POST', `${V3}/knock/${encodeURIComponent(closed)}`, {})
  await sync('knocked again', carol)
  await membership(alice, closed, 'invite', carol)
  await sync('let in', carol)
  await carol.join(closed)
  await sync('in', carol)

  // State after the timeline instead of before it.
  const after = { use_state_after: 'true' }
  await sync('anew, state after', carol, { ...after, filter: filter({ timeline: { limit: 1 } }) }, true)
  await state(alice, closed, 'm.room.topic', { topic: 'one' }, 'one')
  await send(alice, closed, 'a word')
  await state(alice, closed, 'm.room.topic', { topic: 'two' }, 'two')
  await sync('state after', carol, after)
  for (let i = 0; i < 5; i++) await send(alice, closed, `w${i}`)
  await sync('a gap, state after', carol, { ...after, filter: filter({ timeline: { limit: 2 } }) })

  // Threads.
  const threads = { filter: filter({ timeline: { unread_thread_notifications: true } }) }
  const root = await alice.send(closed, 'root')
  name(root, '$root')
  await sync('a root', carol, threads)
  const reply = (body: string) => ({
    msgtype: 'm.text',
    body,
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  for (const body of ['carol: one', 'two']) {
    const { event_id: id } = await alice.ask('PUT', inRoom(closed, `send/m.room.message/${body.length}`), reply(body))
    name(id, `$${body}`)
  }
  await sync('replies in a thread', carol, threads)
  await sync('anew with threads', carol, threads, true)
  await sync('anew without threads', carol, {}, true)
  await carol.ask('POST', inRoom(closed, `receipt/m.read/${encodeURIComponent(root)}`), { thread_id: 'main' })
  await sync('the main timeline read', carol, threads)

  // Who is ignored does not invite, and is not heard.
  await carol.ask('PUT', data(carol, 'account_data/m.ignored_user_list'), { ignored_users: { [bob.userId]: {} } })
  await sync('ignoring', carol)
  const unwanted = await bob.createRoom({ preset: 'private_chat' })
  name(unwanted, '!unwanted')
  await membership(bob, unwanted, 'invite', carol)
  await sync('asked by who is ignored', carol)
  await sync('asked by who is ignored, anew', carol, {}, true)
  await membership(alice, closed, 'invite', bob)
  await bob.join(closed)
  await send(bob, closed, 'do you hear me')
  await sync('who is ignored speaks', carol)
  await sync('who is ignored speaks, anew', carol, {}, true)
  await carol.ask('PUT', data(carol, 'account_data/m.ignored_user_list'), { ignored_users: {} })
  await sync('not ignoring', carol)

  // Rooms left.
  const left = { filter: filter({ include_leave: true, timeline: { limit: 3 } }) }
  await membership(carol, closed, 'leave')
  await send(alice, closed, 'without carol')
  await sync('left', carol, left)
  await sync('left, anew', carol, left, true)
  await sync('left, full state', carol, { ...left, full_state: 'true' })
  await membership(carol, closed, 'forget')
  await sync('forgotten, anew', carol, left, true)

  // What a filter leaves of it.
  const odd = [
    { rooms: [] },
    { not_rooms: [room, closed, open] },
    { timeline: { senders: [alice.userId], limit: 2 } },
    { timeline: { not_types: ['m.room.mess*'], limit: 3 } },
    { timeline: { contains_url: true } },
    { state: { types: [] }, ephemeral: { types: [] }, account_data: { types: [] } },
    { state: { not_senders: [alice.userId] } },
  ]
  for (const [i, one] of odd.entries()) await sync(`filter ${i}`, alice, { filter: filter(one) }, true)
  // The specification's schema, which answers are held against, has these in every event.
  const fields = ['type', 'event_id', 'sender', 'origin_server_ts', 'state_key', 'unsigned']
  await sync('fields', alice, { filter: JSON.stringify({ event_fields: [...fields, 'content'] }) }, true)
  return seen
}

const filter = (room: object): string => JSON.stringify({ room })

/** Without IDs, times and tokens, lists that have no order sorted. */
function plain(answer: Json, names: ReadonlyMap<string, string>): Json {
  const text = JSON.stringify(answer, (key, value) => {
    if (LEFT_OUT.has(key)) return undefined
    if (key === 'unsigned') return plainUnsigned(value)
    return value
  })
  let known = text
  for (const [id, as] of names) known = known.replaceAll(JSON.stringify(id).slice(1, -1), as)
  // Those that nobody named.
  const result = JSON.parse(known.replace(/\$[A-Za-z0-9_-]{43}/g, '$event').replace(/![A-Za-z0-9_-]{43}/g, '!other'))
  for (const kind of ['join', 'leave'])
    for (const room of Object.values(result.rooms?.[kind] ?? {}) as Json[]) {
      // Of a create event of rooms/v12, where it is the only one that says it.
      const { events } = room.state ?? room.state_after
      for (const event of [...events, ...room.timeline.events]) {
        delete event.room_id
        for (const key of MADE_UP) delete event[key]
      }
      events.sort(byTypeAndKey)
      room.account_data.events.sort(byTypeAndKey)
    }
  for (const { knock_state } of Object.values(result.rooms?.knock ?? {}) as Json[])
    knock_state.events.sort(byTypeAndKey)
  for (const { invite_state } of Object.values(result.rooms?.invite ?? {}) as Json[])
    invite_state.events.sort(byTypeAndKey)
  result.account_data?.events.sort(byTypeAndKey)
  // A kind of push rules that has none.
  for (const { content } of result.account_data?.events ?? []) delete content.global?.postcontent
  return result
}

const LEFT_OUT = new Set([
  // Made up by the server.
  ...['next_batch', 'prev_batch', 'event_id', 'origin_server_ts', 'age', 'ts', 'replaces_state', 'transaction_id'],
  // No part of this server yet.
  ...['presence', 'device_lists', 'to_device'],
])

/** Of events as servers have them. */
const MADE_UP = ['auth_events', 'prev_events', 'hashes', 'signatures', 'depth', 'origin']

/** Where an event is a part of the state, what it replaced is not told here. */
const plainUnsigned = ({ membership, prev_content, prev_sender }: Json): Json =>
  membership === undefined ? {} : { membership, prev_content, prev_sender }

const byTypeAndKey = (a: Json, b: Json): number => {
  const key = ({ type, state_key = '' }: Json) => `${type} ${state_key}`
  return key(a) < key(b) ? -1 : 1
}

/** Wanted differences, by what was asked. */
const EXPLAINED: Readonly<Record<string, string>> = {
  anew: 'a room where nobody types needs no event that says so',
  'declined, anew, with rooms left': 'who was never in the room is told nothing of it',
  'thrown out, anew': 'the state is that before the first event of the timeline, not after it',
  'left, anew': 'as of declined and thrown out',
  'forgotten, anew': 'as of declined',
  'filter 1': 'a create event of rooms/v12 has no room ID, and so passes there',
  'filter 3': 'the state is that before the first event of the timeline, not after it',
  ...Object.fromEntries(
    ['filter 2', 'filter 4', 'filter 6', 'fields'].map((what) => [
      what,
      'a room where nobody types needs no event that says so',
    ]),
  ),
  ...Object.fromEntries(
    ['anew, state after', 'state after', 'a gap, state after'].map((what) => [
      what,
      'Synapse has it under unstable names',
    ]),
  ),
  back: 'who comes to a room is told of the receipts in it',
}

test('a script of a conversation is synced alike', async (t: TestContext) => {
  const postgres = await startPostgres({ atEnd: (work) => t.after(work) })
  const [ours, synapse] = await Promise.all([
    homeserver(t, postgres, { settings: { ...limits, enable_registration: true } }),
    startSynapse(t, limits),
  ])
  const [here, there] = [await play(ours.url), await play(synapse.url)]
  assert.deepEqual(
    here.map(([what]) => what),
    there.map(([what]) => what),
  )
  const different: string[] = []
  for (const [i, [what, answer]] of here.entries()) {
    const expected = there[i]![1]
    if (isSame(answer, expected)) continue
    if (what in EXPLAINED) t.diagnostic(`${what}: ${EXPLAINED[what]}`)
    else different.push(what)
    if (process.env.SHOW_DIFFERENCES !== undefined)
      console.log(what, '\nhere ', JSON.stringify(answer), '\nthere', JSON.stringify(expected))
  }
  assert.deepEqual(different, [])
})

function isSame(a: Json, b: Json): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
