/** Delayed events on a real Postgres, where what sends them fails: none is lost, and none that was sent is sent again. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { ReplicationError } from '../../../worker/replication/replication-error.ts'
import { type DelayedEventClockDeps, startDelayedEventClock } from '../../../worker/rooms/delayed-events/clock.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { insertDelayedEvent } from '../../../worker/storage/delayed-events.ts'
import type { StreamRow } from '../../../worker/streams/definitions.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const room = '!r:s' as RoomId

async function start(t: TestContext, db: Db, send: (delayId: string) => Promise<void>) {
  await db.run(`insert into users (name, creation_ts) values ('@alice:s', 0)`)
  const sent: string[] = []
  const problems: string[] = []
  let position = 0
  let hear: ((rows: readonly StreamRow<'events'>[], position: number) => void) | undefined
  let advance: ((name: 'events') => void) | undefined
  const clock = startDelayedEventClock({
    db,
    serverName: 's' as DelayedEventClockDeps['serverName'],
    streams: {
      follow: ((_: string, listener: typeof hear) => {
        hear = listener
      }) as unknown as DelayedEventClockDeps['streams']['follow'],
      onAdvance: ((listener: typeof advance) => {
        advance = listener
      }) as unknown as DelayedEventClockDeps['streams']['onAdvance'],
      current: () => ({ stream: position, ahead: new Map() }),
    },
    sendEvent: (async (_actor: unknown, _room: unknown, { delayId }: { delayId: string }) => {
      await send(delayId)
      sent.push(delayId)
    }) as unknown as DelayedEventClockDeps['sendEvent'],
    changeMembership: (async () => undefined) as unknown as DelayedEventClockDeps['changeMembership'],
    onProblem: (problem) => void problems.push(problem),
    now: Date.now,
    startMs: 0,
    retryMs: 30,
  })
  t.after(clock.close)
  return {
    clock,
    sent,
    problems,
    hear: (rows: readonly Partial<StreamRow<'events'>>[], at: number) => hear!(rows as StreamRow<'events'>[], at),
    advance(to: number) {
      position = to
      advance!('events')
    },
  }
}

const add = (db: Db, delayId: string, delayMs: number, stateKey: string | null = null) =>
  insertDelayedEvent(
    db,
    {
      delayId,
      localpart: 'alice',
      deviceId: null,
      roomId: room,
      type: stateKey === null ? 'm.room.message' : 'm.room.topic',
      stateKey,
      content: '{}',
      originServerTs: null,
      delayMs,
      sendTs: Date.now() + delayMs,
    },
    100,
  )
const rows = async (db: Db) =>
  (await db.rows<{ id: string }>('select delay_id as id from delayed_events order by 1')).map(({ id }) => id)

test('what cannot be sent for the moment is sent later, and once', async (t) => {
  const db = await postgres.db(t)
  let isAway = true
  const away = new ReplicationError(502, { errcode: 'M_UNKNOWN', error: 'away' }, 'away')
  await add(db, 'a', 0)
  await add(db, 'b', 0)
  let attempts = 0
  const { sent, clock } = await start(t, db, async (delayId) => {
    attempts++
    if (isAway) throw delayId === 'a' ? away : new Error('away')
  })
  await until(() => attempts >= 2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual([sent, await rows(db)], [[], ['a', 'b']])
  isAway = false
  await until(async () => (await rows(db)).length === 0)
  assert.deepEqual(sent.toSorted(), ['a', 'b'])
  await add(db, 'c', 600_000)
  clock.added(Date.now() + 600_000)
  await clock.send('c')
  assert.deepEqual(await rows(db), [])
})

test('what is refused is gone, and said once', async (t) => {
  const db = await postgres.db(t)
  await add(db, 'a', 0)
  const { sent, problems } = await start(t, db, async () => {
    throw new MatrixError('M_FORBIDDEN', 'no')
  })
  await until(async () => (await rows(db)).length === 0)
  assert.deepEqual([sent, problems.length], [[], 1])
})

test('what was sent is not sent again when its row could not be deleted, and those taken with it are sent', async (t) => {
  const db = await postgres.db(t)
  let failures = 3
  const unsteady: Db = {
    ...db,
    async run(sql, params) {
      if (/^delete from delayed_events/.test(sql) && failures-- > 0) throw new Error('away')
      return db.run(sql, params)
    },
  }
  for (const delayId of ['a', 'b', 'c']) await add(db, delayId, 0)
  const { sent } = await start(t, unsteady, async () => undefined)
  await until(async () => (await rows(db)).length === 0)
  assert.deepEqual(sent.toSorted(), ['a', 'b', 'c'])
})

test('state that was heard before another persister came so far counts when it has', async (t) => {
  const db = await postgres.db(t)
  const { clock, hear, advance } = await start(t, db, async () => undefined)
  // It has begun.
  await assert.rejects(clock.send('none'))
  await add(db, 'a', 600_000, '')
  clock.added(Date.now() + 600_000)
  await db.run(
    `insert into events (stream_ordering, topological_ordering, event_id, type, room_id, processed, outlier, depth, sender,
       origin_server_ts, instance_name) values (12, 1, '$e', 'm.room.topic', $1, true, false, 1, '@bob:s', 1, 'p2')`,
    [room],
  )
  await db.run(
    `insert into current_state_delta_stream (stream_id, room_id, type, state_key, event_id, instance_name)
     values (12, $1, 'm.room.topic', '', '$e', 'p2')`,
    [room],
  )
  hear([{ kind: 'ev' }, { kind: 'state' }], 12)
  advance(10)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(await rows(db), ['a'])
  // A message of the one that was behind.
  hear([{ kind: 'ev' }], 11)
  advance(12)
  await until(async () => (await rows(db)).length === 0)
})
