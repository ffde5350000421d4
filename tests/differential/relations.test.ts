/**
 * What relates to events, beside a real Synapse, of one database: it makes the rooms, both are asked, and the answers are
 * the same, but for what `explain` names.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { relationOperations } from '../../worker/services/relations.ts'
import { roomReadingOperations } from '../../worker/services/room-reading.ts'
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
  startBeside,
  v1,
} from './beside.ts'

const postgres = await startPostgres()

const relating = (relType: string, eventId: string, more: object = {}) => ({
  'm.relates_to': { rel_type: relType, event_id: eventId, ...more },
})

/** Rooms with threads, edits, references and reactions: paths to ask for, by what they are about. */
async function populate(url: string, people: Readonly<Record<'alice' | 'bob' | 'carol' | 'dave' | 'eve', Person>>) {
  const { alice, bob, carol, dave, eve } = people
  const requests = new Map<string, Asking>()
  let transactions = 0

  for (const [name, version, visibility] of [
    ['shared', '12', 'shared'],
    ['world', '10', 'world_readable'],
    ['joined', '11', 'joined'],
  ] as const) {
    const { room_id: made } = await make(url, 'POST', '/createRoom', alice, {
      preset: 'public_chat',
      room_version: version,
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } },
      ],
    })
    const roomId = made as string
    for (const person of [bob, carol, dave, eve]) await make(url, 'POST', at(roomId, '/join'), person, {})
    const say = async (by: Person, body: string, more: object = {}, type = 'm.room.message') =>
      (
        await make(url, 'PUT', at(roomId, `/send/${type}/t${++transactions}`), by, {
          msgtype: 'm.text',
          body,
          ...more,
        })
      ).event_id as string
    const redact = (by: Person, eventId: string) =>
      make(url, 'PUT', at(roomId, `/redact/${encodeURIComponent(eventId)}/r${++transactions}`), by, {})
    const edit = (by: Person, eventId: string, body: string, type?: string) =>
      say(by, `* ${body}`, { 'm.new_content': { msgtype: 'm.text', body }, ...relating('m.replace', eventId) }, type)

    const ids: Record<string, string> = {}
    ids.plain = await say(alice, 'nothing relates to me')
    ids.root = await say(alice, 'the root')
    ids.first = await say(bob, 'first', relating('m.thread', ids.root))
    ids.second = await say(dave, 'second', relating('m.thread', ids.root))
    ids.third = await say(bob, 'third', relating('m.thread', ids.root))
    ids.editOfThird = await edit(bob, ids.third, 'third, edited')
    ids.reference = await say(carol, 'about the third', relating('m.reference', ids.third))
    ids.react = await say(carol, '', relating('m.annotation', ids.root, { key: '👍' }), 'm.reaction')
    ids.onReaction = await say(carol, 'on a reaction', relating('m.reference', ids.react))
    ids.editOfRoot = await edit(alice, ids.root, 'the root, edited')
    ids.foreignEdit = await edit(bob, ids.root, 'not mine to edit')
    ids.otherType = await edit(alice, ids.root, 'another type', 'com.example.other')
    ids.editOfEdit = await edit(alice, ids.editOfRoot, 'an edit of an edit')
    ids.other = await say(bob, 'another root')
    ids.otherReply = await say(dave, 'by whom carol ignores', relating('m.thread', ids.other))
    ids.lone = await say(bob, 'a root whose replies are gone')
    ids.gone = await say(alice, 'taken back', relating('m.thread', ids.lone))
    await redact(alice, ids.gone)
    ids.mixed = await say(alice, 'a root of which one reply is gone')
    ids.stays = await say(bob, 'stays', relating('m.thread', ids.mixed))
    ids.goes = await say(bob, 'goes', relating('m.thread', ids.mixed))
    await redact(bob, ids.goes)
    ids.redacted = await say(alice, 'edited, and redacted')
    await edit(alice, ids.redacted, 'never to be seen')
    await say(bob, 'refers to it', relating('m.reference', ids.redacted))
    await redact(alice, ids.redacted)
    ids.edited = await say(alice, 'edited twice')
    ids.firstEdit = await edit(alice, ids.edited, 'once')
    ids.lastEdit = await edit(alice, ids.edited, 'twice')
    ids.undone = await say(alice, 'an edit that is taken back')
    const undone = await edit(alice, ids.undone, 'was edited')
    await redact(alice, undone)
    ids.custom = await say(alice, 'custom relations')
    for (let i = 0; i < 7; i++) await say(bob, `custom ${i}`, relating('com.example.rel', ids.custom))
    ids.encrypted = await say(alice, 'encrypted', { algorithm: 'm.megolm.v1' }, 'm.room.encrypted')
    await say(
      bob,
      'encrypted',
      { algorithm: 'm.megolm.v1', ...relating('m.thread', ids.encrypted) },
      'm.room.encrypted',
    )
    await make(url, 'POST', at(roomId, '/leave'), eve, {})
    ids.later = await say(alice, LATER, relating('m.thread', ids.plain))

    const add = (what: string, path: string) => requests.set(`${name}: ${what}`, { path })
    for (const [id, eventId] of Object.entries(ids)) {
      const encoded = encodeURIComponent(eventId)
      add(`event ${id}`, at(roomId, `/event/${encoded}`))
      add(`relations ${id}`, v1(roomId, `/relations/${encoded}`))
      add(`context ${id}`, at(roomId, `/context/${encoded}?limit=4`))
    }
    const [root, custom] = [encodeURIComponent(ids.root), encodeURIComponent(ids.custom)]
    for (const [what, rest] of [
      ['all', `${root}?limit=100`],
      ['forwards', `${root}?limit=100&dir=f`],
      ['deep', `${root}?limit=100&recurse=true`],
      ['deep, forwards', `${root}?limit=3&dir=f&recurse=true`],
      ['as of old', `${root}?limit=3&org.matrix.msc3981.recurse=true`],
      ['threads', `${root}/m.thread`],
      ['replies of a type', `${root}/m.thread/m.room.message`],
      ['of another type', `${root}/m.thread/m.reaction`],
      ['reactions', `${root}/m.annotation/m.reaction`],
      ['of no kind', `${root}/m.none`],
      ['three', `${custom}?limit=3`],
      ['three, forwards', `${custom}?limit=3&dir=f`],
      ['a wrong direction', `${root}?dir=x`],
      ['a wrong limit', `${root}?limit=x`],
      ['a negative limit', `${root}?limit=-1`],
      ['a wrong token', `${root}?from=x`],
      ['a wrong end', `${root}?to=x`],
      ['a wrong flag', `${root}?recurse=x`],
      ['nothing', '$none'],
    ] as const)
      add(`relations of ${what}`, v1(roomId, `/relations/${rest}`))
    add('relations, unstable', `/_matrix/client/unstable${at(roomId, `/relations/${root}`)}`)
    // Pages that join on to each other.
    for (const dir of ['b', 'f']) {
      let from = ''
      for (let page = 0; page < 4; page++) {
        const path = v1(roomId, `/relations/${custom}?limit=3&dir=${dir}${from}`)
        add(`page ${dir}${page}`, path)
        const { next_batch } = (await ask(url, 'GET', path, alice.token)).body as { next_batch?: string }
        if (next_batch === undefined) break
        add(`page ${dir}${page}, the end of it`, v1(roomId, `/relations/${custom}?dir=${dir}&to=${next_batch}`))
        from = `&from=${next_batch}`
      }
    }
    let from = ''
    for (let page = 0; page < 4; page++) {
      const path = v1(roomId, `/threads?limit=2${from}`)
      add(`threads ${page}`, path)
      const { next_batch } = (await ask(url, 'GET', path, alice.token)).body as { next_batch?: string }
      if (next_batch === undefined) break
      from = `&from=${next_batch}`
    }
    for (const rest of ['', '?include=participated', '?include=all&limit=100', '?include=x', '?from=x', '?limit=-1'])
      add(`threads${rest}`, v1(roomId, `/threads${rest}`))
    for (const dir of ['b', 'f']) add(`messages ${dir}`, at(roomId, `/messages?limit=100&dir=${dir}`))
  }
  requests.set('no room', { path: v1('!none:hs.test', '/relations/$none') })
  requests.set('threads of no room', { path: v1('!none:hs.test', '/threads') })
  return requests
}

