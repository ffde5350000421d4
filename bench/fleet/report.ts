/** What was measured, as tables. */

import type { Flavour } from '../../tests/harness/fleet-processes.ts'
import { spread } from '../machine.ts'
import { isServer } from './contestants.ts'
import type { Result } from './load.ts'

/** One run of a scenario against a contestant. */
export interface Run {
  readonly contestant: Flavour
  readonly scenario: string
  readonly result: Result
  /** ms of CPU by group, in the measured time. */
  readonly cpuMs: Readonly<Record<string, number>>
}

/** Of a contestant that nobody asks anything. */
export interface Idle {
  readonly contestant: Flavour
  /** ms of CPU a second, by group. */
  readonly cpuMs: Readonly<Record<string, number>>
  /** MiB, by process. */
  readonly memory: Readonly<Record<string, number>>
}

const digits = (value: number): string =>
  !Number.isFinite(value) ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
const median = (values: readonly number[]): number => (values.length === 0 ? Number.NaN : spread(values).median)

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(heads), row(heads.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n')

const serverMs = ({ cpuMs, result }: Run): number =>
  Object.entries(cpuMs)
    .filter(([name]) => isServer(name))
    .reduce((sum, [, ms]) => sum + ms, 0) / result.requests

/** CPU of the server's processes + Postgres, ms per request: medians over rounds. */
export const cpuTable = (
  titles: Readonly<Record<string, string>>,
  names: readonly Flavour[],
  runs: readonly Run[],
): string =>
  table(
    [
      'CPU, ms per request: processes + Postgres',
      ...names,
      ...(names.length > 1 ? ['processes, ratio', 'all, ratio'] : []),
    ],
    Object.entries(titles).map(([scenario, title]) => {
      const of = names.map((name) => {
        const own = runs.filter((run) => run.scenario === scenario && run.contestant === name)
        return {
          server: median(own.map(serverMs)),
          postgres: median(own.map(({ cpuMs, result }) => cpuMs.postgres! / result.requests)),
        }
      })
      const [a, b] = of
      return [
        title,
        ...of.map(({ server, postgres }) => `${digits(server)} + ${digits(postgres)}`),
        ...(b
          ? [
              `1 : ${digits(b.server / a!.server)}`,
              `1 : ${digits((b.server + b.postgres) / (a!.server + a!.postgres))}`,
            ]
          : []),
      ]
    }),
  )

/** Latencies at the same rate of arrivals. */
export const latencyTable = (
  titles: Readonly<Record<string, string>>,
  names: readonly Flavour[],
  runs: readonly Run[],
): string =>
  table(
    ['latency, ms: p50 / p95 / p99', 'arrivals/s', ...names],
    Object.entries(titles).map(([scenario, title]) => {
      const all = runs.filter((run) => run.scenario === scenario)
      return [
        title,
        digits(median(all.map(({ result }) => result.requests / result.seconds))),
        ...names.map((name) => {
          const own = all.filter(({ contestant }) => contestant === name)
          const at = (which: 'p50' | 'p95' | 'p99') => digits(median(own.map(({ result }) => result.ms[which])))
          return `${at('p50')} / ${at('p95')} / ${at('p99')}`
        }),
      ]
    }),
  )

/** Where the CPU goes, by group of processes. */
export const groupTable = (titles: Readonly<Record<string, string>>, name: Flavour, runs: readonly Run[]): string => {
  const own = runs.filter((run) => run.contestant === name)
  const groups = Object.keys(own[0]?.cpuMs ?? {})
  return table(
    [`${name}: CPU, ms per request`, ...groups],
    Object.entries(titles).map(([scenario, title]) => [
      title,
      ...groups.map((group) =>
        digits(
          median(
            own.filter((run) => run.scenario === scenario).map(({ cpuMs, result }) => cpuMs[group]! / result.requests),
          ),
        ),
      ),
    ]),
  )
}

export const idleTable = (idles: readonly Idle[]): string =>
  table(
    ['idle', 'CPU, ms a second, by process', 'Postgres', 'Redis', 'memory, MiB PSS'],
    idles.map(({ contestant, cpuMs, memory }) => [
      contestant,
      Object.entries(cpuMs)
        .filter(([name]) => isServer(name))
        .map(([name, ms]) => `${name} ${digits(ms)}`)
        .join(', '),
      digits(cpuMs.postgres!),
      digits(cpuMs.redis!),
      Object.entries(memory)
        .map(([name, mib]) => `${name} ${mib.toFixed(0)}`)
        .join(', '),
    ]),
  )

/** What one message costs the processes that have nothing to do with it, above what they use when idle. */
export const bystanders = (
  scenario: string,
  processes: readonly string[],
  names: readonly Flavour[],
  runs: readonly Run[],
  idles: readonly Idle[],
): string =>
  table(
    ['a message, in a process that has nothing to do with it, ms of CPU', ...processes],
    names.map((name) => {
      const idle = idles.find(({ contestant }) => contestant === name)
      return [
        name,
        ...processes.map((process) =>
          digits(
            median(
              runs
                .filter((run) => run.scenario === scenario && run.contestant === name)
                .map(
                  ({ cpuMs, result }) =>
                    (cpuMs[process]! - (idle?.cpuMs[process] ?? 0) * result.seconds) / result.requests,
                ),
            ),
          ),
        ),
      ]
    }),
  )
