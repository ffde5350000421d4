/**
 * What does a fleet's work cost, beside a Synapse of the same shape (main, a worker that syncs, one for all else that
 * persists events)? CPU per request by group of processes, latency at random arrivals, idle cost, memory. Both run at the
 * same time, each with a Postgres (fsync on) and a Redis of its own, and are measured in turn.
 *
 *     npm run bench:fleet -- [--contestants plexus,synapse] [--only send_1,whoami] [--rounds 3] [--seconds 8]
 *                            [--warmup 4] [--rate 1] [--json FILE] [--keep]
 *
 * `--rate 2`: twice the arrivals. `--keep`: leaves the folder with the logs.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Flavour } from '../tests/harness/fleet-processes.ts'
import { isServer, POSTGRES_SETTINGS, type RunningContestant, startContestant } from './fleet/contestants.ts'
import { type CpuMeter, makeCpuMeter, pssMiB } from './fleet/cpu.ts'
import type { Message, Order, Result } from './fleet/load.ts'
import { bystanders, cpuTable, groupTable, type Idle, idleTable, latencyTable, type Run } from './fleet/report.ts'
import { scenarios } from './fleet/scenarios.ts'
import { describeMachine, machine } from './machine.ts'
import { startModule } from './processes.ts'

const { values: flags } = parseArgs({
  options: {
    contestants: { type: 'string', default: 'plexus,synapse' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    warmup: { type: 'string', default: '4' },
    rate: { type: 'string', default: '1' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const names = flags.contestants.split(',') as readonly Flavour[]
const chosen = Object.entries(scenarios).filter(
  ([key]) => flags.only === undefined || flags.only.split(',').includes(key),
)
const titles = Object.fromEntries(chosen.map(([key, { title }]) => [key, title]))
const SIZE = { users: 30, rooms: 20, membersOfRoom: 10, inAllRooms: 5, messagesOfRoom: 30, messagesOfFirst: 600 }
const IDLE_MS = 10_000
/** In `small`, who takes no part in a message; nobody syncs meanwhile. */
const BYSTANDERS = ['main', 'sync1']

const folder = mkdtempSync(join(tmpdir(), 'pf-'))
const stops: (() => Promise<void>)[] = []
const end = async (status: number): Promise<never> => {
  await Promise.all(stops.map((stop) => stop()))
  if (flags.keep) console.error(`logs and configuration: ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
  process.exit(status)
}
const load = startModule(new URL('fleet/load.ts', import.meta.url))

/** Gives the load process an order; CPU is counted between its marks. */
const obeyed = (order: Order, meter?: CpuMeter): Promise<{ result?: Result; cpuMs: Record<string, number> }> =>
  new Promise((resolve, reject) => {
    const cpuMs: Record<string, number> = {}
    let begun: ReadonlyMap<string, number> | undefined
    const onMessage = (message: Message) => {
      if (message.kind === 'done') {
        load.off('message', onMessage)
        load.off('exit', onExit)
        if (message.failure !== undefined) reject(new Error(message.failure))
        else resolve({ cpuMs, ...(message.result && { result: message.result }) })
        return
      }
      const now = meter!.read()
      if (message.kind === 'begin') begun = now
      else for (const [name, ms] of now) cpuMs[name] = (cpuMs[name] ?? 0) + ms - begun!.get(name)!
      load.send({ kind: 'go' })
    }
    load.on('message', onMessage)
    const onExit = () => reject(new Error('the load process ended'))
    load.once('exit', onExit)
    load.send(order)
  })

const measureIdle = async ({ name, groups }: RunningContestant): Promise<Idle> => {
  const meter = makeCpuMeter(groups)
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const used = meter.read()
  meter.stop()
  return {
    contestant: name,
    cpuMs: Object.fromEntries([...used].map(([group, ms]) => [group, ms / (IDLE_MS / 1000)])),
    memory: Object.fromEntries(
      groups.filter((group) => isServer(group.name)).map((group) => [group.name, pssMiB(group.pid)]),
    ),
  }
}

const measure = async (contestants: readonly RunningContestant[]) => {
  const runs: Run[] = []
  const rounds = Number(flags.rounds)
  for (let round = 0; round < rounds; round++)
    for (const [scenario, { rate }] of chosen)
      for (const { name, groups } of round % 2 === 0 ? contestants : [...contestants].reverse()) {
        const meter = makeCpuMeter(groups)
        const { result, cpuMs } = await obeyed(
          {
            kind: 'run',
            contestant: name,
            scenario,
            rate: rate * Number(flags.rate),
            warmupMs: Number(flags.warmup) * 1000,
            measureMs: Number(flags.seconds) * 1000,
            seed: round,
          },
          meter,
        )
        meter.stop()
        runs.push({ contestant: name, scenario, result: result!, cpuMs })
        const { requests, errors, error } = result!
        console.error(
          `round ${round + 1}/${rounds}  ${scenario}  ${name}: ${requests} requests${errors > 0 ? `, ${errors} ERRORS: ${error}` : ''}`,
        )
      }
  return runs
}

try {
  const contestants: RunningContestant[] = []
  for (const name of names) {
    const started = await startContestant(name, join(folder, name), (work) => stops.push(work))
    console.error(`${name} ${started.version} is up; making users, rooms and messages`)
    const from = performance.now()
    await obeyed({ kind: 'world', contestant: name, sockets: started.sockets, size: SIZE })
    console.error(`${name}: that took ${((performance.now() - from) / 1000).toFixed(1)} s`)
    contestants.push(started)
  }
  const runs = await measure(contestants)
  const idles: Idle[] = []
  for (const contestant of contestants) idles.push(await measureIdle(contestant))

  const settings = Object.entries(POSTGRES_SETTINGS).map(([key, value]) => `${key} ${value}`)
  console.log(`${describeMachine(machine())}`)
  console.log(
    `${contestants.map(({ name, version }) => `${name} ${version}`).join(', ')}; Postgres 18 (${settings.join(', ')}), Redis; ` +
      `${flags.rounds} rounds of ${flags.seconds} s in turn, medians; ${SIZE.users} users, ${SIZE.rooms} rooms\n`,
  )
  const tables = [
    cpuTable(titles, names, runs),
    latencyTable(titles, names, runs),
    ...names.map((name) => groupTable(titles, name, runs)),
    idleTable(idles),
    ...(titles.send_1 === undefined ? [] : [bystanders('send_1', BYSTANDERS, names, runs, idles)]),
  ]
  console.log(tables.join('\n\n'))
  if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify({ machine: machine(), runs, idles }, null, 2))
  await end(0)
} catch (error) {
  console.error((error as Error).stack)
  await end(1)
}
