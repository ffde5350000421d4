/** The errors in a fleet's logs as they come: its folder may be gone before anyone can read it. */

import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

const EVERY_MS = 500
const MOST_BYTES = 2 ** 20
/** pino's levels from 50 on; what is not JSON was said by Node itself. */
const ERROR = /"level":[56]0|^[^{]/

/** Says every line that tells of an error in `folder`'s `*.log`, with its process' name. Returns what ends it. */
export const followErrors = (folder: string, say: (line: string) => void): (() => void) => {
  const positions = new Map<string, number>()
  const look = () => {
    for (const name of readdirSync(folder)) {
      // Postgres' tells what the processes' tell.
      if (!name.endsWith('.log') || name === 'postgres.log') continue
      const { lines, end } = readLines(join(folder, name), positions.get(name) ?? 0)
      positions.set(name, end)
      for (const line of lines) if (ERROR.test(line)) say(`${name}: ${line}`)
    }
  }
  const timer = setInterval(look, EVERY_MS)
  return () => {
    clearInterval(timer)
    look()
  }
}

/** Whole lines from byte `from` on, and where the first that is not whole begins. */
const readLines = (path: string, from: number): { readonly lines: readonly string[]; readonly end: number } => {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(Math.min(MOST_BYTES, Math.max(0, fstatSync(file).size - from)))
    const read = readSync(file, bytes, 0, bytes.length, from)
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a, read) + 1)
    return { lines: whole.toString().split('\n').filter(Boolean), end: from + whole.length }
  } finally {
    closeSync(file)
  }
}
