import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterBudget, passAll, readEventFilter } from '../../../shared/matrix/filter/event-filter.ts'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { START } from '../../../worker/streams/tokens.ts'
import { type Receipt, receiptEvents, typingEvent } from '../../../worker/sync/ephemeral.ts'

const alice = '@alice:hs' as UserId
const room = '!room:hs' as RoomId
const receipt = (more: Partial<Receipt>): Receipt => ({
  roomId: room,
  receiptType: 'm.read',
  userId: '@bob:hs',
  eventId: '$1',
  threadId: null,
  data: { ts: 1 },
  streamId: 1,
  instanceName: 'master',
  ...more,
})
const contentOf = (receipts: readonly Receipt[]) => {
  const text = receiptEvents(receipts, alice, passAll).get(room)
  return text === undefined ? undefined : JSON.parse(text)
}

test('receipts are by event, type and user; private ones are their owner’s alone', () => {
  assert.deepEqual(
    contentOf([
      receipt({}),
      receipt({ userId: '@bob:hs', receiptType: 'm.read.private', eventId: '$2' }),
      receipt({ userId: alice, receiptType: 'm.read.private', eventId: '$2', data: { ts: 2 } }),
      receipt({ userId: '@carol:hs', threadId: '$root', data: { ts: 3 } }),
    ]),
    {
      type: 'm.receipt',
      content: {
        $1: { 'm.read': { '@bob:hs': { ts: 1 }, '@carol:hs': { ts: 3, thread_id: '$root' } } },
        $2: { 'm.read.private': { [alice]: { ts: 2 } } },
      },
    },
  )
  assert.equal(contentOf([receipt({ receiptType: 'm.read.private' })]), undefined)
})

test('at the same event a receipt of the whole room is worth more than one of a thread', () => {
  const [whole, thread] = [receipt({ data: { ts: 1 } }), receipt({ threadId: 'main', data: { ts: 2 } })]
  for (const both of [
    [whole, thread],
    [thread, whole],
  ])
    assert.deepEqual(contentOf(both).content.$1['m.read'], { '@bob:hs': { ts: 1 } })
})

test('typing is told where it changed, and to who is new where anybody types', () => {
  const typing = {
    inRoom: (roomId: RoomId) => (roomId === room ? [alice] : []),
    changedAt: (roomId: RoomId) => (roomId === '!never:hs' ? 0 : 5),
  }
  const at = (position: number) => ({ ...START, typing: position })
  const tell = (roomId: string, since: number | undefined, now = 9, filter = passAll) =>
    typingEvent({ typing }, roomId as RoomId, since === undefined ? undefined : at(since), at(now), filter)
  assert.equal(tell(room, 4), `{"type":"m.typing","content":{"user_ids":["${alice}"]}}`)
  assert.equal(tell(room, 5), undefined)
  assert.equal(tell('!quiet:hs', 4), '{"type":"m.typing","content":{"user_ids":[]}}')
  assert.equal(tell('!quiet:hs', undefined), undefined)
  assert.notEqual(tell(room, undefined), undefined)
  // The writer began anew.
  assert.notEqual(tell(room, 100), undefined)
  assert.equal(tell('!never:hs', 100), undefined)
  const filter = readEventFilter({ not_types: ['m.typing'] }, '', filterBudget())
  assert.equal(tell(room, 4, 9, filter.ok ? filter.value : passAll), undefined)
})
