/**
 * The load, in a process of its own. Requests arrive at random moments at a rate (open loop): one that is late does not delay
 * the next, and its latency counts from the moment it was due.
 */

import { build, type Histogram } from 'hdr-histogram-js'
import { makeRandom, type Random } from '../../tests/harness/random.ts'
import { type Ask, makeAsk } from './http.ts'
import { scenarios } from './scenarios.ts'
import { makeWorld, type Sockets, type World, type WorldSize } from './world.ts'

export type Order =
  | { readonly kind: 'world'; readonly contestant: string; readonly sockets: Sockets; readonly size: WorldSize }
  | {
      readonly kind: 'run'
      readonly contestant: string
      readonly scenario: string
      readonly rate: number
      readonly warmupMs: number
      readonly measureMs: number
      readonly seed: number
    }

export interface Result {
  readonly requests: number
  readonly seconds: number
  readonly errors: number
  /** The first of them. */
  readonly error?: string
  readonly ms: {
    readonly p50: number
    readonly p90: number
    readonly p95: number
    readonly p99: number
    readonly max: number
  }
}

/** To the parent: `begin` and `end` of what is measured, each to be answered; then the result. */
export type Message =
  | { readonly kind: 'begin' | 'end' }
  | { readonly kind: 'done'; readonly result?: Result; readonly failure?: string }

const worlds = new Map<string, { readonly sockets: Sockets; readonly world: World }>()
const WARMUP_CONCURRENCY = 4
const ask: Ask = makeAsk()

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
/** Its answer is whatever comes next. */
const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    process.once('message', () => resolve())
    process.send!(message)
  })

interface Tally {
  readonly latency: Histogram
  requests: number
  errors: number
  error?: string
}

async function run(order: Order & { kind: 'run' }): Promise<Result> {
  const { sockets, world } = worlds.get(order.contestant)!
  const { request, prepare, stop } = await scenarios[order.scenario]!.make({ ask, sockets, world })
  let n = 0
  const tally: Tally = { latency: build({ numberOfSignificantValueDigits: 3 }), requests: 0, errors: 0 }
  const one = async (due: number): Promise<void> => {
    try {
      await request(n++)
      tally.latency.recordValue(Math.max(1, Math.round((performance.now() - due) * 1000)))
    } catch (error) {
      tally.errors++
      tally.error ??= (error as Error).message
    }
    tally.requests++
  }
  // Closed loop, as fast as it goes: what compiles while it runs has compiled.
  const end = performance.now() + order.warmupMs
  do {
    await prepare?.run()
    let left = prepare?.each ?? Number.POSITIVE_INFINITY
    const lane = async () => {
      while (performance.now() < end && left-- > 0) await one(performance.now())
    }
    await Promise.all(Array.from({ length: WARMUP_CONCURRENCY }, lane))
  } while (performance.now() < end)
  if (tally.errors > tally.requests / 10) throw new Error(`${tally.errors} of ${tally.requests}: ${tally.error}`)

  tally.latency.reset()
  Object.assign(tally, { requests: 0, errors: 0, error: undefined })
  const random = makeRandom(order.seed)
  const before = n
  let measuredMs = 0
  while (measuredMs < order.measureMs) {
    await prepare?.run()
    await tell({ kind: 'begin' })
    const started = performance.now()
    await arrivals(order, random, prepare?.each ?? Number.POSITIVE_INFINITY, order.measureMs - measuredMs, one)
    measuredMs += performance.now() - started
    await tell({ kind: 'end' })
  }
  await stop?.()
  const at = (percentile: number) => tally.latency.getValueAtPercentile(percentile) / 1000
  return {
    requests: n - before,
    seconds: measuredMs / 1000,
    errors: tally.errors,
    ...(tally.error !== undefined && { error: tally.error }),
    ms: { p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: tally.latency.maxValue / 1000 },
  }
}

/** At most `count` requests, due within `forMs`; resolves when all are answered. */
async function arrivals(
  { rate }: { readonly rate: number },
  random: Random,
  count: number,
  forMs: number,
  one: (due: number) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const start = performance.now()
  let due = start
  for (let i = 0; i < count; i++) {
    due += (-Math.log(1 - random.int(2 ** 32) / 2 ** 32) / rate) * 1000
    if (due > start + forMs) break
    const wait = due - performance.now()
    if (wait > 1) await sleep(wait - 0.5)
    // A timer may be early.
    const request = one(Math.min(due, performance.now())).finally(() => running.delete(request))
    running.add(request)
  }
  await Promise.all(running)
}

async function obey(order: Order): Promise<Message> {
  try {
    if (order.kind === 'run') return { kind: 'done', result: await run(order) }
    const world = await makeWorld(ask, order.sockets, order.size)
    worlds.set(order.contestant, { sockets: order.sockets, world })
    return { kind: 'done' }
  } catch (error) {
    return { kind: 'done', failure: (error as Error).stack ?? String(error) }
  }
}

process.on('disconnect', () => process.exit())
process.on('message', (order: Order | { readonly kind: 'go' }) => {
  if (order.kind !== 'go') void obey(order).then((message) => process.send!(message))
})
