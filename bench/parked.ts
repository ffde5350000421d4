/**
 * What does a parked long poll cost in memory, and how fast are all of them answered? `npm run bench:parked`
 *
 * So many clients, each with a connection and a /sync that the worker holds: the state a homeserver's router is in all
 * day. Memory is of the router's processes (RSS; PSS, which counts shared pages once), before and with the polls; what
 * the kernel holds for the sockets is the same for every router and is not counted.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../tests/harness/free-port.ts'
import { treeOf } from '../tests/harness/process-tree.ts'
import { CONTESTANTS, choose } from './contestants.ts'
import type { Park, Polled } from './load/poller.ts'
import type { WorkersMessage } from './load/workers.ts'
import { describeMachine, machine } from './machine.ts'
import { ask, start, startModule, startWorkers, stop, temporaryFolder, untilAnswers } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    polls: { type: 'string', default: '10000' },
    contestants: { type: 'string', default: 'plexus,nginx,haproxy' },
    contestant: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`bench/parked.ts [options]
  --polls 10000          clients with a pending /sync
  --contestants a,b      of ${CONTESTANTS.map(({ name }) => name).join(', ')}, or all
  --contestant n=command one more, may be repeated; {port}, {routes}, {documented} are filled in`)
  process.exit()
}
/** Descriptors a process needs besides those of the polls. */
const SPARE_FILES = 300
const mayOpen = (files: number): boolean => spawnSync('prlimit', [`--nofile=${files}:${files}`, 'true']).status === 0

let polls = Number(options.polls)
/** The router has two sockets a poll. */
let openFiles = 2 * polls + SPARE_FILES
if (!mayOpen(openFiles)) {
  openFiles = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))![1])
  polls = Math.min(polls, Math.floor((openFiles - SPARE_FILES) / 2))
  console.error(
    `no more than ${openFiles} open files allowed here (ulimit -Hn): ${polls} polls instead of ${options.polls}`,
  )
}

interface Memory {
  readonly rss: number
  readonly pss: number
}

/** Bytes of all these processes. */
const memory = (pids: readonly number[]): Memory => {
  let rss = 0
  let pss = 0
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
    rss += Number(/^Rss: +(\d+)/m.exec(text)![1]) * 1024
    pss += Number(/^Pss: +(\d+)/m.exec(text)![1]) * 1024
  }
  return { rss, pss }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
const kib = (bytes: number) => (bytes / polls / 1024).toFixed(2)

const folder = temporaryFolder()
console.log(describeMachine(machine()))
console.log(`${polls} long polls parked in one process; MiB of the process before → with them.\n`)
console.log('| | RSS MiB | PSS MiB | KiB RSS/poll | KiB PSS/poll | parked in s | all answered in s | lost |')
console.log('|---|--:|--:|--:|--:|--:|--:|--:|')

for (const contestant of choose(options.contestants, options.contestant)) {
  const output = join(folder, `${contestant.name}.output`)
  const port = await freePort()
  const { child: workers, upstreams } = await startWorkers(true, openFiles)
  const poller = startModule(new URL('load/poller.ts', import.meta.url), openFiles)
  try {
    const version = contestant.version()
    const router = start(contestant.command({ port, upstreams, folder, log: false }), output, openFiles)
    await untilAnswers(port, router, output)
    await sleep(1000)
    const before = memory(treeOf(router.pid!))

    const startedAt = Date.now()
    await ask(poller, { port, polls } satisfies Park)
    let held = 0
    while (held < polls && Date.now() - startedAt < 120_000) {
      await sleep(50)
      held = (await ask<{ held: number }>(workers, { release: false } satisfies WorkersMessage)).held
    }
    const parkedAt = Date.now()
    if (held < polls) throw new Error(`only ${held} of ${polls} polls arrived at the workers`)
    await sleep(3000)
    const after = memory(treeOf(router.pid!))

    const releasedAt = Date.now()
    const finished = ask<Polled>(poller, { wait: true })
    await ask(workers, { release: true } satisfies WorkersMessage)
    const { answered, lost, lastAt } = await finished
    console.log(
      `| ${contestant.name} ${version} | ${mib(before.rss)} → ${mib(after.rss)} | ${mib(before.pss)} → ${mib(after.pss)} ` +
        `| ${kib(after.rss - before.rss)} | ${kib(after.pss - before.pss)} | ${((parkedAt - startedAt) / 1000).toFixed(1)} ` +
        `| ${((lastAt - releasedAt) / 1000).toFixed(2)} | ${lost} |`,
    )
    if (answered + lost !== polls) throw new Error(`${answered} + ${lost} answers of ${polls}`)
    await stop(router)
  } catch (error) {
    console.error(`skipping ${contestant.name}: ${(error as Error).message}`)
  }
  await stop(poller)
  await stop(workers)
}
process.exit()
