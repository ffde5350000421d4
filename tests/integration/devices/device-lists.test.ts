/** A client that follows device lists always has the keys of those who share a room with it, and hears of nobody else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { deviceChangesOf } from '../../harness/device-changes.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { makeRandom } from '../../harness/random.ts'
import { author, createIntent, member, roomIntents, user } from '../../harness/room-process.ts'
import { type SyncProcess, startSyncProcesses } from '../../harness/sync-process.ts'

const postgres = await startPostgres()
const owner = user('owner')
const names = ['a', 'b', 'c', 'd', 'e']
const ROUNDS = 120

/** Times of the test's clock: when a fact began to be possible and to be certain, and when it ceased to be. */
interface Span {
  readonly begins: number
  certain: number
  ceases: number
  ends: number
}

/** Who is in which room, with all that is not certain of it while a request runs. */
function makeHistory() {
  let clock = 0
  const spans = new Map<string, Span[]>()
  const of = (userId: UserId, roomId: RoomId): Span[] => {
    const key = `${userId} ${roomId}`
    const known = spans.get(key)
    if (known !== undefined) return known
    const fresh: Span[] = []
    spans.set(key, fresh)
    return fresh
  }
  return {
    tick: () => ++clock,
    enters: async (userId: UserId, roomId: RoomId, work: () => Promise<unknown>) => {
      const never = Number.POSITIVE_INFINITY
      const span: Span = { begins: ++clock, certain: never, ceases: never, ends: never }
      of(userId, roomId).push(span)
      await work()
      span.certain = ++clock
    },
    leaves: async (userId: UserId, roomId: RoomId, work: () => Promise<unknown>) => {
      const span = of(userId, roomId).at(-1)!
      span.ceases = ++clock
      await work()
      span.ends = ++clock
    },
    /** They may have been in a room together at some time from `from` on. */
    mayHaveShared: (one: UserId, other: UserId, rooms: readonly RoomId[], from: number): boolean =>
      rooms.some((roomId) =>
        of(one, roomId).some((a) =>
          of(other, roomId).some((b) => Math.min(a.ends, b.ends) >= Math.max(a.begins, b.begins, from)),
        ),
      ),
    /** They certainly were all the time from `from` on, and are. */
    shareSince: (one: UserId, other: UserId, rooms: readonly RoomId[], from: number): boolean =>
      rooms.some((roomId) => {
        const [a, b] = [of(one, roomId).at(-1), of(other, roomId).at(-1)]
        const isSince = (span: Span | undefined) => span !== undefined && span.certain <= from && span.ceases > clock
        return isSince(a) && isSince(b)
      }),
    isIn: (userId: UserId, roomId: RoomId): boolean => of(userId, roomId).at(-1)?.ceases === Number.POSITIVE_INFINITY,
  }
}

