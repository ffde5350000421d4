/** A stand-in worker as a process of its own, so that it can be killed as a real one is. Run with a port and a name. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

/** Answers `/health`; holds a `/sync` for its `timeout`; to all else it says its name, in the body and in `X-Worker`. */
const serve = (port: number, name: string): void => {
  let used = false
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const answer = () => {
      response.setHeader('x-worker', name)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ worker: name, next_batch: 's1' }))
    }
    if (url.pathname === '/health') return response.end('OK')
    if (!used) process.send?.('used')
    used = true
    request.resume()
    request.on('end', () => {
      if (url.pathname.endsWith('/sync')) setTimeout(answer, Number(url.searchParams.get('timeout') ?? 0))
      else setTimeout(answer, 5)
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1', () => process.send?.('listening'))
}

export interface WorkerProcess {
  readonly name: string
  readonly port: number
  /** SIGKILL: connections are cut, nothing is answered. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Settles with the first request, `/health` aside, since it was started last. */
  used(): Promise<void>
}

/** Starts one; it ends with the test. */
export const startWorker = async (
  t: { after(fn: () => Promise<void>): void },
  name: string,
): Promise<WorkerProcess> => {
  const port = await freePort()
  let child: ChildProcess
  let used: Promise<void>
  const start = async () => {
    child = spawn(process.execPath, [fileURLToPath(import.meta.url), String(port), name], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    used = promise
    child.on('message', (message) => message === 'used' && resolve())
    await once(child, 'message')
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await start()
  t.after(kill)
  return { name, port, kill, start, used: () => used }
}

/** A port that was free a moment ago. */
if (import.meta.main) serve(Number(process.argv[2]), process.argv[3]!)
