/**
 * Searching, events by time, notifications, and what clients of old ask for, beside a real Synapse, of one database: it makes the
 * rooms, both are asked, and the answers are the same, but for what `explain` names.
 */

import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { otherReadOperations } from '../../worker/services/other-reads.ts'
import { searchOperations } from '../../worker/services/searching.ts'
import { makeEventStream } from '../../worker/sync/event-stream.ts'
import { makeNotifier } from '../../worker/sync/notifier.ts'
import type { PresenceEvents } from '../../worker/sync/presence-events.ts'
import { followRecent } from '../../worker/sync/recent.ts'
import { makeSnapshots } from '../../worker/sync/snapshots.ts'
import { startPostgres } from '../harness/postgres.ts'
import {
  type Answer,
  type Asking,
  ask,
  at,
  compareAnswers,
  type Json,
  make,
  type Person,
  type Reading,
  startBeside,
  v1,
} from './beside.ts'

const postgres = await startPostgres()
const NAMES = ['alice', 'bob', 'carol', 'dave', 'eve', 'outsider'] as const
type Name = (typeof NAMES)[number]

/** Rooms with something to find: paths to ask for, by what they are about. */
async function populate(url: string, people: Readonly<Record<Name, Person>>) {
  const { alice, bob, carol, dave, eve } = people
  const requests = new Map<string, Asking>()
  const search = (what: string, category: object, batch?: string, path = '/search') =>
    requests.set(`search ${what}`, {
      method: 'POST',
      path: batch === undefined ? path : `${path}?next_batch=${encodeURIComponent(batch)}`,
      body: { search_categories: { room_events: category } },
    })
  let transactions = 0
  const rooms: string[] = []
  const begin = ((await ask(url, 'GET', '/sync?timeout=0', alice.token)).body as Json).next_batch as string

  for (const [name, version, visibility] of [
    ['shared', '12', 'shared'],
    ['world', '10', 'world_readable'],
    ['joined', '11', 'joined'],
  ] as const) {
    const { room_id: made } = await make(url, 'POST', '/createRoom', alice, {
      preset: 'public_chat',
      room_version: version,
      name: `A room for apples, ${name}`,
      topic: 'pears and apples',
      ...(name === 'world' && { visibility: 'public' }),
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } },
      ],
    })
    const roomId = made as string
    rooms.push(roomId)
    const add = (what: string, path: string) => requests.set(`${name}: ${what}`, { path })
    const say = async (by: Person, body: string, more: object = {}) =>
      (
        await make(url, 'PUT', at(roomId, `/send/m.room.message/t${++transactions}`), by, {
          msgtype: 'm.text',
          body,
          ...more,
        })
      ).event_id as string
    const ids: string[] = []
    for (const person of [bob, carol, eve]) await make(url, 'POST', at(roomId, '/join'), person, {})
    for (let i = 0; i < 6; i++) ids.push(await say(i % 2 === 0 ? alice : bob, `apples and pears, ${i}: running <b>`))
    ids.push(await say(alice, `hello ${bob.userId}`, { 'm.mentions': { user_ids: [bob.userId] } }))
    ids.push(await say(bob, 'ignored apples'))
    const redacted = await say(alice, 'apples that nobody shall find')
    await make(url, 'PUT', at(roomId, `/redact/${encodeURIComponent(redacted)}/r${++transactions}`), alice, {})
    ids.push(redacted)
    await make(url, 'POST', at(roomId, '/receipt/m.read/'.concat(encodeURIComponent(ids[4]!))), carol, {})
    await make(url, 'POST', at(roomId, '/leave'), eve, {})
    ids.push(await say(bob, 'apples after eve has left'))
    await make(url, 'POST', at(roomId, '/join'), dave, {})
    ids.push(await say(dave, 'apples, when dave is here', { url: 'mxc://hs.test/x' }))
    await make(url, 'PUT', `/user/${carol.userId}/rooms/${roomId}/tags/m.favourite`, carol, { order: 0.5 })
    await make(url, 'PUT', `/user/${carol.userId}/rooms/${roomId}/account_data/com.example.x`, carol, { x: name })

    // Times.
    const { body } = await ask(url, 'GET', at(roomId, '/messages?dir=f&limit=100'), alice.token)
    const times = ((body as Json).chunk as Json[]).map((event) => event.origin_server_ts as number)
    for (const ts of [0, times[0]!, times[5]!, times[8]! + 1, times.at(-1)!, times.at(-1)! + 1_000_000])
      for (const dir of ['f', 'b'])
        add(`event at ${times.indexOf(ts)}, ${dir}`, v1(roomId, `/timestamp_to_event?ts=${ts}&dir=${dir}`))
    for (const rest of ['?ts=5', '', '?ts=x', '?ts=5&dir=x', '?ts=-1'])
      add(`event at${rest}`, v1(roomId, `/timestamp_to_event${rest}`))

    add('initialSync', at(roomId, '/initialSync'))
    add('initialSync of two', at(roomId, '/initialSync?limit=2'))
    add('initialSync with a wrong limit', at(roomId, '/initialSync?limit=x'))
    for (const [i, eventId] of ids.entries()) add(`one event ${i}`, `/events/${encodeURIComponent(eventId)}`)
    add('events', `/events?room_id=${encodeURIComponent(roomId)}&timeout=0&from=${begin}&limit=100`)
    const rank = { search_term: 'apples', filter: { rooms: [roomId], limit: 100 } }
    search(`${name} by rank`, rank)
    search(`${name} recent`, { ...rank, order_by: 'recent' })
  }
  await make(url, 'POST', at(rooms[0]!, '/invite'), alice, { user_id: eve.userId })

  search('everywhere', { search_term: 'apples', filter: { limit: 100 }, order_by: 'recent' })
  search('by rank', { search_term: 'apples', filter: { limit: 100 } })
  search('a phrase', { search_term: '"apples and pears" running', order_by: 'recent' })
  search('either', { search_term: 'ignored or hello', order_by: 'recent' })
  search('without', { search_term: 'apples -pears', order_by: 'recent' })
  search('names', { search_term: 'room', keys: ['content.name'], order_by: 'recent' })
  search('topics', { search_term: 'pears', keys: ['content.topic'], order_by: 'recent' })
  search('nothing', { search_term: 'bananas' })
  search('odd', { search_term: `'); drop table event_search; -- & | ! :* <-> \\` })
  search('empty', { search_term: '' })
  search('by sender', { search_term: 'apples', order_by: 'recent', filter: { senders: [bob.userId] } })
  search('with url', { search_term: 'apples', order_by: 'recent', filter: { contains_url: true } })
  search('grouped', {
    search_term: 'apples',
    order_by: 'recent',
    groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] },
  })
  search('ranked and grouped', {
    search_term: '"apples when dave"',
    groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] },
  })
  search('with context', {
    search_term: 'apples',
    order_by: 'recent',
    event_context: { before_limit: 2, after_limit: 2, include_profile: true },
  })
  search('with context, plain', { search_term: 'hello', order_by: 'recent', event_context: {} })
  search('with state', { search_term: 'hello', order_by: 'recent', include_state: true })
  search('oddly ordered', { search_term: 'apples', order_by: 'x' })
  search('oddly grouped', { search_term: 'apples', groupings: { group_by: [{ key: 'x' }] } })
  search('with a wrong batch', { search_term: 'apples' }, 'x')
  requests.set('search for nothing', { method: 'POST', path: '/search', body: {} })
  requests.set('search without a term', {
    method: 'POST',
    path: '/search',
    body: { search_categories: { room_events: {} } },
  })
  const paged = { search_term: 'apples', order_by: 'recent', filter: { limit: 5 } }
  let batch: string | undefined
  for (let page = 0; page < 6; page++) {
    search(`page ${page}`, paged, batch)
    const path = batch === undefined ? '/search' : `/search?next_batch=${encodeURIComponent(batch)}`
    const { body } = await ask(url, 'POST', path, alice.token, { search_categories: { room_events: paged } })
    batch = ((body as { search_categories: { room_events: Json } }).search_categories.room_events.next_batch ??
      undefined) as string | undefined
    if (batch === undefined) break
  }

  for (const rest of ['', '?limit=3', '?only=highlight', '?from=x', '?from=10', '?limit=0', '?limit=-1'])
    requests.set(`notifications${rest}`, { path: `/notifications${rest}` })
  for (const rest of ['', '?limit=3', '?archived=true', '?archived=x', '?limit=x', '?dir=x', '?from=x'])
    requests.set(`initialSync${rest}`, { path: `/initialSync${rest}` })
  for (const rest of [`&from=${begin}&limit=100`, '&from=x', '', '&limit=x'])
    requests.set(`events${rest.replace(begin, 'then')}`, { path: `/events?timeout=0${rest}` })
  requests.set('events in no time', { path: '/events?timeout=x' })
  requests.set('events of no room', { path: '/events?timeout=0&room_id=!none:hs.test' })
  requests.set('no event', { path: '/events/$none' })
  requests.set('initialSync of no room', { path: at('!none:hs.test', '/initialSync') })
  return requests
}

