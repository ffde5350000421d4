/**
 * `worker replication-tail`: follows the bus of a running server, Plexus' or Synapse's, and prints where each stream's
 * writers are and how far one of them is behind. It writes nothing but `REPLICATE`, which makes writers say where they are.
 */

import type { Bus, BusHandlers } from './bus.ts'
import { parseCommand } from './commands.ts'
import { makeTally, type StreamTally } from './tally.ts'

export interface TailOptions {
  readonly connect: (handlers: BusHandlers) => Bus
  /** A line, without its end. */
  readonly print: (line: string) => void
  readonly problem: (line: string) => void
  /** `table`: where all are, every `intervalMs`. `json`: the same, a line each time. `lines`: what is said, as it comes. */
  readonly format?: 'table' | 'json' | 'lines'
  readonly intervalMs?: number
  /** Only these streams. */
  readonly streams?: readonly string[]
  /** Prints once, when nobody has said anything new for a second, and ends. */
  readonly once?: boolean
  /** Ends it. */
  readonly signal?: AbortSignal
}

const SETTLED_MS = 1_000

/** Settles when it has ended: true, or false where `once` heard nothing within ten seconds. */
export async function replicationTail(options: TailOptions): Promise<boolean> {
  const { connect, print, problem, format = 'table', intervalMs = 5_000, once = false, signal } = options
  const isWanted = (stream: string) => options.streams === undefined || options.streams.includes(stream)
  const tally = makeTally()
  let unread = 0
  const { promise: ended, resolve: end } = Promise.withResolvers<boolean>()

  const show = () => {
    const report = tally.report().filter(({ stream }) => isWanted(stream))
    if (format === 'json') print(JSON.stringify({ time: new Date().toISOString(), streams: report }))
    else if (format === 'table') for (const line of table(report)) print(line)
  }
  const bus = connect({
    onConnected: () => bus.publish('main', 'REPLICATE '),
    onDisconnected: () => problem('The connection was lost.'),
    onProblem: problem,
    onLine(line) {
      const command = parseCommand(line)
      if (!command.ok) {
        if (unread++ === 0) problem(`A line cannot be read: ${command.reason}. Is this the bus of a Matrix server?`)
        return
      }
      tally.receive(command.value)
      if (format !== 'lines') return
      if (!('stream' in command.value) || isWanted(command.value.stream)) print(line)
    },
  })

  const timers: NodeJS.Timeout[] = []
  if (once) {
    let [changes, since] = [0, Date.now()]
    const started = Date.now()
    timers.push(
      setInterval(() => {
        if (tally.changes() !== changes) [changes, since] = [tally.changes(), Date.now()]
        const isSettled = changes > 0 && Date.now() - since >= SETTLED_MS
        if (isSettled) show()
        if (isSettled || Date.now() - started > 10 * SETTLED_MS) end(isSettled)
      }, 50),
    )
  } else if (format !== 'lines') timers.push(setInterval(show, intervalMs))
  const abort = () => end(true)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()

  const result = await ended
  signal?.removeEventListener('abort', abort)
  for (const timer of timers) clearInterval(timer)
  await bus.close()
  return result
}

const HEAD = ['stream', 'writer', 'position', 'behind', 'rows', 'silent s']

/** Lines of a table, with a blank one at its end. */
export function table(report: readonly StreamTally[]): readonly string[] {
  const rows = report.flatMap(({ writers }) =>
    writers.map(({ stream, writer, position, behind, rows: count, silentMs }, index) => [
      index === 0 ? stream : '',
      writer,
      String(position),
      behind === 0 ? '' : String(behind),
      count === 0 ? '' : String(count),
      (silentMs / 1000).toFixed(0),
    ]),
  )
  const widths = HEAD.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [line(HEAD), ...rows.map(line), '']
}
