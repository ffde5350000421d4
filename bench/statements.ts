/**
 * What does it save to send statements one behind the other, instead of one at a time on a connection?
 * `node bench/statements.ts [rounds [case]]`: `pg`'s pool and ours on the same Postgres (fsync off), in turn; CPU of this process
 * and of the Postgres backends. The last cases are the transaction of a message, nine statements sent at once, one behind
 * the other and after pauses as on a quiet server, where caches grow cold; beside it what is less, and a round trip more.
 */

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { startPostgres } from '../tests/harness/postgres.ts'
import { makeDb } from '../worker/storage/db.ts'
import { describeMachine, machine, spread } from './machine.ts'

const rounds = Number(process.argv[2] ?? 7)
/** Of which cases: part of a name. */
const only = process.argv[3] ?? ''
const CONNECTIONS = 5
const USERS = 1_000
const SELECT = 'select name, admin, deactivated from users where name = $1'
const nameOf = (n: number) => `@user${n % USERS}:example.com`

const ends: (() => Promise<void>)[] = []
const postgres = await startPostgres({ atEnd: (work) => void ends.push(work) })
const settings = await postgres.database()
const db = makeDb({ ...settings, connections: CONNECTIONS })
const [{ host, port }] = settings.hosts as [{ host: string; port: number }]
const pool = new pg.Pool({
  host,
  port,
  user: settings.user,
  database: settings.database,
  max: CONNECTIONS,
  idleTimeoutMillis: 0,
})
ends.unshift(
  () => db.close(),
  () => pool.end(),
)
await db.run("insert into users (name) select '@user' || n || ':example.com' from generate_series(0, $1) as n", [USERS])
await db.run('create table written (n int)')

interface Contender {
  readonly name: string
  /** One unit of work, the n-th. */
  readonly work: (n: number) => Promise<unknown>
}
interface Case {
  readonly name: string
  /** Before each unit of work. */
  readonly pauseMs?: number
  readonly units: number
  readonly atOnce: number
  readonly contenders: readonly Contender[]
}

const one: readonly Contender[] = [
  { name: 'pg-pool', work: (n) => pool.query({ name: 'select', text: SELECT, values: [nameOf(n)] }) },
  { name: 'ours', work: (n) => db.one(SELECT, [nameOf(n)]) },
]
const INSERT = 'insert into written values ($1)'
const ten: readonly Contender[] = [
  {
    name: 'pg-pool, awaited',
    async work(n) {
      const client = await pool.connect()
      await client.query('begin isolation level repeatable read')
      for (let i = 0; i < 10; i++) await client.query({ name: 'insert', text: INSERT, values: [n] })
      await client.query('commit')
      client.release()
    },
  },
  {
    name: 'ours, awaited',
    work: (n) =>
      db.transaction('repeatable read', async function awaited(tx) {
        for (let i = 0; i < 10; i++) await tx.run(INSERT, [n])
      }),
  },
  {
    name: 'ours, not awaited',
    work: (n) =>
      db.transaction('repeatable read', async function notAwaited(tx) {
        for (let i = 0; i < 10; i++) void tx.run(INSERT, [n])
      }),
  },
]
const select = (n: number) => db.one(SELECT, [nameOf(n)])
const ofNine = (n: number) =>
  db.transaction('read committed', async function nineOfThem(tx) {
    const sent = Array.from({ length: 8 }, (_, i) => tx.run(`${INSERT} /* ${i} */`, [n]))
    await Promise.all([tx.one(SELECT, [nameOf(n)]), ...sent])
  })
const message: readonly Contender[] = [
  { name: 'nothing', work: async () => undefined },
  { name: 'one select', work: select },
  {
    name: 'one in transaction',
    work: (n) => db.transaction('read committed', (tx) => tx.one(SELECT, [nameOf(n)]), 'one'),
  },
  { name: 'nine', work: ofNine },
  {
    name: 'a select, then nine',
    async work(n) {
      await select(n)
      await ofNine(n)
    },
  },
]
const cases: readonly Case[] = [
  ...[1, 8, 32].map((atOnce) => ({ name: `one select, ${atOnce} at once`, units: 8_000, atOnce, contenders: one })),
  ...[1, 4].map((atOnce) => ({
    name: `ten inserts, ${atOnce} transactions at once`,
    units: 800,
    atOnce,
    contenders: ten,
  })),
  { name: 'a message, one behind the other', units: 800, atOnce: 1, contenders: message },
  { name: 'a message, after pauses of 15 ms', units: 200, atOnce: 1, pauseMs: 15, contenders: message },
]

/** µs of CPU that the backends of the database have used, and those that ended are not missed: none ends. */
async function backendsCpu(): Promise<number> {
  const pids = await postgres.admin.rows<{ pid: number }>('select pid from pg_stat_activity where datname = $1', [
    settings.database,
  ])
  // Nanoseconds on a processor: `stat` counts in ticks of 10 ms, and misses most of what is shorter.
  let ns = 0
  for (const { pid } of pids) ns += Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0])
  return ns / 1000
}

async function measure({ units, atOnce, pauseMs }: Case, { work }: Contender) {
  const backends = await backendsCpu()
  const cpu = process.cpuUsage()
  const start = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < units) {
        if (pauseMs !== undefined) await pause(pauseMs)
        await work(next++)
      }
    }),
  )
  const wallUs = (performance.now() - start) * 1000
  const { user, system } = process.cpuUsage(cpu)
  return { node: (user + system) / units, backends: ((await backendsCpu()) - backends) / units, wall: wallUs / units }
}

try {
  console.log(describeMachine(machine()))
  console.log(await postgres.admin.one('select version()'))
  console.log(`${rounds} rounds in turn, ${CONNECTIONS} connections; µs each, median (least – most)\n`)
  for (const each of cases.filter(({ name }) => name.includes(only))) {
    const results = each.contenders.map(() => [] as Awaited<ReturnType<typeof measure>>[])
    for (let round = 0; round <= rounds; round++) {
      for (const [index, contender] of each.contenders.entries()) {
        const result = await measure(each, contender)
        if (round > 0) results[index]!.push(result)
      }
    }
    console.log(each.name)
    for (const [index, { name }] of each.contenders.entries()) {
      const print = (key: 'node' | 'backends' | 'wall') => {
        const { median, min, max } = spread(results[index]!.map((result) => result[key]))
        return `${median.toFixed(0)} (${min.toFixed(0)} – ${max.toFixed(0)})`
      }
      console.log(`  ${name.padEnd(18)} Node ${print('node')}, Postgres ${print('backends')}, wall ${print('wall')}`)
    }
  }
} finally {
  for (const end of ends) await end()
}
