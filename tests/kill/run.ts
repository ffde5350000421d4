/** Load, kills, and the judgement. */

import { register, type User } from '../harness/matrix-client.ts'
import type { Random } from '../harness/random.ts'
import { judge, type Shown } from './ledger.ts'
import { pageThrough, startReader } from './reader.ts'
import { startSenders } from './sender.ts'

export interface Target {
  readonly url: string
  /** By kind of process: kills one with SIGKILL, and resolves when it is up again. */
  readonly kinds: ReadonlyMap<string, (random: Random) => Promise<void>>
}

export interface KillOptions {
  readonly random: Random
  readonly seconds: number
  /** Of each kind. */
  readonly times: number
  readonly users: number
  readonly rooms: number
  /** ms between two messages of one user in one room, on average. */
  readonly pauseMs: number
  readonly say: (line: string) => void
}

export interface Verdict {
  readonly acknowledged: number
  readonly shown: number
  readonly retries: number
  readonly gaps: number
  readonly longestPauseMs: number
  /** Sentences; empty: all is as it should be. */
  readonly wrong: readonly string[]
}

/** How long readers may take to see the last of it. */
const ARRIVAL_MS = 30_000

export const killRun = async ({ url, kinds }: Target, options: KillOptions): Promise<Verdict> => {
  const { random, seconds, times, say } = options
  const { users, rooms } = await makeWorld(url, options)
  const readers = await Promise.all(users.map((user, i) => startReader(`reader ${i}`, user, rooms)))
  const lanes = users.flatMap((user) => rooms.map((room) => ({ user, room })))
  const senders = startSenders(lanes, random, options.pauseMs)
  const start = performance.now()
  const plan = shuffled(
    random,
    [...kinds.keys()].flatMap((kind) => Array.from({ length: times }, () => kind)),
  )
  say(`${users.length} users send in ${rooms.length} rooms for ${seconds} s; kills: ${plan.join(', ')}`)
  const wrong: string[] = []
  // Each at a random moment of its own stretch of time: two may overlap.
  const kills = plan.map(async (kind, i) => {
    const stretch = (seconds * 1000) / (plan.length + 1)
    await sleep(stretch * i + random.int(stretch))
    const at = performance.now()
    const since = ((at - start) / 1000).toFixed(1)
    try {
      await kinds.get(kind)!(random)
      say(`${since} s: killed ${kind}, up again after ${((performance.now() - at) / 1000).toFixed(1)} s`)
    } catch (error) {
      wrong.push(`${kind} did not come up again: ${(error as Error).message}`)
    }
  })
  await Promise.all([...kills, sleep(seconds * 1000)])
  await senders.stop()
  const ledger = senders.ledger()
  say(`${ledger.acknowledged.length} messages acknowledged; waiting for the readers`)
  const deadline = performance.now() + ARRIVAL_MS
  const have = ({ shown }: { shown: ReadonlyMap<string, readonly Shown[]> }) =>
    [...shown.values()].reduce((sum, { length }) => sum + length, 0)
  while (readers.some((reader) => have(reader) < ledger.acknowledged.length) && performance.now() < deadline)
    await sleep(50)
  // What comes too much comes late.
  await sleep(500)
  await Promise.all(readers.map((reader) => reader.stop()))
  for (const failure of [senders.failure(), ...readers.map((reader) => reader.failure())])
    if (failure !== undefined) wrong.push(failure)

  const views = new Map<string, ReadonlyMap<string, readonly Shown[]>>()
  for (const { name, shown } of readers) views.set(name, shown)
  const pages = new Map<string, readonly Shown[]>()
  for (const room of rooms) pages.set(room, await pageThrough(users[0]!, room))
  wrong.push(...judge(ledger, views))
  // By itself: it follows the room's graph, where what two processes made at the same time stands side by side; /sync the stream.
  wrong.push(...judge(ledger, new Map([['/messages', pages]])))
  return {
    acknowledged: ledger.acknowledged.length,
    shown: readers.reduce((sum, reader) => sum + have(reader), 0),
    retries: senders.retries(),
    gaps: readers.reduce((sum, reader) => sum + reader.gaps(), 0),
    longestPauseMs: senders.longestPauseMs(),
    wrong,
  }
}

const makeWorld = async (url: string, { users: count, rooms: roomCount }: KillOptions) => {
  const users: User[] = []
  for (let i = 0; i < count; i++) users.push(await register(url, `k${i}`))
  const rooms: string[] = []
  for (let i = 0; i < roomCount; i++) rooms.push(await users[0]!.createRoom({ members: users.slice(1) }))
  return { users, rooms }
}

const shuffled = <T>(random: Random, values: readonly T[]): readonly T[] => {
  const left = [...values]
  for (let i = left.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    ;[left[i], left[j]] = [left[j]!, left[i]!]
  }
  return left
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
