/**
 * The router's metrics. The data path counts by adding to a number in an array, at an index it was given when its
 * snapshot was built; names and labels are looked at only when someone reads the page.
 *
 *     const rows = metrics.rows(names)                                         // once for a snapshot
 *     metrics.requests.values[rows.routes[rule]! * CODES + codeOf(status)]!++    // for each request
 *
 * A row belongs to its labels, not to a snapshot: counters go on over reloads, and what an old snapshot's requests still
 * count is not lost. `values` is replaced when rows are added, so it is read anew each time, never kept.
 *
 * prom-client is not used: it finds a counter by a string made of its labels at each increment, 1.0 µs for what one
 * request counts, against 0.025 µs here.
 */

import { appendProcessMetrics } from '../../shared/process-metrics.ts'

/** `code` labels in the order of `codeOf`. `none`: the client left before there was an answer. */
const codeLabels = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const
export const CODES = codeLabels.length
export const codeOf = (status: number): number => (status >= 100 && status < 600 ? (status / 100) | 0 : 0)

/** Long polls answer after 30 s, event sends after some ms. */
const durationBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000]

/** Numbers in rows of `width`, one row for each combination of labels. Names are given by {@link Rows}. */
export interface Table {
  /** Row r is `values[r * width]` and those after it. */
  readonly values: Float64Array
  /** The row of these label values, made if there is none. */
  readonly row: (...labels: readonly string[]) => number
}

export interface Names {
  readonly routes: readonly string[]
  readonly pools: readonly { readonly name: string; readonly workers: readonly string[] }[]
}

/** Rows in the order of the names they were asked for. */
export interface Rows {
  readonly routes: readonly number[]
  readonly pools: readonly number[]
  /** `workers[p][w]`, for worker w of pool p: the same worker in two pools has two rows. */
  readonly workers: readonly (readonly number[])[]
}

export type Metrics = ReturnType<typeof makeMetrics>

export function makeMetrics() {
  const page: Printable[] = []
  /** Labels, as printed, of the pools and workers that are configured now. */
  let current: ReadonlySet<string> = new Set()
  const counter = (name: string, help: string, labels: readonly string[] = [], codes?: readonly string[]): Table =>
    makeTable(page, { name, help, type: 'counter', labels, codes, isShown: () => true })
  const gauge = (name: string, help: string, labels: readonly string[] = []): Table =>
    makeTable(page, {
      name,
      help,
      type: 'gauge',
      labels,
      codes: undefined,
      isShown: (text) => text === '' || current.has(text),
    })

  const route = ['route']
  const pool = ['pool']
  const worker = ['pool', 'worker']
  const tables = {
    // By route, × CODES.
    requests: counter('router_requests_total', 'Requests that ended, by route.', route, codeLabels),

    // By worker.
    workerRequests: counter('router_worker_requests_total', 'Answers, by worker.', worker, codeLabels),
    workerUp: gauge('router_worker_up', '1 while the worker is given requests, 0 while it is not.', worker),
    workerInFlight: gauge('router_worker_requests_in_flight', 'Requests sent to a worker and not ended.', worker),
    ejections: counter('router_worker_ejections_total', 'Times a worker was taken out for its failures.', worker),
    connects: counter('router_upstream_connects_total', 'Connections opened to a worker.', worker),
    reuses: counter('router_upstream_reuses_total', 'Requests sent on a connection that was open.', worker),
    connectFailures: counter('router_upstream_connect_failures_total', 'Connections that a worker refused.', worker),

    // By pool.
    inFlight: gauge('router_requests_in_flight', 'Requests being served, parked long polls included.', pool),
    queued: gauge('router_requests_queued', 'Requests waiting for their pool to have room.', pool),
    retries: counter('router_retries_total', 'Requests sent once more.', pool),
    bytesIn: counter('router_received_bytes_total', 'Bytes of requests passed to workers.', pool),
    bytesOut: counter('router_sent_bytes_total', 'Bytes of answers passed to clients.', pool),

    // Of the router.
    clientConnections: gauge('router_client_connections', 'Connections of clients that are open.'),
    clientConnects: counter('router_client_connections_total', 'Connections accepted from clients.'),
    outOfFiles: counter('router_out_of_files_total', 'Times, of two a second, that no file descriptor was to be had.'),
    errors: counter('router_errors_total', 'Answers the router made since no worker gave one.', ['kind']),
    refusals: counter('router_refusals_total', 'Requests refused before routing.', ['reason']),
    reloads: counter('router_reloads_total', 'Configuration reloads, by result: ok or failed.', ['result']),
    accessLogLost: gauge('router_access_log_lost_lines', 'Access log lines that could not be written.'),
  }
  const durations = makeDurations(page)
  for (const result of ['ok', 'failed']) tables.reloads.row(result)
  for (const table of [tables.clientConnections, tables.clientConnects, tables.outOfFiles, tables.accessLogLost])
    table.row()

  const byWorker = [
    tables.workerRequests,
    tables.workerUp,
    tables.workerInFlight,
    tables.ejections,
    tables.connects,
    tables.reuses,
    tables.connectFailures,
  ]
  const byPool = [tables.inFlight, tables.queued, tables.retries, tables.bytesIn, tables.bytesOut, durations.table]

  return {
    ...tables,

    /**
     * The rows of a snapshot that is about to be served. All tables of routes, of pools and of workers have the same
     * rows. Gauges of workers and pools that are not in it are left out of the page from now on (a removed worker is not
     * one that is down), unless they still have requests; counters stay until the router ends. `workerUp` is 0 for all
     * until it is set again.
     */
    rows: ({ routes, pools }: Names): Rows => {
      current = new Set(
        pools.flatMap(({ name, workers }) => [
          labelText(pool, [name]),
          ...workers.map((address) => labelText(worker, [name, address])),
        ]),
      )
      tables.workerUp.values.fill(0)
      const shared = (all: readonly Table[], ...labels: string[]): number =>
        all.map((table) => table.row(...labels)).reduce((a, b) => (a === b ? a : Number.NaN))
      return {
        routes: routes.map((name) => tables.requests.row(name)),
        pools: pools.map(({ name }) => shared(byPool, name)),
        workers: pools.map(({ name, workers }) => workers.map((address) => shared(byWorker, name, address))),
      }
    },

    /** From a request's last byte to its answer's, for the histogram of pool row `pool`. */
    observe: durations.observe,

    /** The page, in Prometheus' text format 0.0.4. */
    print: (): string => {
      const lines: string[] = []
      for (const { print } of page) print(lines)
      appendProcessMetrics(lines)
      return `${lines.join('\n')}\n`
    },
  }
}

