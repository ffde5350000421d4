/** Everything about profiles that a process has: put together from its configuration. */

import { profileHandlers, servedProfileEndpoints } from '../client/profile.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeRateLimiter } from '../http/rate-limit.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Sender } from '../rooms/sender.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { Appservices } from '../users/appservices.ts'
import { makeProfilePropagation } from '../users/profile-propagation.ts'
import { profileReplicationHandlers } from '../users/profile-replication.ts'
import { makeProfiles, type Profiles } from '../users/profiles.ts'

export interface ProfileServicesDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly memberships: Pick<Memberships, 'ofUser' | 'isJoined'>
  readonly sender: Pick<Sender, 'send'>
  readonly appservices: Pick<Appservices, 'isAppserviceUser'>
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface ProfileServices {
  readonly profiles: Profiles
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
  readonly close: () => Promise<void>
}

const TAKE_OVER_MS = 60_000

export function makeProfileServices(deps: ProfileServicesDeps): ProfileServices {
  const { config, db, caches, memberships, sender, onProblem } = deps
  const now = () => performance.now()
  const propagation = makeProfilePropagation({ db, memberships, sender, onProblem })
  const profiles = makeProfiles({
    db,
    caches,
    serverName: config.serverName,
    memberships,
    propagation,
    isAppserviceUser: deps.appservices.isAppserviceUser,
    allows: { displayName: config.enableSetDisplayname, avatarUrl: config.enableSetAvatarUrl },
    onlyForRoomMates: config.limitProfileRequestsToUsersWhoShareRooms,
  })

  const takeOver = () =>
    propagation.takeOver().catch((error: unknown) => onProblem('profiles that were to be told wait', error))
  const isWatcher = config.duties.backgroundTasks === config.instanceName
  const watching = isWatcher ? setInterval(takeOver, TAKE_OVER_MS).unref() : undefined

  return {
    profiles,
    operations: operations(
      'client/profile',
      servedProfileEndpoints,
      profileHandlers({
        db,
        profiles,
        onlyForUsers: config.requireAuthForProfileRequests,
        askLimit: makeRateLimiter(config.rcProfile, now),
        changeLimit: makeRateLimiter(config.rcMessage, now),
      }),
    ),
    replicationHandlers: profileReplicationHandlers(profiles),
    async close() {
      clearInterval(watching)
      await propagation.close()
    },
  }
}
