/** Aliases, the room directory, spaces, and whom users find: put together from the configuration. */

import { appserviceRoomDirectoryEndpoints } from '../../shared/endpoints/client/appservice_room_directory.ts'
import { directoryEndpoints } from '../../shared/endpoints/client/directory.ts'
import { listPublicRoomsEndpoints } from '../../shared/endpoints/client/list_public_rooms.ts'
import { mutualRoomsEndpoints } from '../../shared/endpoints/client/mutual_rooms.ts'
import { roomSummaryEndpoints } from '../../shared/endpoints/client/room_summary.ts'
import { spaceHierarchyEndpoints } from '../../shared/endpoints/client/space_hierarchy.ts'
import { usersEndpoints } from '../../shared/endpoints/client/users.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { appserviceRoomDirectoryHandlers } from '../client/appservice_room_directory.ts'
import { directoryHandlers } from '../client/directory.ts'
import { listPublicRoomsHandlers } from '../client/list_public_rooms.ts'
import { mutualRoomsHandlers } from '../client/mutual_rooms.ts'
import { makeRequestLimit } from '../client/request-limit.ts'
import { roomSummaryHandlers } from '../client/room_summary.ts'
import { spaceHierarchyHandlers } from '../client/space_hierarchy.ts'
import { usersHandlers } from '../client/users.ts'
import type { WorkerConfig } from '../config/types.ts'
import { noReservedNames, type ReservedNames } from '../directory/appservices.ts'
import { makeAliasEditing } from '../directory/edit-aliases.ts'
import { makeHierarchy } from '../directory/hierarchy.ts'
import { followerMetrics } from '../directory/metrics.ts'
import { makeMutualRooms } from '../directory/mutual-rooms.ts'
import { makeRoomEntries } from '../directory/room-entries.ts'
import { makeRoomList } from '../directory/room-list.ts'
import { makeMayEditRoomList } from '../directory/room-list-access.ts'
import { makeRoomStats } from '../directory/room-stats.ts'
import { makeSummariseRoom } from '../directory/room-summary.ts'
import { compileRules } from '../directory/rules.ts'
import { makeSearchUsers } from '../directory/search-users.ts'
import type { StateFollower } from '../directory/state-follower.ts'
import { makeUserDirectory } from '../directory/user-directory.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeAliases } from '../rooms/aliases.ts'
import { makeCurrentEvents } from '../rooms/current-events.ts'
import type { EventStore } from '../rooms/event-store.ts'
import { beforeRefusing, type Memberships } from '../rooms/memberships.ts'
import type { NewRoomRules } from '../rooms/new-room-rules.ts'
import type { CheckReadingAccess } from '../rooms/reading-access.ts'
import type { Sender } from '../rooms/sender.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { Db } from '../storage/db.ts'
import { deleteExpiredSessions } from '../storage/pagination-sessions.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makeRateLimitOverrides } from '../users/rate-limit-overrides.ts'

export interface DirectoriesDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly events: EventStore
  readonly states: Pick<StateStore, 'currentEvent'>
  readonly memberships: Memberships
  readonly checkAccess: CheckReadingAccess
  readonly sender: Pick<Sender, 'send'>
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
  readonly reserved?: ReservedNames
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Directories {
  readonly operations: readonly Operation[]
  /** What aliases new rooms may have, and whether they may be published. */
  readonly newRooms: NewRoomRules
  readonly metrics: () => string
  readonly close: () => Promise<void>
}

/** Synapse's own limit on walking through spaces, which no setting changes. */
const HIERARCHY_LIMIT = { perSecond: 5, burstCount: 10 }
const SWEEP_MS = 30 * 60_000

