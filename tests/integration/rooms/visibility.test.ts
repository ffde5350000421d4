/**
 * No way to read shows an event that its reader may not see: random histories in a live process, all reads of all kinds by
 * members, former members, invited, banned and strangers, and a model that knows only the specification.
 *
 *     SEED=… npm test -- --only rooms/visibility   the same histories again
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import type { EventIntent } from '../../../worker/rooms/sender.ts'
import { otherReadOperations } from '../../../worker/services/other-reads.ts'
import { relationOperations } from '../../../worker/services/relations.ts'
import { roomReadingOperations } from '../../../worker/services/room-reading.ts'
import { searchOperations } from '../../../worker/services/searching.ts'
import { replaceIgnoredUsers } from '../../../worker/storage/account-data.ts'
import { requesterOf, serveTest, townsfolk } from '../../harness/http-worker.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { author, createIntent, member, roomIntents, user } from '../../harness/room-process.ts'
import { startSyncProcesses } from '../../harness/sync-process.ts'
import { type History, makeHistory, type Viewer } from './visibility-model.ts'

const postgres = await startPostgres()

type Json = Record<string, unknown>

const KINDS = [
  'say',
  'say',
  'say',
  'thread',
  'edit',
  'reference',
  'move',
  'move',
  'move',
  'settings',
  'redact',
] as const
const SETTINGS = ['world_readable', 'shared', 'invited', 'joined'] as const
const step = fc.record({ kind: fc.constantFrom(...KINDS), who: fc.nat(3), at: fc.nat(1000), way: fc.nat(1000) })
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const story = fc.record({
  /** Between the parts everybody reads. */
  parts: fc.array(fc.array(step, { minLength: 4, maxLength: 12 }), { minLength: 2, maxLength: 3 }),
  begins: fc.constantFrom(...SETTINGS),
  bobIgnoresCarol: fc.boolean(),
  carolIsErased: fc.boolean(),
})

/** Every message has one of its own. */
const secret = (n: number): string => `secret${n}x`
const SECRETS = /secret(\d+)x/g

