/** What a reader that missed something finds in the tables, stream by stream. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Db } from '../../../worker/storage/db.ts'
import { databaseUpdates, isInDatabase } from '../../../worker/streams/database-updates.ts'
import { streamNames, streams } from '../../../worker/streams/definitions.ts'
import { batches } from '../../../worker/streams/updates.ts'
import { startPostgres } from '../../harness/postgres.ts'

const postgres = await startPostgres()

type Values = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

const insert = async (db: Db, table: string, ...rows: readonly Values[]) => {
  for (const row of rows) {
    const columns = Object.keys(row)
    const places = columns.map((_, index) => `$${index + 1}`)
    await db.run(`insert into ${table} (${columns.join()}) values (${places.join()})`, Object.values(row))
  }
}

const event = (id: string, ordering: number, more: Values = {}) => ({
  topological_ordering: 1,
  event_id: id,
  type: 'm.room.message',
  room_id: '!r:x',
  processed: true,
  outlier: false,
  depth: 1,
  stream_ordering: ordering,
  instance_name: 'w',
  ...more,
})

/** Rows of `w` after 1, as they stand on the wire; every one of them can be read. */
async function updates(db: Db, name: (typeof streamNames)[number], to = 100, limit?: number) {
  assert.ok(isInDatabase(name))
  const found = await databaseUpdates(db, name, limit)('w', 1, to)
  for (const [, row] of found.rows) {
    const decoded: { readonly ok: boolean } = streams[name].row.decode(row)
    assert.ok(decoded.ok, JSON.stringify(row))
  }
  return found
}

/** Of each stream: rows of its tables, and what they come to. The row of `other`, and that at 1, are never among them. */
const cases: Readonly<
  Partial<
    Record<
      (typeof streamNames)[number],
      readonly [tables: Readonly<Record<string, readonly Values[]>>, rows: readonly unknown[]]
    >
  >
