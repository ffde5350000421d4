/** What becomes of rooms: replaced, reported, … Put together. */

import { roomUpgradesEndpoints } from '../../shared/endpoints/client/room_upgrades.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { roomUpgradesHandlers } from '../client/room_upgrades.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Sender } from '../rooms/sender.ts'
import { annoyingPause } from '../rooms/shadow-ban.ts'
import { makeUpgradeRoom, type UpgradeRoomDeps } from '../rooms/upgrade/upgrade-room.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import type { RoomRequests } from './room-writing.ts'

export interface RoomLifecycleDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly sender: Sender
  readonly events: EventStore
  readonly memberships: Memberships
  readonly requests: RoomRequests
  readonly carryOver: UpgradeRoomDeps['carryOver']
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface RoomLifecycle {
  readonly operations: readonly Operation[]
}

export function makeRoomLifecycle(deps: RoomLifecycleDeps): RoomLifecycle {
  const { config, requests } = deps
  const upgradeRoom = makeUpgradeRoom({
    ...deps,
    serverName: config.serverName,
    settings: {
      ...config,
      defaultPowerLevelContentOverride: config.defaultPowerLevelContentOverride as JsonObject | undefined,
    },
    aliases: requests.aliases,
    profiles: requests.profiles,
    limits: requests.limits,
    pause: annoyingPause,
  })
  return {
    operations: [...operations('client/room_upgrades', roomUpgradesEndpoints, roomUpgradesHandlers({ upgradeRoom }))],
  }
}
