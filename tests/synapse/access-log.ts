/** Which process served a request, as Synapse's processes themselves log it. */

import { open } from 'node:fs/promises'
import type { Topology } from './topology.ts'

/** The query argument that tells one request of the run from every other. Synapse ignores arguments it does not know. */
export const PROBE = 'plexus_probe'

export interface Served {
  readonly process: string
  readonly method: string
  /** Path and query as the process got them, tokens redacted. */
  readonly target: string
  readonly status: number
  /** The client's address as the process sees it (X-Forwarded-For). */
  readonly from: string
}

// logger - level - request - client - site - {user} Processed request: … 12B 200 "GET /path HTTP/1.1" "agent" [0 dbevts]
const LINE =
  /- synapse\.access\.http\.(?:\d+) - .*? - (\S+) - \d+ - \{.*?\} Processed request: .* (\d{3})!? "([A-Z]+) (\S+) HTTP/

export interface AccessLog {
  /** Reads what was logged since the last call. */
  readonly read: () => Promise<void>
  /** Every process that served the request with this probe: one, unless it was sent again. */
  readonly servedBy: (probe: string) => readonly Served[]
  /** As `servedBy`, but waits up to `timeoutMs` for the line, which is written after the answer has gone out. */
  readonly find: (probe: string, timeoutMs?: number) => Promise<readonly Served[]>
}

export const withProbe = (target: string, probe: string): string =>
  `${target}${target.includes('?') ? '&' : '?'}${PROBE}=${probe}`

export const probeOf = (target: string): string | undefined => new RegExp(`[?&]${PROBE}=([^&]+)`).exec(target)?.[1]

export const makeAccessLog = (topology: Topology): AccessLog => {
  const offsets = new Map<string, number>()
  const rest = new Map<string, string>()
  const byProbe = new Map<string, Served[]>()

  const readOne = async (name: string, path: string): Promise<void> => {
    const file = await open(path).catch(() => undefined)
    if (!file) return
    try {
      const offset = offsets.get(name) ?? 0
      const { size } = await file.stat()
      if (size <= offset) return
      const buffer = Buffer.alloc(size - offset)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      offsets.set(name, offset + bytesRead)
      const lines = ((rest.get(name) ?? '') + buffer.toString('latin1', 0, bytesRead)).split('\n')
      rest.set(name, lines.pop() ?? '')
      for (const line of lines) {
        const match = LINE.exec(line)
        if (!match) continue
        const [, from, status, method, target] = match
        const probe = probeOf(target!)
        if (!probe) continue
        const served = { process: name, method: method!, target: target!, status: Number(status), from: from! }
        byProbe.set(probe, [...(byProbe.get(probe) ?? []), served])
      }
    } finally {
      await file.close()
    }
  }

  // One reading at a time: two would take the same lines.
  let reading: Promise<void> = Promise.resolve()
  const read = (): Promise<void> => {
    reading = reading.then(async () => {
      await Promise.all(topology.processes.map(({ name, log }) => readOne(name, log)))
    })
    return reading
  }
  const servedBy = (probe: string): readonly Served[] => byProbe.get(probe) ?? []
  return {
    read,
    servedBy,
    async find(probe, timeoutMs = 3000) {
      const end = performance.now() + timeoutMs
      for (;;) {
        await read()
        if (servedBy(probe).length > 0 || performance.now() > end) return servedBy(probe)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
  }
}