for (const seed of [1, 2, 3])
  test(`no change is missed and none is told to strangers, with two writers and a process that forgets (${seed})`, async (t) => {
    const db = await postgres.db(t)
    const random = makeRandom(seed)
    const processes = await startSyncProcesses(t, db, {
      names: ['sync', 'forgetful', 'writer1', 'writer2'],
      persisters: ['writer1', 'writer2'],
      streamWriters: { device_lists: ['writer1', 'writer2'] },
      recentRows: (name) => (name === 'forgetful' ? 4 : undefined),
    })
    const [sync, forgetful, ...writers] = processes as readonly SyncProcess[]
    const changes = writers.map(({ streams }) => deviceChangesOf(db, streams))
    const rooms: RoomId[] = []
    for (let i = 0; i < 4; i++) {
      const { roomId } = await sync!.sender.createRoom(
        roomVersions['10'],
        createIntent('10', owner),
        () => roomIntents(owner),
        author('owner'),
        { isPublic: false },
      )
      rooms.push(roomId)
    }
    const history = makeHistory()
    /** What `/keys/query` would say of them. */
    const keys = new Map<UserId, number>(names.map((name) => [user(name), 0]))

    async function live(name: string): Promise<void> {
      const userId = user(name)
      for (let round = 0; round < ROUNDS / names.length; round++) {
        const roomId = random.pick(rooms)
        if (random.oneIn(2)) {
          keys.set(userId, keys.get(userId)! + 1)
          await random.pick(changes).changed(userId, [random.oneIn(2) ? 'PHONE' : 'LAPTOP'])
        } else if (history.isIn(userId, roomId)) {
          await history.leaves(userId, roomId, () => sync!.sender.send(roomId, [member(userId, 'leave')], author(name)))
        } else if (random.oneIn(4)) {
          // Who is asked in is told of as one who comes in.
          await history.enters(userId, roomId, async () => {
            await sync!.sender.send(roomId, [member(userId, 'invite')], author('owner'))
            await sleep(random.int(10))
            if (random.oneIn(2)) {
              keys.set(userId, keys.get(userId)! + 1)
              await random.pick(changes).changed(userId, ['PHONE'])
            }
            await sleep(random.int(30))
            await sync!.sender.send(roomId, [member(userId, 'join')], author(name))
          })
        } else
          await history.enters(userId, roomId, () => sync!.sender.send(roomId, [member(userId, 'join')], author(name)))
        await sleep(random.int(5))
      }
    }

    let isOver = false
    async function follow(name: string): Promise<void> {
      const userId = user(name)
      /** The process that gave the token may have been a little behind: the request before the last counts. */
      let [from, previous] = [history.tick(), history.tick()]
      let since = (await sync!.ask(userId)).next_batch
      const others = names.map(user).filter((other) => other !== userId)
      /** Its owner asked for the keys of all after the first sync, as clients do. */
      const known = new Map<UserId, number>(others.map((other) => [other, keys.get(other)!]))
      let told = 0
      for (let last = false; !last; ) {
        last = isOver
        const process = random.oneIn(2) ? sync! : forgetful!
        const started = history.tick()
        const answer = await process.ask(userId, { since, timeoutMs: random.oneIn(3) ? 0 : 20 })
        for (const other of answer.device_lists?.changed ?? []) {
          assert.ok(
            other === userId || other === owner || history.mayHaveShared(userId, other, rooms, from),
            `${name} is told of ${other}`,
          )
          known.set(other, keys.get(other) ?? 0)
          told++
        }
        for (const other of answer.device_lists?.left ?? []) {
          assert.ok(!history.shareSince(userId, other, rooms, from), `${name} is told that ${other} left`)
          assert.ok(
            other === owner || history.mayHaveShared(userId, other, rooms, from),
            `${name} is told that a stranger, ${other}, left`,
          )
          known.delete(other)
          told++
        }
        since = answer.next_batch
        ;[from, previous] = [previous, started]
        if (random.oneIn(3)) await sleep(random.int(15))
      }
      for (const other of others)
        if (rooms.some((roomId) => history.isIn(userId, roomId) && history.isIn(other, roomId)))
          assert.equal(known.get(other), keys.get(other), `${name} has old keys of ${other}`)
      assert.ok(told > 5, `${name} was told of ${told}`)
    }

    const followers = Promise.all(names.map(follow)).finally(() => {
      isOver = true
    })
    await Promise.race([Promise.all(names.map(live)), followers])
    for (const process of processes)
      for (const other of writers) await process.streams.reach(other.streams.now(), 5_000)
    isOver = true
    await followers
  })

