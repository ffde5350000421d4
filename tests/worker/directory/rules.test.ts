import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { compileRules, type DirectoryRule } from '../../../worker/directory/rules.ts'

const rule = (given: Partial<DirectoryRule>): DirectoryRule => ({
  userId: '*',
  alias: '*',
  roomId: '*',
  action: 'allow',
  ...given,
})
const act = (userId: string, roomId: string, ...aliases: string[]) => ({
  userId: userId as UserId,
  roomId: roomId as RoomId,
  aliases,
})

test('without a rule that matches nothing is allowed', () => {
  assert.equal(compileRules([])(act('@a:x', '!r')), false)
  assert.equal(compileRules([rule({ userId: '@b:x' })])(act('@a:x', '!r')), false)
})

test('the first rule that matches in all it says decides', () => {
  const isAllowed = compileRules([
    rule({ userId: '@bot*', action: 'deny' }),
    rule({ roomId: '!secret', action: 'deny' }),
    rule({ alias: '#irc_*:x' }),
  ])
  assert.equal(isAllowed(act('@bot1:x', '!r', '#irc_a:x')), false)
  assert.equal(isAllowed(act('@a:x', '!secret', '#irc_a:x')), false)
  assert.equal(isAllowed(act('@a:x', '!r', '#irc_a:x')), true)
  assert.equal(isAllowed(act('@a:x', '!r', '#other:x', '#irc_b:x')), true)
  assert.equal(isAllowed(act('@a:x', '!r', '#other:x')), false)
})

test('a room without aliases matches only a rule for all aliases', () => {
  assert.equal(compileRules([rule({ alias: '*' })])(act('@a:x', '!r')), true)
  assert.equal(compileRules([rule({ alias: '**' })])(act('@a:x', '!r')), false)
})

test('upper and lower case are the same, and the whole has to match', () => {
  assert.equal(compileRules([rule({ alias: '#TEA:x' })])(act('@a:x', '!r', '#tea:X')), true)
  assert.equal(compileRules([rule({ alias: '#tea' })])(act('@a:x', '!r', '#tea:x')), false)
  assert.equal(compileRules([rule({ userId: '@?:x' })])(act('@ab:x', '!r')), false)
})
