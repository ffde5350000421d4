/** CPU and memory of groups of processes, from /proc. */

import { readdirSync, readFileSync } from 'node:fs'
import { treeOf } from '../../tests/harness/process-tree.ts'

/** Processes that are looked at together. With `withChildren` those that descend from them too, as of Postgres. */
export interface Group {
  readonly name: string
  readonly pid: number
  readonly withChildren?: boolean
}

export interface CpuMeter {
  /** ms on a CPU of each group since the meter was made; what ended between two looks counts up to the last look. */
  readonly read: () => ReadonlyMap<string, number>
}

/** What the scheduler counted, of all threads: not ticks of 10 ms. */
const cpuNs = (pid: number): number => {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`))
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0])
    } catch {
      // The thread ended.
    }
  return sum
}

/** Looks twice a second by itself, so that little is lost of processes that end. To be stopped by its owner. */
export const makeCpuMeter = (groups: readonly Group[]): CpuMeter & { readonly stop: () => void } => {
  const last = new Map<number, number>()
  const total = new Map(groups.map(({ name }) => [name, 0]))
  const look = (first = false) => {
    for (const { name, pid, withChildren } of groups)
      for (const one of withChildren ? treeOf(pid) : [pid])
        try {
          const now = cpuNs(one)
          // A process that is new since the last look had used nothing before.
          const before = last.get(one) ?? (first ? now : 0)
          last.set(one, now)
          total.set(name, total.get(name)! + (now - before) / 1e6)
        } catch {
          // It ended.
        }
  }
  look(true)
  const timer = setInterval(look, 500)
  return {
    read: () => {
      look()
      return new Map(total)
    },
    stop: () => clearInterval(timer),
  }
}

/** MiB of a process, with its share of what it shares. */
export const pssMiB = (pid: number): number =>
  Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? Number.NaN) / 1024