test('no read shows what its reader may not see', async (t) => {
  const db = await postgres.db(t)
  const [process] = await startSyncProcesses(t, db)
  const { sender, streams, events, states: state, reading, snapshots, eventStream, presenceEvents } = process!
  const deps = { db, streams, events, state, ...reading, snapshots, eventStream, presenceEvents }
  const operations = [
    ...roomReadingOperations(deps),
    ...relationOperations(deps),
    ...searchOperations({ ...deps, isEnabled: true }),
    ...otherReadOperations({ ...deps, beginSync: () => () => undefined }),
  ]
  const server = await serveTest(t, operations, {
    requesters: {
      ...townsfolk,
      byAccessToken: (token) => ({ ...requesterOf(token), userId: user(token), deviceId: 'PHONE' }),
    },
  })
  const request = async (who: string, path: string, body?: object): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/_matrix/client/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${who}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }

  let stories = 0
  let secrets = 0
  const seen = { shown: 0, hidden: 0, answers: 0 }

  /** One room, told and read. */
  const tell = async ({
    parts,
    begins,
    bobIgnoresCarol,
    carolIsErased,
  }: typeof story extends fc.Arbitrary<infer T> ? T : never) => {
    const run = ++stories
    const name = (who: string): string => `${who}${run}`
    const [alice, bob, carol, dave, eve] = ['alice', 'bob', 'carol', 'dave', 'eve'].map(name) as [
      string,
      string,
      string,
      string,
      string,
    ]
    const movers = [bob, carol, dave]
    const viewers = [alice, bob, carol, dave, eve]
    const isErased = (sender: string): boolean => carolIsErased && sender === user(carol)
    if (carolIsErased) await db.run('insert into erased_users (user_id) values ($1)', [user(carol)])
    if (bobIgnoresCarol) await replaceIgnoredUsers(db, user(bob), [user(carol)])
    const viewer = (who: string): Viewer => ({
      userId: user(who),
      ignores: new Set(who === bob && bobIgnoresCarol ? [user(carol)] : []),
    })

    const history = makeHistory()
    const secretOf = new Map<number, number>()
    const redacted = new Set<number>()
    const messages: number[] = []
    const note = (eventId: string, intent: EventIntent, by: string): void =>
      history.add({ eventId, type: intent.type, stateKey: intent.stateKey, sender: user(by), content: intent.content })
    const create = createIntent('10', user(alice))
    const first = roomIntents(user(alice)).map((intent) =>
      intent.type === 'm.room.history_visibility' ? { ...intent, content: { history_visibility: begins } } : intent,
    )
    const made = await sender.createRoom(roomVersions['10'], create, () => first, author(alice, 'PHONE'), {
      isPublic: false,
    })
    const { roomId } = made
    const ids = await db.rows<{ id: EventId }>(
      'select event_id as id from events where room_id = $1 order by stream_ordering',
      [roomId],
    )
    for (const [i, intent] of [create, ...first].entries()) note(ids[i]!.id, intent, alice)

    const send = async (by: string, intent: EventIntent): Promise<number> => {
      const [sent] = await sender.send(roomId, [intent], author(by, 'PHONE'))
      // State that is so already is no new event.
      const known = history.events.findIndex(({ eventId }) => eventId === sent!.eventId)
      if (known !== -1) return known
      note(sent!.eventId, intent, by)
      return history.events.length - 1
    }
    const say = async (by: string, relation?: JsonObject, more: JsonObject = {}): Promise<void> => {
      const n = ++secrets
      const content = {
        msgtype: 'm.text',
        body: `apple ${secret(n)}`,
        ...(relation && { 'm.relates_to': relation }),
        ...more,
      }
      const at = await send(by, { type: 'm.room.message', content })
      secretOf.set(at, n)
      messages.push(at)
      await db.run(
        `insert into event_push_actions (event_id, room_id, stream_ordering, topological_ordering, user_id, actions, notif,
           highlight, unread, thread_id)
         select e.event_id, e.room_id, e.stream_ordering, e.topological_ordering, u, '', 1, 0, 0, 'main'
         from events e, unnest($2::text[]) u where e.event_id = $1`,
        [history.events[at]!.eventId, viewers.map(user)],
      )
    }
    const act = async ({ kind, who, at, way }: Step): Promise<void> => {
      const by = [alice, ...movers][who]!
      const isThere = history.membershipOf(user(by)) === 'join'
      const target = messages.length === 0 ? undefined : messages[at % messages.length]!
      const targetId = target === undefined ? undefined : history.events[target]!.eventId
      if (kind === 'settings')
        return void (await send(alice, {
          type: 'm.room.history_visibility',
          stateKey: '',
          content: { history_visibility: SETTINGS[way % SETTINGS.length]! },
        }))
      if (kind === 'move') return move(history, movers[at % movers.length]!, alice, way, send)
      if (!isThere) return
      if (kind === 'redact') {
        if (target === undefined || redacted.has(target)) return
        await send(alice, { type: 'm.room.redaction', redacts: targetId as EventId, content: {} })
        redacted.add(target)
      } else if (targetId === undefined || kind === 'say') await say(by)
      else if (kind === 'edit') {
        const owner = history.events[target!]!.sender
        const editor = [alice, ...movers].find((one) => user(one) === owner)!
        if (history.membershipOf(owner) !== 'join') return
        const edited = { msgtype: 'm.text', body: `apple ${secret(secrets + 1)}` }
        await say(editor, { rel_type: 'm.replace', event_id: targetId }, { 'm.new_content': edited })
      } else await say(by, { rel_type: kind === 'thread' ? 'm.thread' : 'm.reference', event_id: targetId })
    }

    const tokens = new Map<string, string>()
    /** Throws if the answer holds what is not for them. */
    const check = (who: string, what: string, text: string): void => {
      seen.answers++
      const asking = viewer(who)
      const tell = (problem: string) => `${who}, ${what}: ${problem}\n${JSON.stringify(history.events)}\n${text}`
      const shown = new Set([...text.matchAll(SECRETS)].map(([, n]) => Number(n)))
      for (const [at, n] of secretOf) {
        const isAllowed =
          history.maySee(asking, at) &&
          !redacted.has(at) &&
          (!isErased(history.events[at]!.sender) || history.wasThere(asking.userId, at))
        if (!isAllowed) seen.hidden++
        else if (shown.has(n)) seen.shown++
        assert.ok(isAllowed || !shown.has(n), tell(`shows event ${at}`))
      }
      const places = new Map(history.events.map(({ eventId }, at) => [eventId, at]))
      for (const eventId of timelineEvents(JSON.parse(text))) {
        const at = places.get(eventId)
        if (at !== undefined) assert.ok(history.maySee(asking, at), tell(`shows event ${at}, ${eventId}`))
      }
    }

    const readAll = async (who: string): Promise<void> => {
      const inRoom = (rest: string, version = 'v3') => `${version}/rooms/${encodeURIComponent(roomId)}/${rest}`
      const get = async (what: string, path: string, body?: object): Promise<string> => {
        const { status, text } = await request(who, path, body)
        assert.ok(status < 500, `${what}: ${text}`)
        check(who, what, text)
        return status === 200 ? text : '{}'
      }
      const since = tokens.get(who)
      for (const [what, asked] of [
        ['sync', {}],
        ['sync with left rooms', { filter: { room: { include_leave: true, timeline: { limit: 100 } } } }],
        ['sync since', since === undefined ? {} : { since }],
        ['sync whole since', since === undefined ? {} : { since, fullState: true }],
      ] as const) {
        const answer = await process!.ask(user(who), asked)
        check(who, what, JSON.stringify(answer))
        if (what === 'sync whole since') tokens.set(who, answer.next_batch)
      }
      const from = since === undefined ? '' : `&from=${since}`
      for (const dir of ['b', 'f']) {
        await get(`messages ${dir}`, inRoom(`messages?dir=${dir}&limit=100`))
        await get(`messages ${dir} on`, inRoom(`messages?dir=${dir}&limit=100${from}`))
      }
      await get('initialSync', 'v3/initialSync?archived=true&limit=100')
      await get('initialSync of the room', inRoom('initialSync?limit=100'))
      await get('events', `v3/events?timeout=0&limit=100${from}`)
      await get('events of the room', `v3/events?timeout=0&limit=100&room_id=${encodeURIComponent(roomId)}${from}`)
      await get('notifications', 'v3/notifications?limit=100')
      await get('threads', inRoom('threads?limit=100', 'v1'))
      for (const order_by of ['rank', 'recent'])
        await get(`search ${order_by}`, 'v3/search', {
          search_categories: {
            room_events: {
              search_term: 'apple',
              order_by,
              filter: { limit: 100 },
              event_context: { before_limit: 3, after_limit: 3 },
            },
          },
        })
      for (const [at, { eventId }] of history.events.entries()) {
        const id = encodeURIComponent(eventId)
        await get(`event ${at}`, inRoom(`event/${id}`))
        if (at % 3 !== stories % 3) continue
        await get(`one event ${at}`, `v3/events/${id}`)
        await get(`context ${at}`, inRoom(`context/${id}?limit=10`))
        await get(`relations ${at}`, inRoom(`relations/${id}?limit=100&recurse=true`, 'v1'))
        const { event_id: near } = JSON.parse(
          await get(`time of ${at}`, inRoom(`timestamp_to_event?ts=0`, 'v1')),
        ) as Json
        const place = history.events.findIndex((event) => event.eventId === near)
        assert.ok(near === undefined || history.maySee(viewer(who), place), `${who}, by time: ${place}`)
      }
      await readStates(who)
    }

    /** The members as they were after each event. */
    const readStates = async (who: string): Promise<void> => {
      const places = await db.rows<{ id: string; position: number }>(
        'select event_id as id, stream_ordering as position from events where room_id = $1',
        [roomId],
      )
      for (const { id, position } of places.slice(-6)) {
        const path = `v3/rooms/${encodeURIComponent(roomId)}/members?at=s${position}_0_0`
        const { status } = await request(who, path)
        const at = history.events.findIndex(({ eventId }) => eventId === id)
        assert.ok(status !== 200 || history.maySeeStateAfter(user(who), at), `${who}: the members after ${at}`)
      }
    }

    for (const steps of parts) {
      for (const one of steps) await act(one)
      for (const who of viewers) await readAll(who)
    }
    // Whoever was there all the time sees all that was not taken back.
    const { text } = await request(alice, `v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100`)
    for (const [at, n] of secretOf) assert.ok(redacted.has(at) || text.includes(secret(n)), `alice misses ${at}`)
  }

  const { SEED } = globalThis.process.env
  await fc.assert(fc.asyncProperty(story, tell), {
    numRuns: 8,
    endOnFailure: SEED === undefined,
    ...(SEED !== undefined && { seed: Number(SEED) }),
  })
  t.diagnostic(`${stories} rooms, ${seen.answers} answers, ${seen.shown} messages shown, ${seen.hidden} hidden`)
  assert.ok(seen.shown > 200 && seen.hidden > 200)
})

