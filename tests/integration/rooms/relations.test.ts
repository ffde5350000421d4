/** What relates to events, in a process that did not send them: that it is told at once, and what it asks of Postgres. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeRoomReading } from '../../../worker/rooms/make-reading.ts'
import { MAX_REFERENCES } from '../../../worker/rooms/relations/related.ts'
import type { EventIntent } from '../../../worker/rooms/sender.ts'
import { relationOperations } from '../../../worker/services/relations.ts'
import { roomReadingOperations } from '../../../worker/services/room-reading.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { requesterOf, serveTest, townsfolk } from '../../harness/http-worker.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  roomIntents,
  serverName,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'

const postgres = await startPostgres()

interface Event {
  readonly event_id: string
  readonly content: JsonObject
  readonly unsigned: { readonly 'm.relations'?: Relations }
}
interface Relations {
  readonly 'm.replace'?: Event
  readonly 'm.reference'?: { readonly chunk: readonly { readonly event_id: string }[] }
  readonly 'm.thread'?: {
    readonly count: number
    readonly latest_event: Event
    readonly current_user_participated: boolean
  }
}
interface Page {
  readonly chunk: readonly Event[]
  readonly next_batch?: string
}

const relates = (relType: string, eventId: string, body = relType): EventIntent => ({
  type: 'm.room.message',
  content: { msgtype: 'm.text', body, 'm.relates_to': { rel_type: relType, event_id: eventId } },
})

async function bed(t: TestContext) {
  const db = await postgres.db(t)
  const statements: string[] = []
  const counted: Db = {
    ...db,
    rows: (sql, params) => {
      statements.push(sql)
      return db.rows(sql, params)
    },
  }
  const reads = Promise.withResolvers<ReturnType<typeof makeRoomReading>>()
  const [writer, reader] = await startRoomProcesses(t, db, {
    names: ['master', 'reader'],
    dbOf: (name) => (name === 'reader' ? counted : db),
    onMade: ({ name, streams, events, states: state }) => {
      if (name === 'reader')
        reads.resolve(makeRoomReading({ db: counted, streams, caches: streams.caches, serverName, events, state }))
    },
  })
  const { sender } = writer!
  const { roomId } = await sender.createRoom(
    roomVersions['10'],
    createIntent('10', user('alice')),
    () => roomIntents(user('alice')),
    author('alice'),
    { isPublic: false },
  )
  for (const name of ['bob', 'carol']) await sender.send(roomId, [member(user(name), 'join')], author(name))

  const { streams, events, states: state } = reader!
  const deps = { db: counted, streams, events, state, ...(await reads.promise) }
  const server = await serveTest(t, [...roomReadingOperations(deps), ...relationOperations(deps)], {
    requesters: {
      ...townsfolk,
      byAccessToken: (token) => ({ ...requesterOf(token), userId: user(token), deviceId: 'PHONE' }),
    },
  })
  const get = async <T>(name: string, path: string): Promise<T> => {
    assert.ok(await streams.reach(writer!.streams.now(), 5_000))
    statements.length = 0
    const response = await fetch(`http://127.0.0.1:${server.port}/_matrix/client/${path}`, {
      headers: { authorization: `Bearer ${name}` },
    })
    return (await response.json()) as T
  }
  const inRoom = (version: string, rest: string) => `${version}/rooms/${encodeURIComponent(roomId)}/${rest}`
  return {
    db,
    roomId,
    statements,
    sender,
    say: async (name: string, intent: EventIntent): Promise<EventId> =>
      (await sender.send(roomId, [intent], author(name)))[0]!.eventId,
    event: (name: string, eventId: string) =>
      get<Event>(name, inRoom('v3', `event/${encodeURIComponent(eventId)}`)).then(
        ({ unsigned }) => unsigned['m.relations'],
      ),
    relations: (name: string, rest: string) => get<Page>(name, inRoom('v1', `relations/${rest}`)),
    threads: (name: string, rest = '') => get<Page>(name, inRoom('v1', `threads${rest}`)),
    messages: (name: string) => get<Page>(name, inRoom('v3', 'messages?dir=b&limit=50')),
  }
}

test('of what nothing relates to, nothing is asked', async (t) => {
  const { say, messages, event, statements } = await bed(t)
  const lone = await say('alice', message('alone'))
  await messages('bob')
  assert.ok(!statements.some((sql) => sql.includes('event_relations')))
  await event('bob', lone)
  assert.deepEqual(statements, [])
})

test('edits, threads and references are told at once, and their number costs no statement', async (t) => {
  const { say, event, statements } = await bed(t)
  const root = await say('alice', message('root'))
  assert.equal(await event('bob', root), undefined)

  const reply = await say('bob', relates('m.thread', root, 'first'))
  const first = await event('alice', root)
  assert.equal(first!['m.thread']!.count, 1)
  assert.equal(first!['m.thread']!.latest_event.event_id, reply)
  assert.ok(statements.some((sql) => sql.includes('event_relations')))

  // From here on it is kept up with.
  const last = await say('carol', relates('m.thread', root, 'second'))
  const edit = await say('alice', relates('m.replace', root, 'edited'))
  await say('bob', relates('m.replace', root, "not bob's to edit"))
  const reference = await say('bob', relates('m.reference', root))
  await say('bob', {
    type: 'm.reaction',
    content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: root, key: 'x' } },
  })
  const seen = await event('alice', root)
  assert.ok(!statements.some((sql) => sql.includes('event_relations')))
  assert.deepEqual(Object.keys(seen!).sort(), ['m.reference', 'm.replace', 'm.thread'])
  assert.equal(seen!['m.replace']!.event_id, edit)
  assert.deepEqual(seen!['m.reference']!.chunk, [{ event_id: reference }])
  assert.equal(seen!['m.thread']!.count, 2)
  assert.equal(seen!['m.thread']!.latest_event.event_id, last)
  assert.equal((await event('bob', root))!['m.thread']!.current_user_participated, true)
  await event('bob', root)
  assert.deepEqual(statements, [])
})

test('what is redacted relates to nothing', async (t) => {
  const { say, event, sender, roomId, threads } = await bed(t)
  const root = await say('alice', message('root'))
  const first = await say('bob', relates('m.thread', root, 'first'))
  const second = await say('bob', relates('m.thread', root, 'second'))
  assert.equal((await event('alice', root))!['m.thread']!.count, 2)
  const redact = (eventId: EventId) =>
    sender.send(roomId, [{ type: 'm.room.redaction', redacts: eventId, content: {} }], author('bob'))
  await redact(second)
  const left = (await event('alice', root))!['m.thread']!
  assert.deepEqual([left.count, left.latest_event.event_id], [1, first])
  await redact(first)
  assert.equal(await event('alice', root), undefined)
  assert.deepEqual((await threads('alice')).chunk, [])
})

test('who left is not told of what came later', async (t) => {
  const { say, event, sender, roomId, relations } = await bed(t)
  const root = await say('alice', message('root'))
  const first = await say('alice', relates('m.thread', root, 'first'))
  await sender.send(roomId, [member(user('carol'), 'leave')], author('carol'))
  await say('alice', relates('m.replace', root, 'a secret'))
  await say('bob', relates('m.thread', root, 'a secret'))
  await say('bob', relates('m.reference', root, 'a secret'))
  const told = await event('carol', root)
  assert.deepEqual(Object.keys(told!), ['m.thread'])
  assert.equal(told!['m.thread']!.latest_event.event_id, first)
  const { chunk } = await relations('carol', encodeURIComponent(root))
  assert.deepEqual(
    chunk.map(({ event_id }) => event_id),
    [first],
  )
})

test('ten thousand events that relate to one hold nobody up', async (t) => {
  const { say, event, relations, threads, db, statements } = await bed(t)
  const root = await say('alice', message('root'))
  for (const relType of ['m.thread', 'm.reference', 'm.replace', 'm.annotation']) {
    const one = await say('alice', relates(relType, root))
    await multiply(db, one, 10_000)
  }
  await db.run('analyze events')
  await db.run('analyze event_relations')
  const time = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await work()
    const ms = performance.now() - start
    t.diagnostic(`${what}: ${ms.toFixed(0)} ms, ${statements.length} statements`)
    assert.ok(ms < 3_000, what)
    return result
  }
  const seen = await time('bundled', () => event('bob', root))
  assert.equal(seen!['m.thread']!.count, 10_001)
  assert.equal(seen!['m.reference']!.chunk.length, MAX_REFERENCES)
  await time('bundled again', () => event('bob', root))
  assert.deepEqual(statements, [])
  const id = encodeURIComponent(root)
  for (const rest of [id, `${id}?dir=f`, `${id}/m.thread`, `${id}/m.annotation/m.reaction`, `${id}?recurse=true`])
    await time(rest.replace(id, 'relations'), () => relations('bob', rest))
  await time('threads', () => threads('bob'))
  const reply = await say('carol', relates('m.thread', root, 'one more'))
  const after = await time('one more', () => event('bob', root))
  assert.deepEqual([after!['m.thread']!.count, after!['m.thread']!.latest_event.event_id], [10_002, reply])
})

/** As many events like that one, and older, in the tables that reads look at. */
async function multiply(db: Db, eventId: EventId, count: number): Promise<void> {
  const params = [eventId, count]
  await db.run(
    `insert into events (event_id, room_id, type, sender, depth, origin_server_ts, received_ts, stream_ordering,
       topological_ordering, instance_name, outlier, contains_url, processed)
     select e.event_id || i, e.room_id, e.type, e.sender, 1, 1, 1, least(0, (select min(stream_ordering) from events)) - i,
       1, e.instance_name, false, false, true
     from events e, generate_series(1, $2::int) i where e.event_id = $1`,
    params,
  )
  for (const [table, columns] of [
    ['event_json', 'room_id, internal_metadata, json, format_version'],
    ['event_to_state_groups', 'state_group'],
    ['event_relations', 'relates_to_id, relation_type, aggregation_key'],
  ])
    await db.run(
      `insert into ${table} (event_id, ${columns})
       select event_id || i, ${columns} from ${table}, generate_series(1, $2::int) i where event_id = $1`,
      params,
    )
}
