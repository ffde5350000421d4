/** Metrics of storage under Synapse's names, so that its dashboards show them; `desc` is a transaction's description. */

import type { Observer } from './observer.ts'
import type { PoolNumbers } from './postgres/pool.ts'

/** Of Synapse's histograms. */
const BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

interface Histogram {
  /** How many took up to each bound and longer than the one before. The last: longer than all. */
  readonly buckets: number[]
  ms: number
}

export interface StorageMetrics extends Observer {
  /** In Prometheus' text format. */
  print(pool: PoolNumbers): string
}

export function makeStorageMetrics(serverName: string): StorageMetrics {
  const scheduling = makeHistogram()
  const byVerb = new Map<string, Histogram>()
  const byDescription = new Map<string, { count: number; ms: number; attempts: number; failed: number }>()
  const server = `server_name="${serverName}"`

  return {
    statement({ verb }, ms) {
      observe(byVerb.get(verb) ?? added(byVerb, verb, makeHistogram()), ms)
    },
    transaction(description, ms, attempts, error) {
      const sums =
        byDescription.get(description) ?? added(byDescription, description, { count: 0, ms: 0, attempts: 0, failed: 0 })
      sums.count++
      sums.ms += ms
      sums.attempts += attempts
      if (error !== undefined) sums.failed++
    },
    scheduled: (ms) => observe(scheduling, ms),

    print({ open, inTransaction, inFlight, waiting }) {
      const lines: string[] = []
      const head = (name: string, type: string, help: string) =>
        void lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      const sums = (
        name: string,
        help: string,
        value: (sum: { [K in 'count' | 'ms' | 'attempts' | 'failed']: number }) => number,
      ) => {
        head(name, 'counter', help)
        for (const [description, sum] of byDescription)
          lines.push(`${name}{desc="${description}",${server}} ${value(sum)}`)
      }

      head('synapse_storage_schedule_time', 'histogram', 'Seconds for which a connection was waited for.')
      printHistogram(lines, 'synapse_storage_schedule_time', server, scheduling)
      head('synapse_storage_query_time', 'histogram', 'Seconds to the answer, by the verb of the statement.')
      for (const [verb, histogram] of byVerb)
        printHistogram(lines, 'synapse_storage_query_time', `${server},verb="${verb}"`, histogram)
      sums('synapse_storage_transaction_time_count_total', 'Transactions that ended.', ({ count }) => count)
      sums('synapse_storage_transaction_time_sum_total', 'Seconds that they took.', ({ ms }) => ms / 1000)
      sums('plexus_storage_transaction_retries_total', 'Attempts after the first.', (sum) => sum.attempts - sum.count)
      sums('plexus_storage_transaction_failures_total', 'Transactions that failed.', ({ failed }) => failed)
      head('plexus_storage_connections', 'gauge', 'Connections to Postgres that are open, and in a transaction.')
      lines.push(`plexus_storage_connections{state="open",${server}} ${open}`)
      lines.push(`plexus_storage_connections{state="transaction",${server}} ${inTransaction}`)
      head('plexus_storage_statements', 'gauge', 'Statements sent and not answered, and waiting for a connection.')
      lines.push(`plexus_storage_statements{state="sent",${server}} ${inFlight}`)
      lines.push(`plexus_storage_statements{state="waiting",${server}} ${waiting}`)
      return `${lines.join('\n')}\n`
    },
  }
}

const makeHistogram = (): Histogram => ({ buckets: new Array<number>(BOUNDS_SECONDS.length + 1).fill(0), ms: 0 })

function observe(histogram: Histogram, ms: number): void {
  let bucket = 0
  while (bucket < BOUNDS_SECONDS.length && ms > BOUNDS_SECONDS[bucket]! * 1000) bucket++
  histogram.buckets[bucket]!++
  histogram.ms += ms
}

function printHistogram(lines: string[], name: string, labels: string, { buckets, ms }: Histogram): void {
  let count = 0
  for (const [index, inBucket] of buckets.entries()) {
    count += inBucket
    const bound = BOUNDS_SECONDS[index]
    // As Python writes them: 1.0, not 1.
    const le = bound === undefined ? '+Inf' : Number.isInteger(bound) ? bound.toFixed(1) : bound
    lines.push(`${name}_bucket{${labels},le="${le}"} ${count}`)
  }
  lines.push(`${name}_sum{${labels}} ${ms / 1000}`, `${name}_count{${labels}} ${count}`)
}

function added<Value>(map: Map<string, Value>, key: string, value: Value): Value {
  map.set(key, value)
  return value
}
