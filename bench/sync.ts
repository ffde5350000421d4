/**
 * What does an answer of `/sync` cost, without HTTP? `node bench/sync.ts [rounds]`: a process that syncs beside one that
 * writes, both in this one, on a Postgres of its own (fsync off). CPU of the answer alone, and of its Postgres backends.
 */

import { readFileSync } from 'node:fs'
import { defaultFilter } from '../shared/matrix/filter/filter.ts'
import type { RoomId } from '../shared/matrix/ids.ts'
import { roomVersions } from '../shared/matrix/room-version.ts'
import { startPostgres } from '../tests/harness/postgres.ts'
import { author, createIntent, member, message, roomIntents, user } from '../tests/harness/room-process.ts'
import { startSyncProcesses } from '../tests/harness/sync-process.ts'
import { makeDb } from '../worker/storage/db.ts'
import { parseStreamToken } from '../worker/streams/tokens.ts'
import { describeMachine, machine, spread } from './machine.ts'

const rounds = Number(process.argv[2] ?? 5)
const [ROOMS, MEMBERS] = [20, 20]
const alice = user('alice')

const ends: (() => Promise<void>)[] = []
const t = { after: (work: () => Promise<void>) => void ends.unshift(work) }
const postgres = await startPostgres({ atEnd: t.after })
const settings = await postgres.database()
const db = makeDb(settings)
const own = makeDb({ ...settings, applicationName: 'sync' })
t.after(async () => void (await Promise.all([db.close(), own.close()])))
const [master, sync] = await startSyncProcesses(t, db, {
  names: ['master', 'sync'],
  dbOf: (name) => (name === 'sync' ? own : db),
})

/** µs of CPU of the backends that the syncing process has used. */
async function backendsCpu(): Promise<number> {
  const pids = await postgres.admin.rows<{ pid: number }>(
    "select pid from pg_stat_activity where datname = $1 and application_name = 'sync'",
    [settings.database],
  )
  let ticks = 0
  for (const { pid } of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10_000
}

const roomIds: RoomId[] = []
for (let i = 0; i < ROOMS; i++) {
  const { roomId } = await master!.sender.createRoom(
    roomVersions['10'],
    createIntent('10', alice),
    () => roomIntents(alice),
    author('alice'),
    { isPublic: false },
  )
  for (let n = 0; n < MEMBERS; n++)
    await master!.sender.send(roomId, [member(user(`user${n}`), 'join')], author(`user${n}`))
  await master!.sender.send(
    roomId,
    Array.from({ length: 20 }, (_, n) => message(`message ${n}`)),
    author('user1'),
  )
  roomIds.push(roomId)
}

const ask = (since: string | undefined, userId = alice) => {
  const token = since === undefined ? undefined : parseStreamToken(since, sync!.streams.instances)
  if (token?.ok === false) throw new Error(token.reason)
  return sync!.sync(
    {
      userId,
      deviceId: 'PHONE',
      filter: defaultFilter,
      since: token?.value,
      fullState: false,
      useStateAfter: false,
    },
    { timeoutMs: 0 },
  )
}
const tokenOf = (text: string) => (JSON.parse(text) as { next_batch: string }).next_batch
const caughtUp = () => sync!.streams.reach(master!.streams.now(), 5_000)

interface Cost {
  readonly node: number
  readonly backends: number
}

async function measure(units: number, work: () => Promise<unknown>, before?: () => Promise<unknown>): Promise<Cost> {
  const backends = await backendsCpu()
  let node = 0
  for (let i = 0; i < units; i++) {
    await before?.()
    const cpu = process.cpuUsage()
    await work()
    const { user: spent, system } = process.cpuUsage(cpu)
    node += spent + system
  }
  return { node: node / units, backends: ((await backendsCpu()) - backends) / units }
}

try {
  await caughtUp()
  let since = tokenOf(await ask(undefined))
  const members = Array.from({ length: MEMBERS }, (_, n) => user(`user${n}`))
  const sendOne = async () => {
    await master!.sender.send(roomIds[0]!, [message('hello')], author('user1'))
    await caughtUp()
    // What the other process still has to do is not the answer's.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const cases: readonly (readonly [string, () => Promise<Cost>])[] = [
    ['nothing new', () => measure(20_000, () => ask(since))],
    [
      'one message',
      () =>
        measure(
          400,
          async () => {
            since = tokenOf(await ask(since))
          },
          sendOne,
        ),
    ],
    [
      `one message, each of ${MEMBERS} who are told of it`,
      async () => {
        await Promise.all(members.map((userId) => ask(since, userId)))
        const cost = await measure(
          100,
          async () => {
            const answers = await Promise.all(members.map((userId) => ask(since, userId)))
            since = tokenOf(answers[0]!)
          },
          sendOne,
        )
        return { node: cost.node / MEMBERS, backends: cost.backends / MEMBERS }
      },
    ],
    [`first sync, ${ROOMS} rooms of ${MEMBERS + 1} members`, () => measure(100, () => ask(undefined))],
  ]
  console.log(describeMachine(machine()))
  console.log(`${rounds} rounds; µs of CPU each, median (least – most)\n`)
  for (const [name, run] of cases) {
    const costs: Cost[] = []
    for (let round = 0; round <= rounds; round++) {
      const cost = await run()
      if (round > 0) costs.push(cost)
    }
    const print = (key: keyof Cost) => {
      const { median, min, max } = spread(costs.map((cost) => cost[key]))
      return `${median.toFixed(0)} (${min.toFixed(0)} – ${max.toFixed(0)})`
    }
    console.log(`${name.padEnd(40)} Node ${print('node')}, Postgres ${print('backends')}`)
  }
} finally {
  for (const end of ends) await end()
}
