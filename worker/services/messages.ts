/** Messages from device to device, put together. */

import { toDeviceEndpoints } from '../../shared/endpoints/client/to_device.ts'
import { toDeviceHandlers } from '../client/to_device.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeRateLimiter } from '../http/rate-limit.ts'
import type { Transactions } from '../http/transactions.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { type Inbox, makeInbox } from '../to-device/inbox.ts'
import { makeRateLimitOverrides } from '../users/rate-limit-overrides.ts'

export interface MessagesDeps {
  readonly config: Pick<WorkerConfig, 'serverName' | 'instanceName' | 'duties' | 'rcKeyRequests'>
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly client: Pick<ReplicationClient, 'call'>
  readonly transactions: Transactions
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Messages {
  readonly inbox: Inbox
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
  readonly close: () => void
}

const SWEEP_MS = 60 * 60_000

/** To be made before the process is connected: it follows streams. */
export function makeMessages(deps: MessagesDeps): Messages {
  const { config, db, streams, caches, client, transactions, onProblem, now } = deps
  const inbox = makeInbox({ db, streams, client, serverName: config.serverName, now })
  const sweep = () => inbox.sweep().catch((error: unknown) => onProblem('old to-device transactions stay', error))
  const sweeping =
    config.duties.backgroundTasks === config.instanceName ? setInterval(sweep, SWEEP_MS).unref() : undefined
  return {
    inbox,
    operations: operations(
      'client/to_device',
      toDeviceEndpoints,
      toDeviceHandlers({
        inbox,
        transactions,
        keyRequests: makeRateLimiter(config.rcKeyRequests, () => performance.now()),
        overrides: makeRateLimitOverrides({ db, caches }),
      }),
    ),
    replicationHandlers: streams.writes('to_device') ? inbox.replicationHandlers : {},
    close: () => clearInterval(sweeping),
  }
}
