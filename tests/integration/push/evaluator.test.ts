import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { makeRuleCompiler } from '../../../shared/matrix/push-rules/compile.ts'
import { defaultRules, synapseFeatures } from '../../../shared/matrix/push-rules/default-rules.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makePushEvaluator } from '../../../worker/push/evaluator.ts'
import { makeIgnorers } from '../../../worker/push/ignorers.ts'
import { makeUserRules } from '../../../worker/push/user-rules.ts'
import type { KnownEvent } from '../../../worker/rooms/event-store.ts'
import { replaceIgnoredUsers } from '../../../worker/storage/account-data.ts'
import { insertRelations } from '../../../worker/storage/events.ts'
import { insertMemberships } from '../../../worker/storage/memberships.ts'
import { switchPushRule, upsertPushRule } from '../../../worker/storage/push-rules.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const user = (name: string) => `@${name}:s` as UserId
const room = '!room:s' as RoomId
const version = roomVersions['11']
type T = Parameters<typeof postgres.db>[0]

/** A room of @sender:s, @alice:s and @bob:s, all of this server, in which 100 others are. */
async function world(t: T, options: { history?: string; notifications?: JsonObject } = {}) {
  const db = await postgres.db(t)
  const streams = makeLoneStreams()
  const compiler = makeRuleCompiler(defaultRules(synapseFeatures))
  const events = new Map<EventId, KnownEvent>()
  const state = new Map<string, Map<string, EventId>>()
  let made = 0
  const make = (json: JsonObject): RoomEvent => {
    const whole = { type: 'm.room.message', sender: user('sender'), room_id: room, content: {}, ...json }
    return {
      eventId: `$${++made}`,
      roomId: room,
      type: whole.type,
      stateKey: 'state_key' in whole ? whole.state_key : undefined,
      sender: whole.sender,
      content: whole.content,
      originServerTs: 1,
      redacts: undefined,
      json: whole,
    } as unknown as RoomEvent
  }
  const set = (type: string, stateKey: string, content: JsonObject, sender = user('sender')) => {
    const event = make({ type, state_key: stateKey, content, sender })
    events.set(event.eventId, { event } as KnownEvent)
    if (!state.has(type)) state.set(type, new Map())
    state.get(type)!.set(stateKey, event.eventId)
    return event
  }
  set('m.room.create', '', {})
  set('m.room.power_levels', '', {
    users: { [user('sender')]: 40 },
    notifications: options.notifications ?? { room: 40 },
  })
  set('m.room.history_visibility', '', { history_visibility: options.history ?? 'shared' })
  const join = (name: string, displayName: string | null = null) => {
    const event = set('m.room.member', user(name), { membership: 'join', displayname: displayName }, user(name))
    return {
      eventId: event.eventId,
      roomId: room,
      userId: user(name),
      sender: user(name),
      membership: 'join' as const,
      displayName,
      avatarUrl: null,
      eventStreamOrdering: made,
    }
  }
  await db.run(
    `insert into events (topological_ordering, event_id, type, room_id, processed, outlier, depth, stream_ordering)
     select n, '$' || n, 'm.room.member', $1, true, false, n, n from generate_series(4, 6) as n`,
    [room],
  )
  await insertMemberships(db, [join('sender'), join('alice', 'Allie'), join('bob')])
  const locals = new Set([user('sender'), user('alice'), user('bob')])
  let members = 103
  const evaluator = makePushEvaluator({
    db,
    events: { get: async (ids) => new Map(ids.flatMap((id) => (events.has(id) ? [[id, events.get(id)!]] : []))) },
    memberships: {
      joinedLocals: async () => locals,
      joined: async () => new Set(Array.from({ length: members }, (_, i) => user(`${i}`))),
    },
    rules: makeUserRules({ db, streams, compiler }),
    ignorers: makeIgnorers({ db, streams, caches: { on: () => undefined } }),
    compiler,
    isLocal: (userId) => userId.endsWith(':s'),
    isAppserviceUser: (userId) => userId === user('ghost'),
  })
  return {
    db,
    streams,
    locals,
    state,
    set,
    make,
    events,
    setMembers: (count: number) => {
      members = count
    },
    evaluate: async (json: JsonObject, batch?: ReadonlyMap<EventId, RoomEvent>) => {
      const actions = await evaluator.evaluate(make(json), version, state, batch)
      return Object.fromEntries(actions.map(({ userId, ...rest }) => [userId.slice(1, -2), rest]))
    },
    evaluateFor: async (json: JsonObject) =>
      (await evaluator.evaluate(make(json), version, state)).map(({ userId }) => userId),
  }
}

const plain = { actions: '', notifies: true, highlights: false, isUnread: false, threadId: 'main' }
const mention = '["notify",{"set_tweak":"highlight"},{"set_tweak":"sound","value":"default"}]'
const text = (body: string, more: JsonObject = {}) => ({ content: { msgtype: 'm.text', body, ...more } })

test('a message notifies every local member but its sender, in the short form', async (t) => {
  const { evaluate, locals } = await world(t)
  assert.deepEqual(await evaluate(text('hello')), { alice: plain, bob: plain })
  locals.add(user('ghost'))
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice', 'bob'])
  assert.deepEqual(await evaluate({ type: 'm.reaction', content: {} }), {})
})

