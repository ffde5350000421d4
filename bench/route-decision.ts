/**
 * How long does it take to decide which rule a request goes to: the automaton, the documented regular expressions tried
 * in order, or all of them as alternatives of one expression? `node bench/route-decision.ts [workers.md]`
 */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { toRegExp } from '../router/routing/in-order.ts'
import { methodBit } from '../router/routing/method.ts'
import type { Rule } from '../router/routing/rule.ts'
import { compileTrie } from '../router/routing/trie.ts'
import { quirkyTable } from '../tests/router/routing/tables.ts'

const ROUNDS = 41
/** A round of one contender on one target: long enough to time, short enough that a busy machine disturbs few rounds. */
const ROUND_MS = 4

const documentation = process.argv[2] ?? new URL('../../shared/synapse/workers.md', import.meta.url)
const rules: readonly Rule[] = existsSync(documentation)
  ? [...readFileSync(documentation, 'utf8').matchAll(/^ {4}(\^\S+)$/gm)].map(([, match]) => ({
      match: match!,
      pool: 'worker',
      name: match!,
    }))
  : quirkyTable.map(({ match }) => ({ match, pool: 'worker', name: match }))

const targets = [
  '/_matrix/client/v3/sync?filter=1&timeout=30000&since=s72594_4483_1934',
  '/_matrix/client/v3/rooms/!OGEhHVWSdvArJzumhm:matrix.org/messages?dir=b&limit=20',
  '/_matrix/client/v3/rooms/%21OGEhHVWSdvArJzumhm%3Amatrix.org/send/m.room.message/m1700000000000.17',
  '/_matrix/client/v3/rooms/!OGEhHVWSdvArJzumhm:matrix.org/typing/@alice:matrix.org',
  '/_matrix/client/v3/rooms/!OGEhHVWSdvArJzumhm:matrix.org/receipt/m.read/$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg',
  '/_matrix/client/v3/user/@alice:matrix.org/account_data/m.fully_read',
  '/_matrix/client/v3/keys/query',
  '/_matrix/client/v3/sendToDevice/m.room.encrypted/m1700000000000.18',
  '/_matrix/federation/v1/send/1700000000000',
  '/_matrix/federation/v1/event/$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg',
  '/_matrix/client/v1/media/download/matrix.org/AbCdEfGhIjKlMnOpQrStUvWx',
  '/_synapse/admin/v1/users/@alice:matrix.org/media',
]

/** Time on the CPU: what a request costs, and less disturbed by whatever else runs than a clock. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

const compileTimes: number[] = []
const regExpTimes: number[] = []
for (let i = 0; i < 21; i++) {
  let start = cpuMs()
  compileTrie(rules)
  compileTimes.push(cpuMs() - start)
  start = cpuMs()
  for (const { match } of rules) toRegExp(match).test('/')
  regExpTimes.push(cpuMs() - start)
}
const [firstCompile] = compileTimes

const trie = compileTrie(rules)
const get = methodBit('GET')
const list = rules.map(({ match }) => toRegExp(match))
const alternation = new RegExp(list.map(({ source }) => `(${source.replace(/\((?!\?)/g, '(?:')})`).join('|'), 's')

const pathOf = (text: string) => {
  const end = text.indexOf('?')
  return end < 0 ? text : text.slice(0, end)
}
/** Each begins with what it gets from the socket: the automaton with bytes, the others with a string to cut at the `?`. */
const contenders: readonly (readonly [string, (bytes: Buffer, text: string) => number])[] = [
  ['automaton', (bytes) => trie.find(bytes, 0, bytes.length, get)],
  [
    'regular expressions in order',
    (_, text) => {
      const path = pathOf(text)
      for (let i = 0; i < list.length; i++) if (list[i]!.test(path)) return i
      return -1
    },
  ],
  [
    'one alternation',
    (_, text) => {
      const groups = alternation.exec(pathOf(text))
      return groups === null ? -1 : groups.indexOf(groups[0], 1) - 1
    },
  ],
]

const inputs = targets.map((text) => ({ text, bytes: Buffer.from(text, 'latin1') }))
for (const { text, bytes } of inputs) {
  const answers = new Set(contenders.map(([, decide]) => decide(bytes, text)))
  if (answers.size > 1) throw new Error(`${text}: ${[...answers]}`)
}

/** ns per decision, [contender][target][round]. */
const times = contenders.map(() => inputs.map((): number[] => []))
let sum = 0
const run = (
  decide: (bytes: Buffer, text: string) => number,
  input: { text: string; bytes: Buffer },
  count: number,
) => {
  const start = cpuMs()
  for (let i = 0; i < count; i++) sum += decide(input.bytes, input.text)
  return ((cpuMs() - start) * 1e6) / count
}
for (let round = -3; round < ROUNDS; round++) {
  inputs.forEach((input, target) => {
    contenders.forEach(([, decide], contender) => {
      const count = Math.ceil((ROUND_MS * 1e6) / (times[contender]![target]![0] ?? 2000))
      const time = run(decide, input, count)
      if (round >= 0) times[contender]![target]!.push(time)
    })
  })
}

const cell = (values: number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!.toFixed(0)
  return `${at(0.5)} (${at(0.1)} – ${at(0.9)})`
}
let commit = 'unknown'
try {
  commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
} catch {}

console.log(
  `${os.cpus()[0]?.model}, ${os.cpus().length} cores, ${os.type()} ${os.release()}, Node ${process.version}, commit ${commit}`,
)
console.log(
  `${rules.length} rules; compiled in ${firstCompile!.toFixed(1)} ms the first time, ${median(compileTimes).toFixed(1)} ms warm (regular expressions: ${median(regExpTimes).toFixed(1)} ms)`,
)
console.log(`${JSON.stringify(trie.stats())}\n`)
console.log(`ns of CPU per decision, median (10th – 90th percentile) of ${ROUNDS} interleaved rounds\n`)
console.log(
  `| target | ${contenders.map(([name]) => name).join(' | ')} |\n|---|${contenders.map(() => '--:|').join('')}`,
)
inputs.forEach(({ text }, target) => {
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text
  console.log(`| \`${short}\` | ${times.map((contender) => cell(contender[target]!)).join(' | ')} |`)
})
console.log(`| **all** | ${times.map((contender) => cell(contender.flat())).join(' | ')} |`)
if (Number.isNaN(sum)) console.log(sum)
