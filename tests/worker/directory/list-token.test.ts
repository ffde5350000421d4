import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseListToken, printListToken } from '../../../worker/directory/list-token.ts'

/** As Synapse 1.163 prints them. */
const tokens: readonly (readonly [number, string, boolean, string])[] = [
  [1, '!a:b', true, 'g6FtAaFypCFhOmKhZMM'],
  [127, '!a:b', false, 'g6Ftf6FypCFhOmKhZMI'],
  [128, '!x', true, 'g6FtzIChcqIheKFkww'],
  [255, '!x', true, 'g6FtzP+hcqIheKFkww'],
  [256, '!x', true, 'g6FtzQEAoXKiIXihZMM'],
  [65535, '!x', true, 'g6Ftzf//oXKiIXihZMM'],
  [65536, '!x', true, 'g6FtzgABAAChcqIheKFkww'],
  [
    2147483647,
    `!${'é'.repeat(20)}:hs`,
    false,
    'g6Ftzn////+hctksIcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k6aHOhZMI',
  ],
  [0, '', false, 'g6FtAKFyoKFkwg'],
]

test('tokens are Synapse’s', () => {
  for (const [members, roomId, isForward, text] of tokens) {
    assert.equal(printListToken({ members, roomId, isForward }), text)
    assert.deepEqual(parseListToken(text), { members, roomId, isForward })
  }
})

test('room IDs of any length come back', () => {
  for (const length of [0, 1, 31, 32, 254, 255, 256, 300]) {
    const token = { members: 5, roomId: 'r'.repeat(length), isForward: true }
    assert.deepEqual(parseListToken(printListToken(token)), token)
  }
})

test('what is no token is none: cut off, of other types, with a NUL, too long', () => {
  const whole = Buffer.from('g6FtzQEAoXKiIXihZMM', 'base64')
  for (let end = 0; end < whole.length; end++)
    assert.equal(parseListToken(whole.subarray(0, end).toString('base64')), undefined, `${end} bytes`)
  for (const text of ['nonsense', '%%', 'x'.repeat(2_000), 'gA', 'k5GRkZE', 'wA'])
    assert.equal(parseListToken(text), undefined, text)
  assert.equal(parseListToken(printListToken({ members: 1, roomId: 'a\0', isForward: true })), undefined)
  assert.equal(parseListToken(printListToken({ members: 2 ** 31, roomId: 'a', isForward: true })), undefined)
})
