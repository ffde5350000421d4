/**
 * What do the rules of the protocol cost, next to Synapse's own functions? `npm run bench:core`
 *
 * Both sides do the same work on the same inputs, made once from a seed, and must come to the same results, or there is no
 * table. They take turns within one run, each in its process and alone, so that whatever else the machine does in these
 * minutes falls on both. Told is CPU time of all threads, garbage collection included on our side. What is not the
 * work is done before the clock runs, on both sides: events are the objects that each has in memory by then, keys and push rules
 * are parsed. What Synapse asks its database (events, the auth difference of state resolution) it is told at once; the
 * protocol core finds the auth difference itself.
 */

import { parseArgs } from 'node:util'
import { synapsePython } from '../tests/synapse/install.ts'
import { Failed } from '../tests/synapse/report.ts'
import { measure, warmUp } from './core/measure.ts'
import type { Row, Work } from './core/row.ts'
import { authorisationRows } from './core/rows/authorisation.ts'
import { hashRows } from './core/rows/hashes.ts'
import { jsonRows } from './core/rows/json.ts'
import { pushRows } from './core/rows/push.ts'
import { resolutionRows } from './core/rows/resolution.ts'
import { signatureRows } from './core/rows/signatures.ts'
import { type Synapse, startSynapse } from './core/synapse.ts'
import { describeMachine, machine, type Spread, spread } from './machine.ts'

const ALL: readonly Row[] = [
  ...jsonRows,
  ...hashRows,
  ...signatureRows,
  ...authorisationRows,
  ...resolutionRows,
  ...pushRows,
]

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    'without-synapse': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`npm run bench:core -- [options]
  --only regex         rows whose group and name match
  --rounds 15          measurements of each row; median and spread are of these
  --without-synapse    only ours; nothing is installed
Groups: ${[...new Set(ALL.map(({ group }) => group))].join(' · ')}`)
  process.exit()
}
const rounds = Number(options.rounds)
if (!(Number.isSafeInteger(rounds) && rounds > 0)) {
  console.error(`--rounds: expected a number of rounds, got "${options.rounds}"`)
  process.exit(2)
}
const rows = chosen(options.only)
if (rows.length === 0) {
  console.error(`--only: no row matches "${options.only}"`)
  process.exit(2)
}

function chosen(pattern: string): readonly Row[] {
  try {
    const only = new RegExp(pattern)
    return ALL.filter(({ group, name }) => only.test(`${group}: ${name}`))
  } catch (error) {
    console.error(`--only: ${(error as Error).message}`)
    process.exit(2)
  }
}

/** One side of a row: how often its work is done in a round, and what it cost each time, in µs for one item. */
interface Side {
  readonly run: (count: number) => Promise<number>
  readonly samples: number[]
  count: number
}

interface Contest {
  readonly row: Row
  readonly work: Work
  readonly sides: readonly Side[]
}

async function prepare(row: Row, index: number, synapse: Synapse | undefined): Promise<Contest> {
  const work = row.prepare()
  const clock = row.clock ?? 'process'
  const side = (run: (count: number) => Promise<number>): Side => ({ run, samples: [], count: 1 })
  const ours = side((count) => measure(work.once, count, clock))
  if (synapse === undefined) return { row, work, sides: [ours] }
  const answer = await synapse.prepare(index, work)
  const [mine, theirs] = [JSON.stringify(work.answer), JSON.stringify(answer)]
  if (mine !== theirs) throw new Failed(`${row.group}, ${row.name}: ours is ${mine}, Synapse's ${theirs}`)
  return { row, work, sides: [ours, side((count) => synapse.run(index, count, clock))] }
}

const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

const format = (value: number): string => {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
const withSpread = ({ median, min, max }: Spread): string => `${format(median)} (${format(min)}–${format(max)})`

function print(contests: readonly Contest[], synapse: Synapse | undefined): void {
  console.log(`${describeMachine(machine())}${synapse === undefined ? '' : `, ${synapse.name}`}`)
  console.log(`µs of CPU each, median (min–max) of ${rounds} rounds; ratio: Synapse over ours, round by round.`)
  const missed: string[] = []
  let group = ''
  console.log(`\n| | ours µs |${synapse === undefined ? '' : ' Synapse µs | ratio | goal |'}`)
  console.log(`|---|--:|${synapse === undefined ? '' : '--:|--:|--:|'}`)
  for (const { row, sides } of contests) {
    if (row.group !== group) {
      group = row.group
      console.log(`| **${group}** | |${synapse === undefined ? '' : ' | | |'}`)
    }
    const [ours, theirs] = sides.map(({ samples }) => samples)
    const cells = [row.name, withSpread(spread(ours!))]
    if (theirs !== undefined) {
      const ratio = spread(theirs.map((us, round) => us / ours![round]!))
      cells.push(withSpread(spread(theirs)), withSpread(ratio), row.goal === undefined ? '' : `≥ ${row.goal}`)
      if (row.goal !== undefined && ratio.median < row.goal) missed.push(`${group}: ${row.name}`)
    }
    console.log(`| ${cells.join(' | ')} |`)
  }
  if (synapse !== undefined) console.log(`\nGoals missed: ${missed.length === 0 ? 'none' : missed.join('; ')}.`)
}

async function main(synapse: Synapse | undefined): Promise<void> {
  const contests: Contest[] = []
  for (const [index, row] of rows.entries()) {
    progress(`preparing ${index + 1} of ${rows.length}: ${row.group}, ${row.name}`)
    contests.push(await prepare(row, index, synapse))
  }
  // Twice around: code that is compiled for one row may have to be compiled anew for the next.
  for (const again of [false, true]) {
    for (const { row, sides } of contests) {
      progress(`warming up${again ? ' again' : ''}: ${row.group}, ${row.name}`)
      for (const side of sides) side.count = await warmUp(side.run)
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, { row, work, sides }] of contests.entries()) {
      progress(`round ${round + 1} of ${rounds}: ${row.group}, ${row.name}`)
      for (const side of (round + index) % 2 ? [...sides].reverse() : sides)
        side.samples.push((await side.run(side.count)) / side.count / work.items)
    }
  }
  progress('')
  print(contests, synapse)
}

try {
  const synapse = options['without-synapse'] ? undefined : await startSynapse(await synapsePython())
  try {
    await main(synapse)
  } finally {
    await synapse?.stop()
  }
} catch (error) {
  if (!(error instanceof Failed)) throw error
  console.error(error.message)
  process.exitCode = 1
}
