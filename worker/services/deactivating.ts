/** The end of accounts, put together: they leave their rooms. */

import { accountDeactivationEndpoints } from '../../shared/endpoints/client/account_deactivation.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { accountDeactivationHandlers } from '../client/account_deactivation.ts'
import type { ConfirmUser } from '../client/confirm-user.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import type { Pushers } from '../push/pushers.ts'
import { forget } from '../rooms/forget.ts'
import type { ChangeMembership } from '../rooms/membership.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { type Deactivation, makeDeactivation } from '../users/deactivation.ts'
import type { Sessions } from '../users/sessions.ts'

export interface DeactivatingDeps {
  readonly config: Pick<WorkerConfig, 'instanceName' | 'duties' | 'serverName'>
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly sessions: Sessions
  readonly pushers: Pick<Pushers, 'removeAll'>
  readonly confirmUser: ConfirmUser
  readonly memberships: Pick<Memberships, 'ofUser' | 'ofNow'>
  readonly changeMembership: ChangeMembership
  readonly cancelDelayedEvents?: ((userId: UserId) => Promise<void>) | undefined
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface Deactivating {
  readonly deactivation: Deactivation
  readonly operations: readonly Operation[]
  readonly close: () => Promise<void>
}

const TAKE_OVER_MS = 60_000

export function makeDeactivating(deps: DeactivatingDeps): Deactivating {
  const { config, memberships, caches, changeMembership, onProblem } = deps
  const deactivation = makeDeactivation({
    ...deps,
    removePushers: deps.pushers.removeAll,
    leave: async (userId: UserId, roomId: RoomId) => {
      // The server does it, for which there are no limits.
      const actor = { userId, authenticatedEntity: config.serverName, isUnlimited: true }
      await changeMembership(actor, { roomId, target: userId, action: 'leave' })
    },
    forget: (userId, roomId) => forget({ memberships, caches }, userId, roomId),
  })
  const takeOver = () =>
    deactivation.takeOver().catch((error: unknown) => onProblem('who is deactivated stays in rooms', error))
  const isWatcher = config.duties.backgroundTasks === config.instanceName
  const watching = isWatcher ? setInterval(takeOver, TAKE_OVER_MS).unref() : undefined
  return {
    deactivation,
    operations: operations(
      'client/account_deactivation',
      accountDeactivationEndpoints,
      accountDeactivationHandlers({ deactivation, confirmUser: deps.confirmUser }),
    ),
    async close() {
      clearInterval(watching)
      await deactivation.close()
    },
  }
}
