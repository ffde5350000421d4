/**
 * What does a request cost in the router, next to nginx, HAProxy and the Node proxies? `npm run bench:router`
 *
 * All contestants run at once, one process each, in front of the same stand-in workers and with the same documented
 * routing. They are loaded one after another, the order rotated each round, so that whatever else the machine does in
 * these minutes falls on all alike. The figure to trust is CPU time per request, as the scheduler counted it for all
 * threads of the proxy's own processes: unlike requests per second it hardly depends on what the load generator and
 * the workers, on the same cores, leave over. Many short rounds beat few long ones: a neighbour's load lasts seconds, and
 * then falls on both sides of a ratio. The scheduler's counters are in nanoseconds, so half a second is long enough.
 *
 * A neighbour also leaves gaps. Each measurement is cut into windows of 60 ms, and the tenth percentile of them all is what
 * a request costs in quiet moments: the steadiest of the figures.
 *
 * `--together` loads all at the same time instead, each by a load generator of its own: requests per second and latencies
 * then say nothing, but what slows one down slows the others down in the same moment. It is for what a change gave: a
 * router against itself was at 1.00 there (95 % of the median: 0.97 to 1.05, 40 rounds), in minutes in which the same two,
 * one after the other, were at 0.88.
 */

import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../tests/harness/free-port.ts'
import { treeOf } from '../tests/harness/process-tree.ts'
import { CONTESTANTS, type Contestant, choose } from './contestants.ts'
import type { Job, Sample } from './load/client.ts'
import { KINDS, type Kind, WINDOW_MS } from './load/requests.ts'
import { describeMachine, machine, type Spread, spread } from './machine.ts'
import { ask, start, startModule, startWorkers, stop, temporaryFolder, untilAnswers } from './processes.ts'
import { GROUPS } from './rivals/table.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '0.5' },
    warmup: { type: 'string', default: '0.15' },
    connections: { type: 'string', default: '64' },
    kinds: { type: 'string', default: Object.keys(KINDS).join(',') },
    contestants: { type: 'string', default: 'plexus,nginx,haproxy,http-proxy,http-proxy-3' },
    contestant: { type: 'string', multiple: true, default: [] },
    log: { type: 'string', default: 'off' },
    together: { type: 'boolean', default: false },
    against: { type: 'string', default: 'nginx' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (options.help) {
  console.log(`bench/router.ts [options]
  --rounds 15            measurements of each contestant and kind; median and spread are of these
  --seconds 0.5          each measurement, after --warmup 0.15 seconds of the same load
  --connections 64       kept alive, one request at a time on each
  --kinds a,b            of ${Object.keys(KINDS).join(', ')}
  --contestants a,b      of ${CONTESTANTS.map(({ name }) => name).join(', ')}, or all; one named twice shows what the noise is
  --contestant n=command one more, may be repeated; {port}, {routes}, {documented} are filled in
  --log off|on           access logs, of all or of none
  --together             load all at the same time: see what a change gave; latencies and requests/s say nothing then
  --against nginx        the contestant whose CPU per request the others' is divided by
  --json file            every measurement`)
  process.exit()
}

const rounds = Number(options.rounds)
const connections = Number(options.connections)
const kinds = options.kinds.split(',').map((kind) => {
  if (!(kind in KINDS)) throw new Error(`--kinds: there is no "${kind}"`)
  return kind as Kind
})
const chosen = choose(options.contestants, options.contestant)

interface Entrant {
  readonly contestant: Contestant
  readonly version: string
  readonly port: number
  readonly child: ChildProcess
  /** Its load generator. */
  readonly client: ChildProcess
  readonly samples: Record<string, Sample[]>
}

const folder = temporaryFolder()
const { upstreams } = await startWorkers()
const startClient = () => startModule(new URL('load/client.ts', import.meta.url))
const oneClient = options.together ? undefined : startClient()

const entrants: Entrant[] = []
for (const [i, contestant] of chosen.entries()) {
  const port = await freePort()
  const own = join(folder, `${i}-${contestant.name}`)
  mkdirSync(own)
  const output = join(own, 'output')
  try {
    const version = contestant.version()
    const child = start(contestant.command({ port, upstreams, folder: own, log: options.log === 'on' }), output)
    await untilAnswers(port, child, output)
    const samples = Object.fromEntries(kinds.map((kind) => [kind, []]))
    entrants.push({ contestant, version, port, child, client: oneClient ?? startClient(), samples })
  } catch (error) {
    console.error(`skipping ${contestant.name}: ${(error as Error).message}`)
  }
}
if (entrants.length === 0) {
  console.error('nothing to measure')
  process.exit(1)
}

const measure = (
  { contestant, port, child, client }: Entrant,
  kind: Kind,
  warmupMs: number,
  measureMs: number,
): Promise<Sample> =>
  ask<Sample>(client, {
    port,
    kind,
    connections,
    usersPerConnection: 8,
    warmupMs,
    measureMs,
    pids: treeOf(child.pid!),
    routed: contestant.routed,
  } satisfies Job)

const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

// Once around, unmeasured: just-in-time compilers have seen every kind of request.
for (const kind of kinds) {
  for (const entrant of entrants) {
    progress(`warming up: ${kind}, ${entrant.contestant.name}`)
    await measure(entrant, kind, 0, 600)
  }
}
const [warmupMs, measureMs] = [Number(options.warmup) * 1000, Number(options.seconds) * 1000]
for (let round = 0; round < rounds; round++) {
  for (const [k, kind] of kinds.entries()) {
    if (options.together) {
      progress(`round ${round + 1} of ${rounds}: ${kind}`)
      const samples = await Promise.all(entrants.map((entrant) => measure(entrant, kind, warmupMs, measureMs)))
      for (const [i, sample] of samples.entries()) entrants[i]!.samples[kind]!.push(sample)
      continue
    }
    for (let i = 0; i < entrants.length; i++) {
      const entrant = entrants[(i + round + k) % entrants.length]!
      progress(`round ${round + 1} of ${rounds}: ${kind}, ${entrant.contestant.name}`)
      entrant.samples[kind]!.push(await measure(entrant, kind, warmupMs, measureMs))
    }
  }
}
progress('')
for (const { child } of entrants) await stop(child)

const cpuUs = (sample: Sample): number => sample.cpuNs / 1000 / sample.requests
/**
 * The tenth percentile of the windows of all rounds: what a request costs while the neighbours are at their quietest. NaN
 * where most windows had too few requests (1 MiB bodies): those that remain would be the lucky ones.
 */
const quietUs = (samples: readonly Sample[]): number => {
  const windows = samples.flatMap(({ windowsNs }) => windowsNs).sort((a, b) => a - b)
  const seconds = samples.reduce((sum, sample) => sum + sample.seconds, 0)
  const enough = windows.length * WINDOW_MS > 500 * seconds
  return enough ? windows[Math.floor(windows.length / 10)]! / 1000 : Number.NaN
}
const format = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  const digits = value >= 1000 ? 0 : value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
const withSpread = ({ median, min, max }: Spread): string => `${format(median)} (${format(min)}–${format(max)})`

const host = machine()
console.log(describeMachine(host))
console.log(
  `${connections} connections, ${rounds} rounds of ${options.seconds} s, ${options.together ? 'all at once, ' : ''}access logs ${options.log}; ` +
    `median (min–max) of the rounds; × ${options.against}: of CPU per request, round by round; ` +
    'quiet moments: the tenth percentile of CPU per request in all windows of 60 ms.',
)
const against = entrants.find(({ contestant }) => contestant.name === options.against)
let wrongAnswers = 0
for (const kind of kinds) {
  console.log(`\n### ${KINDS[kind].title}\n`)
  const { against: rival } = options
  console.log(`| | requests/s | p50 ms | p99 ms | CPU µs/request | × ${rival} | µs in quiet moments | × ${rival} |`)
  console.log('|---|--:|--:|--:|--:|--:|--:|--:|')
  for (const { contestant, version, samples } of entrants) {
    const of = samples[kind]!
    const ratio = against
      ? withSpread(spread(of.map((sample, i) => cpuUs(sample) / cpuUs(against.samples[kind]![i]!))))
      : '–'
    console.log(
      `| ${contestant.name} ${version} ` +
        `| ${withSpread(spread(of.map(({ requests, seconds }) => requests / seconds)))} ` +
        `| ${format(spread(of.map(({ p50Ms }) => p50Ms)).median)} ` +
        `| ${format(spread(of.map(({ p99Ms }) => p99Ms)).median)} ` +
        `| ${withSpread(spread(of.map(cpuUs)))} ` +
        `| ${ratio} ` +
        `| ${format(quietUs(of))} ` +
        `| ${against ? format(quietUs(of) / quietUs(against.samples[kind]!)) : '–'} |`,
    )
  }
  for (const { contestant, samples } of entrants) {
    const total = samples[kind]!.reduce((sum, { requests }) => sum + requests, 0)
    const moved = samples[kind]!.reduce((sum, sample) => sum + sample.moved, 0)
    const sticky = GROUPS.find(({ name }) => name === KINDS[kind].group)?.hash
    if (sticky && contestant.routed && moved > 0) {
      console.log(
        `\n${contestant.name}: ${moved} of ${total} requests came to another worker than the ${sticky}'s before.`,
      )
    }
    const wrong: Record<string, number> = {}
    for (const sample of samples[kind]!) {
      for (const [what, n] of Object.entries(sample.wrong)) wrong[what] = (wrong[what] ?? 0) + n
    }
    for (const [what, n] of Object.entries(wrong)) {
      wrongAnswers += n
      console.log(`\n**${contestant.name}: ${n} × ${what}**`)
    }
  }
}

if (options.json) {
  const results = entrants.map(({ contestant, version, samples }) => ({ name: contestant.name, version, samples }))
  writeFileSync(options.json, `${JSON.stringify({ machine: host, options, results }, null, 2)}\n`)
}
process.exit(wrongAnswers > 0 ? 1 : 0)