> = {
  events: [
    {
      events: [
        event('$old', 1),
        event('$plain', 2),
        event('$other', 3, { instance_name: 'other' }),
        event('$join', 4, { type: 'm.room.member', state_key: '@a:x' }),
        event('$rejected', 5),
        event('$redaction', 6, { type: 'm.room.redaction' }),
        event('$reply', 7, { outlier: true }),
        event('$exoutlier', 8, { instance_name: 'other' }),
        event('$backfilled', -3),
      ],
      state_events: [{ event_id: '$join', room_id: '!r:x', type: 'm.room.member', state_key: '@a:x' }],
      room_memberships: [{ event_id: '$join', user_id: '@a:x', sender: '@a:x', room_id: '!r:x', membership: 'join' }],
      rejections: [{ event_id: '$rejected', reason: 'auth_error', last_check: '1' }],
      redactions: [{ event_id: '$redaction', redacts: '$plain' }],
      event_relations: [{ event_id: '$reply', relates_to_id: '$plain', relation_type: 'm.thread' }],
      ex_outlier_stream: [{ event_stream_ordering: 9, event_id: '$exoutlier', state_group: 1, instance_name: 'w' }],
      current_state_delta_stream: [
        {
          stream_id: 4,
          room_id: '!r:x',
          type: 'm.room.member',
          state_key: '@a:x',
          event_id: '$join',
          instance_name: 'w',
        },
        { stream_id: 4, room_id: '!r:x', type: 'm.room.topic', state_key: '', event_id: null, instance_name: 'w' },
      ],
    },
    [
      [2, ['ev', ['$plain', '!r:x', 'm.room.message', null, null, null, null, false, false]]],
      [4, ['ev', ['$join', '!r:x', 'm.room.member', '@a:x', null, null, 'join', false, false]]],
      [4, ['state', ['!r:x', 'm.room.member', '@a:x', '$join']]],
      [4, ['state', ['!r:x', 'm.room.topic', '', null]]],
      [5, ['ev', ['$rejected', '!r:x', 'm.room.message', null, null, null, null, true, false]]],
      [6, ['ev', ['$redaction', '!r:x', 'm.room.redaction', null, '$plain', null, null, false, false]]],
      [7, ['ev', ['$reply', '!r:x', 'm.room.message', null, null, '$plain', null, false, true]]],
      [9, ['ev', ['$exoutlier', '!r:x', 'm.room.message', null, null, null, null, false, false]]],
    ],
  ],
  backfill: [
    {
      events: [
        event('$new', 2),
        event('$-1', -1),
        event('$-2', -2),
        event('$-3', -3),
        event('$o', -4, { instance_name: 'other' }),
      ],
      ex_outlier_stream: [{ event_stream_ordering: -5, event_id: '$o', state_group: 1, instance_name: 'w' }],
    },
    [
      [2, ['$-2', '!r:x', 'm.room.message', null, null, null]],
      [3, ['$-3', '!r:x', 'm.room.message', null, null, null]],
      [5, ['$o', '!r:x', 'm.room.message', null, null, null]],
    ],
  ],
  receipts: [
    {
      receipts_linearized: [1, 2, 3].map((id) => ({
        stream_id: id,
        instance_name: id === 3 ? 'other' : 'w',
        room_id: '!r:x',
        receipt_type: 'm.read',
        user_id: `@${id}:x`,
        event_id: '$e',
        thread_id: null,
        data: '{"ts": 5}',
      })),
    },
    [[2, ['!r:x', 'm.read', '@2:x', '$e', null, { ts: 5 }]]],
  ],
  account_data: [
    {
      account_data: [
        { stream_id: 4, instance_name: 'w', user_id: '@a:x', account_data_type: 'm.direct', content: '{}' },
        { stream_id: 5, instance_name: 'other', user_id: '@b:x', account_data_type: 'm.direct', content: '{}' },
      ],
      room_account_data: [
        { stream_id: 3, instance_name: 'w', user_id: '@a:x', room_id: '!r:x', account_data_type: 't', content: '{}' },
      ],
      room_tags_revisions: [{ stream_id: 2, instance_name: 'w', user_id: '@a:x', room_id: '!r:x' }],
    },
    [
      [2, ['@a:x', '!r:x', 'm.tag']],
      [3, ['@a:x', '!r:x', 't']],
      [4, ['@a:x', null, 'm.direct']],
    ],
  ],
  to_device: [
    {
      device_inbox: ['A', 'B'].map((device) => ({
        stream_id: 2,
        instance_name: 'w',
        user_id: '@a:x',
        device_id: device,
        message_json: '{}',
      })),
      device_federation_outbox: [
        { stream_id: 2, instance_name: 'w', destination: 'y', queued_ts: 1, messages_json: '{}' },
        { stream_id: 3, instance_name: 'other', destination: 'z', queued_ts: 1, messages_json: '{}' },
      ],
    },
    [
      [2, ['@a:x']],
      [2, ['y']],
    ],
  ],
  device_lists: [
    {
      device_lists_stream: [
        { stream_id: 2, instance_name: 'w', user_id: '@a:x', device_id: 'A' },
        { stream_id: 5, instance_name: 'other', user_id: '@b:x', device_id: 'A' },
      ],
      device_lists_outbound_pokes: ['y', 'z'].map((destination) => ({
        stream_id: 3,
        instance_name: 'w',
        destination,
        user_id: '@a:x',
        device_id: 'A',
        sent: false,
        ts: 1,
      })),
      user_signature_stream: [{ stream_id: 4, instance_name: 'w', from_user_id: '@a:x', user_ids: '[]' }],
    },
    [
      [2, ['@a:x', false, false]],
      [3, ['@a:x', false, true]],
      [4, ['@a:x', true, false]],
    ],
  ],
  push_rules: [
    {
      push_rules_stream: ['w', 'other'].map((instance, index) => ({
        stream_id: 2 + index,
        instance_name: instance,
        event_stream_ordering: 1,
        user_id: '@a:x',
        rule_id: 'r',
        op: 'ENABLE',
      })),
    },
    [[2, ['@a:x']]],
  ],
  pushers: [
    {
      pushers: [
        {
          id: 2,
          instance_name: 'w',
          user_name: '@a:x',
          profile_tag: '',
          kind: 'http',
          app_id: 'app',
          app_display_name: '',
          device_display_name: '',
          pushkey: 'key',
          ts: 1,
        },
      ],
      deleted_pushers: [{ stream_id: 3, instance_name: 'w', app_id: 'app', pushkey: 'old', user_id: '@a:x' }],
    },
    [
      [2, ['@a:x', 'app', 'key', false]],
      [3, ['@a:x', 'app', 'old', true]],
    ],
  ],
  caches: [
    {
      cache_invalidation_stream_by_instance: [
        { stream_id: 2, instance_name: 'w', cache_func: 'f', keys: ['a', 'b'], invalidation_ts: 5 },
        { stream_id: 3, instance_name: 'w', cache_func: 'g', keys: null, invalidation_ts: null },
        { stream_id: 4, instance_name: 'other', cache_func: 'h', keys: null, invalidation_ts: null },
      ],
    },
    [
      [2, ['f', ['a', 'b'], 5]],
      [3, ['g', null, null]],
    ],
  ],
  thread_subscriptions: [
    {
      rooms: [{ room_id: '!r:x' }],
      users: [{ name: '@a:x' }],
      events: [event('$root', -9)],
      thread_subscriptions: [
        {
          stream_id: 2,
          instance_name: 'w',
          room_id: '!r:x',
          event_id: '$root',
          user_id: '@a:x',
          subscribed: true,
          automatic: false,
        },
      ],
    },
    [[2, ['@a:x', '!r:x', '$root']]],
  ],
  sticky_events: [
    {
      sticky_events: ['w', 'other'].map((instance, index) => ({
        stream_id: 2 + index,
        instance_name: instance,
        event_id: '$e',
        room_id: '!r:x',
        event_stream_ordering: index,
        sender: '@a:x',
        expires_at: 1,
      })),
    },
    [[2, ['!r:x', '$e']]],
  ],
  profile_updates: [
    {
      profile_updates: [
        { action: 'update', affected_fields: '["displayname"]' },
        { action: 'left_room', affected_fields: null },
        { action: 'joined_room', affected_fields: 'null' },
      ].map((row, index) => ({ stream_id: 2 + index, instance_name: 'w', user_id: '@a:x', inserted_ts: 1, ...row })),
    },
    [
      [2, ['@a:x', 'update', ['displayname']]],
      [3, ['@a:x', 'left_room', null]],
      [4, ['@a:x', 'joined_room', null]],
    ],
  ],
  quarantined_media: [
    {
      quarantined_media_changes: [
        { stream_id: 2, instance_name: 'w', origin: null, media_id: 'm', quarantined: true },
        { stream_id: 3, instance_name: 'w', origin: 'y', media_id: 'n', quarantined: false },
      ],
    },
    [
      [2, [null, 'm', true]],
      [3, ['y', 'n', false]],
    ],
  ],
  un_partial_stated_room: [
    {
      rooms: [{ room_id: '!r:x' }],
      un_partial_stated_room_stream: [{ stream_id: 2, instance_name: 'w', room_id: '!r:x' }],
    },
    [[2, ['!r:x']]],
  ],
  un_partial_stated_event: [
    {
      events: [event('$e', -9)],
      un_partial_stated_event_stream: [
        { stream_id: 2, instance_name: 'w', event_id: '$e', rejection_status_changed: true },
      ],
    },
    [[2, ['$e', true]]],
  ],
}

