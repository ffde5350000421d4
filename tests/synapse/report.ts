/** What the run says: progress, one line a group, and the closing count. */

const started = performance.now()
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

export const say = (line: string): void => {
  process.stdout.write(`[${seconds(performance.now() - started).padStart(7)}] ${line}\n`)
}

/** Runs `work`; says so when it takes over two seconds, and again every ten until it is done. */
export const progress = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  const from = performance.now()
  let told = false
  const first = setTimeout(() => {
    told = true
    say(`${what} …`)
  }, 2000)
  const again = setInterval(() => say(`${what} … ${seconds(performance.now() - from)}`), 10_000)
  try {
    const result = await work()
    if (told) say(`${what}: done in ${seconds(performance.now() - from)}`)
    return result
  } finally {
    clearTimeout(first)
    clearInterval(again)
  }
}

/** A check that does not hold. Anything else thrown in a group is reported with its stack. */
export class Failed extends Error {}

const print = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

export interface Checks {
  /** Fails unless `condition` holds. */
  readonly ok: (condition: unknown, what: string) => void
  readonly equal: (actual: unknown, expected: unknown, what: string) => void
  /** Waits until `condition` gives something truthy and returns it; fails after `timeoutMs`. */
  readonly until: <T>(what: string, condition: () => T | Promise<T>, timeoutMs?: number) => Promise<NonNullable<T>>
  /** A word for the group's line: `3 pages`. */
  readonly note: (text: string) => void
}

export interface Report {
  readonly passed: number
  readonly failed: number
  /** Runs one group of checks and prints its line. A failure ends the group, not the run. */
  readonly group: (name: string, run: (t: Checks) => Promise<void>, timeoutMs?: number) => Promise<boolean>
  /** Counts the results of checks that print a table of their own. */
  readonly count: (passed: number, failed: number) => void
}

export const makeReport = (): Report => {
  let passed = 0
  let failed = 0
  return {
    get passed() {
      return passed
    },
    get failed() {
      return failed
    },
    count(more, bad) {
      passed += more
      failed += bad
    },
    async group(name, run, timeoutMs = 60_000) {
      const from = performance.now()
      const notes: string[] = []
      let checks = 0
      let expired = false
      const t: Checks = {
        ok(condition, what) {
          checks++
          if (!condition) throw new Failed(what)
        },
        equal(actual, expected, what) {
          checks++
          if (print(actual) !== print(expected))
            throw new Failed(`${what}: expected ${print(expected)}, got ${print(actual)}`)
        },
        async until(what, condition, waitMs = 10_000) {
          checks++
          const end = performance.now() + waitMs
          for (;;) {
            const value = await condition()
            if (value) return value
            if (expired || performance.now() > end) throw new Failed(`${what}: not within ${seconds(waitMs)}`)
            await new Promise((resolve) => setTimeout(resolve, 25))
          }
        },
        note: (text) => notes.push(text),
      }
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          expired = true
          reject(new Failed(`did not end within ${seconds(timeoutMs)}`))
        }, timeoutMs)
      })
      try {
        await Promise.race([run(t), limit])
        if (checks === 0) throw new Failed('nothing was checked')
        passed++
        say(`ok    ${name} (${[`${checks} checks`, ...notes].join(', ')}; ${seconds(performance.now() - from)})`)
        return true
      } catch (error) {
        failed++
        const why =
          error instanceof Failed
            ? error.message
            : error instanceof Error
              ? (error.stack ?? error.message)
              : String(error)
        say(`FAIL  ${name}: ${why}`)
        return false
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Prints rows under their headings, columns as wide as their widest cell (100 at most). */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[]): void => {
  const widths = headings.map((heading, i) =>
    Math.min(100, Math.max(heading.length, ...rows.map((row) => (row[i] ?? '').length))),
  )
  for (const row of [headings, ...rows]) {
    process.stdout.write(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}
