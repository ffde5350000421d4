/**
 * The load generator: keep-alive connections, one request at a time on each, for a fixed time. A forked process: each
 * {@link Job} it is sent is answered with a {@link Sample}. Every answer's status, length and origin is checked.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { KINDS, type Kind, setCounter, type Template, template, WINDOW_MS } from './requests.ts'

export interface Job {
  readonly port: number
  readonly kind: Kind
  readonly connections: number
  readonly usersPerConnection: number
  /** Load that is not measured: connections are made, code is compiled. */
  readonly warmupMs: number
  readonly measureMs: number
  /** The processes whose CPU time is read at both ends of the measured time. */
  readonly pids: readonly number[]
  /** False where the contestant does not route (a layer-4 relay). */
  readonly routed: boolean
}

export interface Sample {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU nanoseconds of `pids`, all threads. */
  readonly cpuNs: number
  /** CPU nanoseconds per request in each {@link WINDOW_MS} of the measured time. */
  readonly windowsNs: readonly number[]
  /** Answers that were not as they should be, by what was wrong with them. */
  readonly wrong: Readonly<Record<string, number>>
  /** Requests that came to another worker than the same user's or room's before. */
  readonly moved: number
}

/** A window with fewer requests says nothing. */
const WINDOW_REQUESTS = 50

/** Nanoseconds on a CPU of all threads of these processes: what the scheduler counted, not ticks. */
const cpuNs = (pids: readonly number[]): number => {
  let sum = 0
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0])
    }
  }
  return sum
}

/** Reads answers off one connection; `done(head, bodyBytes)` at the end of each. */
const makeReader = (done: (head: string, bodyBytes: number) => void) => {
  let pending: Buffer | undefined
  let head = ''
  let bodyBytes = 0
  let state: 'head' | 'length' | 'chunk size' | 'chunk' | 'trailer' = 'head'
  /** Bytes left of the body or of the chunk with its line end. */
  let left = 0
  let line = ''

  const finish = () => {
    state = 'head'
    done(head, bodyBytes)
  }

  return (bytes: Buffer): void => {
    let data = bytes
    let at = 0
    while (at < data.length) {
      if (state === 'head') {
        if (pending) {
          data = Buffer.concat([pending, data])
          pending = undefined
        }
        const end = data.indexOf('\r\n\r\n', at, 'latin1')
        if (end < 0) {
          pending = Buffer.from(data.subarray(at))
          return
        }
        head = data.toString('latin1', at, end).toLowerCase()
        at = end + 4
        bodyBytes = 0
        const length = head.indexOf('\r\ncontent-length:')
        if (length >= 0) {
          left = Number.parseInt(head.slice(length + 17, length + 30), 10)
          state = 'length'
          if (left === 0) finish()
        } else if (head.includes('\r\ntransfer-encoding: chunked')) {
          state = 'chunk size'
          line = ''
        } else finish()
      } else if (state === 'length') {
        const n = Math.min(left, data.length - at)
        at += n
        bodyBytes += n
        left -= n
        if (left === 0) finish()
      } else if (state === 'chunk size') {
        const end = data.indexOf(10, at)
        line += data.toString('latin1', at, end < 0 ? data.length : end)
        at = end < 0 ? data.length : end + 1
        if (end >= 0) {
          const size = Number.parseInt(line, 16)
          line = ''
          left = size + 2
          bodyBytes += size
          state = size === 0 ? 'trailer' : 'chunk'
        }
      } else {
        // A chunk and its line end; after the last one only the empty line (nobody sends trailers here).
        const n = Math.min(left, data.length - at)
        at += n
        left -= n
        if (left === 0) {
          if (state === 'trailer') finish()
          else state = 'chunk size'
        }
      }
    }
  }
}

const run = (job: Job): Promise<Sample> => {
  const facts = KINDS[job.kind]
  const expectedWorker = `\r\nx-worker: ${facts.group}-`
  const wrong: Record<string, number> = {}
  const latencies: number[] = []
  const sockets = new Set<Socket>()
  let measuring = false
  let over = false
  let requests = 0
  let moved = 0
  let counter = 0
  let failed = 0

  const complain = (what: string) => {
    wrong[what] = (wrong[what] ?? 0) + 1
    failed++
  }

  const open = (index: number): void => {
    const templates: Template[] = []
    for (let user = 0; user < job.usersPerConnection; user++) {
      templates.push(template(job.kind, index * job.usersPerConnection + user))
    }
    const buffer = Buffer.allocUnsafe(job.kind === 'download' ? 256 * 1024 : 16 * 1024)
    let turn = index
    let current: Template | undefined
    let sentAt = 0

    const next = () => {
      current = templates[turn++ % templates.length]!
      setCounter(current, counter++)
      sentAt = performance.now()
      if (current.body) {
        socket.cork()
        socket.write(current.head)
        socket.write(current.body)
        socket.uncork()
      } else socket.write(current.head)
    }
    const read = makeReader((head, bodyBytes) => {
      if (!current) {
        complain('an answer to nothing')
        return
      }
      const answered = current
      current = undefined
      if (head.slice(8, 13) !== ' 200 ') complain(`status ${head.slice(9, 12)}`)
      else if (bodyBytes !== facts.answerBytes) complain(`${bodyBytes} bytes of body`)
      else {
        const at = head.indexOf('\r\nx-worker: ')
        const worker = head.slice(at + 12, head.indexOf('\r\n', at + 12))
        if (job.routed && !head.startsWith(expectedWorker, at)) complain(`answered by ${worker}`)
        else if (answered.worker === undefined) answered.worker = worker
        else if (answered.worker !== worker) moved++
        if (measuring) {
          requests++
          latencies.push(performance.now() - sentAt)
        }
      }
      if (over) socket.destroy()
      else if (failed < 1000) next()
    })

    const socket = connect({
      port: job.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback: (n, bytes) => {
          read((bytes as Buffer).subarray(0, n))
          return true
        },
      },
    })
    sockets.add(socket)
    socket.on('connect', next)
    socket.on('error', (error) => {
      if (!over) complain(error.message)
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (over) return
      if (current) complain('closed without an answer')
      if (failed < 1000) open(index)
    })
  }

  for (let i = 0; i < job.connections; i++) open(i)
  return new Promise((resolve) => {
    setTimeout(() => {
      const cpuBefore = cpuNs(job.pids)
      const startedAt = performance.now()
      measuring = true
      const windowsNs: number[] = []
      let [windowCpu, windowRequests] = [cpuBefore, 0]
      const windows = setInterval(() => {
        const cpu = cpuNs(job.pids)
        const count = requests - windowRequests
        if (count >= WINDOW_REQUESTS) windowsNs.push((cpu - windowCpu) / count)
        windowCpu = cpu
        windowRequests = requests
      }, WINDOW_MS)
      setTimeout(() => {
        measuring = false
        clearInterval(windows)
        const cpuAfter = cpuNs(job.pids)
        const seconds = (performance.now() - startedAt) / 1000
        over = true
        for (const socket of sockets) socket.destroy()
        latencies.sort((a, b) => a - b)
        const quantile = (q: number) =>
          latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? Number.NaN
        resolve({
          requests,
          seconds,
          p50Ms: quantile(0.5),
          p99Ms: quantile(0.99),
          cpuNs: cpuAfter - cpuBefore,
          windowsNs,
          wrong,
          moved,
        })
      }, job.measureMs)
    }, job.warmupMs)
  })
}

process.on('disconnect', () => process.exit())
process.on('message', async (job: Job) => {
  process.send!(await run(job))
})