/** What there is to do with a membership. */
async function move(
  history: History,
  who: string,
  alice: string,
  way: number,
  send: (by: string, intent: EventIntent) => Promise<number>,
): Promise<void> {
  const userId = user(who)
  const was = history.membershipOf(userId)
  const ways: (readonly [by: string, membership: string])[] =
    was === 'join'
      ? [
          [who, 'leave'],
          [alice, 'leave'],
          [alice, 'ban'],
        ]
      : was === 'ban'
        ? [[alice, 'leave']]
        : was === 'invite'
          ? [
              [who, 'join'],
              [who, 'leave'],
              [alice, 'ban'],
            ]
          : [
              [who, 'join'],
              [who, 'join'],
              [alice, 'invite'],
              [alice, 'ban'],
            ]
  const [by, membership] = ways[way % ways.length]!
  await send(by, member(userId, membership))
}

/** Parts of answers that tell of a room's state, or of why an event is redacted: not of events as something that happened. */
const STATE = new Set(['state', 'state_after', 'invite_state', 'knock_state', 'invite', 'redacted_because'])

/** IDs of the events of an answer; of `m.reference` too. */
function timelineEvents(value: unknown, found: EventId[] = []): EventId[] {
  if (Array.isArray(value)) for (const item of value) timelineEvents(item, found)
  else if (typeof value === 'object' && value !== null) {
    const { event_id: eventId, type, content } = value as Json
    if (typeof eventId === 'string' && (type !== undefined || content === undefined)) found.push(eventId as EventId)
    for (const [key, member] of Object.entries(value)) {
      // What an event says of others is its sender's own.
      if (!STATE.has(key) && key !== 'content') timelineEvents(member, found)
    }
  }
  return found
}
