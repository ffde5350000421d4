/** What a bench says of where it ran. */

import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { NODE, ROOT } from './contestants.ts'

export interface Machine {
  readonly cpu: string
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly commit: string
  readonly date: string
}

const output = (file: string, ...args: string[]): string => {
  try {
    return execFileSync(file, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}

export const machine = (): Machine => ({
  cpu: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: output(NODE, '--version'),
  commit: output('git', 'describe', '--always', '--dirty', '--abbrev=10'),
  date: new Date().toISOString().slice(0, 16).replace('T', ' '),
})

export const describeMachine = ({ cpu, memoryGiB, kernel, node, commit, date }: Machine): string =>
  `${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, commit ${commit}, ${date} UTC`

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const spread = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median = sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]! }
}
