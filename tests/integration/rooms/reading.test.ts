/** Rooms that were sent to, read over HTTP in a process that did not send: what is answered, and what it asks of Postgres. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeRoomReading } from '../../../worker/rooms/make-reading.ts'
import { roomReadingOperations } from '../../../worker/services/room-reading.ts'
import type { Db } from '../../../worker/storage/db.ts'
import { requesterOf, serveTest, townsfolk } from '../../harness/http-worker.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  type RoomProcess,
  roomIntents,
  serverName,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'

const postgres = await startPostgres()

interface Bed {
  readonly sender: RoomProcess['sender']
  readonly roomId: RoomId
  readonly sent: EventId[]
  /** As that user's device PHONE. What Postgres was asked is in `statements` after it. */
  readonly get: (localpart: string, rest: string) => Promise<{ readonly status: number; readonly body: Body }>
  statements: string[]
}

interface Event {
  readonly event_id: string
  readonly type: string
  readonly content: Record<string, unknown>
  readonly unsigned: Record<string, unknown>
}
interface Body {
  readonly errcode?: string
  readonly chunk: Event[]
  readonly start: string
  readonly end?: string
  readonly state?: Event[]
  readonly joined: Record<string, unknown>
  readonly joined_rooms: string[]
  readonly events_before: Event[]
  readonly event: Event
  readonly events_after: Event[]
}

/** A room of Alice's and Bob's with 60 messages, in one process; another reads. */
async function bed(t: TestContext): Promise<Bed> {
  const db = await postgres.db(t)
  let statements: string[] = []
  const rows: Db['rows'] = (sql, params) => {
    statements.push(sql)
    return db.rows(sql, params)
  }
  const one: Db['one'] = (sql, params) => {
    statements.push(sql)
    return db.one(sql, params)
  }
  const [writer, reader] = await startRoomProcesses(t, db, {
    names: ['master', 'reader'],
    dbOf: (name) => (name === 'reader' ? { ...db, rows, one } : db),
  })
  const { sender } = writer!
  const { roomId } = await sender.createRoom(
    roomVersions['10'],
    createIntent('10', user('alice')),
    () => roomIntents(user('alice')),
    author('alice'),
    { isPublic: false },
  )
  await sender.send(roomId, [member(user('bob'), 'join')], author('bob'))
  const texts = Array.from({ length: 60 }, (_, i) => message(`message ${i}`))
  const sent = (await sender.send(roomId, texts, author('alice'))).map(({ eventId }) => eventId)

  const { streams, events, states: state } = reader!
  const reading = makeRoomReading({
    db: { ...db, rows, one },
    streams,
    caches: streams.caches,
    serverName,
    events,
    state,
  })
  const server = await serveTest(
    t,
    roomReadingOperations({ db: { ...db, rows, one }, streams, events, state, ...reading }),
    {
      requesters: {
        ...townsfolk,
        byAccessToken: (token) => ({ ...requesterOf(token), userId: user(token), deviceId: 'PHONE' }),
      },
    },
  )
  const made: Bed = {
    sender,
    roomId,
    sent,
    statements,
    async get(localpart, rest) {
      statements = []
      const path = rest.startsWith('/') ? rest : `/rooms/${encodeURIComponent(roomId)}/${rest}`
      const response = await fetch(`http://127.0.0.1:${server.port}/_matrix/client/v3${path}`, {
        headers: { authorization: `Bearer ${localpart}` },
      })
      made.statements = statements
      return { status: response.status, body: (await response.json()) as Body }
    },
  }
  return made
}

/** What a statement reads from. */
const tablesOf = (statements: readonly string[]) =>
  statements.map((sql) => /\bfrom (?!unnest|chain|membership\b)(\w+)/.exec(sql)?.[1] ?? sql).sort()

test('a page of fifty is one statement, once its events are in memory', async (t) => {
  const made = await bed(t)
  const cold = await made.get('bob', 'messages?dir=b&limit=50')
  assert.equal(cold.body.chunk.length, 50)
  t.diagnostic(`cold: ${tablesOf(made.statements).join(', ')}`)
  assert.ok(made.statements.length <= 7, made.statements.join('\n'))
  const warm = await made.get('bob', 'messages?dir=b&limit=50')
  assert.deepEqual(tablesOf(made.statements), ['events'])
  assert.deepEqual(
    warm.body.chunk.map(({ event_id }) => event_id),
    made.sent.toReversed().slice(0, 50),
  )
  const rest = await made.get('bob', `messages?dir=b&limit=50&from=${warm.body.end}`)
  assert.equal(rest.body.chunk.length, 16)
  assert.equal(rest.body.chunk.at(-1)!.type, 'm.room.create')
  const on = await made.get('bob', `messages?dir=f&limit=100&from=${rest.body.end}`)
  assert.equal(on.body.chunk.length, 66)
  assert.deepEqual(tablesOf(made.statements), ['events'])
})

