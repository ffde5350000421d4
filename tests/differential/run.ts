/** Histories, one after the other: generated, answered by us and by each oracle, compared. */

import { type Difference, differences } from './compare.ts'
import { type Coverage, makeCoverage } from './coverage.ts'
import { explained } from './explained.ts'
import { generate } from './generate/history.ts'
import type { Oracle } from './oracles/oracle.ts'
import { answer } from './ours.ts'
import type { Question } from './question.ts'

export interface Found extends Difference {
  /** The history's number in the series of its seed. */
  readonly history: number
  readonly question: Question
}

export interface Outcome {
  readonly histories: number
  readonly differences: readonly Found[]
  /** Reason → how often. */
  readonly explained: ReadonlyMap<string, number>
  /** Oracle → histories that it could not read. */
  readonly unread: ReadonlyMap<string, number>
  readonly coverage: Coverage
}

export interface RunOptions {
  readonly histories: number
  readonly seed: number
  /** The number of the first history. */
  readonly from?: number
  readonly oracles: readonly Oracle[]
  onProgress?(done: number, differences: number): void
}

/** Questions that an oracle may have before it: it works while we make the next. */
const AHEAD = 16

export const run = async ({ histories, seed, from = 0, oracles, onProgress }: RunOptions): Promise<Outcome> => {
  const found: Found[] = []
  const reasons = new Map<string, number>()
  const unread = new Map<string, number>()
  const coverage = makeCoverage()
  const count = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
  let done = 0

  const one = async (history: number) => {
    const question = generate(seed, history)
    const ours = { synapse: answer(question, 'synapse'), specification: answer(question, 'specification') }
    coverage.add(question, ours.synapse)
    for (const [{ name, follows }, theirs] of await Promise.all(
      oracles
        .filter(({ tameOnly }) => question.isTame || !tameOnly)
        .map(async (oracle) => [oracle, await oracle.ask(question)] as const),
    )) {
      if (theirs.unread !== undefined) count(unread, name)
      for (const difference of differences(name, question, ours[follows], theirs)) {
        const known = explained.find((one) => one.is(difference, question, ours[follows], theirs))
        if (known) count(reasons, known.reason)
        else found.push({ ...difference, history, question })
      }
    }
    onProgress?.(++done, found.length)
  }

  const running = new Set<Promise<void>>()
  for (let history = from; history < from + histories; history++) {
    const task = one(history).finally(() => running.delete(task))
    running.add(task)
    if (running.size >= AHEAD) await Promise.race(running)
  }
  await Promise.all(running)
  return { histories, differences: found, explained: reasons, unread, coverage }
}
