/** What main alone does with delayed events: sends them when it is time, and forgets those that were overtaken. */

import type { RoomId, ServerName, UserId } from '../../../shared/matrix/ids.ts'
import { parseJson } from '../../../shared/matrix/json/parse.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'
import { ReplicationError } from '../../replication/replication-error.ts'
import type { Queries } from '../../storage/db.ts'
import {
  cancelOvertaken,
  type DelayedEventRow,
  deleteDelayedEvent,
  deleteDelayedEventsOf,
  deleteProcessed,
  deleteProcessedOfState,
  selectNextSendTs,
  selectProcessed,
  takeDelayedEvent,
  takeDueEvents,
} from '../../storage/delayed-events.ts'
import { selectUser } from '../../storage/users.ts'
import type { LiveStreams } from '../../streams/live-streams.ts'
import type { Actor } from '../limits.ts'
import type { ChangeMembership } from '../membership.ts'
import type { SendEvent } from '../send-event.ts'

export interface DelayedEventClockDeps {
  readonly db: Queries
  readonly serverName: ServerName
  readonly streams: Pick<LiveStreams, 'follow' | 'onAdvance' | 'current'>
  readonly sendEvent: SendEvent
  readonly changeMembership: ChangeMembership
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly startMs?: number
  readonly retryMs?: number
}

export interface DelayedEventClock {
  /** The next is due then, or later. */
  readonly added: (sendTs: number) => void
  /** Throws M_NOT_FOUND for what does not wait. */
  readonly cancel: (delayId: string) => Promise<void>
  /** At once. Throws M_NOT_FOUND, and why it cannot be sent: it is gone then. */
  readonly send: (delayId: string) => Promise<void>
  readonly cancelAllOf: (localpart: string) => Promise<void>
  /** What is being sent is waited for. */
  readonly close: () => Promise<void>
}

const AT_ONCE = 100
/** Timers hold no more than 2^31 ms. One more look in a minute also finds what nobody told of. */
const MAX_WAIT_MS = 60_000
const RETRY_MS = 5_000
/** Content that nobody can send is no reason to try for ever. */
const GIVE_UP_MS = 60 * 60_000
/** So long other processes have to start as well. */
const START_MS = 1_000

export const noSuchEvent = () => new MatrixError('M_NOT_FOUND', 'Delayed event not found')

