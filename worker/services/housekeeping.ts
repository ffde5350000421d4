/** What is not to be kept for ever, deleted from time to time by the process that runs background tasks. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { WorkerConfig } from '../config/types.ts'
import { censorRedactions } from '../rooms/censor-redactions.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Db } from '../storage/db.ts'
import { selectStaleDevices } from '../storage/devices.ts'
import { deleteOldUserIps } from '../storage/user-ips.ts'
import type { Sessions } from '../users/sessions.ts'

export interface HousekeepingDeps {
  readonly config: Pick<
    WorkerConfig,
    'duties' | 'instanceName' | 'redactionRetentionPeriodMs' | 'userIpsMaxAgeMs' | 'deleteStaleDevicesAfterMs'
  >
  readonly db: Db
  readonly events: Pick<EventStore, 'get'>
  readonly sessions: Pick<Sessions, 'endDevices'>
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Housekeeping {
  /** When what runs has come to its end. */
  readonly close: () => Promise<void>
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const IPS_AT_ONCE = 5_000
const DEVICES_AT_ONCE = 500

interface Job {
  readonly everyMs: number
  readonly problem: string
  readonly run: () => Promise<void>
}

export function startHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { config, onProblem } = deps
  if (config.duties.backgroundTasks !== config.instanceName) return { close: async () => undefined }
  let isClosed = false
  const running = new Set<Promise<void>>()
  const timers = jobsOf(deps, () => isClosed).map(({ everyMs, problem, run }) => {
    let isRunning = false
    return setInterval(() => {
      if (isRunning) return
      isRunning = true
      const done: Promise<void> = run()
        .catch((error: unknown) => onProblem(problem, error))
        .finally(() => {
          isRunning = false
          running.delete(done)
        })
      running.add(done)
    }, everyMs).unref()
  })
  return {
    async close() {
      isClosed = true
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running)
    },
  }
}

/** Those that the configuration asks for. `isClosed`: they end early. */
export function jobsOf(deps: HousekeepingDeps, isClosed: () => boolean): readonly Job[] {
  const { config, db, now } = deps
  const {
    redactionRetentionPeriodMs: censorAfter,
    userIpsMaxAgeMs: ipAge,
    deleteStaleDevicesAfterMs: deviceAge,
  } = config
  return [
    ...(typeof censorAfter === 'number'
      ? [
          {
            everyMs: 5 * MINUTE_MS,
            problem: 'what was redacted stays in the database',
            run: () => censorRedactions(deps, now() - censorAfter),
          },
        ]
      : []),
    ...(typeof ipAge === 'number'
      ? [
          {
            everyMs: MINUTE_MS,
            problem: 'old addresses of users stay',
            async run() {
              while (!isClosed() && (await deleteOldUserIps(db, now() - ipAge, IPS_AT_ONCE)) >= IPS_AT_ONCE);
            },
          },
        ]
      : []),
    ...(deviceAge
      ? [
          {
            everyMs: 24 * HOUR_MS,
            problem: 'old devices stay',
            run: () => deleteStale(deps, now() - deviceAge, isClosed),
          },
        ]
      : []),
  ]
}

async function deleteStale(
  { db, sessions }: HousekeepingDeps,
  seenBefore: number,
  isClosed: () => boolean,
): Promise<void> {
  for (;;) {
    const stale = await selectStaleDevices(db, seenBefore, DEVICES_AT_ONCE)
    const byUser = new Map<UserId, string[]>()
    for (const { userId, deviceId } of stale) byUser.set(userId, [...(byUser.get(userId) ?? []), deviceId])
    for (const [userId, deviceIds] of byUser) if (!isClosed()) await sessions.endDevices(userId, deviceIds)
    if (isClosed() || stale.length < DEVICES_AT_ONCE) return
  }
}
