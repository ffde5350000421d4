import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { EventIntent } from '../../../worker/rooms/sender.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  type RoomProcess,
  roomIntents,
  user,
} from '../../harness/room-process.ts'
import { type Answer, type AnswerRoom, type ClientEvent, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

const createRoom = async ({ sender }: RoomProcess, more: readonly EventIntent[] = []): Promise<RoomId> => {
  const { roomId } = await sender.createRoom(
    roomVersions['10'],
    createIntent('10', alice),
    () => [...roomIntents(alice), ...more],
    author('alice'),
    { isPublic: false },
  )
  return roomId
}
const say = async ({ sender }: RoomProcess, roomId: RoomId, localpart: string, ...intents: EventIntent[]) =>
  (await sender.send(roomId, intents, author(localpart))).map(({ eventId }) => eventId as string)

const ids = (events: readonly ClientEvent[]) => events.map(({ event_id }) => event_id)
const keys = (events: readonly ClientEvent[]) =>
  events
    .map(
      ({ type, state_key, content }) =>
        `${type}/${state_key ?? '-'}/${content.membership ?? content.body ?? content.topic ?? ''}`,
    )
    .sort()
const joined = (answer: Answer, roomId: RoomId): AnswerRoom => {
  const room = answer.rooms?.join?.[roomId]
  assert.ok(room, 'the room is there')
  return room
}
const topic = (text: string): EventIntent => ({ type: 'm.room.topic', stateKey: '', content: { topic: text } })

test('a first sync has the room whole; the next ones what is new', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!)
  const first = await process!.ask(alice)
  const room = joined(first, roomId)
  assert.equal(room.timeline.events.length, 5)
  assert.equal(room.timeline.limited, false)
  assert.deepEqual(room.state.events, [])
  assert.deepEqual(room.unread_notifications, { notification_count: 0, highlight_count: 0 })
  assert.deepEqual(room.summary, {})
  assert.deepEqual(
    first.account_data?.events.map(({ type }) => type),
    ['m.push_rules'],
  )
  assert.deepEqual(first.device_one_time_keys_count, { signed_curve25519: 0 })
  assert.deepEqual(first.device_unused_fallback_key_types, [])

  const nothing = await process!.ask(alice, { since: first.next_batch })
  assert.deepEqual(Object.keys(nothing).sort(), [
    'device_one_time_keys_count',
    'device_unused_fallback_key_types',
    'next_batch',
  ])
  const [id] = await say(process!, roomId, 'alice', message('hello'))
  const second = await process!.ask(alice, { since: nothing.next_batch })
  assert.deepEqual(ids(joined(second, roomId).timeline.events), [id])
  assert.equal(joined(second, roomId).timeline.limited, false)
  assert.deepEqual(joined(second, roomId).state.events, [])
  assert.equal(second.account_data, undefined)
})

test('a long poll is answered as soon as there is something, and with nothing when its time is over', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!)
  const { next_batch: since } = await process!.ask(alice)
  const polling = process!.ask(alice, { since, timeoutMs: 20_000 })
  const [id] = await say(process!, roomId, 'alice', message('hello'))
  assert.deepEqual(ids(joined(await polling, roomId).timeline.events), [id])

  const { next_batch: later } = await process!.ask(alice, { since })
  const before = performance.now()
  const over = await process!.ask(alice, { since: later, timeoutMs: 50 })
  assert.ok(performance.now() - before >= 45)
  assert.equal(over.rooms, undefined)
  const stop = new AbortController()
  const stopped = process!.ask(alice, { since: later, timeoutMs: 20_000, signal: stop.signal })
  setTimeout(() => stop.abort(), 10)
  assert.equal((await stopped).rooms, undefined)
})