test('names are found, the user’s own and that in the room', async (t) => {
  const { evaluate, set } = await world(t)
  const highlight = { ...plain, actions: mention, highlights: true }
  assert.deepEqual(await evaluate(text('hi allie!')), { alice: highlight, bob: plain })
  assert.deepEqual(await evaluate(text('hi bob')), { alice: plain, bob: highlight })
  const mentions = { 'm.mentions': { user_ids: [user('bob')] } }
  assert.deepEqual(await evaluate(text('hi allie', mentions)), { alice: plain, bob: highlight })
  // A name of an event that is made together with the message.
  const event = set('m.room.member', user('bob'), { membership: 'join', displayname: 'Robert' }, user('bob'))
  assert.deepEqual((await evaluate(text('robert'), new Map([[event.eventId, event]]))).bob, highlight)
})

test('@room needs the sender’s level and the members’ number decides sound', async (t) => {
  const allowed = await world(t)
  assert.equal((await allowed.evaluate(text('@room'))).alice?.highlights, true)
  const denied = await world(t, { notifications: { room: 41 } })
  assert.equal((await denied.evaluate(text('@room'))).alice?.highlights, false)
  denied.setMembers(2)
  assert.equal(
    (await denied.evaluate(text('x'))).alice?.actions,
    '["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight","value":false}]',
  )
})

test('an invitation notifies the invited alone', async (t) => {
  const { evaluate } = await world(t)
  const invite = (target: string) => ({
    type: 'm.room.member',
    state_key: target,
    content: { membership: 'invite', body: 'alice' },
  })
  const actions = '["notify",{"set_tweak":"highlight","value":false},{"set_tweak":"sound","value":"default"}]'
  assert.deepEqual(await evaluate(invite(user('carol'))), { carol: { ...plain, actions } })
  assert.deepEqual(await evaluate(invite('@carol:elsewhere')), {})
  assert.deepEqual(await evaluate({ ...invite(user('alice')), content: { membership: 'leave' } }), {})
})

test('who does not see the event is not notified', async (t) => {
  const { evaluate, state, locals } = await world(t, { history: 'joined' })
  locals.add(user('late'))
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice', 'bob'])
  state.get('m.room.history_visibility')!.clear()
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice', 'bob', 'late'])
})

test('who ignores the sender is not notified, but of state', async (t) => {
  const { db, streams, evaluate } = await world(t)
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice', 'bob'])
  await db.transaction('read committed', (tx) => replaceIgnoredUsers(tx, user('bob'), [user('sender')]))
  streams.hear('account_data', [{ userId: user('bob'), roomId: null, type: 'm.ignored_user_list' }], 7)
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice'])
  const tombstone = { type: 'm.room.tombstone', state_key: '', content: {} }
  assert.deepEqual(Object.keys(await evaluate(tombstone)), ['alice', 'bob'])
})

test('changed rules count from the position on at which they changed', async (t) => {
  const { db, streams, evaluate } = await world(t)
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['alice', 'bob'])
  const at = (streamId: number) => ({ streamId, instanceName: 'master', eventStreamOrdering: 1 })
  await db.transaction('read committed', (tx) =>
    switchPushRule(tx, user('alice'), 'global/underride/.m.rule.message', false, at(2)),
  )
  streams.hear('push_rules', [{ userId: user('alice') }], 2)
  assert.deepEqual(Object.keys(await evaluate(text('hello'))), ['bob'])
  await db.transaction('read committed', (tx) =>
    upsertPushRule(
      tx,
      {
        userId: user('alice'),
        ruleId: 'global/content/cheese',
        priorityClass: 4,
        conditions: '[{"kind":"event_match","key":"content.body","pattern":"cheese"}]',
        actions: '["notify",{"set_tweak":"highlight","value":true}]',
      },
      at(3),
    ),
  )
  streams.hear('push_rules', [{ userId: user('alice') }], 3)
  assert.deepEqual((await evaluate(text('Cheese, please'))).alice, {
    ...plain,
    actions: '["notify",{"set_tweak":"highlight","value":true}]',
    highlights: true,
  })
})

test('threads: by the event’s relation, or that of what it is related to', async (t) => {
  const { db, evaluate } = await world(t)
  const related = (type: string, to: string) => text('x', { 'm.relates_to': { rel_type: type, event_id: to } })
  assert.equal((await evaluate(related('m.thread', '$root'))).alice?.threadId, '$root')
  assert.equal((await evaluate(related('m.reference', '$reply'))).alice?.threadId, 'main')
  await insertRelations(db, [
    {
      eventId: '$reply' as EventId,
      relatesTo: '$root' as EventId,
      relationType: 'm.thread',
      aggregationKey: null,
    },
  ])
  assert.equal((await evaluate(related('m.reference', '$reply'))).alice?.threadId, '$root')
  assert.equal((await evaluate(text('x', { 'm.relates_to': 'nonsense' }))).alice?.threadId, 'main')
})
