/** The load generator: keep-alive connections, one request at a time on each, each answer's status and end checked. */

import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

export interface Job {
  readonly port: number
  /** The whole request. */
  readonly request: string
  /** The end of every answer's body. */
  readonly end: string
  readonly connections: number
  readonly warmupMs: number
  readonly measureMs: number
  readonly pid: number
}

export interface Sample {
  readonly requests: number
  /** CPU of the server, all threads, µs per request, in each {@link WINDOW_MS} of the measured time. */
  readonly windowsUs: readonly number[]
  /** The first answer that was not as it should be. */
  readonly wrong: string | undefined
}

const cpuNs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]))
    .reduce((a, b) => a + b)

const WINDOW_MS = 100
/** A window with fewer says nothing. */
const WINDOW_REQUESTS = 100

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function run({ port, request, end, connections, warmupMs, measureMs, pid }: Job): Promise<Sample> {
  const bytes = Buffer.from(request, 'latin1')
  let requests = 0
  let wrong: string | undefined
  const sockets: Socket[] = []
  for (let i = 0; i < connections; i++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let answer = ''
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1')
      if (!answer.endsWith(end)) return
      if (!answer.startsWith('HTTP/1.1 200 ')) wrong ??= answer
      answer = ''
      requests++
      socket.write(bytes)
    })
    socket.on('error', (error) => {
      wrong ??= error.message
    })
    sockets.push(socket)
  }
  await sleep(warmupMs)
  const windowsUs: number[] = []
  const first = requests
  for (let ms = 0; ms < measureMs; ms += WINDOW_MS) {
    const [before, cpuBefore] = [requests, cpuNs(pid)]
    await sleep(WINDOW_MS)
    const count = requests - before
    if (count >= WINDOW_REQUESTS) windowsUs.push((cpuNs(pid) - cpuBefore) / 1000 / count)
  }
  const result = { requests: requests - first, windowsUs, wrong }
  for (const socket of sockets)
    socket
      .removeAllListeners('error')
      .on('error', () => {})
      .destroy()
  return result
}

process.on('disconnect', () => process.exit())
process.on('message', async (job: Job) => {
  process.send!(await run(job))
})
