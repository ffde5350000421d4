import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../shared/matrix/events/event.ts'
import {
  type Around,
  type Delivery,
  type HistoryVisibility,
  historyVisibilities,
  historyVisibilityIn,
  joinedSince,
  judge,
  type Membership,
  membershipIn,
  memberships,
  sentToClient,
  serverSees,
  type View,
  viewOf,
} from '../../../shared/matrix/visibility.ts'

const always = <T>(value: T): Around<T> => ({ before: value, after: value })

/** Of an event that changes neither: who sees it. `+` always, `s` if they joined since, `-` not. Columns: `memberships`. */
const seen: Readonly<Record<HistoryVisibility, string>> = {
  //               join invite knock leave ban
  world_readable: '+    +      +     +     +',
  shared: '        +    s      s     s     s',
  invited: '       +    +      -     -     -',
  joined: '        +    -      -     -     -',
}
const cell = (visibility: HistoryVisibility, membership: Membership, since: boolean): boolean => {
  const mark = seen[visibility].trim().split(/\s+/)[memberships.indexOf(membership)]!
  return mark === '+' || (mark === 's' && since)
}

test('history visibility, for all of visibility × membership at the event × joined since', () => {
  let cases = 0
  for (const visibility of historyVisibilities)
    for (const membership of memberships)
      for (const since of [false, true]) {
        const view = { historyVisibility: always(visibility), membership: always(membership), joinedSince: since }
        const name = `${visibility} ${membership} ${since}`
        assert.equal(judge(view).sees, cell(visibility, membership, since), name)
        assert.equal(judge(view).wasJoined, membership === 'join', name)
        cases++
      }
  assert.equal(cases, 4 * 5 * 2)
})

test('a history visibility event is seen by whom it would be seen before it or after it', () => {
  for (const before of historyVisibilities)
    for (const after of historyVisibilities)
      for (const membership of memberships)
        for (const since of [false, true])
          assert.equal(
            judge({ historyVisibility: { before, after }, membership: always(membership), joinedSince: since }).sees,
            cell(before, membership, since) || cell(after, membership, since),
            `${before} → ${after}, ${membership} ${since}`,
          )
})

test("one's own membership event is seen as before it or after it, and the end of a membership or invitation always", () => {
  for (const before of memberships)
    for (const after of memberships)
      for (const visibility of historyVisibilities)
        for (const since of [false, true]) {
          const departure = after === 'leave' && (before === 'join' || before === 'invite')
          assert.equal(
            judge({ historyVisibility: always(visibility), membership: { before, after }, joinedSince: since }).sees,
            departure || cell(visibility, before, since) || cell(visibility, after, since),
            `${before} → ${after}, ${visibility} ${since}`,
          )
        }
})

test('a verdict names its clause', () => {
  const clause = (visibility: HistoryVisibility, membership: Around<Membership>, since = false) =>
    judge({ historyVisibility: always(visibility), membership, joinedSince: since }).clause
  assert.equal(clause('world_readable', always('join')), 'world_readable')
  assert.equal(clause('joined', always('join')), 'was joined')
  assert.equal(clause('shared', always('leave'), true), 'shared and joined since')
  assert.equal(clause('invited', always('invite')), 'invited and was invited')
  assert.equal(clause('joined', { before: 'invite', after: 'leave' }), 'own departure')
  assert.equal(clause('joined', always('invite'), true), 'otherwise')
})

test('joined since: members have; who left has, of what came before; nobody else', () => {
  const expected: Readonly<Record<Membership, readonly [boolean, boolean]>> = {
    join: [true, true],
    invite: [false, false],
    knock: [false, false],
    leave: [false, true],
    ban: [false, true],
  }
  for (const now of memberships) assert.deepEqual([joinedSince(now, false), joinedSince(now, true)], expected[now], now)
})

test('what is missing or not understood is shared, and leave', () => {
  for (const content of [
    undefined,
    {},
    { history_visibility: 'public', membership: 'member' },
    { history_visibility: 1, membership: null },
  ]) {
    assert.equal(historyVisibilityIn(content), 'shared')
    assert.equal(membershipIn(content), 'leave')
  }
  assert.equal(historyVisibilityIn({ history_visibility: 'joined' }), 'joined')
  assert.equal(membershipIn({ membership: 'ban' }), 'ban')
})

