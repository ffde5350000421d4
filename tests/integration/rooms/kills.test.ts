import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventId, RoomId } from '../../../shared/matrix/ids.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { makeDb } from '../../../worker/storage/db.ts'
import { StorageError } from '../../../worker/storage/postgres/errors.ts'
import { checkRoom } from '../../harness/check-rooms.ts'
import { startPostgres } from '../../harness/postgres.ts'
import {
  author,
  createIntent,
  message,
  type RoomProcess,
  roomIntents,
  startRoomProcesses,
  user,
} from '../../harness/room-process.ts'
import type { Given, Told } from '../../harness/sending-process.ts'

const postgres = await startPostgres()
const alice = user('alice')

const createRooms = async ({ sender }: RoomProcess, count: number): Promise<RoomId[]> => {
  const rooms: RoomId[] = []
  for (let i = 0; i < count; i++) {
    const { roomId } = await sender.createRoom(
      roomVersions['11'],
      createIntent('11', alice),
      () => roomIntents(alice),
      author('alice'),
      { isPublic: false },
    )
    rooms.push(roomId)
  }
  return rooms
}

test('a persister that is killed leaves whole batches, and all that it told of', { timeout: 180_000 }, async (t) => {
  const settings = await postgres.database()
  const db = makeDb(settings)
  t.after(() => db.close())
  const [first] = await startRoomProcesses(t, db)
  const rooms = await createRooms(first!, 3)
  const told = new Map<RoomId, Set<EventId>>(rooms.map((roomId) => [roomId, new Set()]))
  for (let kill = 0; kill < 5; kill++) {
    const given: Given = { settings, rooms, seed: kill }
    const child = spawn(
      process.execPath,
      [new URL('../../harness/sending-process.ts', import.meta.url).pathname, JSON.stringify(given)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines = createInterface(child.stdout)
    let count = 0
    lines.on('line', (line) => {
      const { roomId, eventIds } = JSON.parse(line) as Partial<Told>
      if (roomId === undefined) return
      if (count++ === 0) setTimeout(() => child.kill('SIGKILL'), 200 + kill * 37)
      for (const id of eventIds!) told.get(roomId)!.add(id)
    })
    await Promise.all([once(child, 'exit'), once(lines, 'close')])
    assert.equal(child.signalCode, 'SIGKILL')
  }
  let events = 0
  for (const roomId of rooms) {
    const { eventIds } = await checkRoom(db, roomId)
    const stored = new Set(eventIds)
    for (const id of told.get(roomId)!) assert.ok(stored.has(id), `${id} was told of and is lost`)
    events += told.get(roomId)!.size
  }
  t.diagnostic(`${events} events were told of`)
  assert.ok(events > 50)
})

test('connections to Postgres that break at any moment lose nothing and double nothing', {
  timeout: 120_000,
}, async (t) => {
  const settings = await postgres.database()
  const [db, admin] = [makeDb(settings), makeDb(settings)]
  t.after(async () => {
    await db.close()
    await admin.close()
  })
  const problems: string[] = []
  const [own] = await startRoomProcesses(t, db, { onProblem: (problem) => void problems.push(problem) })
  const rooms = await createRooms(own!, 3)
  let isOver = false
  let [told, failed] = [0, 0]
  const bodies = new Map<string, boolean>()
  const act = async (actor: number) => {
    for (let n = 0; !isOver; n++) {
      const body = `${actor}-${n}`
      const roomId = rooms[n % rooms.length]!
      const intents = n % 4 === 0 ? [{ type: 'org.example.kind', stateKey: `${actor}`, content: { n } }] : []
      try {
        await own!.sender.send(roomId, [...intents, message(body)], author('alice'))
        bodies.set(body, true)
        told++
      } catch (error) {
        // Told as failed: it is not known whether it was stored.
        assert.ok(error instanceof StorageError && error.kind === 'unavailable', `${error}`)
        failed++
        // A socket that is closed is not seen to be by a process that does not come to look.
        await sleep(5)
      }
    }
  }
  const acts = Promise.all(Array.from({ length: 10 }, (_, actor) => act(actor)))
  for (let cut = 0; cut < 40 || (told < 60 && cut < 400); cut++) {
    await sleep(20 + (cut % 7) * 11)
    await admin
      .rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
      .catch(() => undefined)
  }
  isOver = true
  await acts
  const found = new Map<string, number>()
  for (const roomId of rooms) {
    const { eventIds } = await checkRoom(db, roomId)
    for (const known of (await own!.events.get(eventIds)).values())
      if (known.event.type === 'm.room.message') {
        const body = known.event.content.body as string
        found.set(body, (found.get(body) ?? 0) + 1)
      }
  }
  for (const [body, count] of found) assert.equal(count, 1, `${body} is there ${count} times`)
  for (const body of bodies.keys()) assert.ok(found.has(body), `${body} was told of and is lost`)
  t.diagnostic(`${told} sends, ${failed} failed`)
  assert.ok(told > 50)
})

test('a persister that is asked again, as its answer was lost, stores nothing again', async (t) => {
  const db = await postgres.db(t)
  let lost = 0
  const [sender] = await startRoomProcesses(t, db, {
    names: ['sender', 'persister'],
    persisters: ['persister'],
    onCall(_from, _to, when) {
      if (when === 'answer' && lost++ % 2 === 0) throw new Error('lost')
    },
    asksAgain: true,
  })
  const [roomId] = await createRooms(sender!, 1)
  const sent = await Promise.all(
    Array.from({ length: 40 }, (_, i) => sender!.sender.send(roomId!, [message(`${i}`)], author('alice'))),
  )
  const { eventIds } = await checkRoom(db, roomId!)
  assert.equal(eventIds.length, 5 + 40)
  assert.equal(new Set(sent.map(([one]) => one!.eventId)).size, 40)
  assert.ok(lost > 2)
})