test('a change wakes those who share a room, and nobody else', async (t) => {
  const db = await postgres.db(t)
  const [master] = await startSyncProcesses(t, db)
  const changes = deviceChangesOf(db, master!.streams)
  const { roomId } = await master!.sender.createRoom(
    roomVersions['10'],
    createIntent('10', owner),
    () => roomIntents(owner),
    author('owner'),
    { isPublic: false },
  )
  await master!.sender.send(roomId, [member(user('a'), 'join')], author('a'))
  const [a, b] = [await master!.ask(user('a')), await master!.ask(user('b'))]
  const [first, second] = [
    master!.ask(user('a'), { since: a.next_batch, timeoutMs: 5_000 }),
    master!.ask(user('b'), { since: b.next_batch, timeoutMs: 200 }),
  ]
  await sleep(20)
  await changes.changed(owner, ['PHONE'])
  assert.deepEqual((await first).device_lists, { changed: [owner] })
  assert.equal((await second).device_lists, undefined)
  assert.equal((await master!.ask(user('a'), { since: (await first).next_batch })).device_lists, undefined)

  const own = await master!.ask(user('b'), { since: (await second).next_batch })
  await changes.signed(user('b'), [user('a')])
  const [signer, signed] = [
    await master!.ask(user('b'), { since: own.next_batch }),
    await master!.ask(user('a'), { since: (await first).next_batch }),
  ]
  assert.deepEqual(signer.device_lists, { changed: [user('a')] })
  assert.equal(signed.device_lists, undefined)
})

test('who was only invited is told of again when they join, and who comes when the user has left is not', async (t) => {
  const db = await postgres.db(t)
  const [master] = await startSyncProcesses(t, db)
  const changes = deviceChangesOf(db, master!.streams)
  const { roomId } = await master!.sender.createRoom(
    roomVersions['10'],
    createIntent('10', owner),
    () => roomIntents(owner),
    author('owner'),
    { isPublic: false },
  )
  const [a, b, c] = [user('a'), user('b'), user('c')]
  const becomes = (name: string, membership: string, by = name) =>
    master!.sender.send(roomId, [member(user(name), membership)], author(by))
  await becomes('a', 'join')
  let since = (await master!.ask(a)).next_batch
  const next = async () => {
    const answer = await master!.ask(a, { since })
    since = answer.next_batch
    return answer.device_lists
  }
  await becomes('b', 'invite', 'owner')
  assert.deepEqual(await next(), { changed: [b] })
  await changes.changed(b, ['PHONE'])
  assert.equal(await next(), undefined)
  await becomes('b', 'join')
  assert.deepEqual(await next(), { changed: [b] })
  await becomes('a', 'leave')
  await becomes('c', 'join')
  await changes.changed(b, ['PHONE'])
  const left = await next()
  assert.deepEqual(left?.left?.toSorted(), [b, owner])
  assert.equal(left?.changed, undefined)
  await changes.changed(c, ['PHONE'])
  assert.equal(await next(), undefined)
})

test('the tables say what a federation sender of the same tables goes on from', async (t) => {
  const db = await postgres.db(t)
  const [master] = await startSyncProcesses(t, db)
  const changes = deviceChangesOf(db, master!.streams)
  const { roomId } = await master!.sender.createRoom(
    roomVersions['10'],
    createIntent('10', owner),
    () => roomIntents(owner),
    author('owner'),
    { isPublic: false },
  )
  await changes.changed(owner, ['PHONE', 'LAPTOP', 'PHONE'])
  await changes.changed(owner, ['PHONE'])
  const stream = await db.rows<{ id: number; device_id: string }>(
    'select stream_id as id, device_id, instance_name from device_lists_stream where user_id = $1 order by stream_id',
    [owner],
  )
  // Of a device the last change alone.
  assert.deepEqual(
    stream.map(({ device_id: deviceId }) => deviceId),
    ['LAPTOP', 'PHONE'],
  )
  const inRooms = await db.rows<{ id: number }>(
    `select stream_id as id, device_id, room_id, instance_name, converted_to_destinations as told, opentracing_context as trace
     from device_lists_changes_in_room order by stream_id`,
  )
  const row = (id: number, deviceId: string) => ({
    id,
    device_id: deviceId,
    room_id: roomId,
    instance_name: 'master',
    told: false,
    trace: '{}',
  })
  const [laptop, phone] = stream.map(({ id }) => id) as [number, number]
  assert.deepEqual(inRooms, [row(laptop - 1, 'PHONE'), row(laptop, 'LAPTOP'), row(phone, 'PHONE')])
})