function operationsOf(deps: Reading) {
  const { streams, memberships, state } = deps
  const recent = followRecent(streams)
  const presenceEvents: PresenceEvents = {
    ofThoseWith: async () => [],
    of: async () => [],
    isUnchanged: () => true,
    changed: async () => [],
  }
  const old = {
    ...deps,
    states: state,
    recent,
    notifier: makeNotifier({ streams, memberships, roomsOf: async () => [] }),
    typing: { inRoom: () => [], changedAt: () => 0 },
    pushRules: async () => ({}),
    presenceEvents,
    clock: Date.now,
  }
  return [
    ...searchOperations({ ...deps, isEnabled: true }),
    ...otherReadOperations({
      ...deps,
      snapshots: makeSnapshots(old),
      eventStream: makeEventStream(old),
      presenceEvents,
      beginSync: () => () => undefined,
    }),
  ]
}

/** What replaced what Synapse tells where it happens to know, in `invite` too. */
const REPLACED = new Set(['prev_content', 'prev_sender'])
/** Of tokens only where in rooms they are: neither has the presence and typing of the other. */
const TOKENS = new Set(['start', 'end'])

/** Without presence, which is not told here, and in one order where there is none. */
function adjust(what: string, { status, body }: Answer): Answer {
  if (status !== 200) {
    // Synapse answers with a text where there is no event.
    const { errcode, error } = typeof body === 'string' ? { errcode: 'M_NOT_FOUND', error: body } : (body as Json)
    // Synapse prints a direction as Python does.
    return {
      status,
      body: { errcode, error: String(error).replace(/ in direction .*| by: .*|(?<=group by keys).*/, '') },
    }
  }
  const plain = cut(body) as Json
  delete plain.presence
  // Of all rooms Synapse does not say which are the device's own.
  if (what.startsWith('initialSync'))
    for (const room of plain.rooms as Json[]) room.messages = devicesCut(room.messages)
  if (Array.isArray(plain.notifications))
    return {
      status,
      body: withoutNulls({ ...plain, notifications: (plain.notifications as Json[]).map(withoutNulls) }),
    }
  if (Array.isArray(plain.chunk)) {
    plain.chunk = chunkOf(plain.chunk)
    delete plain.end
  }
  const { room_events: found } = (plain.search_categories ?? {}) as { room_events?: Json & { results: Json[] } }
  // Of equal rank.
  if (found !== undefined && what.includes('rank'))
    found.results.sort((a, b) => Number(b.rank) - Number(a.rank) || (idOf(a) < idOf(b) ? -1 : 1))
  for (const group of Object.values((found?.groups as Json | undefined)?.sender ?? {}))
    (group as { results: string[] }).results.sort()
  return { status, body: plain }
}
const idOf = (match: Json): string => (match.result as { event_id: string }).event_id

