import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type InstanceIds,
  parseMultiWriterToken,
  parseRoomToken,
  parseStreamToken,
  printMultiWriterToken,
  printRoomToken,
  printStreamToken,
  START,
  type StreamToken,
} from '../../../worker/streams/tokens.ts'
import { type MultiWriterToken, tokenAt, tokenOf } from '../../../worker/streams/vector-clock.ts'
import { instances, multiWriterTokens, names, roomTokens, streamTokens } from './arbitrary.ts'

const value = <T>(result: { ok: true; value: T } | { ok: false; reason: string }): T => {
  assert.ok(result.ok, result.ok ? '' : result.reason)
  return result.value
}

test('tokens of a Synapse 1.163.2 are read and written', () => {
  const text = 's8568_1035_0_13_31_7_7_109_0_1_2_1_1_1'
  const token = value(parseStreamToken(text, instances))
  assert.deepEqual(token, {
    room: tokenAt(8568),
    presence: 1035,
    typing: 0,
    receipts: tokenAt(13),
    accountData: 31,
    pushRules: 7,
    toDevice: 7,
    deviceLists: tokenAt(109),
    groups: 0,
    unPartialStatedRooms: 1,
    threadSubscriptions: 2,
    stickyEvents: tokenAt(1),
    quarantinedMedia: tokenAt(1),
    profileUpdates: 1,
    unknown: [],
  } satisfies StreamToken)
  assert.equal(printStreamToken(token, instances), text)
})

test("fields that an older Synapse's tokens lack are 0", () => {
  const token = value(parseStreamToken('s2633508_17_338_6732159_1082514_541479_274711_265584_1', instances))
  assert.deepEqual([token.deviceLists, token.groups, token.profileUpdates], [tokenAt(265584), 1, 0])
  assert.equal(printStreamToken(token, instances), 's2633508_17_338_6732159_1082514_541479_274711_265584_1_0_0_0_0_0')
  assert.deepEqual(value(parseStreamToken('s5', instances)), { ...START, room: tokenAt(5) })
})

test("fields that a newer Synapse's tokens have besides go on as they came", () => {
  const text = 's1_2_3_4_5_6_7_8_9_10_11_12_13_14_m15~1.16_17'
  assert.equal(printStreamToken(value(parseStreamToken(text, instances)), instances), text)
  for (const junk of ['_', '_a b', `_${'9'.repeat(300)}`, '_1'.repeat(17)])
    assert.equal(parseStreamToken(`s1_2_3_4_5_6_7_8_9_10_11_12_13_14${junk}`, instances).ok, false, junk)
})

test('pagination goes from a sync token back into history', () => {
  const token = value(parseStreamToken('t426-2633508_17_338_0_0_0_0_0_0_0_0_0_0_0', instances))
  assert.deepEqual(token.room, { depth: 426, stream: 2633508 })
  assert.deepEqual(value(parseRoomToken('t7--12', instances)), { depth: 7, stream: -12 })
  assert.equal(printStreamToken(START, instances), 's0_0_0_0_0_0_0_0_0_0_0_0_0_0')
})

test('writers that are ahead are named by number, those that are not are left out', () => {
  const token = tokenOf(56, [
    [names[1]!, 59],
    [names[0]!, 58],
    [names[2]!, 56],
  ])
  assert.equal(printRoomToken(token, instances), 'm56~2.58~3.59')
  assert.equal(printMultiWriterToken(token, instances), 'm56~2.58~3.59')
  assert.deepEqual(value(parseRoomToken('m56~3.59~2.58', instances)), token)
  assert.deepEqual(value(parseRoomToken('m5~', instances)), tokenAt(5))
  assert.deepEqual(value(parseMultiWriterToken('42', instances)), tokenAt(42))
})

test('what is no token is refused', () => {
  for (const text of [
    '',
    's',
    '5',
    'x5',
    's5.0',
    's99999999999999999',
    't5',
    't-5',
    'm',
    'm5~1',
    'm5~1.2.3',
    's 5',
    's٣',
  ])
    assert.equal(parseRoomToken(text, instances).ok, false, text)
  for (const text of ['', '-5', 's5', 'm5~2.5', 'm5~2.4', 'm5~99.7', 'm5~-2.7', '0x5', '1e3'])
    assert.equal(parseMultiWriterToken(text, instances).ok, false, text)
  for (const text of ['', '_', 's1_x', 's1_1_1_-1', '1_1_1_1'])
    assert.equal(parseStreamToken(text, instances).ok, false, text)
})

test('whatever is printed is read again as it was', () => {
  fc.assert(
    fc.property(roomTokens, (token) => {
      assert.deepEqual(value(parseRoomToken(printRoomToken(token, instances), instances)), token)
    }),
  )
  fc.assert(
    fc.property(multiWriterTokens, (token: MultiWriterToken) => {
      assert.deepEqual(value(parseMultiWriterToken(printMultiWriterToken(token, instances), instances)), token)
    }),
  )
  fc.assert(
    fc.property(streamTokens, (token) => {
      assert.deepEqual(value(parseStreamToken(printStreamToken(token, instances), instances)), token)
    }),
  )
})

test('readers do not throw', () => {
  const tokenish = fc.stringMatching(/^[stm0-9_~.-]{0,40}$/)
  fc.assert(
    fc.property(fc.oneof(fc.string(), tokenish), (text) => {
      parseRoomToken(text, instances)
      parseMultiWriterToken(text, instances)
      parseStreamToken(text, instances)
    }),
    { numRuns: 2_000 },
  )
})

test('a writer without a number is a bug, not half a token', () => {
  const nobody: InstanceIds = { nameOf: () => undefined, idOf: () => undefined }
  assert.throws(() => printRoomToken(tokenOf(1, [['x', 2]]), nobody), /x has no number/)
})
