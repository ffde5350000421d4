/**
 * What did a change of the data path give? `node bin/plexus-node.js bench/data-path.ts --against <another checkout>`
 *
 * Client, router and worker in one process and one thread, on real sockets: sixteen requests at a time, some half a
 * millisecond, thousands of times. So short a stretch is often left alone by whatever else the machine does, and the
 * lowest hundredth of them is steady: a checkout against itself differs by less than 0.5 % where `bench:router` has 10 %.
 * The figure holds client and worker as well: what counts is the difference. Checkouts take turns, each time in a new process.
 */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NODE, ROOT } from './contestants.ts'
import { KINDS, type Kind, setCounter, template } from './load/requests.ts'
import { describeMachine, machine } from './machine.ts'

const { values: options } = parseArgs({
  options: {
    against: { type: 'string', multiple: true, default: [] },
    kind: { type: 'string', default: 'sync' },
    turns: { type: 'string', default: '6' },
    batches: { type: 'string', default: '3000' },
    measure: { type: 'string' },
  },
})
const kind = options.kind as Kind
if (!(kind in KINDS)) throw new Error(`--kind: one of ${Object.keys(KINDS).join(', ')}`)

const AT_ONCE = 16
const USERS = 8
const WARM_UP_BATCHES = 1500

/** Microseconds a request, of `batches` batches, lowest first. */
const measure = async (checkout: string, batches: number): Promise<number[]> => {
  const load = (file: string) => import(join(checkout, 'router', file))
  const [{ startRouter }, { loadConfig }, { tables }, { makeMetrics }] = await Promise.all(
    ['start.ts', 'config/load.ts', 'tables.ts', 'telling/metrics.ts'].map(load),
  )
  const json = `{"x":"${'y'.repeat(KINDS[kind].answerBytes - 8)}"}`
  const answer =
    'HTTP/1.1 200 OK\r\nServer: Synapse/1.163.2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n' +
    'Cache-Control: no-cache, no-store, must-revalidate\r\nAccess-Control-Allow-Origin: *\r\n' +
    'Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n' +
    'Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n' +
    `Transfer-Encoding: chunked\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`
  const bytes = Buffer.from(answer, 'latin1')
  const worker = createServer({ noDelay: true }, (socket) => socket.on('data', () => socket.write(bytes)))
  worker.listen(0, '127.0.0.1')
  await once(worker, 'listening')
  const workers = `{workers: [127.0.0.1:${(worker.address() as AddressInfo).port}]`
  const { config } = loadConfig(
    'routes.yaml',
    `listen: ['http://127.0.0.1:0']\naccess_log: off\nsynapse: '1.163'\n` +
      `pools: {main: ${workers}}, sync: ${workers}, sticky: user}, event_send: ${workers}, sticky: room}}`,
    tables,
  )
  const log = { info() {}, warn() {}, error() {} }
  const router = await startRouter(config, { log, metrics: makeMetrics() })

  let missing = 0
  let complete = () => {}
  const clients = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, client) => {
      const socket = connect({
        host: '127.0.0.1',
        port: router.listeners[0].port,
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(16 * 1024),
          // An answer comes in one read here: it is small, and written at once.
          callback: (length) => {
            if (length !== bytes.length) throw new Error(`an answer of ${length} bytes, not ${bytes.length}`)
            if (--missing === 0) complete()
            return true
          },
        },
      })
      await once(socket, 'connect')
      return { socket, users: Array.from({ length: USERS }, (_, user) => template(kind, client * USERS + user)) }
    }),
  )
  let sent = 0
  const batch = (turn: number) =>
    new Promise<void>((resolve) => {
      missing = AT_ONCE
      complete = resolve
      for (const { socket, users } of clients) {
        const { head } = users[turn % USERS]!
        setCounter(users[turn % USERS]!, sent++)
        socket.write(head)
      }
    })
  for (let i = 0; i < WARM_UP_BATCHES; i++) await batch(i)
  const times: number[] = []
  for (let i = 0; i < batches; i++) {
    const began = performance.now()
    await batch(i)
    times.push(((performance.now() - began) * 1000) / AT_ONCE)
  }
  return times.sort((a, b) => a - b)
}

if (options.measure !== undefined) {
  const times = await measure(options.measure, Number(options.batches))
  console.log(JSON.stringify([0.01, 0.05, 0.1].map((part) => times[Math.floor(part * times.length)])))
  process.exit()
}

const checkouts = [ROOT, ...options.against]
const results = new Map<string, number[][]>(checkouts.map((checkout) => [checkout, []]))
for (let turn = 0; turn < Number(options.turns); turn++)
  for (const checkout of turn % 2 ? checkouts : checkouts.toReversed()) {
    const args = [import.meta.filename, '--measure', checkout, '--kind', kind, '--batches', options.batches]
    results.get(checkout)!.push(JSON.parse(execFileSync(NODE, args, { encoding: 'utf8' })) as number[])
  }
console.log(describeMachine(machine()))
console.log(`${kind}: µs a request with its client and its worker; the lowest of ${options.turns} turns\n`)
console.log('| | 1 % | 5 % | 10 % |\n|---|--:|--:|--:|')
for (const [index, checkout] of checkouts.entries()) {
  const turns = results.get(checkout)!
  const lowest = [0, 1, 2].map((part) => Math.min(...turns.map((turn) => turn[part]!)).toFixed(2))
  console.log(`| ${index === 0 ? 'this one' : checkout} | ${lowest.join(' | ')} |`)
}
