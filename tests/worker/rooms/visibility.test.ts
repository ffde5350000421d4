import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { KnownEvent } from '../../../worker/rooms/event-store.ts'
import type { OwnMembership } from '../../../worker/rooms/memberships.ts'
import { makeVisibility, type VisibilityDeps } from '../../../worker/rooms/visibility.ts'
import { makeRandom } from '../../harness/random.ts'
import { type MadeUpRoom, madeUpRoom } from './known-events.ts'

const [alice, bob, carol] = ['@alice:here.test', '@bob:here.test', '@carol:here.test'] as [UserId, UserId, UserId]

interface Circumstances {
  readonly ignored?: ReadonlySet<UserId>
  readonly erased?: ReadonlySet<UserId>
}

/** Of the room as it is now: who is in it, and where who left it left. */
function visibilityOf(room: MadeUpRoom, { ignored = new Set(), erased = new Set() }: Circumstances = {}) {
  const memberOf = (userId: UserId): KnownEvent[] =>
    room.timeline.filter(({ event }) => event.type === 'm.room.member' && event.stateKey === userId)
  const queries: string[] = []
  const deps: VisibilityDeps = {
    events: room.events,
    state: room.state,
    memberships: {
      of: async (userId) => {
        const last = memberOf(userId).at(-1)
        return last === undefined ? undefined : ({ membership: last.event.content.membership } as OwnMembership)
      },
    },
    ignoredUsers: { of: () => ignored },
    erasedUsers: { among: (userIds) => new Set([...userIds].filter((userId) => erased.has(userId))) },
    db: {
      rows: async <Row>(sql: string, params?: readonly unknown[]) => {
        queries.push(sql)
        const own = memberOf(params![0] as UserId)
        const join = own.findLastIndex(({ event }) => event.content.membership === 'join')
        const departure = join === -1 ? undefined : own[join + 1]
        return (departure === undefined ? [] : [{ roomId: room.roomId, ...departure }]) as Row[]
      },
      one: () => Promise.reject(new Error('not asked')),
      run: () => Promise.reject(new Error('not asked')),
    },
  }
  return { visibility: makeVisibility(deps), queries }
}

const ids = (events: readonly { readonly known: KnownEvent }[]) => events.map(({ known }) => known.event.eventId)

/**
 * The specification's rules, event by event, from nothing but the line of events: client-server-api, "Room History
 * Visibility", and who leaves is told.
 */
function recomputed(timeline: readonly KnownEvent[], viewer: UserId): string[] {
  const visible: string[] = []
  let [setting, membership] = ['shared', 'leave']
  for (const [at, { event }] of timeline.entries()) {
    const [settings, memberships] = [[setting], [membership]]
    if (event.type === 'm.room.history_visibility') setting = event.content.history_visibility as string
    if (event.type === 'm.room.member' && event.stateKey === viewer) membership = event.content.membership as string
    settings.push(setting)
    if (membership !== memberships[0]) memberships.push(membership)
    const joinsLater = timeline
      .slice(at + 1)
      .some((later) => later.event.stateKey === viewer && later.event.content.membership === 'join')
    const leaves = memberships.length === 2 && memberships[1] === 'leave' && /join|invite/.test(memberships[0]!)
    if (
      settings.includes('world_readable') ||
      memberships.includes('join') ||
      (settings.includes('shared') && joinsLater && mayHaveJoined(timeline, viewer)) ||
      (settings.includes('invited') && memberships.includes('invite')) ||
      leaves
    )
      visible.push(event.eventId)
  }
  return visible
}

/** Who was invited again, or knocks, is told nothing of before until they join: as Synapse, and stricter than need be. */
const mayHaveJoined = (timeline: readonly KnownEvent[], viewer: UserId): boolean =>
  !/invite|knock/.test(
    String(timeline.findLast(({ event }) => event.stateKey === viewer)?.event.content.membership ?? 'leave'),
  )

