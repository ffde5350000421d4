/**
 * What clients read of rooms, beside a real Synapse, of one database: it makes the rooms, both are asked, and the answers are
 * the same, but for what `explained` names.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Requester } from '../../worker/http/requester.ts'
import { makeRoomReading } from '../../worker/rooms/make-reading.ts'
import { makeRoomStores } from '../../worker/rooms/make-rooms.ts'
import { roomReadingOperations } from '../../worker/services/room-reading.ts'
import { type Db, makeDb } from '../../worker/storage/db.ts'
import { serveTest, townsfolk } from '../harness/http-worker.ts'
import { openStreams } from '../harness/live-streams.ts'
import { startPostgres } from '../harness/postgres.ts'
import { registerOn, startSynapse } from '../harness/synapse.ts'
import { until } from '../harness/until.ts'

const postgres = await startPostgres()

interface Person {
  readonly token: string
  readonly userId: string
  readonly deviceId: string | undefined
  readonly isGuest: boolean
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

type Json = Record<string, unknown>

const CLIENT = '/_matrix/client/v3'
const NO_LIMIT = { per_second: 10_000, burst_count: 10_000 }

async function ask(url: string, method: string, path: string, token?: string, body?: object): Promise<Answer> {
  const response = await fetch(`${url}${CLIENT}${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

/** Throws unless it succeeds. */
async function make(url: string, method: string, path: string, by: Person | undefined, body: object): Promise<Json> {
  const answer = await ask(url, method, path, by?.token, body)
  assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
  return answer.body as Json
}

const at = (roomId: string, rest: string): string => `/rooms/${encodeURIComponent(roomId)}${rest}`

