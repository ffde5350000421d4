import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { OwnMembership } from '../../../worker/rooms/memberships.ts'
import type { Membership } from '../../../worker/storage/memberships.ts'
import type { StreamRow } from '../../../worker/streams/definitions.ts'
import { makeNotifier, type Watch } from '../../../worker/sync/notifier.ts'
import { makeFakeStreams } from './fake-streams.ts'

const [alice, bob] = ['@alice:hs' as UserId, '@bob:hs' as UserId]
const [room, other] = ['!room:hs' as RoomId, '!other:hs' as RoomId]

const membershipOf = (roomId: RoomId, membership: Membership): OwnMembership => ({
  roomId,
  membership,
  eventId: '$member' as EventId,
  streamOrdering: 1,
  instanceName: 'master',
  sender: alice,
  isForgotten: false,
})

type EventRow = Extract<StreamRow<'events'>, { kind: 'ev' }>
const event = (roomId: string, more: Partial<EventRow> = {}): EventRow => ({
  kind: 'ev',
  eventId: '$event',
  roomId,
  type: 'm.room.message',
  stateKey: null,
  redacts: null,
  relatesTo: null,
  membership: null,
  rejected: false,
  outlier: false,
  ...more,
})
const member = (roomId: string, userId: string, membership: string, more: Partial<EventRow> = {}): EventRow =>
  event(roomId, { type: 'm.room.member', stateKey: userId, membership, ...more })

const nowhere = async () => []

function setUp(rooms: Readonly<Record<string, readonly RoomId[]>>, writers?: readonly string[]) {
  const streams = makeFakeStreams(writers)
  const notifier = makeNotifier({
    streams,
    memberships: {
      ofUser: async (userId) => new Map((rooms[userId] ?? []).map((roomId) => [roomId, membershipOf(roomId, 'join')])),
    },
    roomsOf: async (userId) => rooms[userId] ?? [],
    maxIdleUsers: 2,
  })
  return { streams, notifier }
}

/** Whether the watch is woken by `happening`, before something that concerns everybody would wake it. */
async function wakes(watch: Watch, happening: () => void): Promise<boolean> {
  const woken = watch.changed(watch.version(), 20)
  happening()
  return woken
}

test('a message wakes those who are in the room, and nobody else', async () => {
  const { streams, notifier } = setUp({ [alice]: [room], [bob]: [other] })
  const [a, b] = [await notifier.watch(alice), await notifier.watch(bob)]
  const woken = Promise.all([a.changed(0, 1_000), b.changed(0, 20)])
  assert.equal(notifier.numbers().waiting, 2)
  streams.say('events', [event(room)], 2)
  assert.deepEqual(await woken, [true, false])
})

test('rows wake when the position has passed them, not before', async () => {
  const { streams, notifier } = setUp({ [alice]: [room] }, ['one', 'two'])
  const watch = await notifier.watch(alice)
  assert.equal(await wakes(watch, () => streams.hear('events', [event(room)], 5, 'one')), false)
  assert.equal(await wakes(watch, () => streams.advance('events', 7, 'two')), false, 'another writer moved')
  assert.equal(await wakes(watch, () => streams.advance('events', 5, 'one')), true)
})

test('what happens between looking and waiting is not missed', async () => {
  const { streams, notifier } = setUp({ [alice]: [room] })
  const watch = await notifier.watch(alice)
  const version = watch.version()
  streams.say('events', [event(room)], 2)
  assert.equal(await watch.changed(version, 1_000), true)
})

test('who is invited or joins is told, and hears the room from then on; who leaves does not', async () => {
  const { streams, notifier } = setUp({})
  const watch = await notifier.watch(bob)
  const say = (row: EventRow, position: number) => () => streams.say('events', [row], position)
  assert.equal(await wakes(watch, say(event(room), 2)), false)
  assert.equal(await wakes(watch, say(member(room, bob, 'invite', { outlier: true }), 3)), true)
  assert.equal(await wakes(watch, say(event(room), 4)), false)
  assert.equal(await wakes(watch, say(member(room, bob, 'join'), 5)), true)
  assert.equal(await wakes(watch, say(event(room), 6)), true)
  assert.equal(await wakes(watch, say(event(room, { outlier: true }), 7)), false)
  assert.equal(await wakes(watch, say(member(room, alice, 'join'), 8)), true)
  assert.equal(await wakes(watch, say(member(room, bob, 'leave', { rejected: true }), 9)), false)
  assert.equal(await wakes(watch, say(event(room), 10)), true)
  assert.equal(await wakes(watch, say(member(room, bob, 'leave'), 11)), true)
  assert.equal(await wakes(watch, say(event(room), 12)), false)
})