/** To be made before the process is connected: it follows streams. Does nothing before {@link LiveStreams} has positions. */
export function startDelayedEventClock(deps: DelayedEventClockDeps): DelayedEventClock {
  const { db, serverName, streams, onProblem, now, startMs = START_MS, retryMs = RETRY_MS } = deps
  let isClosed = false
  let isStarted = false
  /** Some may have been taken and not sent: at the start, and after Postgres or a persister was away. */
  let isUnsure = true
  const sending = new Set<string>()
  /** Sent, or refused for good: only their rows are there still. */
  const done = new Set<string>()
  /** Since when they could not be sent, for no reason of their own. */
  const failingSince = new Map<string, number>()
  const started = Promise.withResolvers<void>()
  /** There may be some that wait; without, changes of state are nobody's concern. */
  let areThere = true
  let timer: NodeJS.Timeout | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let running: Promise<void> | undefined

  const wakeAt = (ts: number): void => {
    if (isClosed || ts >= timerAt) return
    clearTimeout(timer)
    timerAt = ts
    timer = setTimeout(
      () => {
        timerAt = Number.POSITIVE_INFINITY
        run()
      },
      Math.max(0, Math.min(ts - now(), MAX_WAIT_MS)),
    ).unref()
  }

  const run = (): void => {
    if (isClosed) return
    running ??= work()
      .catch((error: unknown) => {
        onProblem('delayed events wait', error)
        again()
      })
      .finally(() => {
        running = undefined
      })
  }

  const again = (): void => {
    isUnsure = true
    wakeAt(now() + retryMs)
  }

  async function work(): Promise<void> {
    if (isUnsure) {
      await overtaken()
      isUnsure = false
      // They may have been sent before the process ended, or the connection: nothing tells, so that an event may come twice.
      await sendAll((await selectProcessed(db)).filter(({ delayId }) => !sending.has(delayId)))
      isStarted = true
      started.resolve()
    }
    for (let due: readonly DelayedEventRow[] = []; !isClosed; ) {
      due = await takeDueEvents(db, now(), AT_ONCE)
      await sendAll(due)
      if (due.length < AT_ONCE) break
    }
    await scheduleNext()
  }

  async function scheduleNext(): Promise<void> {
    const next = await selectNextSendTs(db)
    areThere = next !== undefined || isUnsure
    wakeAt(Math.min(next ?? Number.POSITIVE_INFINITY, now() + (isUnsure ? retryMs : MAX_WAIT_MS)))
  }

  async function sendAll(events: readonly DelayedEventRow[]): Promise<void> {
    const said = new Set<string>()
    for (const event of events) {
      // The others were taken: they are sent at the next start.
      if (isClosed) return
      const { roomId, type, stateKey } = event
      const key = stateKey === null ? undefined : JSON.stringify([roomId, type, stateKey])
      if (key !== undefined && said.has(key)) continue
      try {
        await sendNow(event)
      } catch (error) {
        if (!failingSince.has(event.delayId))
          onProblem(`the delayed event ${event.delayId} of ${event.localpart} was not sent`, error)
        continue
      }
      if (stateKey === null) continue
      said.add(key!)
      await deleteProcessedOfState(db, roomId, type, stateKey)
    }
  }

  /**
   * Of an event that was taken. Sent or refused, it is gone; if neither is known, as Postgres or a persister is away, it is tried
   * again for an hour.
   */
  async function sendNow(event: DelayedEventRow, originServerTs: number | null = event.sendTs): Promise<void> {
    const { delayId } = event
    if (sending.has(delayId)) return
    sending.add(delayId)
    try {
      const failure = done.has(delayId) ? undefined : await attempt(event, originServerTs)
      if (failure !== undefined && mayPass(delayId, failure.error)) {
        again()
        throw failure.error
      }
      done.add(delayId)
      failingSince.delete(delayId)
      try {
        await deleteProcessed(db, delayId)
        done.delete(delayId)
      } catch (error) {
        again()
        throw failure?.error ?? error
      }
      if (failure !== undefined) throw failure.error
    } finally {
      sending.delete(delayId)
    }
  }

  const mayPass = (delayId: string, error: unknown): boolean => {
    if (isRefusal(error)) return false
    const since = failingSince.get(delayId)
    if (since !== undefined) return now() - since < GIVE_UP_MS
    failingSince.set(delayId, now())
    onProblem(`the delayed event ${delayId} is tried again`, error)
    return true
  }

  async function attempt(
    event: DelayedEventRow,
    originServerTs: number | null,
  ): Promise<{ readonly error: unknown } | undefined> {
    const { delayId, roomId, type, stateKey } = event
    try {
      const actor = await actorOf(event)
      const content = contentOf(event)
      const ts = event.originServerTs ?? originServerTs ?? undefined
      if (type === 'm.room.member' && stateKey !== null)
        await deps.changeMembership(actor, {
          roomId: roomId as RoomId,
          target: stateKey as UserId,
          action: String(content.membership),
          content,
          originServerTs: ts,
          delayId,
        })
      else
        await deps.sendEvent(actor, roomId, {
          type,
          stateKey: stateKey ?? undefined,
          content,
          originServerTs: ts,
          delayId,
        })
      return undefined
    } catch (error) {
      return { error }
    }
  }

  async function actorOf({ localpart, deviceId }: DelayedEventRow): Promise<Actor> {
    const userId = `@${localpart}:${serverName}` as UserId
    const user = await selectUser(db, userId)
    if (user === undefined || user.isDeactivated) throw new MatrixError('M_FORBIDDEN', 'The account is gone')
    const { isGuest, isShadowBanned, isSuspended } = user
    return {
      userId,
      deviceId: deviceId ?? undefined,
      isGuest,
      isShadowBanned,
      isSuspended,
      authenticatedEntity: userId,
    }
  }

  let overtaking: Promise<void> | undefined
  let isOvertakenAgain = false
  /** What another user's state has made void. */
  async function overtaken(): Promise<void> {
    await cancelOvertaken(db, streams.current('events').stream, serverName)
  }
  /** Changes of state were heard up to there, and looked at up to there. */
  let [heardUpTo, seenUpTo] = [0, 0]
  const lookForOvertaken = (): void => {
    if (!areThere || !isStarted || isClosed) return
    if (overtaking !== undefined) {
      isOvertakenAgain = true
      return
    }
    seenUpTo = streams.current('events').stream
    overtaking = overtaken()
      .catch((error: unknown) => {
        onProblem('delayed events that were overtaken wait', error)
        again()
      })
      .finally(() => {
        overtaking = undefined
        if (isOvertakenAgain) lookForOvertaken()
        isOvertakenAgain = false
      })
  }
  streams.follow('events', (rows, position) => {
    if (rows.some(({ kind }) => kind !== 'ev')) heardUpTo = Math.max(heardUpTo, position)
  })
  // Where another persister is behind, its position is to pass before what was heard is looked at.
  streams.onAdvance((name) => {
    if (name === 'events' && heardUpTo > seenUpTo && streams.current('events').stream > seenUpTo) lookForOvertaken()
  })
  // Not before the process is connected, and has heard where everybody is.
  wakeAt(now() + startMs)

  return {
    added(sendTs) {
      const wereThere = areThere
      areThere = true
      wakeAt(sendTs)
      // State may have changed between the row and this word of it.
      if (!wereThere && heardUpTo > seenUpTo) lookForOvertaken()
    },
    async cancel(delayId) {
      if (!(await deleteDelayedEvent(db, delayId))) throw noSuchEvent()
    },
    async send(delayId) {
      await started.promise
      const event = await takeDelayedEvent(db, delayId)
      if (event === undefined) throw noSuchEvent()
      await sendNow(event, null)
    },
    async cancelAllOf(localpart) {
      await deleteDelayedEventsOf(db, localpart)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running?.catch(() => {})
      await overtaking
    },
  }
}

/** That a persister could not be asked is none. */
const isRefusal = (error: unknown): boolean =>
  error instanceof MatrixError && !(error instanceof ReplicationError && error.status >= 500)

function contentOf({ content, delayId }: DelayedEventRow) {
  const parsed = parseJson(content)
  if (!parsed.ok || !isObject(parsed.value)) throw new Error(`the content of ${delayId} is no object`)
  return parsed.value
}