test('a view is read from the state before an event and the event', () => {
  const state = (type: string, stateKey: string): RoomEvent | undefined => {
    if (type === 'm.room.history_visibility' && stateKey === '')
      return { content: { history_visibility: 'invited' } } as unknown as RoomEvent
    if (type === 'm.room.member' && stateKey === '@v:s')
      return { content: { membership: 'invite' } } as unknown as RoomEvent
    return undefined
  }
  const of = (type: string, stateKey: string | undefined, content: RoomEvent['content']) =>
    viewOf({ type, stateKey, content }, state, '@v:s', false)
  assert.deepEqual(of('m.room.message', undefined, {}), {
    historyVisibility: always('invited'),
    membership: always('invite'),
    joinedSince: false,
  })
  assert.deepEqual(of('m.room.history_visibility', '', { history_visibility: 'joined' }).historyVisibility, {
    before: 'invited',
    after: 'joined',
  })
  assert.deepEqual(
    of('m.room.history_visibility', 'x', { history_visibility: 'joined' }).historyVisibility,
    always('invited'),
  )
  assert.deepEqual(of('m.room.member', '@v:s', { membership: 'join' }).membership, { before: 'invite', after: 'join' })
  assert.deepEqual(of('m.room.member', '@o:s', { membership: 'join' }).membership, always('invite'))
  assert.deepEqual(
    viewOf({ type: 'm.room.create', stateKey: '', content: {} }, () => undefined, '@v:s', true),
    {
      historyVisibility: always('shared'),
      membership: always('leave'),
      joinedSince: true,
    },
  )
})

const plain: Delivery = {
  isSoftFailed: false,
  isOutlier: false,
  isSenderIgnored: false,
  isSenderErased: false,
  joinRule: 'invite',
  oldestKept: undefined,
}
const viewAs = (membership: Membership, visibility: HistoryVisibility = 'shared', since = true): View => ({
  historyVisibility: always(visibility),
  membership: always(membership),
  joinedSince: since,
})
const message = { type: 'm.room.message', stateKey: undefined, originServerTs: 1000 }
const name = { type: 'm.room.name', stateKey: '', originServerTs: 1000 }

test('an erased sender’s events are redacted for who was not a member when they were sent', () => {
  const erased = { ...plain, isSenderErased: true }
  for (const membership of memberships) {
    assert.equal(sentToClient(message, '@v:s', viewAs(membership), plain), 'whole')
    assert.equal(
      sentToClient(message, '@v:s', viewAs(membership), erased),
      membership === 'join' ? 'whole' : 'redacted',
      membership,
    )
    // What is not seen is not sent redacted either.
    assert.equal(
      sentToClient(message, '@v:s', viewAs(membership, 'joined'), erased),
      membership === 'join' ? 'whole' : 'not',
    )
  }
})

test('what is withheld from clients: ignored senders but for state, soft-failed, expired, aliases, dummies, calls in public', () => {
  const view = viewAs('join')
  const sent = (event: typeof message | typeof name, delivery: Partial<Delivery>) =>
    sentToClient(event, '@v:s', view, { ...plain, ...delivery })
  assert.equal(sent(message, { isSenderIgnored: true }), 'not')
  assert.equal(sent(name, { isSenderIgnored: true }), 'whole')
  assert.equal(sent(message, { isSoftFailed: true }), 'not')
  assert.equal(sent(name, { isSoftFailed: true }), 'not')
  assert.equal(sent(message, { oldestKept: 1000 }), 'whole')
  assert.equal(sent(message, { oldestKept: 1001 }), 'not')
  assert.equal(sent(name, { oldestKept: 1001 }), 'whole')
  assert.equal(sent({ ...name, type: 'm.room.aliases' }, {}), 'not')
  assert.equal(sent({ ...message, type: 'org.matrix.dummy_event' }, {}), 'not')
  assert.equal(sent({ ...message, type: 'm.call.invite' }, { joinRule: 'public' }), 'not')
  assert.equal(sent({ ...message, type: 'm.call.invite' }, {}), 'whole')
  assert.equal(sent({ ...name, type: 'm.call.invite' }, { joinRule: 'public' }), 'whole')
})

test('of outliers only the viewer’s own membership is sent', () => {
  const outlier = { ...plain, isOutlier: true }
  const member = { type: 'm.room.member', stateKey: '@v:s', originServerTs: 1 }
  assert.equal(sentToClient(member, '@v:s', undefined, outlier), 'whole')
  assert.equal(sentToClient(member, '@w:s', undefined, outlier), 'not')
  assert.equal(sentToClient(message, '@v:s', undefined, outlier), 'not')
  assert.equal(sentToClient(message, '@v:s', undefined, plain), 'not')
})

test('a server sees what one of its users sees, all of it if shared, nothing of erased senders', () => {
  /** The memberships of which one suffices; `+`: none is needed. */
  const needed: Readonly<Record<HistoryVisibility, readonly Membership[] | '+'>> = {
    world_readable: '+',
    shared: '+',
    invited: ['join', 'invite'],
    joined: ['join'],
  }
  const sets: Membership[][] = [
    [],
    ...memberships.map((one) => [one]),
    ...memberships.map((one): Membership[] => ['leave', one]),
  ]
  for (const historyVisibility of historyVisibilities)
    for (const users of sets)
      for (const isSenderErased of [false, true])
        for (const isRoomPartial of [false, true]) {
          const one = needed[historyVisibility]
          assert.equal(
            serverSees({ historyVisibility, memberships: users, isSenderErased, isRoomPartial }),
            !isSenderErased && !isRoomPartial && (one === '+' || users.some((membership) => one.includes(membership))),
            `${historyVisibility} ${users} ${isSenderErased} ${isRoomPartial}`,
          )
        }
})