interface Printable {
  readonly print: (lines: string[]) => void
}

interface Described {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  /** A further label, `code`, with a column for each of its values. Those that are 0 are not printed. */
  readonly codes: readonly string[] | undefined
  /** Whether the row of these labels is printed though it is 0. */
  readonly isShown: (labels: string) => boolean
}

function makeTable(page: Printable[], { name, help, type, labels, codes, isShown }: Described): Table {
  const { table, rows } = makeRows(labels, codes?.length ?? 1)
  page.push({
    print(lines) {
      if (rows.length === 0) return
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      rows.forEach((text, row) => {
        if (codes === undefined) {
          if (isShown(text) || table.values[row] !== 0)
            lines.push(`${name}${text === '' ? '' : `{${text}}`} ${table.values[row]}`)
        } else
          codes.forEach((code, column) => {
            const value = table.values[row * codes.length + column]
            if (value !== 0) lines.push(`${name}{${text},code="${code}"} ${value}`)
          })
      })
    },
  })
  return table
}

function makeDurations(page: Printable[]) {
  const name = 'router_request_duration_seconds'
  const buckets = durationBoundsMs.length + 1
  // The last column is the sum, in ms.
  const width = buckets + 1
  const { table, rows } = makeRows(['pool'], width)

  page.push({
    print(lines) {
      if (rows.length === 0) return
      lines.push(`# HELP ${name} From a request's head to the end of its answer.`, `# TYPE ${name} histogram`)
      rows.forEach((text, row) => {
        let count = 0
        for (let bucket = 0; bucket < buckets; bucket++) {
          count += table.values[row * width + bucket]!
          const bound = durationBoundsMs[bucket]
          lines.push(`${name}_bucket{${text},le="${bound === undefined ? '+Inf' : bound / 1000}"} ${count}`)
        }
        lines.push(
          `${name}_sum{${text}} ${table.values[row * width + buckets]! / 1000}`,
          `${name}_count{${text}} ${count}`,
        )
      })
    },
  })

  function observe(pool: number, ms: number): void {
    let bucket = 0
    while (bucket < durationBoundsMs.length && ms > durationBoundsMs[bucket]!) bucket++
    table.values[pool * width + bucket]!++
    table.values[pool * width + buckets]! += ms
  }
  return { table, observe }
}

/** A table, and its rows' labels as they are printed. */
function makeRows(labels: readonly string[], width: number): { table: Table; rows: readonly string[] } {
  const rows: string[] = []
  const rowOf = new Map<string, number>()
  const table = {
    values: new Float64Array(8 * width),
    row(...values: readonly string[]): number {
      const text = labelText(labels, values)
      let row = rowOf.get(text)
      if (row === undefined) {
        row = rows.push(text) - 1
        rowOf.set(text, row)
        if (rows.length * width > table.values.length) {
          const larger = new Float64Array(table.values.length * 2)
          larger.set(table.values)
          table.values = larger
        }
      }
      return row
    },
  }
  return { table, rows }
}

const labelText = (labels: readonly string[], values: readonly string[]): string =>
  labels.map((label, i) => `${label}="${escapeLabel(values[i]!)}"`).join(',')

const escapeLabel = (value: string): string =>
  value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