test('a gap: the last events, the state that changed before them, and where to go on', async (t) => {
  const db = await postgres.db(t)
  // The second process remembers nothing, and has to ask the tables.
  const processes = await startSyncProcesses(t, db, {
    names: ['master', 'forgetful'],
    recentRows: (name) => (name === 'forgetful' ? 1 : undefined),
  })
  const roomId = await createRoom(processes[0]!)
  const { next_batch: since } = await processes[0]!.ask(alice)
  const before = await say(processes[0]!, roomId, 'alice', topic('one'), topic('two'), ...messages(3))
  const after = await say(
    processes[0]!,
    roomId,
    'alice',
    topic('three'),
    ...messages(2),
    topic('four'),
    message('last'),
  )
  const filter = { room: { timeline: { limit: 5 } } }
  for (const process of processes) {
    const room = joined(await process.ask(alice, { since, filter }), roomId)
    assert.deepEqual(ids(room.timeline.events), after, process.name)
    assert.equal(room.timeline.limited, true)
    assert.deepEqual(ids(room.state.events), [before[1]], 'as it was at the start of the timeline')
    const last = (await processes[0]!.events.get([before.at(-1)! as never])).values().next().value!
    assert.match(room.timeline.prev_batch, new RegExp(`^s${last.streamOrdering}_`))
    // All of the state, of a client that knows nothing.
    const whole = joined(await process.ask(alice, { filter }), roomId)
    assert.deepEqual(keys(whole.state.events), [
      'm.room.create//',
      'm.room.history_visibility//',
      'm.room.join_rules//',
      `m.room.member/${alice}/join`,
      'm.room.power_levels//',
      'm.room.topic//two',
    ])
    assert.equal(whole.timeline.limited, true)
    const full = joined(await process.ask(alice, { since, fullState: true }), roomId)
    assert.equal(full.timeline.events.length, 10)
    assert.equal(full.state.events.length, 5)
    const afterwards = joined(await process.ask(alice, { since, filter, useStateAfter: true }), roomId)
    assert.deepEqual(ids(afterwards.state_after!.events), [after[3]])
    assert.equal(afterwards.state, undefined)
  }
})

const messages = (count: number) => Array.from({ length: count }, (_, i) => message(`${i}`))

test('invitations, joining, leaving, being thrown out', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!, [{ type: 'm.room.name', stateKey: '', content: { name: 'a room' } }])
  const start = await process!.ask(bob)
  await say(process!, roomId, 'alice', member(bob, 'invite'))
  const invited = await process!.ask(bob, { since: start.next_batch })
  const state = invited.rooms!.invite![roomId]!.invite_state.events
  assert.ok(state.some(({ type }) => type === 'm.room.name'))
  assert.equal(state.at(-1)!.state_key, bob)
  assert.equal((await process!.ask(bob, { since: invited.next_batch })).rooms, undefined, 'once')
  assert.ok((await process!.ask(bob)).rooms!.invite![roomId], 'and to who begins anew')

  await say(process!, roomId, 'alice', topic('before bob'))
  const [join] = await say(process!, roomId, 'bob', member(bob, 'join'))
  const came = await process!.ask(bob, { since: invited.next_batch, filter: { room: { timeline: { limit: 1 } } } })
  const room = joined(came, roomId)
  assert.deepEqual(ids(room.timeline.events), [join])
  assert.equal(room.timeline.limited, true)
  assert.ok(keys(room.state.events).includes('m.room.topic//before bob'))
  assert.ok(keys(room.state.events).includes(`m.room.member/${bob}/invite`), 'what the timeline replaces')

  const [kick] = await say(process!, roomId, 'alice', member(bob, 'leave'))
  await say(process!, roomId, 'alice', message('bob does not hear'), topic('nor see'))
  const gone = await process!.ask(bob, { since: came.next_batch })
  assert.equal(gone.rooms!.join, undefined)
  assert.deepEqual(ids(gone.rooms!.leave![roomId]!.timeline.events), [kick])
  assert.deepEqual(gone.rooms!.leave![roomId]!.state.events, [])
  assert.equal((await process!.ask(bob, { since: gone.next_batch })).rooms, undefined)
  // Who was thrown out is told so, also when they begin anew; the room as it was then.
  const anew = (await process!.ask(bob, { filter: { room: { timeline: { limit: 1 } } } })).rooms!.leave![roomId]!
  assert.deepEqual(ids(anew.timeline.events), [kick])
  assert.ok(!JSON.stringify(anew).includes('nor see'))
  assert.ok(keys(anew.state.events).includes('m.room.topic//before bob'))

  // An invitation that is taken back: of the room nothing is told but that.
  await say(process!, roomId, 'alice', member(carol, 'invite'))
  const asked = await process!.ask(carol)
  const [declined] = await say(process!, roomId, 'carol', member(carol, 'leave'))
  const rejected = await process!.ask(carol, { since: asked.next_batch })
  assert.deepEqual(ids(rejected.rooms!.leave![roomId]!.timeline.events), [declined])
  assert.deepEqual(rejected.rooms!.leave![roomId]!.state.events, [])
  assert.equal((await process!.ask(carol)).rooms, undefined)
  const all = await process!.ask(carol, { filter: { room: { include_leave: true } } })
  assert.deepEqual(ids(all.rooms!.leave![roomId]!.timeline.events), [declined])
  assert.deepEqual(all.rooms!.leave![roomId]!.state.events, [])
})