test('a membership that changes while rooms are read counts', async () => {
  const streams = makeFakeStreams()
  const read = Promise.withResolvers<ReadonlyMap<RoomId, OwnMembership>>()
  const notifier = makeNotifier({ streams, memberships: { ofUser: () => read.promise }, roomsOf: nowhere })
  const watching = notifier.watch(bob)
  streams.say('events', [member(room, bob, 'leave'), member(other, bob, 'join')], 2)
  read.resolve(new Map([[room, membershipOf(room, 'join')]]))
  const watch = await watching
  assert.equal(await wakes(watch, () => streams.say('events', [event(room)], 3)), false)
  assert.equal(await wakes(watch, () => streams.say('events', [event(other)], 4)), true)
})

test('typing, receipts, account data and push rules wake whom they concern', async () => {
  const { streams, notifier } = setUp({ [alice]: [room], [bob]: [room] })
  const [a, b] = [await notifier.watch(alice), await notifier.watch(bob)]
  const both = async (happening: () => void) => {
    const woken = Promise.all([a.changed(a.version(), 20), b.changed(b.version(), 20)])
    happening()
    return woken
  }
  const receipt = (receiptType: string) => ({
    roomId: room,
    receiptType,
    userId: alice,
    eventId: '$e',
    threadId: null,
    data: {},
  })
  assert.deepEqual(await both(() => streams.say('typing', [{ roomId: room, userIds: [] }], 2)), [true, true])
  assert.deepEqual(await both(() => streams.say('receipts', [receipt('m.read')], 2)), [true, true])
  assert.deepEqual(await both(() => streams.say('receipts', [receipt('m.read.private')], 3)), [true, false])
  const data = { userId: bob, roomId: null, type: 'x' }
  assert.deepEqual(await both(() => streams.say('account_data', [data], 2)), [false, true])
  assert.deepEqual(await both(() => streams.say('push_rules', [{ userId: alice }], 2)), [true, false])
})

test('a signal ends the waiting, and nothing is left behind', async (t: TestContext) => {
  const { notifier } = setUp({ [alice]: [room] })
  const watch = await notifier.watch(alice)
  const controller = new AbortController()
  const waiting = watch.changed(0, 60_000, controller.signal)
  controller.abort()
  assert.equal(await waiting, false)
  assert.equal(await watch.changed(0, 60_000, AbortSignal.abort()), false)
  assert.equal(notifier.numbers().waiting, 0)
  watch.end()
  t.assert.deepEqual(notifier.numbers(), { users: 1, rooms: 1, waiting: 0 })
})

test('of users who do not wait only the last are watched', async () => {
  const { notifier } = setUp({})
  for (const name of ['a', 'b', 'c', 'd']) (await notifier.watch(`@${name}:hs` as UserId)).end()
  assert.equal(notifier.numbers().users, 2)
  const held = await notifier.watch('@e:hs' as UserId)
  for (const name of ['f', 'g']) (await notifier.watch(`@${name}:hs` as UserId)).end()
  assert.equal(notifier.numbers().users, 3)
  held.end()
})

test('a failed look at the rooms fails the watch, and the next one looks again', async () => {
  const streams = makeFakeStreams()
  let fails = true
  const notifier = makeNotifier({
    streams,
    memberships: {
      async ofUser() {
        if (fails) throw new Error('no database')
        return new Map([[room, membershipOf(room, 'join')]])
      },
    },
    roomsOf: nowhere,
  })
  await assert.rejects(notifier.watch(alice), /no database/)
  fails = false
  const watch = await notifier.watch(alice)
  assert.equal(await wakes(watch, () => streams.say('events', [event(room)], 2)), true)
})

test('who is still in a room after all, as history forked, hears it', async () => {
  const rooms: Record<string, readonly RoomId[]> = { [bob]: [room] }
  const { streams, notifier } = setUp(rooms)
  const watch = await notifier.watch(bob)
  const state = (eventId: string) =>
    ({ kind: 'state', roomId: room, type: 'm.room.member', stateKey: bob, eventId }) as const
  // He was kicked, and that did not hold: the room's state has the join before it.
  streams.say('events', [member(room, bob, 'leave', { eventId: '$kick' }), state('$join')], 2)
  await new Promise(setImmediate)
  assert.equal(await wakes(watch, () => streams.say('events', [event(room)], 3)), true)
  // And that he left holds.
  rooms[bob] = []
  streams.say('events', [member(room, bob, 'leave', { eventId: '$leave' }), state('$leave')], 4)
  await new Promise(setImmediate)
  assert.equal(await wakes(watch, () => streams.say('events', [event(room)], 5)), false)
})

test('where somebody typed, the end of the typing writer wakes', async () => {
  const { streams, notifier } = setUp({ [alice]: [room], [bob]: [other] })
  const [a, b] = [await notifier.watch(alice), await notifier.watch(bob)]
  streams.say('typing', [{ roomId: room, userIds: [bob] }], 5)
  streams.say('typing', [{ roomId: other, userIds: [bob] }], 6)
  streams.say('typing', [{ roomId: other, userIds: [] }], 7)
  const woken = Promise.all([a, b].map((watch) => wakes(watch, () => undefined)))
  streams.reset('typing', 1_000)
  streams.advance('typing', 1_000)
  assert.deepEqual(await woken, [true, false])
})
