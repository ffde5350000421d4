/**
 * Follows the changes of all rooms' current state, for what is made of them and kept: from a position in the tables, so that
 * whoever is killed goes on from where it was, and woken by the stream, so that it is soon.
 *
 * What follows has to say how a room is now, not how it changed: it may be told of a change twice, and of several at once.
 */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { selectStateDeltas } from '../storage/state-deltas.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface StateChange {
  readonly roomId: RoomId
  /** Undefined: anything of the room's state may be different. */
  readonly type?: string | undefined
  readonly stateKey?: string | undefined
  /** In the stream `events`. */
  readonly streamId: number
}

export interface StateFollowerDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow' | 'current'>
  readonly loadPosition: () => Promise<number>
  readonly savePosition: (position: number) => Promise<unknown>
  /** Before the first changes: fills what is empty. It may be broken off, and is done again at the next start. */
  readonly prepare: (signal: AbortSignal) => Promise<void>
  /** `position`: everything up to there is handled with these, or was before. */
  readonly handle: (changes: readonly StateChange[], position: number) => Promise<void>
  readonly onProblem: (problem: string, error: unknown) => void
  /** For problems: `the room directory`. */
  readonly what: string
}

export interface StateFollower {
  /** Everything in the stream `events` up to there is taken over; undefined: it has not begun. */
  readonly position: () => number | undefined
  /** To be called when the process is connected, or at any time after {@link makeStateFollower}. */
  readonly start: () => void
  /** What is under way is finished. */
  readonly close: () => Promise<void>
}

/** Changes handled together, about. */
const BATCH = 500
/** So that what happens at the same moment is handled together, and the position is there too. */
const GATHER_MS = 20
/** Work and pause are as 1 to 4 at most, however much is going on. */
const PAUSES = 4
const MIN_PAUSE_MS = 100
const RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** More are in the tables only, and wait for the position to pass them. */
const MAX_HEARD = 10_000

/** To be made before the process is connected: it follows the stream `events`. */
export function makeStateFollower(deps: StateFollowerDeps): StateFollower {
  const { db, streams, handle, what, onProblem } = deps
  const stopping = new AbortController()
  let heard: StateChange[] = []
  let isPrepared = false
  let position: number | undefined
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let restUntilMs = 0
  let failures = 0
  let isStarted = false

  streams.follow('events', (rows, streamId) => {
    let isNew = false
    for (const row of rows) {
      if (row.kind === 'ev') continue
      isNew = true
      if (heard.length === MAX_HEARD) continue
      const roomId = row.roomId as RoomId
      heard.push(
        row.kind === 'state' ? { roomId, type: row.type, stateKey: row.stateKey, streamId } : { roomId, streamId },
      )
    }
    if (isNew) wake(GATHER_MS)
  })

  function wake(afterMs: number): void {
    if (!isStarted || timer !== undefined || running !== undefined || stopping.signal.aborted) return
    timer = setTimeout(run, Math.max(afterMs, restUntilMs - performance.now())).unref()
  }

  function run(): void {
    timer = undefined
    const beganMs = performance.now()
    running = pass()
      .then(
        () => {
          failures = 0
        },
        (error: unknown) => {
          if (failures++ === 0) onProblem(`${what} is behind: what changed will be taken over later`, error)
        },
      )
      .then(() => {
        running = undefined
        const nowMs = performance.now()
        const pauseMs = failures === 0 ? Math.max(MIN_PAUSE_MS, PAUSES * (nowMs - beganMs)) : retryAfter(failures)
        restUntilMs = nowMs + pauseMs
        if (failures > 0 || heard.length > 0) wake(0)
      })
  }

  async function pass(): Promise<void> {
    const { signal } = stopping
    if (!isPrepared) await deps.prepare(signal)
    isPrepared = !signal.aborted
    // Before the tables are read: what comes later has a later position.
    const upTo = streams.current('events').stream
    // A database that was set back.
    position = Math.min(upTo, position ?? (await deps.loadPosition()))
    while (!signal.aborted) {
      const from: number = position
      const deltas = from === upTo ? [] : await selectStateDeltas(db, from, upTo, BATCH)
      const isLast = deltas.length < BATCH
      const reached: number = isLast ? upTo : deltas.at(-1)!.streamId
      const live = isLast ? heard : []
      if (isLast) heard = []
      try {
        await handle([...deltas, ...live.filter(({ streamId }) => streamId > upTo)], reached)
      } catch (error) {
        heard = [...live, ...heard].slice(0, MAX_HEARD)
        throw error
      }
      if (reached !== from) await deps.savePosition(reached)
      position = reached
      if (isLast) return
    }
  }

  return {
    position: () => position,
    start() {
      isStarted = true
      wake(0)
    },
    async close() {
      stopping.abort()
      clearTimeout(timer)
      await running
    },
  }
}

const retryAfter = (failures: number): number => Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (failures - 1))
