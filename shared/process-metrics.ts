/** What any Node process tells of itself, under the names that prom-client made customary. */

import { readFileSync, statSync } from 'node:fs'
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'

const gcKinds: Readonly<Record<number, string>> = {
  1: 'minor',
  2: 'minor_mark_sweep',
  4: 'major',
  8: 'incremental',
  16: 'weakcb',
}

/** Node's types leave out `detail`. */
interface GcEntry {
  readonly duration: number
  readonly detail: { readonly kind: number }
}

let lagResolutionMs = 0
let lag: ReturnType<typeof monitorEventLoopDelay> | undefined
const gc = new Map<string, { seconds: number; count: number }>()

/**
 * Begins to watch the event loop and the garbage collector. Until then their metrics are absent.
 *
 * @param resolutionMs how often the loop is looked at: fifty times a second take 1.5 ms of CPU
 */
export function watchProcess(resolutionMs = 20): void {
  if (lag !== undefined) return
  lagResolutionMs = resolutionMs
  lag = monitorEventLoopDelay({ resolution: resolutionMs })
  lag.enable()
  new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as unknown as readonly GcEntry[]) {
      const kind = gcKinds[detail.kind] ?? 'other'
      const { seconds, count } = gc.get(kind) ?? { seconds: 0, count: 0 }
      gc.set(kind, { seconds: seconds + duration / 1000, count: count + 1 })
    }
  }).observe({ entryTypes: ['gc'] })
}

export function appendProcessMetrics(lines: string[]): void {
  const add = (name: string, type: string, help: string, ...samples: readonly (readonly [string, number])[]): void => {
    if (samples.length === 0) return
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [suffix, value] of samples) lines.push(`${name}${suffix} ${value}`)
  }

  const { user, system } = process.cpuUsage()
  add('process_cpu_user_seconds_total', 'counter', 'CPU time in user mode.', ['', user / 1e6])
  add('process_cpu_system_seconds_total', 'counter', 'CPU time in the kernel.', ['', system / 1e6])
  add('process_cpu_seconds_total', 'counter', 'CPU time.', ['', (user + system) / 1e6])
  add('process_start_time_seconds', 'gauge', 'Start of the process, in Unix time.', ['', performance.timeOrigin / 1000])

  const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
  add('process_resident_memory_bytes', 'gauge', 'Resident memory.', ['', rss])
  add('nodejs_heap_size_total_bytes', 'gauge', "V8's heap.", ['', heapTotal])
  add('nodejs_heap_size_used_bytes', 'gauge', "What of V8's heap is in use.", ['', heapUsed])
  add('nodejs_external_memory_bytes', 'gauge', 'Memory outside the heap that objects in it hold.', ['', external])
  add('process_open_fds', 'gauge', 'File descriptors in use.', ...openFds())
  add('process_max_fds', 'gauge', 'File descriptors that may be in use.', ...maxFds)

  const { idle, active } = performance.eventLoopUtilization()
  add('nodejs_eventloop_active_seconds_total', 'counter', 'Time the event loop was busy.', ['', active / 1000])
  add('nodejs_eventloop_idle_seconds_total', 'counter', 'Time the event loop waited for something to do.', [
    '',
    idle / 1000,
  ])
  if (lag !== undefined && lag.count > 0) {
    // Of the time since the last page: a maximum since the start would say nothing after the first day.
    const seconds = (ns: number): number => Math.max(0, ns / 1e9 - lagResolutionMs / 1000)
    add('nodejs_eventloop_lag_mean_seconds', 'gauge', 'Mean delay of a timer since the last scrape.', [
      '',
      seconds(lag.mean),
    ])
    add('nodejs_eventloop_lag_p99_seconds', 'gauge', '99th percentile of it.', ['', seconds(lag.percentile(99))])
    add('nodejs_eventloop_lag_max_seconds', 'gauge', 'Maximum of it.', ['', seconds(lag.max)])
    lag.reset()
  }
  add(
    'nodejs_gc_duration_seconds',
    'summary',
    'Garbage collections.',
    ...[...gc].flatMap(([kind, { seconds, count }]) => [
      [`_sum{kind="${kind}"}`, seconds] as const,
      [`_count{kind="${kind}"}`, count] as const,
    ]),
  )
  add('nodejs_version_info', 'gauge', "Node's version.", [`{version="${process.version}"}`, 1])
}

/** Since Linux 6.2 the folder's size is the number of its entries; listing 40,000 of them would hold up requests. */
function openFds(): readonly [string, number][] {
  const { size } = statSync('/proc/self/fd', { throwIfNoEntry: false }) ?? { size: 0 }
  return size > 0 ? [['', size]] : []
}

const maxFds = readMaxFds()
function readMaxFds(): readonly [string, number][] {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return limit === null ? [] : [['', Number(limit[1])]]
  } catch {
    return []
  }
}
