/**
 * What does a message cost from the intent to the announced row: CPU of Node (sender and persister in one process) and of
 * Postgres?
 *
 *     npm run bench:persist -- [seconds a case]     fsync on, as a server has it
 */

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RoomId } from '../shared/matrix/ids.ts'
import { roomVersions } from '../shared/matrix/room-version.ts'
import { startPostgres } from '../tests/harness/postgres.ts'
import {
  author,
  createIntent,
  member,
  message,
  roomIntents,
  startRoomProcesses,
  user,
} from '../tests/harness/room-process.ts'
import { makeDb } from '../worker/storage/db.ts'
import { describeMachine, machine } from './machine.ts'

const seconds = Number(process.argv[2] ?? 4)
const MEMBERS = 20

const ends: (() => Promise<void>)[] = []
const atEnd = { after: (work: () => Promise<void>) => void ends.unshift(work) }
const postgres = await startPostgres({ atEnd: (work) => void ends.push(work), settings: { fsync: 'on' } })
const db = makeDb(await postgres.database())
atEnd.after(() => db.close())
const [own] = await startRoomProcesses(atEnd, db)
const alice = user('alice')
await db.run("insert into devices (user_id, device_id) values ($1, 'D')", [alice])

async function createRoom(): Promise<RoomId> {
  const { roomId } = await own!.sender.createRoom(
    roomVersions['12'],
    createIntent('12', alice),
    () => roomIntents(alice, { users: {} }),
    author('alice'),
    { isPublic: false },
  )
  for (let n = 0; n < MEMBERS; n++)
    await own!.sender.send(roomId, [member(user(`member${n}`), 'join')], author(`member${n}`))
  return roomId
}

/** Clock ticks of 10 ms of the database's backends. */
async function postgresTicks(): Promise<number> {
  const rows = await db.rows<{ pid: number }>(
    "select pid from pg_stat_activity where backend_type = 'client backend' and datname = current_database()",
  )
  return rows.reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + Number(fields[11]) + Number(fields[12])
  }, 0)
}

let sent = 0
interface Case {
  readonly name: string
  readonly rooms: readonly RoomId[]
  readonly atOnce: number
  readonly pauseMs: number
  readonly isState?: boolean
}

async function run({ name, rooms, atOnce, pauseMs, isState }: Case): Promise<void> {
  const before = { batches: await batches(), ticks: await postgresTicks(), cpu: process.cpuUsage(), sent }
  const start = performance.now()
  const end = start + seconds * 1000
  const act = async (actor: number) => {
    while (performance.now() < end) {
      const n = sent++
      const roomId = rooms[(n + actor) % rooms.length]!
      const intent = isState ? { type: 'org.example.kind', stateKey: '', content: { n } } : message(`message ${n}`)
      await own!.sender.send(roomId, [intent], author('alice', 'D'), { txnId: `${n}` })
      if (pauseMs > 0) await sleep(pauseMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, actor) => act(actor)))
  const took = (performance.now() - start) / 1000
  const { user: inUser, system } = process.cpuUsage(before.cpu)
  const events = sent - before.sent
  const node = (inUser + system) / events / 1000
  const inPostgres = (((await postgresTicks()) - before.ticks) * 10) / events
  const size = events / ((await batches()) - before.batches)
  console.log(
    `| ${name} | ${Math.round(events / took)} | ${size.toFixed(1)} | ${node.toFixed(2)} + ${inPostgres.toFixed(2)} |`,
  )
}

const batches = async (): Promise<number> =>
  (await db.one<{ count: number }>('select count(distinct stream_ordering) as count from stream_ordering_to_exterm'))!
    .count

const rooms = await Promise.all(Array.from({ length: 20 }, createRoom))
console.log(`${describeMachine(machine())}; ${seconds} s a case, rooms of ${MEMBERS + 1}, rooms/v12\n`)
console.log('| | events/s | events a batch | ms of CPU: Node + Postgres |\n|---|--:|--:|--:|')
const [one] = rooms
const cases: readonly Case[] = [
  { name: '(warming up)', rooms, atOnce: 8, pauseMs: 0 },
  { name: 'one room, 1 at once, 10 ms apart', rooms: [one!], atOnce: 1, pauseMs: 10 },
  { name: 'one room, 1 at once', rooms: [one!], atOnce: 1, pauseMs: 0 },
  { name: 'one room, 8 at once', rooms: [one!], atOnce: 8, pauseMs: 0 },
  { name: 'one room, 64 at once', rooms: [one!], atOnce: 64, pauseMs: 0 },
  { name: '20 rooms, 20 at once', rooms, atOnce: 20, pauseMs: 0 },
  { name: '20 rooms, 20 at once, state events', rooms, atOnce: 20, pauseMs: 0, isState: true },
]
for (const each of cases) await run(each)
for (const end of ends) await end()
