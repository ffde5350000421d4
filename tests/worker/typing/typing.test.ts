import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { makeTyping } from '../../../worker/typing/typing.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'
import { until } from '../../harness/until.ts'

const [alice, bob] = ['@alice:s', '@bob:s'] as [UserId, UserId]
const room = (name: string) => `!${name}:s` as RoomId

function make(elsewhere: readonly 'typing'[] = []) {
  const streams = makeLoneStreams(elsewhere)
  let time = 0
  const typing = makeTyping({
    streams,
    client: { call: () => Promise.reject(new Error('nobody is to be asked')) },
    onProblem: (problem) => assert.fail(problem),
    now: () => time,
  })
  const pass = (ms: number) => {
    time += ms
  }
  return { streams, typing, pass }
}

test('what is nothing new is not told again', async (t) => {
  const { streams, typing } = make()
  t.after(typing.close)
  await typing.set(room('a'), alice, 1000)
  await typing.set(room('a'), alice, 1000)
  await typing.set(room('a'), bob, 0)
  await Promise.all([typing.set(room('a'), bob, 1000), typing.set(room('a'), bob, 1000)])
  assert.deepEqual(
    streams.written.map(([, , row]) => (row as { userIds: string[] }).userIds),
    [[alice], [alice, bob]],
  )
  assert.equal(typing.changedAt(room('a')), streams.written.at(-1)![1])
  assert.equal(typing.changedAt(room('b')), 0)
})

test('who says so again types longer', async (t) => {
  const { typing, pass } = make()
  t.after(typing.close)
  await typing.set(room('a'), alice, 1000)
  await typing.set(room('a'), bob, 1000)
  pass(900)
  await typing.set(room('a'), alice, 1000)
  pass(200)
  await until(() => typing.inRoom(room('a')).length === 1)
  assert.deepEqual(typing.inRoom(room('a')), [alice])
})

test('with a new writer nobody types, which is a change where somebody did', () => {
  const { streams, typing } = make(['typing'])
  streams.hear('typing', [{ roomId: room('a'), userIds: [alice] }], 7)
  streams.hear('typing', [{ roomId: room('b'), userIds: [] }], 8)
  streams.reset('typing', 1_000)
  assert.deepEqual(typing.inRoom(room('a')), [])
  assert.equal(typing.changedAt(room('a')), 1_000, 'after what any client was told')
  assert.equal(typing.changedAt(room('b')), 0)
})

test('a room in which nobody types is forgotten after some minutes', () => {
  const { streams, typing, pass } = make(['typing'])
  streams.hear('typing', [{ roomId: room('a'), userIds: [] }], 1)
  streams.hear('typing', [{ roomId: room('b'), userIds: [alice] }], 2)
  pass(11 * 60_000)
  streams.hear('typing', [{ roomId: room('c'), userIds: [bob] }], 3)
  assert.equal(typing.changedAt(room('a')), 0)
  assert.deepEqual(typing.inRoom(room('b')), [alice])
})