test('who came and went between two syncs is told of the room up to then', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!)
  const start = await process!.ask(bob)
  await say(process!, roomId, 'bob', member(bob, 'join'), message('hi'))
  const [leave] = await say(process!, roomId, 'bob', member(bob, 'leave'))
  await say(process!, roomId, 'alice', message('secret'))
  const answer = await process!.ask(bob, { since: start.next_batch })
  const room = answer.rooms!.leave![roomId]!
  assert.equal(ids(room.timeline.events).at(-1), leave)
  assert.ok(!JSON.stringify(room).includes('secret'))
  // And who went and came back has not lost the room.
  await say(process!, roomId, 'bob', member(bob, 'join'))
  const back = await process!.ask(bob, { since: answer.next_batch })
  await say(process!, roomId, 'bob', member(bob, 'leave'))
  await say(process!, roomId, 'bob', member(bob, 'join'))
  const twice = joined(await process!.ask(bob, { since: back.next_batch }), roomId)
  assert.deepEqual(
    twice.timeline.events.map(({ content }) => content.membership),
    ['leave', 'join'],
  )
  assert.equal(twice.timeline.limited, false)
})

test('who was thrown out and asked in again is told of both; of a ban, who was outside', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!)
  await say(process!, roomId, 'bob', member(bob, 'join'))
  const start = await process!.ask(bob)
  const told = await say(process!, roomId, 'alice', message('still here'), member(bob, 'leave'))
  await say(process!, roomId, 'alice', message('secret'), member(bob, 'invite'))
  const answer = await process!.ask(bob, { since: start.next_batch })
  assert.deepEqual(ids(answer.rooms!.leave![roomId]!.timeline.events), told)
  assert.ok(answer.rooms!.invite![roomId])
  assert.ok(!JSON.stringify(answer).includes('secret'))
  const [ban] = await say(process!, roomId, 'alice', member(bob, 'ban'))
  const banned = await process!.ask(bob, { since: answer.next_batch })
  const { events } = banned.rooms!.leave![roomId]!.timeline
  assert.deepEqual(ids(events), [ban])
  assert.equal(events[0]!.unsigned.membership, 'ban')
})

test('members are loaded lazily: those who spoke, once, and again where the answer was lost', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const roomId = await createRoom(process!)
  for (const name of ['bob', 'carol', 'dave']) await say(process!, roomId, name, member(user(name), 'join'))
  await say(process!, roomId, 'bob', message('bob'))
  const lazy = { lazy_load_members: true }
  const filter = { room: { state: lazy, timeline: { limit: 1, ...lazy } } }
  const first = await process!.ask(alice, { filter })
  const members = (answer: Answer) => {
    const { state } = joined(answer, roomId)
    return state.events.flatMap(({ type, state_key }) => (type === 'm.room.member' ? state_key! : [])).sort()
  }
  assert.deepEqual(joined(first, roomId).summary, {
    'm.heroes': [bob, carol, user('dave')],
    'm.joined_member_count': 4,
    'm.invited_member_count': 0,
  })
  assert.deepEqual(members(first), [alice, bob, carol, user('dave')], 'the speaker, oneself, and who names the room')

  await say(process!, roomId, 'alice', { type: 'm.room.name', stateKey: '', content: { name: 'named' } })
  const second = await process!.ask(alice, { filter, since: first.next_batch })
  assert.deepEqual(members(second), [])
  await say(process!, roomId, 'erin', member(user('erin'), 'join'))
  await say(process!, roomId, 'erin', message('erin'))
  await say(process!, roomId, 'bob', message('bob again'))
  const third = await process!.ask(alice, {
    filter: { room: { state: lazy, timeline: { limit: 2 } } },
    since: second.next_batch,
  })
  assert.deepEqual(members(third), [user('erin')])
  assert.equal(joined(third, roomId).summary['m.joined_member_count'], 5)
  assert.equal(joined(third, roomId).summary['m.heroes'], undefined, 'the room has a name')
  // The answer did not arrive.
  const again = await process!.ask(alice, {
    filter: { room: { state: lazy, timeline: { limit: 2 } } },
    since: second.next_batch,
  })
  assert.deepEqual(members(again), [user('erin')])
  await say(process!, roomId, 'erin', message('more'))
  const next = { filter: { room: { state: lazy } }, since: third.next_batch }
  assert.deepEqual(members(await process!.ask(alice, next)), [])
  const redundant = { room: { state: { ...lazy, include_redundant_members: true } } }
  assert.deepEqual(members(await process!.ask(alice, { ...next, filter: redundant })), [user('erin')])
  assert.deepEqual(members(await process!.ask(alice, { ...next, deviceId: 'LAPTOP' })), [user('erin')])
})

