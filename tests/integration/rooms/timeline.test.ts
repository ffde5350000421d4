import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRoomEventFilter } from '../../../shared/matrix/filter/filter.ts'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { EventStore, KnownEvent } from '../../../worker/rooms/event-store.ts'
import { makeTimeline, type Timeline } from '../../../worker/rooms/timeline.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { insertEvents, insertRelations } from '../../../worker/storage/events.ts'
import { type RoomToken, START } from '../../../worker/streams/tokens.ts'
import {
  isBetween,
  type MultiWriterToken,
  maxPosition,
  tokenAt,
  tokenOf,
} from '../../../worker/streams/vector-clock.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'

const postgres = await startPostgres()
const roomId = '!room:here.test' as RoomId

interface Row {
  readonly depth: number
  readonly stream: number
  readonly writer: string
  readonly type?: string
  readonly sender?: string
  readonly hasUrl?: boolean
  readonly isOutlier?: boolean
  readonly isRejected?: boolean
}

const idOf = ({ stream }: Row) => `$${stream}` as EventId

const store = (db: Db, rows: readonly Row[]) =>
  db.transaction('read committed', (tx) =>
    insertEvents(
      tx,
      rows.map((row) => ({
        eventId: idOf(row),
        roomId,
        type: row.type ?? 'm.room.message',
        stateKey: null,
        sender: (row.sender ?? '@alice:here.test') as UserId,
        depth: row.depth,
        originServerTs: 1,
        receivedTs: 1,
        streamOrdering: row.stream,
        topologicalOrdering: row.depth,
        instanceName: row.writer,
        isOutlier: row.isOutlier ?? false,
        containsUrl: row.hasUrl ?? false,
        rejectionReason: row.isRejected ? 'auth_error' : null,
        internalMetadata: '{}',
        json: '{}',
        formatVersion: 3,
        prevEventIds: [],
        authEventIds: [],
      })),
    ),
  )

function timelineOf(db: Db, now: MultiWriterToken): Timeline {
  const events: Pick<EventStore, 'get'> = {
    get: async (ids) =>
      new Map(ids.map((eventId) => [eventId, { event: { eventId }, isRejected: false } as unknown as KnownEvent])),
  }
  return makeTimeline({ db, events, streams: { now: () => ({ ...START, room: now }) } })
}

const ids = ({ events }: { readonly events: readonly KnownEvent[] }) => events.map(({ event }) => event.eventId)

/** All pages from there on, each begun where the one before says. */
async function pages(timeline: Timeline, options: Parameters<Timeline['page']>[1]): Promise<EventId[]> {
  const all: EventId[] = []
  let { from } = options
  for (let turn = 0; turn < 100; turn++) {
    const page = await timeline.page(roomId, { ...options, from })
    assert.ok(page.events.length <= options.limit)
    all.push(...ids(page))
    if (!page.isLimited) return all
    from = page.next
  }
  throw new Error('pages without end')
}

const byHistory = (a: Row, b: Row): number => a.depth - b.depth || a.stream - b.stream

