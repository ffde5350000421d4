import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { makeDb } from '../../../worker/storage/db.ts'
import { deletePushActions, insertPushActions, type PushActionRow } from '../../../worker/storage/push-actions.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()
const room = '!room:example.com' as RoomId
const row = (event: string, user: string, rest: Partial<PushActionRow> = {}): PushActionRow => ({
  eventId: event as EventId,
  roomId: room,
  streamOrdering: 7,
  topologicalOrdering: 5,
  userId: `@${user}:example.com` as UserId,
  actions: '',
  notifies: true,
  highlights: false,
  isUnread: false,
  threadId: 'main',
  ...rest,
})

test('push actions are stored as Synapse stores them, and go with the redacted event', async (t) => {
  const db = makeDb(await postgres.database())
  t.after(() => db.close())
  const stored = () =>
    db.rows<Record<string, unknown>>(
      `select event_id, user_id, stream_ordering, topological_ordering, actions, notif, highlight, unread, thread_id,
         profile_tag, room_id from event_push_actions order by event_id, user_id`,
    )
  await db.transaction('read committed', async (tx) => {
    await insertPushActions(tx, [])
    await insertPushActions(tx, [
      row('$1', 'alice'),
      row('$1', 'bob', { actions: '["notify"]', highlights: true, threadId: '$root' }),
      row('$2', 'alice', { notifies: false, isUnread: true }),
    ])
  })
  const common = { room_id: room, stream_ordering: 7, topological_ordering: 5, profile_tag: null, actions: '' }
  const bob = { actions: '["notify"]', notif: 1, highlight: 1, unread: 0, thread_id: '$root' }
  const second = { notif: 0, highlight: 0, unread: 1, thread_id: 'main' }
  assert.deepEqual(
    (await stored()).map((found) => ({ ...found })),
    [
      {
        ...common,
        event_id: '$1',
        user_id: '@alice:example.com',
        notif: 1,
        highlight: 0,
        unread: 0,
        thread_id: 'main',
      },
      { ...common, event_id: '$1', user_id: '@bob:example.com', ...bob },
      { ...common, event_id: '$2', user_id: '@alice:example.com', ...second },
    ],
  )
  await deletePushActions(db, '!other:example.com' as RoomId, ['$1' as EventId])
  assert.equal((await stored()).length, 3)
  await deletePushActions(db, room, ['$1' as EventId])
  assert.deepEqual(
    (await stored()).map(({ event_id }) => event_id),
    ['$2'],
  )
})
