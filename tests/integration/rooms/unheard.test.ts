/** What another process did a moment ago, and this one has not heard of. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeTransactions } from '../../../worker/http/transactions.ts'
import type { Actor } from '../../../worker/rooms/limits.ts'
import { beforeRefusing, type Memberships, makeMemberships } from '../../../worker/rooms/memberships.ts'
import { makeRoomRequests, type RoomRequests } from '../../../worker/services/room-writing.ts'
import { insertUser } from '../../../worker/storage/users.ts'
import { makeMemoryBus } from '../../harness/memory-bus.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  type RoomProcess,
  roomIntents,
  serverName,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'
import { changed } from '../../harness/room-requests.ts'
import { until } from '../../harness/until.ts'

const postgres = await startPostgres()
const [alice, bob] = [user('alice'), user('bob')]
const actor = (name: string): Actor => ({ userId: user(name), authenticatedEntity: user(name) })

/** A public room of alice's, and two processes; `deaf` hears nothing from here on, until `hearAgain`. */
async function bed(t: TestContext) {
  const db = await postgres.db(t)
  for (const userId of [alice, bob])
    await insertUser(db, { userId, passwordHash: null, createdAtMs: 0, isGuest: false })
  const bus = makeMemoryBus()
  const made: (RoomRequests & { readonly memberships: Memberships; readonly process: RoomProcess })[] = []
  await startRoomProcesses(t, db, {
    names: ['writer', 'deaf'],
    persisters: ['writer'],
    bus,
    onProblem: () => undefined,
    onMade(process) {
      const { streams, sender, events, states: state } = process
      const memberships = makeMemberships({ db, streams, caches: streams.caches, serverName })
      const requests = makeRoomRequests({
        maxDelayedEvents: 0,
        onDelayed: () => undefined,
        config: changed({}),
        db,
        streams,
        caches: streams.caches,
        sender,
        events,
        state,
        memberships,
        isAdmin: () => false,
        transactions: makeTransactions(() => performance.now()),
        newRooms: { checkAlias: () => undefined, mayPublish: () => true },
        onProblem: (problem, error) => assert.fail(new Error(problem, { cause: error })),
      })
      made.push({ ...requests, memberships, process })
    },
  })
  const [writer, deaf] = made as [(typeof made)[0], (typeof made)[0]]
  const { roomId } = await writer.process.sender.createRoom(
    roomVersions['11'],
    createIntent('11', alice),
    () => roomIntents(alice),
    author('alice'),
    { isPublic: true },
  )
  const knows = async (membership: string | undefined) => {
    const state = await deaf.process.states.current(roomId)
    const own = await deaf.memberships.of(bob, roomId)
    return state.has('m.room.create') && own?.membership === membership
  }
  await until(() => knows(undefined))
  return { writer, deaf, roomId, knows, bus }
}

test('who joined is in the room for the processes that have not heard of it', async (t) => {
  const { writer, deaf, roomId, bus } = await bed(t)
  bus.cut()
  await writer.changeMembership(actor('bob'), { roomId, target: bob, action: 'join' })
  assert.equal(await deaf.memberships.isJoined(bob, roomId), false)
  const { of, isJoined } = beforeRefusing(deaf.memberships)
  assert.equal((await of(bob, roomId))?.membership, 'join')
  assert.equal(await isJoined(bob, roomId), true)
  assert.equal(await deaf.memberships.isJoined(bob, roomId), true, 'and it is known from then on')
  // Its answer comes with what it wrote, which has to be heard.
  const kicked = deaf.changeMembership(actor('alice'), { roomId, target: bob, action: 'kick' })
  setTimeout(bus.join, 100)
  assert.match(await kicked, /^\$/)
})

test('who left and joins again through another process is in the room', async (t) => {
  const { writer, deaf, roomId, knows, bus } = await bed(t)
  const first = await writer.changeMembership(actor('bob'), { roomId, target: bob, action: 'join' })
  await until(() => knows('join'))
  bus.cut()
  await writer.changeMembership(actor('bob'), { roomId, target: bob, action: 'leave' })
  const again = deaf.changeMembership(actor('bob'), { roomId, target: bob, action: 'join' })
  setTimeout(bus.join, 100)
  assert.notEqual(await again, first)
  assert.equal(await writer.memberships.isJoined(bob, roomId), true)
})