test('random rooms are seen as the specification says, by each who was ever named in them', async () => {
  let seen = 0
  let unseen = 0
  for (let seed = 1; seed <= 400; seed++) {
    const random = makeRandom(seed)
    const room = madeUpRoom()
    for (let i = 0; i < 40; i++) {
      const sender = random.pick([alice, bob, carol])
      if (random.oneIn(4))
        room.say({
          type: 'm.room.history_visibility',
          stateKey: '',
          sender,
          content: { history_visibility: random.pick(['world_readable', 'shared', 'invited', 'joined', 'joined']) },
        })
      else if (random.oneIn(2))
        room.say({
          type: 'm.room.member',
          stateKey: random.pick([alice, bob]),
          sender,
          content: { membership: random.pick(['join', 'invite', 'leave', 'leave', 'ban', 'knock']) },
        })
      else room.say({ type: 'm.room.message', sender, content: {} })
    }
    const { visibility } = visibilityOf(room)
    for (const viewer of [alice, bob, carol]) {
      const expected = recomputed(room.timeline, viewer)
      assert.deepEqual(ids(await visibility.filter(viewer, room.timeline)), expected, `seed ${seed}, ${viewer}`)
      seen += expected.length
      unseen += room.timeline.length - expected.length
    }
  }
  assert.ok(seen > 5000 && unseen > 5000, `${seen} seen, ${unseen} not: neither may be rare`)
})

/** A room that Alice made, with this history visibility; Bob may join. */
function aliceRoom(history: string) {
  const room = madeUpRoom()
  const member = (userId: UserId, membership: string) =>
    room.say({ type: 'm.room.member', stateKey: userId, sender: userId, content: { membership } })
  const message = (sender: UserId = alice) => room.say({ type: 'm.room.message', sender, content: {} })
  member(alice, 'join')
  room.say({
    type: 'm.room.history_visibility',
    stateKey: '',
    sender: alice,
    content: { history_visibility: history },
  })
  return { room, member, message }
}

test('a member throughout costs one question for state, and none for anything else', async () => {
  const { room, message } = aliceRoom('shared')
  for (let i = 0; i < 50; i++) message()
  const { visibility, queries } = visibilityOf(room)
  assert.equal((await visibility.filter(alice, room.timeline.slice(2))).length, 50)
  assert.deepEqual(room.asked, { events: 0, state: 1 })
  await visibility.filter(alice, room.timeline.slice(2))
  assert.deepEqual(room.asked, { events: 0, state: 1 })
  assert.deepEqual(queries, [])
})

test('who left sees what was shared before that, and nothing of after; who looks in sees none of it', async () => {
  const { room, member, message } = aliceRoom('shared')
  const early = message()
  member(bob, 'join')
  member(bob, 'leave')
  const late = message()
  const { visibility, queries } = visibilityOf(room)
  assert.deepEqual(ids(await visibility.filter(bob, [early, late])), [early.event.eventId])
  assert.equal(queries.length, 1)
  assert.deepEqual(await visibility.filter(bob, [early, late], { isPeeking: true }), [])
  assert.deepEqual(await visibility.filter(carol, [early, late]), [])
})

test('the membership is the one after the event', async () => {
  const { room, member, message } = aliceRoom('world_readable')
  member(bob, 'invite')
  message()
  member(bob, 'join')
  member(bob, 'leave')
  const { visibility } = visibilityOf(room)
  assert.deepEqual(
    (await visibility.filter(bob, room.timeline)).map(({ membership }) => membership),
    ['leave', 'leave', 'invite', 'invite', 'join', 'leave'],
  )
})

test('erased senders are pruned for who was not there, and whole for who was', async () => {
  const { room, member, message } = aliceRoom('shared')
  const before = message(carol)
  member(bob, 'join')
  const after = message(carol)
  const { visibility } = visibilityOf(room, { erased: new Set([carol]) })
  assert.deepEqual(
    (await visibility.filter(bob, [before, after])).map(({ isPruned }) => isPruned),
    [true, false],
  )
})

