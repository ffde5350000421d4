/** A contestant's server on connections that are no sockets: what it costs without the kernel, and without a neighbour. */

import { Duplex } from 'node:stream'
import { type Contestant, serverOf } from './serve.ts'

export interface InProcessJob {
  readonly contestant: Contestant
  readonly request: string
  /** The end of every answer. */
  readonly end: string
}

export interface InProcessSample {
  /** CPU of the process, µs per request, in each window. */
  readonly windowsUs: readonly number[]
}

const CONNECTIONS = 16
const WARMUP_MS = 2_000
const WINDOWS = 20
const WINDOW_MS = 100

/** As much of a socket as the server asks of it. Each answer is followed by the next request. */
function connection(request: Buffer, end: string, answered: () => void): Duplex {
  const next = (last: Buffer, done: () => void): void => {
    done()
    if (!last.toString('latin1').endsWith(end)) return
    answered()
    setImmediate(() => duplex.push(request))
  }
  const duplex = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => next(chunk, done),
    writev: (chunks: { chunk: Buffer }[], done) => next(chunks.at(-1)!.chunk, done),
  })
  Object.assign(duplex, {
    remoteAddress: '192.0.2.1',
    setTimeout: () => duplex,
    setNoDelay() {},
    setKeepAlive() {},
    ref() {},
    unref() {},
  })
  return duplex
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function run({ contestant, request, end }: InProcessJob): Promise<InProcessSample> {
  const server = await serverOf(contestant)
  const bytes = Buffer.from(request, 'latin1')
  let requests = 0
  for (let i = 0; i < CONNECTIONS; i++) {
    const duplex = connection(bytes, end, () => {
      requests++
    })
    server.emit('connection', duplex)
    duplex.push(bytes)
  }
  await sleep(WARMUP_MS)
  const windowsUs: number[] = []
  for (let i = 0; i < WINDOWS; i++) {
    const [before, cpuBefore] = [requests, process.cpuUsage()]
    await sleep(WINDOW_MS)
    const { user, system } = process.cpuUsage(cpuBefore)
    if (requests > before) windowsUs.push((user + system) / (requests - before))
  }
  return { windowsUs }
}

process.on('disconnect', () => process.exit())
process.on('message', async (job: InProcessJob) => {
  process.send!(await run(job))
})
