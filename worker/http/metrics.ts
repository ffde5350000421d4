/**
 * Metrics of the HTTP server under Synapse's names, so that its dashboards show them; `servlet` is the operation's name.
 * What a request counts is a row of its own, found by method and operation: labels are looked at only when someone reads the page.
 */

/** Of Synapse's histogram. */
const BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

interface ByStatus {
  readonly status: number
  count: number
  seconds: number
  /** How many took up to each bound and longer than the one before. The last: longer than all. */
  readonly buckets: number[]
}

/** What requests of one method to one operation count. */
export interface Meter {
  /** A request came. */
  begin(): void
  /** It ended, answered or not. */
  end(status: number, seconds: number, bytesSent: number): void
}

export interface HttpMetrics {
  /** The same for the same labels. */
  meter(method: string, servlet: string): Meter
  /** In Prometheus' text format. */
  print(): string
}

interface Row extends Meter {
  readonly method: string
  readonly servlet: string
  received: number
  inFlight: number
  bytes: number
  readonly byStatus: Map<number, ByStatus>
}

export function makeHttpMetrics(serverName: string): HttpMetrics {
  const rows = new Map<string, Row>()

  function meter(method: string, servlet: string): Meter {
    const key = `${method} ${servlet}`
    let row = rows.get(key)
    if (row === undefined) {
      row = makeRow(method, servlet)
      rows.set(key, row)
    }
    return row
  }

  function print(): string {
    const all = [...rows.values()].filter(({ received }) => received > 0)
    const labels = ({ method, servlet }: Row): string =>
      `method="${method}",server_name="${serverName}",servlet="${servlet}"`
    const page: string[] = []
    const add = (name: string, type: string, help: string, samples: readonly string[]): void => {
      page.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples)
    }
    const byRow = (name: string, type: string, help: string, tail: string, sampleOf: (row: Row) => number): void =>
      add(
        name,
        type,
        help,
        all.map((row) => `${name}{${labels(row)}${tail}} ${sampleOf(row)}`),
      )

    byRow(
      'synapse_http_server_requests_received_total',
      'counter',
      'Requests that came, by operation.',
      '',
      ({ received }) => received,
    )
    byRow(
      'synapse_http_server_response_count_total',
      'counter',
      'Requests that ended, by operation.',
      ',tag=""',
      ({ received, inFlight }) => received - inFlight,
    )
    byRow(
      'synapse_http_server_response_size_total',
      'counter',
      'Bytes of answers, by operation.',
      ',tag=""',
      ({ bytes }) => bytes,
    )
    byRow(
      'synapse_http_server_in_flight_requests_count',
      'gauge',
      'Requests not yet answered, by operation.',
      '',
      ({ inFlight }) => inFlight,
    )
    add('synapse_http_server_responses_total', 'counter', 'Answers, by status.', responses(all, serverName))
    const durations = 'synapse_http_server_response_time_seconds'
    add(
      durations,
      'histogram',
      "From a request's head to the end of its answer.",
      all.flatMap((row) =>
        [...row.byStatus.values()].flatMap((entry) =>
          histogram(durations, `code="${entry.status}",${labels(row)},tag=""`, entry),
        ),
      ),
    )
    return `${page.join('\n')}\n`
  }

  return { meter, print }
}

function makeRow(method: string, servlet: string): Row {
  const byStatus = new Map<number, ByStatus>()
  const row: Row = {
    method,
    servlet,
    received: 0,
    inFlight: 0,
    bytes: 0,
    byStatus,
    begin() {
      row.received++
      row.inFlight++
    },
    end(status, seconds, bytesSent) {
      row.inFlight--
      row.bytes += bytesSent
      let entry = byStatus.get(status)
      if (entry === undefined) {
        entry = { status, count: 0, seconds: 0, buckets: new Array<number>(BOUNDS_SECONDS.length + 1).fill(0) }
        byStatus.set(status, entry)
      }
      let bucket = 0
      while (bucket < BOUNDS_SECONDS.length && seconds > BOUNDS_SECONDS[bucket]!) bucket++
      entry.buckets[bucket]!++
      entry.count++
      entry.seconds += seconds
    },
  }
  return row
}

function responses(rows: readonly Row[], serverName: string): string[] {
  const counts = new Map<string, number>()
  for (const { method, byStatus } of rows)
    for (const { status, count } of byStatus.values()) {
      const labels = `code="${status}",method="${method}",server_name="${serverName}"`
      counts.set(labels, (counts.get(labels) ?? 0) + count)
    }
  return [...counts].map(([labels, count]) => `synapse_http_server_responses_total{${labels}} ${count}`)
}

function histogram(name: string, labels: string, { buckets, count, seconds }: ByStatus): string[] {
  let sum = 0
  const lines = buckets.map((n, i) => {
    sum += n
    // As Python prints floats: Prometheus takes `le` for a text, and dashboards ask for "1.0".
    const bound = BOUNDS_SECONDS[i]
    const le = bound === undefined ? '+Inf' : Number.isInteger(bound) ? `${bound}.0` : String(bound)
    return `${name}_bucket{${labels.replace('method=', `le="${le}",method=`)}} ${sum}`
  })
  return [...lines, `${name}_count{${labels}} ${count}`, `${name}_sum{${labels}} ${seconds}`]
}
