/**
 * What does a process pay for a line of the bus that is of no concern to it, and for one that it follows?
 *
 *     npm run bench:bus -- [--redis PORT]
 *
 * Without Redis: the line alone, from its bytes. With one: CPU of a subscribed process for each message of a mix as a
 * Synapse deployment sends it, all of it included (socket, protocol, ioredis).
 */

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { parseCommand } from '../worker/replication/commands.ts'
import { makeFilter } from '../worker/replication/filter.ts'

const { values: flags } = parseArgs({ options: { redis: { type: 'string' } } })

const event =
  'RDATA events persister1 2239 ["ev",["$A4JQptODo9ABtrfDPP_mplxa_xb-lABimxYiGbDQfTQ","!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I","m.room.message",null,null,null,null,false,false]]'
/** The mix of a Synapse with 20 processes under light load: 12 % are events. */
const mix: readonly (readonly [share: number, line: string])[] = [
  [38, 'LOCK_RELEASED ["persister1","new_event_during_purge_lock","!QNcAv6QG1n41v2yJAk6ffnOMjfax33ToRSgfyXvEN4I"]'],
  [26, 'USER_SYNC FsozJ @b9f9831:localhost:18448 NJWCYANKGX start 1795469099564'],
  [12, event],
  [8, 'POSITION events persister2 2238 2239'],
  [
    8,
    'RDATA presence presence1 8 ["@b9f9831:localhost:18448","online",1795469099516,1795469099517,1795469099516,null,true]',
  ],
  [8, 'RDATA caches client1 57 ["get_user_by_id",["@a9f9831:localhost:18448"],1795469099011]'],
]
const lines = mix.flatMap(([share, line]) => Array.from({ length: share }, () => line))

const nothing = makeFilter({ instance: 'media1', streams: new Set(['quarantined_media']), commands: new Set() })
const events = makeFilter({
  instance: 'sync1',
  streams: new Set(['events', 'backfill', 'caches']),
  commands: new Set(),
})

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!

/** µs for a call of `work`, over rounds of `count`. */
function measure(count: number, work: (index: number) => unknown): { median: number; least: number; most: number } {
  const rounds: number[] = []
  for (let round = 0; round < 15; round++) {
    const from = process.cpuUsage()
    for (let index = 0; index < count; index++) work(index)
    const { user, system } = process.cpuUsage(from)
    if (round >= 4) rounds.push((user + system) / count)
  }
  return { median: median(rounds), least: Math.min(...rounds), most: Math.max(...rounds) }
}

const row = (what: string, { median: middle, least, most }: ReturnType<typeof measure>) =>
  console.log(`| ${what} | ${middle.toFixed(3)} | ${least.toFixed(3)} – ${most.toFixed(3)} |`)

console.log(`${cpus()[0]!.model}, Node ${process.version}\n\n| | µs CPU | spread |\n|---|--:|--:|`)
const bytes = lines.map((line) => Buffer.from(line))
const eventBytes = Buffer.from(event)
row(
  'text of a line, from bytes (mix)',
  measure(200_000, (index) => bytes[index % 100]!.toString()),
)
row(
  '… and dropped: nothing of it is followed',
  measure(200_000, (index) => nothing(bytes[index % 100]!.toString())),
)
row(
  '… events, backfill and caches are followed: kept or dropped',
  measure(200_000, (index) => events(bytes[index % 100]!.toString())),
)
row(
  'an event row, kept and parsed',
  measure(100_000, () => events(eventBytes.toString()) && parseCommand(eventBytes.toString())),
)
row(
  'a line of the mix, parsed without looking first',
  measure(100_000, (index) => parseCommand(bytes[index % 100]!.toString())),
)

if (flags.redis !== undefined) {
  const { connectRedisBus } = await import('../worker/replication/redis-bus.ts')
  const port = Number(flags.redis)
  let count = 0
  const { promise: connected, resolve } = Promise.withResolvers<void>()
  const bus = connectRedisBus(
    { redis: { host: '127.0.0.1', port }, serverName: 'bench.example' },
    {
      onConnected: resolve,
      onDisconnected() {},
      onProblem: console.error,
      onLine(line) {
        count++
        nothing(line)
      },
    },
  )
  await connected
  // From another process, so that publishing is not counted.
  const { spawn } = await import('node:child_process')
  const rounds: number[] = []
  for (let round = 0; round < 7; round++) {
    const until = count + 50_000
    const from = process.cpuUsage()
    const script = `
      const { Redis } = require('ioredis'); const r = new Redis({ port: ${port}, protocol: 2 });
      const lines = ${JSON.stringify(lines)};
      (async () => { for (let i = 0; i < 500; i++) { const p = r.pipeline(); for (const l of lines) p.publish('bench.example', l); await p.exec();
        await new Promise((d) => setTimeout(d, 2)) } r.disconnect() })()`
    const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit', cwd: import.meta.dirname })
    while (count < until) await new Promise((done) => setTimeout(done, 5))
    const { user, system } = process.cpuUsage(from)
    rounds.push((user + system) / 50_000)
    if (child.exitCode === null) await new Promise((done) => child.once('exit', done))
  }
  row('a message through Redis, dropped, all included', {
    median: median(rounds),
    least: Math.min(...rounds),
    most: Math.max(...rounds),
  })
  await bus.close()
}
