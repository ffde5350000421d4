import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { ReplicationError } from '../../../worker/replication/replication-error.ts'
import type { OwnMembership } from '../../../worker/rooms/memberships.ts'
import type { EventIntent } from '../../../worker/rooms/sender.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import { updateDisplayName } from '../../../worker/storage/profiles.ts'
import { makeProfilePropagation } from '../../../worker/users/profile-propagation.ts'
import { inReverse } from '../../harness/in-reverse.ts'
import { startPostgres } from '../../harness/postgres.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const alice = '@alice:hs.test' as UserId
const rooms = ['!a:hs.test', '!b:hs.test', '!c:hs.test'] as RoomId[]

const memberships = new Map(
  [...rooms, '!left:hs.test' as RoomId].map((roomId): [RoomId, OwnMembership] => [
    roomId,
    {
      roomId,
      membership: roomId.startsWith('!left') ? 'leave' : 'join',
      eventId: '$x' as EventId,
      streamOrdering: 1,
      instanceName: 'master',
      sender: alice,
      isForgotten: false,
    },
  ]),
)

async function world(test: Parameters<typeof postgres.db>[0]) {
  const t = inReverse(test)
  const db = await postgres.db(t)
  const told: [string, unknown][] = []
  let now = 1_000_000
  /** Never answers from that room on. */
  let stuckAt: string | undefined
  let isStuck = false
  /** What sending to the second room throws, once each. */
  const failures: Error[] = []
  const expected = new Set<Error>()
  const problems: string[] = []
  const send = async (roomId: RoomId, intents: readonly EventIntent[]) => {
    if (roomId === stuckAt) {
      isStuck = true
      await new Promise(() => undefined)
    }
    if (roomId === rooms[1] && failures.length > 0) throw failures.shift()
    told.push([roomId, intents[0]!.content.displayname])
    return []
  }
  const make = () =>
    makeProfilePropagation({
      db,
      memberships: { ofUser: async () => memberships },
      sender: { send },
      onProblem: (problem, error) => {
        if (!expected.has(error as Error)) throw new Error(problem, { cause: error })
        problems.push(problem)
      },
      now: () => now,
    })
  const rename = async (propagation: ReturnType<typeof make>, name: string) => {
    const task = await db.transaction('read committed', async (tx) => {
      await updateDisplayName(tx, alice, name)
      return await propagation.note(tx, alice)
    })
    propagation.begin(task, alice)
  }
  const left = async () => (await db.rows('select id from scheduled_tasks')).length
  return {
    told,
    make,
    rename,
    left,
    problems,
    failWith(...errors: readonly Error[]) {
      failures.push(...errors)
      for (const error of errors) expected.add(error)
    },
    later: (ms: number) => {
      now += ms
    },
    /** Does `work`, which comes to that room and no further. */
    async stuckIn(roomId: string, work: () => Promise<void>) {
      stuckAt = roomId
      await work()
      await until(() => isStuck)
      stuckAt = undefined
    },
  }
}

test('rooms that the user is in are told of a profile, and then there is nothing left to do', async (t) => {
  const { told, make, rename, left } = await world(t)
  await rename(make(), 'Alice')
  await until(async () => (await left()) === 0)
  assert.deepEqual(
    told,
    rooms.map((room) => [room, 'Alice']),
  )
})

test('what a process that ended had not told yet, another tells, when it is sure that it ended', async (t) => {
  const { told, make, rename, left, later, stuckIn } = await world(t)
  await stuckIn(rooms[1]!, () => rename(make(), 'Alice'))
  const other = make()
  await other.takeOver()
  await other.close()
  assert.equal(told.length, 1)
  later(61_000)
  const third = make()
  await third.takeOver()
  await until(async () => (await left()) === 0)
  assert.deepEqual(
    told,
    rooms.map((room) => [room, 'Alice']),
  )
})

test('a change takes the place of the one before', async (t) => {
  const { told, make, rename, left, stuckIn } = await world(t)
  await stuckIn(rooms[0]!, () => rename(make(), 'Alice'))
  await rename(make(), 'Alicia')
  await until(async () => (await left()) === 0)
  assert.deepEqual(
    told,
    rooms.map((room) => [room, 'Alicia']),
  )
})

test('a room that cannot be told as something is away is told later, one that refuses is not', async (t) => {
  const { told, make, rename, left, later, failWith, problems } = await world(t)
  failWith(
    new StorageError('away', { kind: 'unavailable', tryAgain: true }),
    new ReplicationError(502, { errcode: 'M_UNKNOWN', error: 'Failed to talk to persister process' }, 'away'),
  )
  await rename(make(), 'Alice')
  for (const attempt of [1, 2]) {
    await until(() => problems.length === attempt)
    assert.deepEqual(
      told.map(([roomId]) => roomId),
      [rooms[0]],
    )
    assert.equal(await left(), 1)
    later(61_000)
    await make().takeOver()
  }
  await until(async () => (await left()) === 0)
  assert.deepEqual(
    told.map(([roomId]) => roomId),
    rooms,
  )

  failWith(new ReplicationError(403, { errcode: 'M_FORBIDDEN', error: 'not in the room' }, 'refused'))
  await rename(make(), 'Alicia')
  await until(async () => (await left()) === 0)
  assert.deepEqual(
    told.slice(3).map(([roomId]) => roomId),
    [rooms[0], rooms[2]],
  )
})
