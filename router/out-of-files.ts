/**
 * Out of file descriptors. libuv then accepts a client's connection into a descriptor it had kept for this, and closes it:
 * the client sees the end of its connection, and nobody is told. So it has to be looked for.
 */

import { closeSync, openSync } from 'node:fs'

/** Between two lines of the log about it. */
const LOG_AGAIN_MS = 10_000
/** Connections of clients closed at a time. */
const CLOSED_AT_ONCE = 64

/** Is there no descriptor to be had, of this process' or of the system's? */
const outOfFiles = (): boolean => {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EMFILE' || code === 'ENFILE'
  }
}

export interface Relief {
  readonly clients: Iterable<{ readonly unused: boolean; close(): void }>
  readonly workers: Iterable<{ closeIdle(now: number): void }>
  /** Told each time that none was to be had. */
  readonly count: () => void
  readonly warn: (message: string) => void
}

/**
 * Makes what looks for it, to be called every now and then. Where there is none, connections without a request make room: all
 * of workers and the oldest of clients, as nginx does.
 */
export const makeFilesCheck = ({ clients, workers, count, warn }: Relief): ((now: number) => void) => {
  let warnAfter = Number.NEGATIVE_INFINITY
  return (now) => {
    if (!outOfFiles()) return
    count()
    let left = CLOSED_AT_ONCE
    for (const client of clients) {
      if (!client.unused) continue
      client.close()
      if (--left === 0) break
    }
    for (const worker of workers) worker.closeIdle(Number.POSITIVE_INFINITY)
    if (now < warnAfter) return
    warnAfter = now + LOG_AGAIN_MS
    warn(
      'out of file descriptors: new clients are turned away, and idle connections closed. Raise the limit (LimitNOFILE)',
    )
  }
}
