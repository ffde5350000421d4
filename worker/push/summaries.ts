/** Work of the process that does background tasks: push actions become counts, so that unread rooms cost little. */

import type { Db } from '../storage/db.ts'
import { deleteSummarised, summarise, takeReceipts } from '../storage/push-summary.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface PushSummariesDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'current'>
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly intervalMs?: number
}

export interface PushSummaries {
  /** Once, all there is to do. */
  readonly run: () => Promise<void>
  /** When what runs has come to its next step. */
  readonly close: () => Promise<void>
}

/** As often as Synapse does it. */
const INTERVAL_MS = 30_000
/** In one transaction: some tenths of a second. */
const RECEIPTS_AT_ONCE = 200
const ACTIONS_AT_ONCE = 5_000
/** Pushes are sent and notifications listed from what is there. */
const KEPT_MS = 24 * 3_600_000

export function startPushSummaries(deps: PushSummariesDeps): PushSummaries {
  const { db, streams, onProblem, now = Date.now, intervalMs = INTERVAL_MS } = deps
  let isClosed = false
  let running: Promise<void> | undefined

  /** Up to positions that no writer can be behind: a summary that missed something would be wrong for long. */
  async function work(): Promise<void> {
    const receipts = streams.current('receipts').stream
    const events = streams.current('events').stream
    while (!isClosed && (await takeReceipts(db, receipts, RECEIPTS_AT_ONCE)) === RECEIPTS_AT_ONCE);
    while (!isClosed && !(await summarise(db, events, ACTIONS_AT_ONCE)));
    while (!isClosed && (await deleteSummarised(db, now() - KEPT_MS, ACTIONS_AT_ONCE)) >= ACTIONS_AT_ONCE);
  }
  const run = () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => {
    run().catch((error: unknown) => onProblem('push actions are not summarised', error))
  }, intervalMs)
  timer.unref()

  return {
    run,
    async close() {
      isClosed = true
      clearInterval(timer)
      await running?.catch(() => {})
    },
  }
}