/** The rooms that both are asked of: paths of requests, by what they are about. */
async function populate(url: string, people: Readonly<Record<string, Person>>) {
  const { alice, bob, dave, erin, frank, ignoree, leaver } = people as Record<string, Person>
  const requests = new Map<string, string>()
  let transactions = 0
  let since = ''
  const say = async (
    by: Person,
    roomId: string,
    type = 'm.room.message',
    content: object = { msgtype: 'm.text', body: 'x' },
  ) => (await make(url, 'PUT', at(roomId, `/send/${type}/t${++transactions}`), by, content)).event_id as string
  const set = async (by: Person, roomId: string, type: string, content: object, key = '') =>
    (await make(url, 'PUT', at(roomId, `/state/${type}/${encodeURIComponent(key)}`), by, content)).event_id as string
  const act = (by: Person, roomId: string, action: string, body: object = {}) =>
    make(url, 'POST', at(roomId, `/${action}`), by, body)
  const join = (by: Person, roomId: string) => act(by, roomId, 'join')

  for (const [name, preset, version, history] of [
    ['shared', 'public_chat', '12', 'shared'],
    ['world', 'public_chat', '10', 'world_readable'],
    ['joined', 'public_chat', '11', 'joined'],
    ['invited', 'private_chat', '9', 'invited'],
    ['old', 'public_chat', '3', 'shared'],
  ] as const) {
    const { room_id: made } = await make(url, 'POST', '/createRoom', alice, {
      preset,
      room_version: version,
      name,
      topic: 'first',
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: history } },
        { type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } },
      ],
    })
    const roomId = made as string
    const events: string[] = []
    events.push(await say(alice!, roomId))
    if (preset === 'private_chat')
      for (const person of [bob, dave, leaver, ignoree])
        await act(alice!, roomId, 'invite', { user_id: person!.userId })
    await say(alice!, roomId, 'm.room.message', {
      msgtype: 'm.file',
      body: 'after the invitations',
      url: 'mxc://hs.test/a',
    })
    await join(bob!, roomId)
    await join(dave!, roomId)
    await join(leaver!, roomId)
    await join(ignoree!, roomId)
    events.push(await set(alice!, roomId, 'm.room.topic', { topic: 'second' }))
    events.push(await say(dave!, roomId))
    await say(ignoree!, roomId)
    await say(bob!, roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: events[0], key: '👍' },
    })
    await say(leaver!, roomId)
    const redacted = await say(bob!, roomId)
    await make(url, 'PUT', at(roomId, `/redact/${encodeURIComponent(redacted)}/t${++transactions}`), bob, {
      reason: 'oops',
    })
    events.push(redacted)
    await act(dave!, roomId, 'leave', { reason: 'bye' })
    // On from the last one: Synapse keeps the answer to the first of all for two minutes.
    const synced = await ask(url, 'GET', `/sync?timeout=0${since === '' ? '' : `&since=${since}`}`, alice!.token)
    since = (synced.body as Json).next_batch as string
    const afterLeaving = await say(alice!, roomId)
    events.push(afterLeaving)
    if (preset === 'public_chat') {
      await join(erin!, roomId)
      await act(alice!, roomId, 'ban', { user_id: erin!.userId, reason: 'no' })
    }
    await act(alice!, roomId, 'invite', { user_id: frank!.userId })
    await set(alice!, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    events.push(await say(alice!, roomId))
    await set(alice!, roomId, 'm.room.history_visibility', { history_visibility: history })
    await set(alice!, roomId, 'com.example.thing', { n: 1 }, 'käy/é')
    events.push(await say(alice!, roomId, 'm.room.message', { msgtype: 'm.text', body: 'last' }))

    const add = (what: string, rest: string) => requests.set(`${name}: ${what}`, at(roomId, rest))
    const filter = (json: object) => `filter=${encodeURIComponent(JSON.stringify(json))}`
    for (const dir of ['b', 'f'] as const) {
      for (const limit of [1, 100]) add(`messages ${dir} ${limit}`, `/messages?dir=${dir}&limit=${limit}`)
      add(`messages ${dir} from sync`, `/messages?dir=${dir}&limit=5&from=${since}`)
      add(`messages ${dir} to sync`, `/messages?dir=${dir}&limit=100&to=${since}`)
      add(
        `messages ${dir} of types`,
        `/messages?dir=${dir}&${filter({ types: ['m.room.m*'], not_senders: [alice!.userId] })}`,
      )
      add(`messages ${dir} with url`, `/messages?dir=${dir}&${filter({ contains_url: true })}`)
      add(`messages ${dir} lazy`, `/messages?dir=${dir}&limit=7&${filter({ lazy_load_members: true })}`)
      add(`messages ${dir} related by`, `/messages?dir=${dir}&${filter({ related_by_rel_types: ['m.annotation'] })}`)
      add(`messages ${dir} of nothing`, `/messages?dir=${dir}&${filter({ types: ['nothing'] })}`)
      add(`messages ${dir} 0`, `/messages?dir=${dir}&limit=0`)
      add(
        `messages ${dir} for servers`,
        `/messages?dir=${dir}&limit=3&${filter({ event_format: 'federation', types: ['m.room.message'] })}`,
      )
    }
    add('messages unsaid', '/messages')
    add('state', '/state')
    for (const type of [
      'm.room.name',
      'm.room.topic/',
      'm.room.create',
      'nothing',
      `com.example.thing/${encodeURIComponent('käy/é')}`,
    ])
      for (const format of ['', '?format=event', '?format=content'])
        add(`state ${type}${format}`, `/state/${type}${format}`)
    add('members', '/members')
    add('members joined', '/members?membership=join')
    add('members not left', '/members?not_membership=leave')
    add('members then', `/members?at=${since}`)
    add('members who left then', `/members?at=${since}&membership=leave`)
    add('joined members', '/joined_members')
    for (const [i, eventId] of events.entries()) {
      const id = encodeURIComponent(eventId)
      add(`event ${i}`, `/event/${id}`)
      for (const limit of [0, 5]) add(`context ${i}, ${limit}`, `/context/${id}?limit=${limit}`)
      if (i % 3 === 0)
        add(`context ${i}, lazy`, `/context/${id}?${filter({ lazy_load_members: true, types: ['m.room.*'] })}`)
    }
    for (const [what, rest] of [
      ['a wrong direction', '/messages?dir=x'],
      ['a wrong limit', '/messages?dir=b&limit=x'],
      ['a negative limit', '/messages?dir=b&limit=-1'],
      ['a wrong token', '/messages?dir=b&from=x'],
      ['a wrong end', '/messages?dir=b&to=x'],
      ['no filter', '/messages?dir=b&limit=2&filter=%7B%7D'],
      ['a filter that is no JSON', '/messages?dir=b&filter=x'],
      ['a wrong format', '/state/m.room.name?format=x'],
      ['members at a wrong token', '/members?at=x'],
      ['an unknown event', '/event/$none'],
      ['the context of an unknown event', '/context/$none'],
      ['the context of nothing', '/context/$none?filter=x'],
    ] as const)
      add(what, rest)
    // Pages that join on to each other.
    let from = ''
    for (let page = 0; page < 3; page++) {
      const path = at(roomId, `/messages?dir=b&limit=3${from}`)
      requests.set(`${name}: page ${page}`, path)
      const { body } = await ask(url, 'GET', path, alice!.token)
      const { end } = body as { end?: string }
      if (end === undefined) break
      requests.set(`${name}: page ${page} and back`, at(roomId, `/messages?dir=f&limit=4&from=${end}`))
      from = `&from=${end}`
    }
  }
  for (const what of [
    'messages',
    'state',
    'state/m.room.name',
    'members',
    'joined_members',
    'event/$none',
    'context/$none',
  ])
    requests.set(`no room: ${what}`, `/rooms/!none:hs.test/${what}`)
  requests.set('joined rooms', '/joined_rooms')
  return requests
}

