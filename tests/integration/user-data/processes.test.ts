/** What one process is asked for and another writes: the same for clients of both. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { requesterOf, serveTest, townsfolk } from '../../harness/http-worker.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'
import { join, userId } from '../../harness/user-data.ts'
import { type NamedProcess, startUserDataProcesses } from '../../harness/user-data-processes.ts'

const postgres = await startPostgres()
const V3 = '/_matrix/client/v3'
const alice = userId('alice')
const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } })

const streamWriters = {
  typing: ['writer'],
  receipts: ['writer', 'second'],
  account_data: ['writer'],
  push_rules: ['writer'],
  events: ['master'],
}

async function world(t: TestContext) {
  const db = await postgres.db(t)
  const calls: string[] = []
  const [master, writer, second, generic] = (await startUserDataProcesses(t, db, {
    names: ['master', 'writer', 'second', 'generic'],
    streamWriters,
    onCall: (from, to, name) => void calls.push(`${from} → ${to}: ${name}`),
  })) as [NamedProcess, NamedProcess, NamedProcess, NamedProcess]
  const requesters = {
    ...townsfolk,
    byAccessToken: (token: string) => requesterOf(token, { userId: userId(token) }),
  }
  const { port } = await serveTest(t, generic.operations, { requesters, maxBodyBytes: 100_000 })
  const ask = async (method: string, path: string, body?: JsonObject, token = 'alice') => {
    const response = await fetch(`http://127.0.0.1:${port}${V3}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Record<string, unknown> }
  }
  const roomId = await master.createRoom('alice')
  await master.send(roomId, 'bob', join('bob'))
  const eventId = await master.send(roomId, 'bob', message('hello'))
  const seen = (process: NamedProcess) =>
    until(() => process.streams.current('events').stream >= master.streams.current('events').stream)
  await Promise.all([writer, second, generic].map(seen))
  return { db, calls, master, writer, second, generic, ask, roomId, eventId, seen }
}

const path = (roomId: RoomId, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const fine = { status: 200, json: {} }

test('typing is told by the writer to everybody, ends by itself, and with a leave', async (t) => {
  const { ask, calls, roomId, master, writer, second, generic } = await world(t)
  const set = (body: JsonObject, token = 'alice') =>
    ask('PUT', path(roomId, `typing/${encodeURIComponent(userId(token))}`), body, token)
  assert.deepEqual(await set({ typing: true }), fine)
  assert.deepEqual(calls, ['generic → writer: plexus_set_typing'])
  // Who asked sees it at once, the others soon.
  assert.deepEqual(generic.typing.inRoom(roomId), [alice])
  assert.deepEqual(await set({ typing: true, timeout: 1 }, 'bob'), fine)
  await until(() => second.typing.inRoom(roomId).length === 2)
  await until(() => second.typing.inRoom(roomId).join() === alice)
  assert.equal(second.typing.changedAt(roomId), writer.typing.changedAt(roomId))
  assert.deepEqual(await set({ typing: false }), fine)
  assert.deepEqual(generic.typing.inRoom(roomId), [])

  await set({ typing: true }, 'bob')
  await master.send(roomId, 'bob', { ...join('bob'), content: { membership: 'leave' } })
  await until(() => generic.typing.inRoom(roomId).length === 0)
  assert.equal((await set({ typing: true }, 'bob')).status, 403)
})

test('a process that missed typing has it from the writer', async (t) => {
  const { ask, roomId, writer } = await world(t)
  const begin = writer.streams.now().typing
  await ask('PUT', path(roomId, `typing/${encodeURIComponent(alice)}`), { typing: true })
  const updates = await writer.ownUpdates.get('typing')!(0, begin + 10)
  assert.deepEqual(updates, {
    rows: [[begin + 1, [roomId, [alice]]]],
    upTo: begin + 10,
    limited: false,
    beganAt: begin,
  })
  assert.deepEqual((await writer.ownUpdates.get('typing')!(begin + 1, begin + 10)).rows, [])
})

test('receipts of a user go to one writer, and change what is unread', async (t) => {
  const { ask, calls, roomId, eventId, generic, master, seen } = await world(t)
  const unread = async () => (await generic.unreadCounts.of(alice, [roomId])).get(roomId)?.notificationCount ?? 0
  assert.equal(await unread(), 1)
  const read = (id: string, type = 'm.read') =>
    ask('POST', path(roomId, `receipt/${type}/${encodeURIComponent(id)}`), {})
  assert.deepEqual(await read(eventId), fine)
  assert.equal(await unread(), 0)
  const next = await master.send(roomId, 'bob', message('again'))
  await seen(generic)
  assert.equal(await unread(), 1)
  assert.deepEqual(await read(eventId), fine)
  assert.equal(await unread(), 1, 'an older receipt')
  assert.deepEqual(await read(next, 'm.read.private'), fine)
  assert.equal(await unread(), 0)
  assert.equal(new Set(calls).size, 1, calls.join())
  assert.match(calls[0]!, /^generic → (writer|second): plexus_add_receipt$/)
})

test('account data, tags and the fully read marker are written where Synapse’s processes would ask, as they were', async (t) => {
  const { db, ask, calls, roomId, eventId } = await world(t)
  const mine = `/user/${encodeURIComponent(alice)}`
  await ask('PUT', `${mine}/account_data/im.test`, { a: 'b' })
  await ask('PUT', `${mine}${path(roomId, 'account_data/im.test')}`, { c: 'd' })
  await ask('PUT', `${mine}${path(roomId, 'tags/u.x')}`, { order: 0.25 })
  await ask('PUT', `${mine}${path(roomId, 'tags/u.y')}`, {})
  await ask('DELETE', `${mine}${path(roomId, 'tags/u.y')}`)
  assert.deepEqual(await ask('POST', path(roomId, 'read_markers'), { 'm.fully_read': eventId }), fine)
  const get = async (rest: string) => (await ask('GET', `${mine}${rest}`)).json
  assert.deepEqual(await get('/account_data/im.test'), { a: 'b' })
  assert.deepEqual(await get(path(roomId, 'account_data/im.test')), { c: 'd' })
  assert.deepEqual(await get(path(roomId, 'tags')), { tags: { 'u.x': { order: 0.25 } } })
  assert.deepEqual(await get(path(roomId, 'account_data/m.fully_read')), { event_id: eventId })
  assert.deepEqual(
    new Set(calls.map((call) => call.slice('generic → '.length))),
    new Set([
      'writer: add_user_account_data',
      'writer: add_room_account_data',
      'writer: add_tag',
      'writer: remove_tag',
    ]),
  )
  const rows = await db.rows<{ instance: string }>('select distinct instance_name as instance from account_data')
  assert.deepEqual(
    rows.map(({ instance }) => instance),
    ['writer'],
  )

  // A refusal of the writer is the client's.
  const ignored = await ask('PUT', `${mine}/account_data/m.ignored_user_list`, { ignored_users: { [alice]: {} } })
  assert.deepEqual(ignored, { status: 400, json: { errcode: 'M_INVALID_PARAM', error: 'You cannot ignore yourself' } })
})

test('whom a user ignores does not notify them, from that moment on', async (t) => {
  const { ask, roomId, master, db } = await world(t)
  await ask('PUT', `/user/${encodeURIComponent(alice)}/account_data/m.ignored_user_list`, {
    ignored_users: { [userId('bob')]: {} },
  })
  await until(() => master.streams.current('account_data').stream > 1)
  const eventId = await master.send(roomId, 'bob', message('hello?'))
  assert.deepEqual(await db.rows('select user_id from event_push_actions where event_id = $1', [eventId]), [])
  const caches = await db.rows<{ name: string }>(
    "select distinct cache_func as name from cache_invalidation_stream_by_instance where cache_func like 'ignored%' order by 1",
  )
  assert.deepEqual(
    caches.map(({ name }) => name),
    ['ignored_by', 'ignored_users'],
  )
})

test('push rules count where events are made as soon as they were changed elsewhere', async (t) => {
  const { ask, calls, roomId, master, db, generic } = await world(t)
  const rule = `/pushrules/global/room/${encodeURIComponent(roomId)}`
  assert.deepEqual(await ask('PUT', rule, { actions: [] }), fine)
  assert.deepEqual(calls, ['generic → writer: plexus_change_push_rule'])
  assert.deepEqual((await ask('GET', `${rule}/actions`)).json, { actions: [] })
  await until(() => master.streams.current('push_rules').stream >= generic.streams.current('push_rules').stream)
  const eventId = await master.send(roomId, 'bob', message('anyone?'))
  assert.deepEqual(await db.rows('select user_id from event_push_actions where event_id = $1', [eventId]), [])
  assert.deepEqual(await ask('DELETE', rule), fine)
  const gone = { status: 404, json: { errcode: 'M_NOT_FOUND', error: 'Not found' } }
  assert.deepEqual(await ask('DELETE', rule), gone)
})

test('a user has no more and no larger rules than the configuration allows', async (t) => {
  const { ask } = await world(t)
  const put = async (id: string, pattern = 'x') =>
    (await ask('PUT', `/pushrules/global/content/${id}`, { actions: [], pattern })).status
  assert.equal(await put('a', 'x'.repeat(2000)), 413)
  assert.equal(await put('a'.repeat(300)), 413)
  assert.equal(await put('a'), 200)
  const actions = [{ set_tweak: 'sound', value: 'x'.repeat(1000) }]
  assert.equal((await ask('PUT', '/pushrules/global/content/a/actions', { actions })).status, 413)
})
