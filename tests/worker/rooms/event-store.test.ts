import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, UserId } from '../../../shared/matrix/ids.ts'
import { makeEventStore } from '../../../worker/rooms/event-store.ts'
import type { Queries } from '../../../worker/storage/db.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'
import { madeUpRoom } from './known-events.ts'

const sender = '@alice:here.test' as UserId
const nothing: Queries = { rows: async () => [], one: async () => undefined, run: async () => 0 }

const row = (eventId: EventId, roomId: string, redacts: EventId | null = null) =>
  ({
    kind: 'ev',
    eventId,
    roomId,
    type: redacts === null ? 'm.room.topic' : 'm.room.redaction',
    stateKey: redacts === null ? '' : null,
    redacts,
    relatesTo: null,
    membership: null,
    rejected: false,
    outlier: false,
  }) as const

test('an event that was redacted before its sender put it in is not kept as it was sent', async () => {
  const streams = makeLoneStreams()
  const store = makeEventStore({ db: nothing, streams })
  const room = madeUpRoom()
  const [first, second] = [1, 2].map(() =>
    room.say({ type: 'm.room.topic', stateKey: '', sender, content: { topic: 'secret' } }),
  ) as [ReturnType<typeof room.say>, ReturnType<typeof room.say>]
  streams.hear('events', [row(first.event.eventId, room.roomId)], 5)
  streams.hear('events', [row('$redaction' as EventId, room.roomId, first.event.eventId)], 6)
  store.add(first, 10)
  store.add(second, 10)
  assert.equal(store.peek(first.event.eventId), undefined)
  assert.equal(store.peek(second.event.eventId), second)
  streams.hear('events', [row('$later' as EventId, room.roomId, second.event.eventId)], 7)
  assert.equal(store.peek(second.event.eventId), undefined)
})
