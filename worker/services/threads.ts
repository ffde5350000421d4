/** Threads that users follow, put together: only where the server is told to (`experimental_features.msc4306_enabled`). */

import { threadSubscriptionsEndpoints } from '../../shared/endpoints/client/thread_subscriptions.ts'
import { threadSubscriptionsHandlers } from '../client/thread_subscriptions.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeThreadChanges, makeThreadSubscriptions, type ThreadChanges } from '../push/thread-subscriptions.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { beforeRefusing, type Memberships } from '../rooms/memberships.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Db } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface ThreadsDeps {
  readonly config: Pick<WorkerConfig, 'experimentalFeatures'>
  readonly db: Db
  readonly streams: LiveStreams
  readonly client: Pick<ReplicationClient, 'call'>
  readonly events: EventStore
  readonly memberships: Memberships
  readonly visibility: Visibility
}

export interface Threads {
  /** Undefined: threads are not followed here. */
  readonly changes: ThreadChanges | undefined
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
}

export function makeThreads(deps: ThreadsDeps): Threads {
  const { config, db, streams, memberships } = deps
  if (!config.experimentalFeatures.msc4306Enabled)
    return { changes: undefined, operations: [], replicationHandlers: {} }
  const subscriptions = makeThreadSubscriptions(deps)
  const threadChanges = makeThreadChanges(db)
  return {
    changes: threadChanges,
    operations: operations(
      'client/thread_subscriptions',
      threadSubscriptionsEndpoints,
      threadSubscriptionsHandlers({ ...deps, memberships: beforeRefusing(memberships), subscriptions, threadChanges }),
    ),
    replicationHandlers: streams.writes('thread_subscriptions') ? subscriptions.replicationHandlers : {},
  }
}