test('pages of random rooms by several writers, from random tokens, have what the tokens say, once each', async (t) => {
  const db = await postgres.db(t)
  for (let seed = 1; seed <= 25; seed++) {
    const random = makeRandom(seed)
    await db.run('delete from events')
    await db.run('delete from event_json')
    const rows = Array.from({ length: 40 }, (_, i): Row => {
      const stream = i < 8 ? i - 10 : i
      return { stream, depth: 1 + random.int(25), writer: random.pick(['a', 'b', 'c']), isOutlier: random.oneIn(10) }
    })
    await store(db, rows)
    const shown = rows.filter(({ isOutlier }) => !isOutlier)
    const now = tokenAt(1000)
    const timeline = timelineOf(db, now)
    const token = (): MultiWriterToken => {
      const stream = random.int(40)
      return tokenOf(
        stream,
        ['a', 'b', 'c'].flatMap((name) => (random.oneIn(2) ? [[name, stream + random.int(8)] as const] : [])),
      )
    }
    for (let trial = 0; trial < 6; trial++) {
      const limit = random.pick([1, 2, 7, 50])
      const from = token()
      const covered = shown.filter((row) => isBetween(undefined, from, row.writer, row.stream)).sort(byHistory)
      const rest = shown.filter((row) => !covered.includes(row)).sort(byHistory)
      const context = `seed ${seed}, trial ${trial}`
      // Pages after the first go by history: what came late, to a place before that, is shown there.
      const expected = (wanted: readonly Row[], near: readonly Row[], all: readonly Row[]) => {
        if (near.length <= limit) return wanted
        const first: Row[] = []
        let end = near[0]!
        for (const row of near.slice(0, limit + 1)) {
          if (first.length === limit) break
          end = row
          if (wanted.includes(row)) first.push(row)
        }
        return [...first, ...all.slice(all.indexOf(end) + 1)]
      }
      const inHistory = shown.toSorted(byHistory)
      const on = expected(
        rest,
        inHistory.filter(({ stream }) => stream > from.stream),
        inHistory,
      )
      assert.deepEqual(await pages(timeline, { direction: 'forwards', from, limit }), on.map(idOf), `${context}: on`)
      const back = expected(
        covered.toReversed(),
        inHistory.toReversed().filter(({ stream }) => stream <= maxPosition(from)),
        inHistory.toReversed(),
      )
      assert.deepEqual(
        await pages(timeline, { direction: 'backwards', from, limit }),
        back.map(idOf),
        `${context}: back`,
      )
      assert.deepEqual(
        back.filter((row) => covered.includes(row)),
        covered.toReversed(),
        `${context}: all that the token covers`,
      )

      const place: RoomToken = { depth: random.int(27), stream: random.int(50) - 10 }
      const isBefore = (row: Row) => byHistory(row, { ...place, writer: '' }) <= 0
      const earlier = shown.filter(isBefore).sort(byHistory)
      assert.deepEqual(
        await pages(timeline, { direction: 'backwards', from: place, limit }),
        earlier.toReversed().map(idOf),
        `${context}: back in history`,
      )
      assert.deepEqual(
        await pages(timeline, { direction: 'backwards', from: place, to: from, limit }),
        earlier
          .filter((row) => !covered.includes(row))
          .toReversed()
          .map(idOf),
        `${context}: back in history to a token`,
      )
      assert.deepEqual(
        await pages(timeline, { direction: 'forwards', from: place, to: from, limit }),
        covered.filter((row) => !isBefore(row)).map(idOf),
        `${context}: on in history to a token`,
      )
      const last = covered.toSorted((a, b) => a.stream - b.stream).at(-1)
      assert.equal(await timeline.lastBefore(roomId, from), last && idOf(last), `${context}: last`)
      assert.equal(
        await timeline.lastBefore(roomId, place),
        earlier.length === 0 ? undefined : idOf(earlier.at(-1)!),
        `${context}: last in history`,
      )
    }
  }
})

test('a page forwards ends before what was not announced, and goes on from there', async (t) => {
  const db = await postgres.db(t)
  const rows = [1, 2, 3, 4].map((depth): Row => ({ depth, stream: depth, writer: depth === 3 ? 'slow' : 'a' }))
  await store(db, rows)
  const behind = timelineOf(db, tokenOf(2, [['a', 4]]))
  const first = await behind.page(roomId, { direction: 'forwards', limit: 10 })
  assert.deepEqual(ids(first), ['$1', '$2'])
  assert.equal(first.isLimited, false)
  const later = timelineOf(db, tokenAt(4))
  assert.deepEqual(ids(await later.page(roomId, { direction: 'forwards', from: first.next, limit: 10 })), ['$3', '$4'])
})

