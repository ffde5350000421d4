/** Twisted in a virtual environment of its own, and the witness `twisted_reader.py` running in it. */

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HEALTH, type RecordedRequest, type RecordingUpstream } from './recording-upstream.ts'

/** The release that Synapse 1.163 is installed with. */
const TWISTED = 'twisted>=24.7'
const root = join(import.meta.dirname, '../..')
const READER = join(root, 'tests/integration/smuggling/twisted_reader.py')

/** The Python of a virtual environment with Twisted, made at the first call. */
const python = (): string => {
  const venv = join(root, '.cache/twisted')
  const bin = join(venv, 'bin/python')
  if (!existsSync(join(venv, 'installed'))) {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
    execFileSync(bin, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', TWISTED], { stdio: 'inherit' })
    execFileSync('touch', [join(venv, 'installed')])
  }
  return bin
}

export interface TwistedRequest {
  readonly method: string
  readonly target: string
  readonly body: string
}

export interface Twisted {
  /** What Twisted reads in a connection's bytes. */
  reads(bytes: string): Promise<readonly TwistedRequest[]>
  /** The same process as a worker: what it is sent is in `requests`. It keeps no bytes and no connections. */
  readonly upstream: RecordingUpstream
}

export const startTwisted = async (): Promise<Twisted> => {
  const child = spawn(python(), ['-u', READER], { stdio: ['pipe', 'pipe', 'inherit'] })
  const requests: RecordedRequest[] = []
  const waiting: ((read: readonly TwistedRequest[]) => void)[] = []
  const watchers = new Set<() => void>()
  const decode = ([method, target, body]: [string, string, string]): TwistedRequest => ({
    method,
    target,
    body: Buffer.from(body, 'base64').toString('latin1'),
  })
  const lines = createInterface({ input: child.stdout })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error('Twisted ended')))
    lines.on('line', (line) => {
      const told = JSON.parse(line) as {
        port?: number
        read?: [string, string, string][]
        request?: [string, string, string]
      }
      if (told.port !== undefined) resolve(told.port)
      if (told.read !== undefined) waiting.shift()?.(told.read.map(decode))
      if (told.request === undefined || told.request[1] === HEALTH) return
      const request = decode(told.request)
      requests.push({ ...request, version: '1.1', headers: [], trailers: [], keepAlive: true, connection: 0 })
      for (const watcher of watchers) watcher()
    })
  })
  const until: RecordingUpstream['until'] = (predicate, what, deadlineMs = 5000) =>
    new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer)
        watchers.delete(check)
        error ? reject(error) : resolve()
      }
      const check = () => predicate() && settle()
      const timer = setTimeout(() => settle(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
      watchers.add(check)
      check()
    })
  return {
    reads: (bytes) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        child.stdin.write(`${JSON.stringify({ bytes: Buffer.from(bytes, 'latin1').toString('base64') })}\n`)
      }),
    upstream: {
      port,
      requests,
      connections: [],
      answer: () => [],
      until,
      forget: () => {
        requests.length = 0
      },
      close: async () => {
        child.removeAllListeners('exit')
        if (child.exitCode !== null) return
        child.kill('SIGTERM')
        await once(child, 'exit')
      },
    },
  }
}