/** Members that events have at their top in Synapse's answers as clients of before 2015 knew them. */
const V1_MEMBERS = ['user_id', 'age', 'prev_content', 'replaces_state', 'redacted_because', 'invite_room_state']

/** As it is compared: without the time, and state in one order. `isState`: of what state replaced Synapse tells if it happens to know. */
function normal(value: unknown, isState = false): unknown {
  if (Array.isArray(value)) return value.map((item) => normal(item, isState))
  if (typeof value !== 'object' || value === null) return value
  const object = { ...(value as Json) }
  if ('event_id' in object && 'content' in object) {
    const isFederationFormat = 'hashes' in object
    if (isFederationFormat) {
      // In Synapse in both places, as for clients, but only where it stands in another event.
      delete object.redacts
      object.content = { ...(object.content as Json), redacts: undefined }
    } else for (const member of V1_MEMBERS) delete object[member]
    const unsigned = { ...(object.unsigned as Json) }
    if ('age' in unsigned) unsigned.age = typeof unsigned.age
    // Of our own making, for ourselves.
    delete unsigned.age_ts
    if (isState) for (const member of ['prev_content', 'prev_sender']) delete unsigned[member]
    if (unsigned.redacted_because !== undefined) unsigned.redacted_because = normal(unsigned.redacted_because)
    return { ...object, unsigned }
  }
  return Object.fromEntries(
    Object.entries(object).map(([key, member]) => [
      key,
      key === 'state' ? sortedState(member) : normal(member, isState),
    ]),
  )
}

const sortedState = (events: unknown): unknown =>
  (normal(events, true) as Json[]).sort((a, b) => (String(a.event_id) < String(b.event_id) ? -1 : 1))