test('where pages begin and end', async (t) => {
  const db = await postgres.db(t)
  await store(db, [
    { depth: 1, stream: 2, writer: 'a' },
    { depth: 2, stream: 3, writer: 'a' },
    { depth: 2, stream: 5, writer: 'a', isRejected: true },
  ])
  const timeline = timelineOf(db, tokenAt(7))
  const back = await timeline.page(roomId, { direction: 'backwards', limit: 1 })
  assert.deepEqual([back.start, back.next, back.isLimited], [{ depth: 2, stream: 7 }, { depth: 2, stream: 2 }, true])
  const rest = await timeline.page(roomId, { direction: 'backwards', from: back.next, limit: 5 })
  assert.deepEqual([ids(rest), rest.next, rest.isLimited], [['$2'], { depth: 1, stream: 1 }, false])
  const none = await timeline.page(roomId, { direction: 'backwards', from: rest.next, limit: 5 })
  assert.deepEqual([none.events, none.next, none.isLimited], [[], rest.next, false])
  const nothing = await timeline.page(roomId, { direction: 'backwards', limit: 0 })
  assert.deepEqual([nothing.events, nothing.next, nothing.isLimited], [[], { depth: 2, stream: 7 }, true])
  const on = await timeline.page(roomId, { direction: 'forwards', limit: 5 })
  assert.deepEqual([on.start, on.next, ids(on)], [tokenAt(0), { depth: 2, stream: 3 }, ['$2', '$3']])
  const empty = await timeline.page('!none:here.test' as RoomId, { direction: 'backwards', limit: 5 })
  assert.deepEqual([empty.events, empty.start, empty.isLimited], [[], { depth: 0, stream: 7 }, false])
})

test('filters are asked of the database', async (t) => {
  const db = await postgres.db(t)
  const rows: readonly Row[] = [
    { depth: 1, stream: 1, writer: 'a', type: 'm.room.name' },
    { depth: 2, stream: 2, writer: 'a', type: 'm_room.name' },
    { depth: 3, stream: 3, writer: 'a', sender: '@bob:here.test' },
    { depth: 4, stream: 4, writer: 'a', type: 'com.example.%' },
    { depth: 5, stream: 5, writer: 'a', hasUrl: true },
    { depth: 6, stream: 6, writer: 'a', type: 'm.reaction', sender: '@bob:here.test' },
  ]
  await store(db, rows)
  const relation = { eventId: '$6' as EventId, relatesTo: '$3' as EventId, relationType: 'm.annotation' }
  await insertRelations(db, [{ ...relation, aggregationKey: null }])
  const timeline = timelineOf(db, tokenAt(9))
  const found = async (json: JsonObject) => {
    const filter = readRoomEventFilter(json)
    assert.ok(filter.ok)
    return ids(await timeline.page(roomId, { direction: 'forwards', limit: 10, filter: filter.value }))
  }
  assert.deepEqual(await found({ types: ['m.room.name', 'm.reaction'] }), ['$1', '$6'])
  assert.deepEqual(await found({ types: ['m.room.*'] }), ['$1', '$3', '$5'])
  assert.deepEqual(await found({ types: ['com.*%'] }), ['$4'])
  assert.deepEqual(await found({ not_types: ['m.*'] }), ['$2', '$4'])
  assert.deepEqual(await found({ not_types: ['m_*', 'm.reaction'] }), ['$1', '$3', '$4', '$5'])
  assert.deepEqual(await found({ senders: ['@bob:here.test'] }), ['$3', '$6'])
  assert.deepEqual(await found({ not_senders: ['@bob:here.test'], types: ['m.room.message'] }), ['$5'])
  assert.deepEqual(await found({ contains_url: true }), ['$5'])
  assert.deepEqual(await found({ contains_url: false, types: ['m.room.message'] }), ['$3'])
  assert.deepEqual(await found({ related_by_rel_types: ['m.annotation'] }), ['$3'])
  assert.deepEqual(await found({ related_by_senders: ['@alice:here.test'] }), [])
  assert.deepEqual(await found({ related_by_senders: ['@bob:here.test'], related_by_rel_types: ['m.thread'] }), [])
  assert.deepEqual(await found({ types: [] }), [])
  assert.deepEqual(await found({ not_rooms: [roomId] }), [])
})
