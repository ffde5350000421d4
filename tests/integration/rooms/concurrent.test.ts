import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { type RoomVersionId, roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeEventStore } from '../../../worker/rooms/event-store.ts'
import type { EventIntent, Sent } from '../../../worker/rooms/sender.ts'
import { checkRoom } from '../../harness/check-rooms.ts'
import { makeLoneStreams } from '../../harness/lone-streams.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom, type Random } from '../../harness/random.ts'
import {
  author,
  createIntent,
  member,
  message,
  type RoomProcess,
  roomIntents,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'

const postgres = await startPostgres()
const people = ['alice', 'bob', 'carol', 'dave', 'eve']
const levels = (random: Random, version: RoomVersionId): JsonObject => ({
  users: {
    ...(version !== '12' && { [user('alice')]: 100 }),
    [user('bob')]: 50,
    ...(random.oneIn(2) && { [user('carol')]: random.int(100) }),
  },
  state_default: random.pick([0, 25, 50]),
  kick: random.pick([0, 50]),
  ban: 50,
})

function intentOf(random: Random, by: string, version: RoomVersionId, sent: readonly EventId[]): EventIntent {
  const other = user(random.pick(people))
  switch (random.int(11)) {
    case 0:
      return { type: 'm.room.topic', stateKey: '', content: { topic: `${random.int(1e6)}` } }
    case 1:
      return { type: 'org.example.kind', stateKey: `${random.int(4)}`, content: { n: random.int(1e6) } }
    case 2:
      return { type: 'm.room.power_levels', stateKey: '', content: levels(random, version) }
    case 3:
      return { type: 'm.room.join_rules', stateKey: '', content: { join_rule: random.pick(['public', 'invite']) } }
    case 4:
      return member(user(by), 'join')
    case 5:
      return random.oneIn(2) ? member(user(by), 'leave') : message('stays')
    case 6:
      return member(other, random.pick(['leave', 'ban', 'invite']))
    case 7:
      return sent.length === 0
        ? message('early')
        : { type: 'm.room.redaction', content: {}, redacts: random.pick(sent) }
    default:
      return message(`${by} ${random.int(1e6)}`)
  }
}

for (const seed of [1, 2, 3])
  test(`whoever sends at the same time, the tables agree with the events (seed ${seed})`, {
    timeout: 120_000,
  }, async (t) => {
    const db = await postgres.db(t, { connections: 8 })
    const random = makeRandom(seed)
    const names = ['a', 'b', 'c', 'p1', 'p2']
    const processes = await startRoomProcesses(t, db, { names, persisters: ['p1', 'p2'] })
    const ofRandom = (): RoomProcess => random.pick(processes)
    const versions: readonly RoomVersionId[] = ['1', '2', '6', '10', '11', '12']
    const rooms: { readonly roomId: RoomId; readonly version: RoomVersionId }[] = []
    const acknowledged = new Map<RoomId, EventId[]>()
    for (const version of versions) {
      const { roomId, sent } = await ofRandom().sender.createRoom(
        roomVersions[version],
        createIntent(version, user('alice')),
        () => roomIntents(user('alice'), levels(random, version)),
        author('alice'),
        { isPublic: false },
      )
      rooms.push({ roomId, version })
      acknowledged.set(
        roomId,
        sent.map(({ eventId }) => eventId),
      )
    }
    await db.run(`insert into devices (user_id, device_id) select u, 'D' from unnest($1::text[]) as u`, [
      people.map(user),
    ])

    let refused = 0
    const act = async (by: string, actor: number) => {
      for (let step = 0; step < 40; step++) {
        const { roomId, version } = random.pick(rooms)
        const own = acknowledged.get(roomId)!
        const count = random.oneIn(10) ? 3 : 1
        const intents = Array.from({ length: count }, () => intentOf(random, by, version, own))
        // A state event may be there already, and that one need not be there any longer when it is asked again.
        const isOne = count === 1 && intents[0]!.stateKey === undefined
        const txn = isOne && random.oneIn(3) ? { txnId: `${actor}-${step}` } : {}
        const ask = (process: RoomProcess) => process.sender.send(roomId, intents, author(by, 'D'), txn)
        // Asked twice, as a client does whose connection broke.
        const asked = [ask(ofRandom()), ...(txn.txnId !== undefined ? [ask(ofRandom())] : [])]
        const answers: (readonly Sent[])[] = []
        for (const result of await Promise.allSettled(asked))
          if (result.status === 'fulfilled') answers.push(result.value)
          else if (result.reason instanceof MatrixError) refused++
          else throw result.reason
        for (const sent of answers) {
          assert.equal(sent.length, intents.length)
          const ids = sent.map(({ eventId }) => eventId)
          assert.deepEqual(
            ids,
            answers[0]!.map(({ eventId }) => eventId),
          )
          own.push(...ids)
        }
      }
    }
    await Promise.all([...people, ...people].map(act))

    const fresh = makeEventStore({ db, streams: makeLoneStreams() })
    let forks = 0
    for (const { roomId } of rooms) {
      const checked = await checkRoom(db, roomId)
      forks += checked.forks
      assert.deepEqual(new Set(checked.eventIds), new Set(acknowledged.get(roomId)), 'stored is what was acknowledged')
      // What every process has in memory is what the tables have.
      for (const { states, events } of processes) {
        assert.deepEqual(new Map(await states.current(roomId)), new Map(checked.state))
        assert.deepEqual(await events.get(checked.eventIds), await fresh.get(checked.eventIds))
      }
    }
    t.diagnostic(`${forks} events join forks, ${refused} refusals`)
    assert.ok(forks > 10 && refused > 10)
  })