function comparable(path: string, { status, body }: Answer): Answer {
  if (status !== 200) {
    // Synapse prints the token as Python does.
    const { errcode, error } = body as Json
    return { status, body: { errcode, error: String(error).replace(/ (?:at|for) token .*/s, ' at that token') } }
  }
  if (/\/state(?:$|\?)/.test(path)) return { status, body: sortedState(body) }
  if (/\/members\b/.test(path)) return { status, body: { chunk: sortedState((body as Json).chunk) } }
  if (/\/(?:event|state)\//.test(path)) return { status, body: normal(body, true) }
  if (path === '/joined_rooms') return { status, body: ((body as Json).joined_rooms as string[]).sort() }
  return { status, body: normal(body) }
}

/** Why answers may differ. Each has to occur. */
const reasons = {
  /** The specification: who was a member sees what was shared until they left. Synapse does not ask when they left. */
  former: 'who left sees what was shared before, and nothing of after',
  /** The specification: an event that changes the visibility is seen by whom either allows. */
  invited: 'a change of the visibility counts for those who were invited before it',
  /** The specification, as for former members. Synapse lets them read what happened, and not who was there then. */
  banned: 'who joined since, and was banned, may know who was there before',
  /** Synapse begins a depth earlier, and leaves out events of the same depth. */
  start: 'the place before an event is right before it',
} as const
type Reason = keyof typeof reasons

const LISTS = ['chunk', 'events_before', 'events_after'] as const
const idsIn = (body: Json) => LISTS.flatMap((list) => (body[list] as Json[] | undefined) ?? []).map((e) => e.event_id)

/** Why these differ; undefined if nothing explains it. */
function explain(name: string, what: string, ours: Answer, theirs: Answer): Reason | undefined {
  if (name === 'dave' && /event|context/.test(what) && theirs.status >= 403 && ours.status === 200) return 'former'
  if (name === 'erin' && /members .*then/.test(what) && theirs.status === 403 && ours.status === 200) return 'banned'
  if (ours.status !== 200 || theirs.status !== 200) return undefined
  const [our, their] = [ours.body, theirs.body] as [Json, Json]
  const [ourIds, theirIds] = [new Set(idsIn(our)), new Set(idsIn(their))]
  const only = (body: Json, ids: ReadonlySet<unknown>): Json => ({
    ...body,
    ...Object.fromEntries(
      LISTS.flatMap((list) =>
        body[list] === undefined ? [] : [[list, (body[list] as Json[]).filter((event) => ids.has(event.event_id))]],
      ),
    ),
  })
  const common = new Set([...ourIds].filter((eventId) => theirIds.has(eventId)))
  const [ourCommon, theirCommon] = [only(our, common), only(their, common)]
  const hasExtra = { ours: ourIds.size > common.size, theirs: theirIds.size > common.size }
  const isContext = what.includes('context')
  if (isContext && (their.events_before as unknown[]).length === 0 && (our.events_before as unknown[]).length === 0)
    theirCommon.start = ourCommon.start
  if (!isDeepStrictEqual(ourCommon, theirCommon)) return undefined
  if (!hasExtra.ours && !hasExtra.theirs) return isContext ? 'start' : undefined
  if (name === 'dave' && isContext && !hasExtra.theirs) return 'former'
  if (name === 'dave' && /messages f|and back/.test(what) && !hasExtra.ours) return 'former'
  const extra = LISTS.flatMap((list) => (our[list] as Json[] | undefined) ?? []).filter(
    (e) => !theirIds.has(e.event_id),
  )
  const areSettings = extra.every(({ type }) => type === 'm.room.history_visibility')
  return name === 'frank' && !hasExtra.theirs && areSettings ? 'invited' : undefined
}

async function serve(t: TestContext, db: Db, people: readonly Person[]): Promise<string> {
  const streams = await openStreams(t, db)
  const { events, states: state } = makeRoomStores({ db, streams })
  const serverName = 'hs.test' as ServerName
  const reading = makeRoomReading({ db, streams, caches: streams.caches, serverName, events, state })
  const deps = { db, streams, events, state, ...reading }
  const byToken = new Map(
    people.map(({ token, userId, deviceId, isGuest }): [string, Requester] => [
      token,
      { userId: userId as UserId, deviceId, isGuest, isShadowBanned: false, authenticatedEntity: userId },
    ]),
  )
  const server = await serveTest(t, roomReadingOperations(deps), {
    requesters: { ...townsfolk, byAccessToken: (token) => byToken.get(token) },
  })
  return `http://127.0.0.1:${server.port}`
}

test('rooms are read as of a Synapse', async (t) => {
  const settings = await postgres.emptyDatabase()
  const synapse = await startSynapse(t, {
    database: {
      name: 'psycopg2',
      args: {
        host: postgres.socketFolder,
        port: postgres.port,
        user: 'postgres',
        database: settings.database,
        cp_max: 3,
      },
    },
    allow_guest_access: true,
    rc_message: NO_LIMIT,
    rc_registration: NO_LIMIT,
    rc_joins: { local: NO_LIMIT, remote: NO_LIMIT },
    rc_joins_per_room: NO_LIMIT,
    rc_invites: { per_room: NO_LIMIT, per_user: NO_LIMIT, per_issuer: NO_LIMIT },
    rc_room_creation: NO_LIMIT,
  })
  const { url } = synapse
  const people: Record<string, Person> = {}
  for (const name of ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'ignoree', 'leaver'])
    people[name] = { ...(await registerOn(synapse, name)), isGuest: false }
  const guest = (await ask(url, 'POST', '/register?kind=guest', undefined, {})).body as Json
  people.guest = {
    token: guest.access_token as string,
    userId: guest.user_id as string,
    deviceId: guest.device_id as string,
    isGuest: true,
  }
  const requests = await populate(url, people)
  const ignored = { ignored_users: { [people.ignoree!.userId]: {} } }
  await make(url, 'PUT', `/user/${people.bob!.userId}/account_data/m.ignored_user_list`, people.bob, ignored)
  await make(url, 'POST', '/account/deactivate', people.leaver, {
    erase: true,
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'leaver' }, password: 'a password' },
  })

  const db = makeDb(settings)
  t.after(() => db.close())
  // Who is deactivated leaves their rooms by and by.
  await until(async () => (await db.rows('select from users_pending_deactivation')).length === 0, 30_000)
  const ours = await serve(t, db, Object.values(people))
  // Each is asked by those who may see some of it, and every third by the others.
  const always = ['alice', 'dave', 'frank']
  const sometimes = ['bob', 'carol', 'erin', 'guest']
  const differences: string[] = []
  const explained = new Map<Reason, number>()
  let compared = 0
  for (const [i, [what, path]] of [...requests].entries())
    for (const name of i % 3 === 0 ? [...always, ...sometimes] : always) {
      const { token } = people[name]!
      const answers = await Promise.all([ask(url, 'GET', path, token), ask(ours, 'GET', path, token)])
      const [theirs, own] = [comparable(path, answers[0]), comparable(path, answers[1])]
      compared++
      if (isDeepStrictEqual(own, theirs)) continue
      const reason = explain(name, what, own, theirs)
      if (reason === undefined)
        differences.push(`${name}, ${what}: ${JSON.stringify(theirs)}, and not ${JSON.stringify(own)}`)
      else explained.set(reason, (explained.get(reason) ?? 0) + 1)
    }
  t.diagnostic(`${compared} answers compared`)
  for (const [reason, count] of explained) t.diagnostic(`${count}: ${reasons[reason]}`)
  assert.deepEqual(differences.slice(0, 5), [])
  assert.deepEqual([...explained.keys()].sort(), Object.keys(reasons).sort())
})
