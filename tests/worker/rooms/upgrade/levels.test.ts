import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName, UserId } from '../../../../shared/matrix/ids.ts'
import { roomVersion } from '../../../../shared/matrix/room-version.ts'
import { isCarried, replacementContent, splitCanonicalAlias } from '../../../../worker/rooms/upgrade/carried-over.ts'
import { integerLevels, levelsToMake, lockedLevels, withoutCreators } from '../../../../worker/rooms/upgrade/levels.ts'

const [alice, bob] = ['@alice:a.org', '@bob:a.org'] as UserId[]

test('levels that are text become numbers, and what is no level is left out', () => {
  assert.deepEqual(integerLevels({ ban: '50', kick: 'x', users: { a: ' 7 ', b: [] }, redact: 1, invite: null }), {
    ban: 50,
    users: { a: 7 },
    redact: 1,
  })
})

test('who makes the new room may set all that is carried over', () => {
  const old = { events: { a: 70, b: 20 }, users: { [alice!]: 60 } }
  assert.deepEqual(levelsToMake(old, alice!, []), { ...old, users: { [alice!]: 70 } })
  assert.deepEqual(levelsToMake({ users_default: 80 }, alice!, []), { users_default: 80, users: {} })
  assert.deepEqual(levelsToMake({ state_default: 10, ban: 90 }, alice!, []).users, { [alice!]: 90 })
  assert.deepEqual(levelsToMake(old, alice!, [alice!]).users, {})
})

test('creators are not among the users', () => {
  assert.deepEqual(withoutCreators({ users: { [alice!]: 1, [bob!]: 2 } }, [alice!]), { users: { [bob!]: 2 } })
  assert.deepEqual(withoutCreators({ ban: 1 }, [alice!]), { ban: 1 })
})

test('only moderators speak and invite in the old room', () => {
  assert.deepEqual(lockedLevels({}), { invite: 50, events_default: 50 })
  assert.deepEqual(lockedLevels({ users_default: 60, invite: 90 }), {
    users_default: 60,
    invite: 90,
    events_default: 61,
  })
  assert.equal(lockedLevels({ invite: 50, events_default: 51 }), undefined)
})

test('the create event says where the room is from', () => {
  const old = { 'm.federate': false, type: 'm.space', creator: alice! }
  assert.deepEqual(replacementContent('!a:a.org' as never, old, roomVersion('9')!, '$e' as never, undefined), {
    room_version: '9',
    predecessor: { room_id: '!a:a.org', event_id: '$e' },
    'm.federate': false,
    type: 'm.space',
  })
  assert.deepEqual(replacementContent('!a:a.org' as never, {}, roomVersion('12')!, undefined, [bob!]), {
    room_version: '12',
    predecessor: { room_id: '!a:a.org' },
    additional_creators: [bob],
  })
})

test('children that were taken out of a space do not go with it', () => {
  assert.equal(isCarried({ type: 'm.space.child', content: {} }), false)
  assert.equal(isCarried({ type: 'm.space.child', content: { via: [] } }), true)
})

test('aliases of this server go to the new room', () => {
  const split = (content: object) => splitCanonicalAlias(content as never, 'a.org' as ServerName)
  assert.deepEqual(split({ alias: '#a:a.org', alt_aliases: ['#b:b.org', '#c:a.org'], x: 1 }), {
    old: { x: 1, alt_aliases: ['#b:b.org'] },
    replacement: { alias: '#a:a.org', alt_aliases: ['#c:a.org'] },
  })
  assert.deepEqual(split({ alias: '#a:b.org' }), { old: { alias: '#a:b.org' }, replacement: {} })
  assert.deepEqual(split({ alt_aliases: ['#c:a.org'] }), { old: {}, replacement: { alt_aliases: ['#c:a.org'] } })
})