/** To be made before the process is connected: it follows streams. */
export function makeDirectories(deps: DirectoriesDeps): Directories {
  const { config, db, streams, caches, events, states, memberships, isAdmin, onProblem, now } = deps
  const { serverName } = config
  const { reserved = noReservedNames } = deps
  const isEnabled = config.enableRoomListSearch
  const mayPublish = compileRules(config.roomListPublicationRules)
  const current = makeCurrentEvents({ state: states, events })
  const sure = { ...memberships, ...beforeRefusing(memberships) }
  const mayEditRoomList = makeMayEditRoomList({ current, memberships: sure, isAdmin })
  const aliases = makeAliases({ serverName, db })
  const editing = makeAliasEditing({
    serverName,
    db,
    memberships: sure,
    current,
    sender: deps.sender,
    reserved,
    isAdmin,
    mayCreate: compileRules(config.aliasCreationRules),
    mayEditRoomList,
    onlyMembers: config.requireMembershipForAliases,
  })
  const entries = makeRoomEntries({ db, events, memberships })
  const overrides = makeRateLimitOverrides({ db, caches })
  const limiter = (limit: { perSecond: number; burstCount: number }) =>
    makeRequestLimit(limit, overrides, () => performance.now())

  const runsBackgroundTasks = config.duties.backgroundTasks === config.instanceName
  const followers = new Map<string, StateFollower>()
  if (runsBackgroundTasks && config.stats.enabled)
    followers.set('stats', makeRoomStats({ db, streams, serverName, events, onProblem }))
  if (config.duties.userDirectory === config.instanceName)
    followers.set(
      'user_dir',
      makeUserDirectory({
        db,
        streams,
        caches,
        serverName,
        events,
        isAppserviceUser: reserved.isAppserviceUser,
        onProblem,
        now,
      }),
    )
  for (const follower of followers.values()) follower.start()
  const sweep = () =>
    deleteExpiredSessions(db, now()).catch((error: unknown) => onProblem('old pages of lists stay', error))
  const sweeping = runsBackgroundTasks ? setInterval(sweep, SWEEP_MS).unref() : undefined

  return {
    newRooms: {
      checkAlias: editing.checkForNewRoom,
      mayPublish: (userId, roomId, names) => mayPublish({ userId, roomId, aliases: names }),
    },
    operations: [
      ...operations(
        'client/directory',
        directoryEndpoints,
        directoryHandlers({
          db,
          serverName,
          aliases,
          editing,
          memberships,
          checkAccess: deps.checkAccess,
          isAdmin,
        }),
      ),
      ...operations(
        'client/list_public_rooms',
        listPublicRoomsEndpoints,
        listPublicRoomsHandlers({
          serverName,
          list: makeRoomList({ db, current, mayEditRoomList, mayPublish, isEnabled }),
          isEnabled,
          allowsAnybody: config.allowPublicRoomsWithoutAuth && !config.restrictPublicRoomsToLocalUsers,
        }),
      ),
      ...operations(
        'client/appservice_room_directory',
        appserviceRoomDirectoryEndpoints,
        appserviceRoomDirectoryHandlers({ db }),
      ),
      ...operations(
        'client/space_hierarchy',
        spaceHierarchyEndpoints,
        spaceHierarchyHandlers({ hierarchy: makeHierarchy({ db, entries, now }), limit: limiter(HIERARCHY_LIMIT) }),
      ),
      ...operations(
        'client/room_summary',
        roomSummaryEndpoints,
        roomSummaryHandlers({ aliases, summarise: makeSummariseRoom({ entries, memberships }) }),
      ),
      ...operations(
        'client/mutual_rooms',
        mutualRoomsEndpoints,
        mutualRoomsHandlers({ mutualRooms: makeMutualRooms({ db, memberships }) }),
      ),
      ...operations(
        'client/users',
        usersEndpoints,
        usersHandlers({
          search: makeSearchUsers({ db, serverName, settings: config.userDirectory }),
          isEnabled: config.userDirectory.enabled,
          limit: limiter(config.rcUserDirectory),
        }),
      ),
    ],
    metrics: () =>
      followerMetrics(serverName, new Map([...followers].map(([name, { position }]) => [name, position()]))),
    async close() {
      clearInterval(sweeping)
      await Promise.all([...followers.values()].map((follower) => follower.close()))
    },
  }
}