test('filters: types, rooms, no timeline, formats', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const [roomId, other] = [await createRoom(process!), await createRoom(process!)]
  const start = await process!.ask(alice)
  const sent = await say(process!, roomId, 'alice', message('1'), topic('t'), ...messages(30))
  await say(process!, other, 'alice', message('elsewhere'))
  const ask = async (room: object, more = {}) =>
    process!.ask(alice, { since: start.next_batch, filter: { room, ...more } as never })
  const topics = joined(await ask({ timeline: { types: ['m.room.topic'], limit: 3 } }), roomId)
  assert.deepEqual(ids(topics.timeline.events), [sent[1]])
  assert.equal(topics.timeline.limited, false)
  assert.deepEqual(Object.keys((await ask({ rooms: [roomId] })).rooms!.join!), [roomId])
  assert.deepEqual(Object.keys((await ask({ timeline: { not_rooms: [roomId] }, state: { types: [] } })).rooms!.join!), [
    other,
  ])
  const none = joined(await ask({ timeline: { limit: 0 } }), roomId)
  assert.deepEqual([none.timeline.events, none.timeline.limited], [[], true])
  assert.equal((await ask({ timeline: { limit: 0 }, state: { types: [] } })).rooms, undefined, 'nothing to tell')
  assert.deepEqual(ids(none.state.events), [sent[1]])
  const fields = await ask({ timeline: { limit: 1 } }, { event_fields: ['content.body'] })
  assert.deepEqual(joined(fields, other).timeline.events, [{ content: { body: 'elsewhere' } }])
  const raw = joined(await ask({ timeline: { limit: 1 } }, { event_format: 'federation' }), other)
  assert.ok('auth_events' in raw.timeline.events[0]!)
  // Nothing that passes: the client waits.
  const nothing = await ask({ timeline: { types: ['x'] }, state: { types: [] } })
  assert.equal(nothing.rooms, undefined)
  assert.notEqual(nothing.next_batch, start.next_batch)
})

test('excluded rooms are told to nobody, whatever they are to the user', async (t) => {
  const db = await postgres.db(t)
  const excludedRooms = new Set<RoomId>()
  const [process] = await startSyncProcesses(t, db, { excludedRooms })
  const [seen, lobby] = [await createRoom(process!), await createRoom(process!)]
  excludedRooms.add(lobby)
  const first = await process!.ask(alice)
  assert.deepEqual(Object.keys(first.rooms!.join!), [seen])
  for (const membership of ['invite', 'join', 'leave']) {
    const since = (await process!.ask(bob)).next_batch
    const by = membership === 'invite' ? 'alice' : 'bob'
    for (const roomId of [seen, lobby]) await say(process!, roomId, by, member(bob, membership))
    const { rooms } = await process!.ask(bob, { since })
    const told = Object.values(rooms ?? {}).flatMap((of) => Object.keys(of))
    assert.deepEqual(told, [seen], membership)
  }
  await say(process!, lobby, 'alice', message('x'))
  const poll = await process!.ask(alice, { since: first.next_batch, timeoutMs: 50 })
  assert.ok(!JSON.stringify(poll).includes(lobby))
})