function cut(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cut)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      REPLACED.has(key)
        ? []
        : [[key, TOKENS.has(key) && typeof member === 'string' ? member.replace(/_.*/, '') : cut(member)]],
    ),
  )
}

function devicesCut(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(devicesCut)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (key === 'transaction_id' ? [] : [[key, devicesCut(member)]])),
  )
}

/** Synapse has the user's own memberships twice where they are in the room. */
function chunkOf(chunk: readonly Json[]): readonly Json[] {
  const seen = new Set<unknown>()
  const told = chunk.filter(({ event_id: id, type }) => {
    if (type === 'm.presence' || (id !== undefined && seen.has(id))) return false
    seen.add(id)
    return true
  })
  const others = told.filter((event) => event.event_id === undefined)
  const text = (event: Json): string => `${event.type} ${event.room_id}`
  return [
    ...told.filter((event) => event.event_id !== undefined),
    ...others.sort((a, b) => (text(a) < text(b) ? -1 : 1)),
  ]
}

/** Of what may be absent Synapse says null, which the specification does not. */
const withoutNulls = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([, member]) => member !== null))

const reasons = {
  /** Synapse counts what they may not see, and what was redacted: who searches would learn what is in it. */
  count: 'only what the user may see is counted, and only its words are told',
  /** Synapse filters what it found, and gives up where little is left. */
  filtered: 'more is found where a filter leaves little',
  near: 'the nearest event that the user may see is told of, not the nearest of all',
  /** As `/sync` does it; Synapse looks once. */
  filled: 'where some of the last events are not for the user there are older ones in their place',
} as const
type Reason = keyof typeof reasons

