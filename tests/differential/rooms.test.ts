/** Rooms that are made and changed over HTTP, beside a real Synapse: the same answers, and the same events in the same order. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { updateDisplayName } from '../../worker/storage/profiles.ts'
import { startPostgres } from '../harness/postgres.ts'
import { user } from '../harness/room-process.ts'
import { roomRequests } from '../harness/room-requests.ts'
import { registerOn, startSynapse } from '../harness/synapse.ts'
import { otherwise, rightBodies, wrongBodies } from './rooms/create-room-bodies.ts'
import { comparedRooms, steps } from './rooms/requests.ts'

const people = ['alice', 'bob', 'carol'] as const
type Answer = Readonly<Record<string, unknown>> & { readonly status: number }
type Told = readonly [type: string, stateKey: string | undefined, content: unknown]

/** One of the two. */
interface Side {
  readonly serverName: string
  readonly send: (who: string, method: string, path: string, body?: object | string) => Promise<Answer>
  readonly events: (roomId: string) => Promise<readonly Told[]>
}

const postgres = await startPostgres()
const plenty = { per_second: 1000, burst_count: 1000 }

async function synapseSide(t: TestContext): Promise<Side> {
  const { url } = await startSynapse(t, {
    rc_message: plenty,
    rc_registration: plenty,
    rc_room_creation: plenty,
    rc_joins: { local: plenty, remote: plenty },
    rc_joins_per_room: plenty,
    rc_invites: { per_room: plenty, per_user: plenty, per_issuer: plenty },
  })
  const tokens = new Map<string, string>()
  for (const name of people) tokens.set(name, (await registerOn({ url }, name)).token)
  const send: Side['send'] = async (who, method, path, body) => {
    const response = await fetch(`${url}/_matrix/client/v3${path}`, {
      method,
      headers: { Authorization: `Bearer ${tokens.get(who)}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, ...((await response.json()) as object) }
  }
  return {
    serverName: 'hs.test',
    send,
    async events(roomId) {
      const { chunk } = await send('alice', 'GET', `/rooms/${encodeURIComponent(roomId)}/messages?dir=f&limit=1000`)
      return (chunk as Record<string, unknown>[]).map((event) => [
        event.type as string,
        event.state_key as string | undefined,
        event.content,
      ])
    },
  }
}

async function ourSide(t: TestContext): Promise<Side> {
  const rooms = await roomRequests(t, postgres)
  for (const name of people) await updateDisplayName(rooms.db, user(name), name)
  return {
    serverName: 'example.com',
    send: rooms.send,
    async events(roomId) {
      const events = await rooms.eventsOf(roomId as RoomId)
      const known = new Set(events.map(({ eventId }) => eventId))
      const redacted = new Set(events.map(({ redacts }) => redacts))
      // As Synapse shows them to clients: what was redacted has no content left, a redaction says in its content what it
      // redacts, and neither redactions of what is not there nor aliases are shown.
      return events
        .filter(({ type, redacts }) => type !== 'm.room.aliases' && (redacts === undefined || known.has(redacts)))
        .map(({ type, stateKey, content, eventId, redacts }): Told => {
          const shown = redacts === undefined ? content : { ...content, redacts }
          return [type, stateKey, redacted.has(eventId) ? {} : shown]
        })
    },
  }
}

/** `names` are what each side gave, by the name that stands in braces. */
const fill = (text: string, names: ReadonlyMap<string, string>, encode: (value: string) => string) =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (names.has(name) ? encode(names.get(name)!) : whole))

const namesOf = ({ serverName }: Side) =>
  new Map([['server', serverName], ...people.map((name) => [name, `@${name}:${serverName}`] as const)])

const inJson = (value: string) => JSON.stringify(value).slice(1, -1)

/** What both sides name alike. */
function comparable(value: unknown, side: Side, names: ReadonlyMap<string, string>): unknown {
  let text = JSON.stringify(value)
  for (const [name, given] of names)
    if (name !== 'server' && !people.includes(name as 'alice')) text = text.replaceAll(given, `{${name}}`)
  return JSON.parse(text.replaceAll(side.serverName, '{server}'), (key, member: unknown) =>
    // In no order that is said.
    key === 'additional_creators' && Array.isArray(member) ? member.toSorted() : member,
  )
}

const short = ({ status, errcode }: Answer) => (errcode === undefined ? `${status}` : `${status} ${errcode}`)

async function sameRooms(t: TestContext, sides: readonly Side[]): Promise<void> {
  const create = async (side: Side, body: object) =>
    side.send('alice', 'POST', '/createRoom', fill(JSON.stringify(body), namesOf(side), inJson))
  for (const body of rightBodies) {
    const [ours, theirs]: unknown[] = await Promise.all(
      sides.map(async (side) => {
        const answer = await create(side, body)
        if (answer.status !== 200) return short(answer)
        const names = new Map([['room', answer.room_id as string]])
        return comparable(await side.events(answer.room_id as string), side, names)
      }),
    )
    assert.deepEqual(ours, theirs, JSON.stringify(body))
  }
  const differences: string[] = []
  for (const body of wrongBodies) {
    const [ours, theirs] = (await Promise.all(sides.map((side) => create(side, body)))).map(short)
    if (ours !== theirs) differences.push(`${JSON.stringify(body).slice(0, 200)}: ours ${ours}, Synapse ${theirs}`)
  }
  assert.deepEqual(differences, [])
  for (const { body, why, ours, theirs } of otherwise)
    assert.deepEqual(
      (await Promise.all(sides.map((side) => create(side, body)))).map(short),
      [ours, theirs],
      `${JSON.stringify(body)}: ${why}`,
    )
  t.diagnostic(
    `${rightBodies.length} rooms alike, ${wrongBodies.length} refused alike, ${otherwise.length} differences explained`,
  )
}

async function sameChanges(t: TestContext, sides: readonly Side[]): Promise<void> {
  const names = sides.map(namesOf)
  const differences: string[] = []
  for (const { who, method, path, body, as, otherwise: expected } of steps) {
    const answers: readonly Answer[] = await Promise.all(
      sides.map((side, i) => {
        const given = typeof body === 'object' ? JSON.stringify(body) : body
        return side.send(
          who,
          method,
          fill(path, names[i]!, encodeURIComponent),
          given === undefined ? undefined : fill(given, names[i]!, inJson),
        )
      }),
    )
    if (as !== undefined)
      for (const [i, answer] of answers.entries()) {
        const id = answer.room_id ?? answer.event_id
        assert.equal(typeof id, 'string', `${as} is not there: ${JSON.stringify(answer)}`)
        names[i]!.set(as, id as string)
      }
    const told = answers.map((answer) =>
      answer.status === 200 ? `200 ${Object.keys(answer).toSorted().join(' ')}` : short(answer),
    )
    const [ours, theirs] = told
    const wanted = expected === undefined ? [theirs, theirs] : [expected.ours, expected.theirs]
    if (ours !== wanted[0] || theirs !== wanted[1])
      differences.push(
        `${who} ${method} ${path} ${JSON.stringify(body)?.slice(0, 100)}: ours ${ours}, Synapse ${theirs}`,
      )
  }
  assert.deepEqual(differences, [])
  for (const room of comparedRooms) {
    const [ours, theirs]: unknown[] = await Promise.all(
      sides.map(async (side, i) => comparable(await side.events(names[i]!.get(room)!), side, names[i]!)),
    )
    assert.deepEqual(ours, theirs, room)
  }
  t.diagnostic(`${steps.length} requests`)
}

test('rooms beside Synapse', async (t) => {
  let theirs: Side
  try {
    theirs = await synapseSide(t)
  } catch (error) {
    t.skip(`Synapse is not to be had: ${(error as Error).message.split('\n')[0]}`)
    return
  }
  const sides = [await ourSide(t), theirs]
  await t.test('new rooms have the same events', (t) => sameRooms(t, sides))
  await t.test('rooms are changed, or not, alike', (t) => sameChanges(t, sides))
})