/** Why answers may differ. Each has to occur. */
const reasons = {
  /** Synapse bundles, counts and lists whatever relates to an event, and tells former members of what came later. */
  later: 'what relates to an event is only told to those who may see it',
  /** The specification. Synapse has one that stands for no code, with the same status. */
  unknown: 'an unknown event is M_NOT_FOUND',
  /** Synapse makes this answer without knowing who asks. */
  own: 'of events that their device sent clients are told the transaction ID in the list of threads, too',
  /** As docs/reading.md has it. */
  former: 'who left sees what was shared before they came',
} as const
type Reason = keyof typeof reasons

const LATER = 'after eve has left'

/** Without members that `isUnwanted` names, at any depth. */
function without(value: unknown, isUnwanted: (key: string, member: unknown) => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, isUnwanted))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      isUnwanted(key, member) ? [] : [[key, without(member, isUnwanted)]],
    ),
  )
}

/** Why these differ; undefined if nothing explains it. */
function explain(name: string, what: string, ours: Answer, theirs: Answer): Reason | undefined {
  if (ours.status === 404 && theirs.status === 404 && what.endsWith('relations of nothing')) return 'unknown'
  if (ours.status !== 200 || theirs.status !== 200) return undefined
  const isTransaction = (key: string): boolean => key === 'transaction_id'
  if (
    what.includes('threads') &&
    isDeepStrictEqual(without(ours.body, isTransaction), without(theirs.body, isTransaction))
  )
    return 'own'
  if (name !== 'eve') return undefined
  assert.ok(!JSON.stringify(ours.body).includes(LATER))
  const isLater = (key: string, member: unknown): boolean =>
    key === 'm.relations' && JSON.stringify(member).includes(LATER)
  const rest = without(theirs.body, isLater) as Json
  if (Array.isArray(rest.chunk)) rest.chunk = rest.chunk.filter((event) => !JSON.stringify(event).includes(LATER))
  if (isDeepStrictEqual(ours.body, rest)) return 'later'
  const body = ours.body as Json
  const before = (rest.events_before as Json[] | undefined)?.length
  if (
    before !== undefined &&
    isDeepStrictEqual({ ...body, events_before: (body.events_before as Json[]).slice(0, before) }, rest)
  )
    return 'former'
  return undefined
}

test('what relates to events is told as by a Synapse', async (t) => {
  const names = ['alice', 'bob', 'carol', 'dave', 'eve', 'outsider'] as const
  const { url, people, serve } = await startBeside(t, postgres, names)
  const requests = await populate(url, people)
  await make(url, 'PUT', `/user/${people.carol.userId}/account_data/m.ignored_user_list`, people.carol, {
    ignored_users: { [people.dave.userId]: {} },
  })
  const ours = await serve((deps) => [...roomReadingOperations(deps), ...relationOperations(deps)])
  // Everything is asked by those of whom answers are most their own, and every third by the others.
  const always = ['alice', 'carol', 'eve'] as const
  const askers = (i: number) => (i % 3 === 0 ? names : always)
  await compareAnswers(t, { theirs: url, ours, people, requests, askers, reasons, explain })
})
