/** Where users are pushed to, put together. */

import { pusherEndpoints } from '../../shared/endpoints/client/pusher.ts'
import { pusherHandlers } from '../client/pusher.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import type { Pushers } from '../push/pushers.ts'
import type { Queries } from '../storage/db.ts'
import { makePusherLinks } from '../users/pusher-links.ts'

export interface PusherOperationsDeps {
  readonly config: Pick<WorkerConfig, 'serverName' | 'macaroonSecretKey' | 'experimentalFeatures'>
  readonly db: Queries
  readonly pushers: Pushers
}

export const pusherOperations = ({ config, db, pushers }: PusherOperationsDeps): Operation[] =>
  operations(
    'client/pusher',
    pusherEndpoints,
    pusherHandlers({
      db,
      pushers,
      links: makePusherLinks(config.macaroonSecretKey, config.serverName),
      tellsDevices: config.experimentalFeatures.msc3881Enabled,
    }),
  )
