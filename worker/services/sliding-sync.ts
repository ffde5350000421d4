/** Simplified sliding sync, put together. */

import { servedSlidingSyncEndpoints, slidingSyncHandlers } from '../client/simplified_sliding_sync.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeSlidingSyncParts, type SlidingSyncPartsDeps } from '../sliding-sync/make-sliding-sync.ts'
import { startUpkeep } from '../sliding-sync/upkeep.ts'

export interface SlidingSyncingDeps extends SlidingSyncPartsDeps {
  readonly config: Pick<WorkerConfig, 'instanceName' | 'duties' | 'experimentalFeatures'>
  readonly onProblem: (problem: string, error: unknown) => void
}

export interface SlidingSyncing {
  readonly operations: readonly Operation[]
  readonly close: () => Promise<void>
}

/** To be made before the process is connected: it follows streams. */
export function makeSlidingSyncing(deps: SlidingSyncingDeps): SlidingSyncing {
  const { config, streams } = deps
  const upkeep = config.duties.backgroundTasks === config.instanceName ? startUpkeep(deps) : undefined
  return {
    operations: config.experimentalFeatures.msc3575Enabled
      ? operations(
          'client/simplified_sliding_sync',
          servedSlidingSyncEndpoints,
          slidingSyncHandlers({ slidingSync: makeSlidingSyncParts(deps), instances: streams.instances }),
        )
      : [],
    close: async () => upkeep?.close(),
  }
}