interface Messages {
  readonly chunk: readonly unknown[]
}
/** Ours are more, and end with theirs. */
function isFilled(ours: Json, theirs: Json): boolean {
  if (Array.isArray(ours.rooms) && Array.isArray(theirs.rooms)) {
    const rooms = theirs.rooms as Json[]
    const isSame = (ours.rooms as Json[]).every(
      (room, i) => isDeepStrictEqual(room, rooms[i]) || isFilled(room, rooms[i]!),
    )
    return isSame && isDeepStrictEqual({ ...ours, rooms: [] }, { ...theirs, rooms: [] })
  }
  const [our, their] = [ours.messages, theirs.messages] as [Messages | undefined, Messages | undefined]
  if (our === undefined || their === undefined) return false
  const isSuffix = isDeepStrictEqual(our.chunk.slice(our.chunk.length - their.chunk.length), their.chunk)
  return isSuffix && isDeepStrictEqual({ ...ours, messages: 0 }, { ...theirs, messages: 0 })
}

function explain(name: Name, what: string, ours: Answer, theirs: Answer): Reason | undefined {
  if (what.includes('event at') && theirs.status === 200 && (name === 'carol' || name === 'outsider')) return 'near'
  if (ours.status !== 200 || theirs.status !== 200) return undefined
  if (what.includes('initialSync')) return isFilled(ours.body as Json, theirs.body as Json) ? 'filled' : undefined
  if (!what.startsWith('search')) return undefined
  const [our, their] = [ours, theirs].map(
    ({ body }) =>
      (body as { search_categories: { room_events: Json & { results: Json[] } } }).search_categories.room_events,
  ) as [Json & { results: Json[] }, Json & { results: Json[] }]
  const counted = { count: 0, highlights: [] }
  if (Number(our.count) <= Number(their.count) && isDeepStrictEqual({ ...our, ...counted }, { ...their, ...counted }))
    return 'count'
  const first = our.results.slice(0, their.results.length)
  if (our.results.length > first.length && isDeepStrictEqual(first, their.results)) return 'filtered'
  return undefined
}

test('what is found, notified, and asked for as of old is as of a Synapse', async (t) => {
  const { url, people, serve } = await startBeside(t, postgres, NAMES)
  await make(url, 'PUT', `/user/${people.carol.userId}/account_data/m.ignored_user_list`, people.carol, {
    ignored_users: { [people.bob.userId]: {} },
  })
  const requests = await populate(url, people)
  const ours = await serve(operationsOf)
  const always = ['alice', 'carol', 'eve'] as const
  const askers = (i: number): readonly Name[] => (i % 3 === 0 ? NAMES : always)
  await compareAnswers(t, { theirs: url, ours, people, requests, askers, adjust, reasons, explain })
})
