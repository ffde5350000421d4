/**
 * Where log lines go: gathered in memory, written in large pieces off the main thread, at the latest a second
 * after they came. A disk that is full, a pipe nobody reads or a folder that is gone never stops or slows the process:
 * lines are lost, counted, and it is said once, and once more when writing works again.
 *
 * pino's own destination, sonic-boom 4, is not used: its `flushSync` tries for ever when the disk is full, so that the
 * process would not end, and it measures what it has gathered anew for every line, 1.8 µs each (`bench/access-log.ts`).
 */

import fs from 'node:fs'
import { promisify } from 'node:util'

export interface LogFile {
  /** Takes one line, its `\n` included. Never throws; after `close` it does nothing. */
  write(line: string): void
  /** Opens the file anew, for it was moved away (SIGUSR1, log rotation). Resolves once no line goes to the old one. */
  reopen(): Promise<void>
  /** Writes what is there, then closes. */
  close(): Promise<void>
  /** Lines that could not be written since the start. */
  readonly lost: number
}

interface LogFileOptions {
  readonly to: 'stdout' | { readonly file: string }
  /** Called when writing begins to fail, and when it works again. */
  readonly report: (message: string) => void
  readonly flushMs?: number
  readonly maxPendingBytes?: number
}

const open = promisify(fs.open)
const write = promisify(fs.write)
const close = promisify(fs.close)

const WRITE_BYTES = 64 * 1024
const FLUSH_MS = 1_000
/** Half a minute of a disk that hangs, at a thousand requests a second. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024
const BUSY_MS = 50
const STDOUT = 1

export function makeLogFile({
  to,
  report,
  flushMs = FLUSH_MS,
  maxPendingBytes = MAX_PENDING_BYTES,
}: LogFileOptions): LogFile {
  const name = to === 'stdout' ? 'standard output' : to.file
  let fd: number | undefined
  /** Lines not yet handed to a write. */
  let pending = ''
  let pendingLines = 0
  let lost = 0
  let lostWhenReported = 0
  let failing = false
  /** The last write ended within a line. */
  let torn = false
  let reopenWanted = false
  let closing = false
  let closed = false
  let work: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function add(line: string): void {
    if (closed) return
    if (pending.length + line.length > maxPendingBytes) {
      lost++
      fail(`${name} does not take lines as fast as they come`)
      return
    }
    pending += line
    pendingLines++
    if (pending.length >= WRITE_BYTES && !failing) flush()
    else timer ??= setTimeout(flush, flushMs).unref()
  }

  function fail(reason: string): void {
    if (!failing) report(`log: ${reason}; lines are lost until writing works again`)
    failing = true
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    work ??= run().finally(() => {
      work = undefined
      if (pending !== '' && !closed) timer ??= setTimeout(flush, flushMs).unref()
    })
    return work
  }

  /** Writes until nothing is pending or something fails. Runs once at a time. */
  async function run(): Promise<void> {
    try {
      do {
        if (fd === undefined || reopenWanted) await openFile()
        if (pending === '') return
        const bytes = Buffer.from(pending)
        const lines = pendingLines
        pending = ''
        pendingLines = 0
        try {
          await writeAll(bytes)
        } catch (error) {
          lost += lines
          throw error
        }
      } while (pending.length >= WRITE_BYTES || reopenWanted)
      if (failing) {
        failing = false
        report(`log: writing to ${name} again, ${lost - lostWhenReported} lines were lost`)
        lostWhenReported = lost
      }
    } catch (error) {
      fail((error as Error).message)
    }
  }

  async function openFile(): Promise<void> {
    reopenWanted = false
    const old = fd
    fd = to === 'stdout' ? STDOUT : await open(to.file, 'a', 0o640)
    torn = false
    if (old !== undefined && old !== STDOUT) await close(old)
  }

  async function writeAll(bytes: Uint8Array): Promise<void> {
    if (torn) bytes = Buffer.concat([Buffer.from('\n'), bytes])
    for (let written = 0; written < bytes.length; ) {
      try {
        written += (await write(fd!, bytes, written)).bytesWritten
        torn = written < bytes.length
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || closing) throw error
        await new Promise((resolve) => setTimeout(resolve, BUSY_MS))
      }
    }
  }

  /** For a process that ends without `close`: what no write has taken yet. */
  function flushAtExit(): void {
    if (fd === undefined || pending === '') return
    try {
      fs.writeSync(fd, pending)
    } catch {
      // Nobody is left to tell.
    }
  }
  process.once('exit', flushAtExit)
  flush()

  return {
    write: add,
    async reopen() {
      reopenWanted = true
      await work
      await flush()
    },
    async close() {
      closing = true
      await work
      await flush()
      closed = true
      clearTimeout(timer)
      process.off('exit', flushAtExit)
      if (fd !== undefined && fd !== STDOUT) await close(fd)
      fd = undefined
    },
    get lost() {
      return lost
    },
  }
}