test('ignored senders say nothing, but for state', async () => {
  const { room, member, message } = aliceRoom('shared')
  const joined = member(bob, 'join')
  message(bob)
  const { visibility } = visibilityOf(room, { ignored: new Set([bob]) })
  assert.deepEqual(ids(await visibility.filter(alice, room.timeline)).at(-1), joined.event.eventId)
})

test('soft-failed events, dummies, aliases and calls to a public room are not shown', async () => {
  const { room, message } = aliceRoom('shared')
  const say = (type: string, content = {}, stateKey?: string) =>
    room.say({ type, sender: alice, content, ...(stateKey !== undefined && { stateKey }) })
  say('m.call.invite')
  say('m.room.join_rules', { join_rule: 'public' }, '')
  const shown = room.timeline.length
  say('m.call.invite')
  say('org.matrix.dummy_event')
  say('m.room.aliases', { aliases: [] }, 'here.test')
  room.say({ type: 'm.room.message', sender: alice, content: {}, metadata: { isSoftFailed: true } })
  const last = message()
  const { visibility } = visibilityOf(room)
  assert.deepEqual(ids(await visibility.filter(alice, room.timeline)), [
    ...room.timeline.slice(0, shown).map(({ event }) => event.eventId),
    last.event.eventId,
  ])
})

test('an outlier is shown to whom it is about', async () => {
  const room = madeUpRoom('!elsewhere:there.test' as RoomId)
  const invited = room.say({
    type: 'm.room.member',
    stateKey: bob,
    sender: carol,
    content: { membership: 'invite' },
    isOutlier: true,
  })
  const { visibility } = visibilityOf(room)
  assert.deepEqual(await visibility.filter(bob, [invited]), [{ known: invited, membership: 'invite', isPruned: false }])
  assert.deepEqual(await visibility.filter(alice, [invited]), [])
})

test('what is to be included is, unless nobody may have it', async () => {
  const { room, member } = aliceRoom('joined')
  member(bob, 'join')
  member(bob, 'leave')
  const ban = room.say({ type: 'm.room.member', stateKey: bob, sender: alice, content: { membership: 'ban' } })
  const failed = room.say({ type: 'm.room.message', sender: alice, content: {}, metadata: { isSoftFailed: true } })
  const { visibility } = visibilityOf(room)
  assert.deepEqual(await visibility.filter(bob, [ban, failed]), [])
  const alwaysInclude = new Set<string>([ban.event.eventId, failed.event.eventId])
  assert.deepEqual(await visibility.filter(bob, [ban, failed], { alwaysInclude }), [
    { known: ban, membership: 'ban', isPruned: false },
  ])
})

test('where a part of the state cannot be read nothing is shown', async () => {
  const { room, message } = aliceRoom('joined')
  const known = message()
  const setting = room.timeline[1]!.event.eventId
  const without: MadeUpRoom = {
    ...room,
    events: {
      peek: () => undefined,
      get: async (ids) => room.events.get(ids.filter((eventId) => eventId !== setting)),
    },
  }
  assert.equal((await visibilityOf(room).visibility.filter(alice, [known])).length, 1)
  assert.deepEqual(await visibilityOf(without).visibility.filter(alice, [known]), [])
  assert.equal(await visibilityOf(without).visibility.seesStateAfter(alice, known), false)
})

test('the state after an event is for whoever may see what would happen then', async () => {
  const { room, member, message } = aliceRoom('joined')
  const early = message()
  member(bob, 'join')
  const late = message()
  const { visibility } = visibilityOf(room)
  assert.equal(await visibility.seesStateAfter(alice, early), true)
  assert.equal(await visibility.seesStateAfter(bob, early), false)
  assert.equal(await visibility.seesStateAfter(bob, late), true)
  const shared = aliceRoom('shared')
  const before = shared.message()
  shared.member(bob, 'join')
  assert.equal(await visibilityOf(shared.room).visibility.seesStateAfter(bob, before), true)
  assert.equal(await visibilityOf(shared.room).visibility.seesStateAfter(carol, before), false)
})
