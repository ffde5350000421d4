import type { Clock } from './row.ts'

/** A measurement takes so much CPU, or one call that takes more. */
const MEASUREMENT_US = 25_000
const WARM_UP_US = 300_000

/** A result that somebody could look at: work without one might be left out by the compiler. */
export const last: { result: unknown } = { result: undefined }

/** µs of CPU, user and system: of this thread, or of all, garbage collection and the thread pool included. */
export async function measure(once: () => unknown, count: number, clock: Clock): Promise<number> {
  const read = clock === 'thread' ? process.threadCpuUsage.bind(process) : process.cpuUsage.bind(process)
  const before = read()
  for (let i = 0; i < count; i++) {
    const result = once()
    last.result = result instanceof Promise ? await result : result
  }
  const { user, system } = read()
  return user + system - before.user - before.system
}

/** Runs until just-in-time compilers have seen enough. Returns how many times it is to be run for one measurement. */
export async function warmUp(run: (count: number) => Promise<number>): Promise<number> {
  let total = 0
  let count = 1
  let us = await run(count)
  while (total < WARM_UP_US) {
    count = us < MEASUREMENT_US / 2 ? count * 2 : Math.max(1, Math.round((count * MEASUREMENT_US) / us))
    us = await run(count)
    // Where a clock shows nothing yet, some time has passed all the same.
    total += Math.max(us, 100)
  }
  return count
}