test('every stream that is in the database is caught up with from there', () => {
  assert.deepEqual(Object.keys(cases).sort(), streamNames.filter(isInDatabase).sort())
})

for (const name of streamNames.filter(isInDatabase))
  test(`catching up with ${name}`, async (t) => {
    const db = await postgres.db(t)
    const [tables, expected] = cases[name]!
    for (const [table, rows] of Object.entries(tables)) await insert(db, table, ...rows)
    assert.deepEqual(await updates(db, name), { rows: expected, upTo: 100, limited: false })
  })

test('rows from before there were several writers are of the main process', async (t) => {
  const db = await postgres.db(t)
  await insert(db, 'events', event('$old', 2, { instance_name: null }))
  const { rows } = await databaseUpdates(db, 'events')('master', 1, 5)
  assert.equal(rows.length, 1)
})

test('a part has all rows of its last position, of every table', async (t) => {
  const db = await postgres.db(t)
  const of = (table: string, ...positions: readonly number[]) =>
    insert(
      db,
      table,
      ...positions.map((id, index) => ({
        stream_id: id,
        instance_name: 'w',
        user_id: '@a:x',
        account_data_type: `t${index}`,
        content: '{}',
        ...(table === 'room_account_data' ? { room_id: '!r:x' } : {}),
      })),
    )
  await of('account_data', 2, 3, 3, 3, 9)
  await of('room_account_data', 3, 4, 5, 6)
  const positions = async (from: number) => {
    const { rows, upTo, limited } = await databaseUpdates(db, 'account_data', 2)('w', from, 9)
    return [rows.map(([position]) => position), upTo, limited]
  }
  assert.deepEqual(await positions(1), [[2, 3, 3, 3, 3], 3, true])
  assert.deepEqual(await positions(3), [[4, 5], 5, true])
  assert.deepEqual(await positions(5), [[6, 9], 9, false])
  const found = await databaseUpdates(db, 'account_data', 2)('w', 1, 9)
  assert.equal([...batches(found.rows)].length, 2)
})
