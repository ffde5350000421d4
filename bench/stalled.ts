/**
 * What do clients cost in memory that ask for media and take no more of it than the kernel does, and is it given back when
 * they have left? `npm run bench:stalled`
 *
 * RSS of the router's processes: at rest, with the downloads stalled, and after their clients left, two times over, as memory
 * that is not given back shows in the second.
 */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../tests/harness/free-port.ts'
import { treeOf } from '../tests/harness/process-tree.ts'
import { CONTESTANTS, choose } from './contestants.ts'
import { template } from './load/requests.ts'
import { describeMachine, machine } from './machine.ts'
import { start, startWorkers, stop, temporaryFolder, untilAnswers } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    downloads: { type: 'string', default: '400' },
    contestants: { type: 'string', default: 'plexus,nginx,haproxy' },
    contestant: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`bench/stalled.ts [options]
  --downloads 400        of 16 MiB, begun and not read
  --contestants a,b      of ${CONTESTANTS.map(({ name }) => name).join(', ')}, or all
  --contestant n=command one more, may be repeated; {port}, {routes}, {documented} are filled in`)
  process.exit()
}
const downloads = Number(options.downloads)
/** More than the kernel takes between two processes of one machine, which is far more than between two machines. */
const BODY_BYTES = 16 * 1024 * 1024

/** The client's side of the kernel and the router's have taken what they take by then. */
const SETTLE_MS = 4_000
const LEFT_MS = 6_000

const rssMib = (pid: number): number => {
  let kib = 0
  for (const each of treeOf(pid))
    kib += Number(/^Rss: +(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'latin1'))![1])
  return kib / 1024
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const stall = async (port: number, index: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  socket.pause()
  await once(socket, 'connect')
  socket.write(template('download', index).head)
  return socket
}

/** Answers each request with so many bytes, as they are taken. */
const startMedia = async (): Promise<number> => {
  const body = Buffer.alloc(BODY_BYTES, 'x')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
      socket.write(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const folder = temporaryFolder()
const media = await startMedia()
console.log(describeMachine(machine()))
console.log(`${downloads} downloads of 16 MiB, begun and not read; MiB of RSS.\n`)
console.log('| | at rest | stalled | left | stalled again | left again | KiB/stalled download |')
console.log('|---|--:|--:|--:|--:|--:|--:|')

for (const contestant of choose(options.contestants, options.contestant)) {
  const output = join(folder, `${contestant.name}.output`)
  const port = await freePort()
  const { child: workers, upstreams: started } = await startWorkers()
  const upstreams = { ...started, media: [media] }
  try {
    const version = contestant.version()
    const router = start(contestant.command({ port, upstreams, folder, log: false }), output)
    await untilAnswers(port, router, output)
    await sleep(1000)
    const seen = [rssMib(router.pid!)]
    for (let round = 0; round < 2; round++) {
      const sockets: Socket[] = []
      for (let i = 0; i < downloads; i++) sockets.push(await stall(port, i))
      await sleep(SETTLE_MS)
      seen.push(rssMib(router.pid!))
      for (const socket of sockets) socket.destroy()
      await sleep(LEFT_MS)
      seen.push(rssMib(router.pid!))
    }
    const most = Math.max(...seen) - seen[0]!
    console.log(
      `| ${contestant.name} ${version} | ${seen.map((mib) => mib.toFixed(0)).join(' | ')} | ${((most * 1024) / downloads).toFixed(0)} |`,
    )
    await stop(router)
  } catch (error) {
    console.error(`skipping ${contestant.name}: ${(error as Error).message}`)
  }
  await stop(workers)
}
process.exit()