test('what is sent is read at once, by the page and by its own name', async (t) => {
  const made = await bed(t)
  await made.get('bob', 'messages?dir=b&limit=1')
  const [sent] = await made.sender.send(made.roomId, [message('new')], author('alice', 'PHONE'), { txnId: 'm1' })
  const { body } = await made.get('alice', 'messages?dir=b&limit=1')
  assert.equal(body.chunk[0]!.event_id, sent!.eventId)
  assert.equal(body.chunk[0]!.unsigned.transaction_id, 'm1')
  const event = (await made.get('bob', `event/${encodeURIComponent(sent!.eventId)}`)).body as unknown as Event
  assert.deepEqual(event.content, { msgtype: 'm.text', body: 'new' })
  assert.equal(event.unsigned.transaction_id, undefined)
  assert.deepEqual(made.statements, [])
})

test('a redacted event is so for who read it before', async (t) => {
  const made = await bed(t)
  const eventId = made.sent.at(-1)!
  const before = (await made.get('bob', `event/${encodeURIComponent(eventId)}`)).body as unknown as Event
  assert.equal(before.content.body, 'message 59')
  const [redaction] = await made.sender.send(
    made.roomId,
    [{ type: 'm.room.redaction', content: {}, redacts: eventId }],
    author('alice'),
  )
  const after = (await made.get('bob', `event/${encodeURIComponent(eventId)}`)).body as unknown as Event
  assert.deepEqual(after.content, {})
  assert.equal(after.unsigned.redacted_by, redaction!.eventId)
})

test('who joins sees the room, who leaves sees it as it was', async (t) => {
  const made = await bed(t)
  const topic = (text: string) => ({ type: 'm.room.topic', stateKey: '', content: { topic: text } })
  assert.equal((await made.get('carol', 'state')).status, 403)
  assert.equal((await made.get('carol', 'messages?dir=b')).status, 403)
  assert.deepEqual((await made.get('carol', '/joined_rooms')).body.joined_rooms, [])
  await made.sender.send(made.roomId, [topic('then')], author('alice'))
  await made.sender.send(made.roomId, [member(user('carol'), 'join')], author('carol'))
  assert.deepEqual((await made.get('carol', '/joined_rooms')).body.joined_rooms, [made.roomId])
  assert.equal((await made.get('carol', 'messages?dir=b&limit=100')).body.chunk.length, 68)
  assert.deepEqual(Object.keys((await made.get('carol', 'joined_members')).body.joined).sort(), [
    user('alice'),
    user('bob'),
    user('carol'),
  ])
  await made.sender.send(made.roomId, [member(user('carol'), 'leave')], author('carol'))
  await made.sender.send(made.roomId, [topic('now'), message('secret')], author('alice'))
  assert.deepEqual((await made.get('carol', 'state/m.room.topic')).body, { topic: 'then' })
  assert.deepEqual((await made.get('bob', 'state/m.room.topic/')).body, { topic: 'now' })
  assert.equal((await made.get('carol', 'joined_members')).body.errcode, 'M_FORBIDDEN')
  for (const dir of ['b', 'f'] as const) {
    const { chunk } = (await made.get('carol', `messages?dir=${dir}&limit=100`)).body
    assert.equal(chunk.length, 69)
    assert.equal(chunk.at(dir === 'b' ? 0 : -1)!.content.membership, 'leave')
  }
  const members = (await made.get('carol', 'members?membership=join')).body.chunk
  assert.equal(members.length, 2)
})

test('what the other reads ask of Postgres, warm', async (t) => {
  const made = await bed(t)
  const asked: Record<string, string[]> = {}
  const id = encodeURIComponent(made.sent[30]!)
  const lazy = `filter=${encodeURIComponent('{"lazy_load_members":true}')}`
  const { start } = (await made.get('bob', 'messages?dir=b&limit=1')).body
  for (const rest of [
    `messages?dir=b&limit=50&${lazy}`,
    `messages?dir=b&limit=50&filter=${encodeURIComponent('{"types":["m.room.message"]}')}`,
    'state',
    'state/m.room.join_rules/',
    'members',
    `members?at=${start}`,
    'joined_members',
    `event/${id}`,
    `context/${id}?limit=20`,
    '/joined_rooms',
  ]) {
    await made.get('bob', rest)
    const { status } = await made.get('bob', rest)
    assert.equal(status, 200, rest)
    asked[rest.replace(id, '{eventId}').replace(/\?.*(lazy|types|at=).*/, ' $1')] = tablesOf(made.statements)
  }
  assert.deepEqual(asked, {
    'messages lazy': ['events'],
    // The page, and the depth at which the room ends: what a filter lets through does not say it.
    'messages types': ['events', 'events'],
    state: [],
    'state/m.room.join_rules/': [],
    members: [],
    'members at=': ['events', 'state_groups_state'],
    joined_members: ['current_state_events'],
    'event/{eventId}': [],
    'context/{eventId}?limit=20': ['events', 'events'],
    '/joined_rooms': [],
  })
})
