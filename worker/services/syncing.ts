/** What clients follow the server by: `/sync` and its filters. */

import { filterEndpoints } from '../../shared/endpoints/client/filter.ts'
import { syncEndpoints } from '../../shared/endpoints/client/sync.ts'
import { filterHandlers } from '../client/filter.ts'
import type { SyncHandlerDeps } from '../client/sync.ts'
import { syncHandlers } from '../client/sync.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeSyncParts, type SyncParts, type SyncPartsDeps } from '../sync/make-sync.ts'
import { notifierMetrics } from '../sync/metrics.ts'

export interface Syncing extends Omit<SyncParts, 'sync' | 'filters'> {
  readonly operations: readonly Operation[]
  readonly metrics: () => string
}

/** To be made before the process is connected: it follows streams. */
export function makeSyncing(deps: SyncPartsDeps & Pick<SyncHandlerDeps, 'beginSync'>): Syncing {
  const { sync, filters, ...shared } = makeSyncParts(deps)
  return {
    ...shared,
    operations: [
      ...operations(
        'client/sync',
        syncEndpoints,
        syncHandlers({ sync, filters, instances: deps.streams.instances, beginSync: deps.beginSync }),
      ),
      ...operations('client/filter', filterEndpoints, filterHandlers({ filters })),
    ],
    metrics: () => notifierMetrics(shared.notifier.numbers()),
  }
}
