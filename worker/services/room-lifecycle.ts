/** What becomes of rooms: replaced, reported, … Put together. */

import { delayedEventsEndpoints } from '../../shared/endpoints/client/delayed_events.ts'
import { reportContentEndpoints } from '../../shared/endpoints/client/report_content.ts'
import { roomUpgradesEndpoints } from '../../shared/endpoints/client/room_upgrades.ts'
import { rtcTransportsEndpoints } from '../../shared/endpoints/client/rtc_transports.ts'
import { thirdPartyLookupEndpoints } from '../../shared/endpoints/client/third_party_lookup.ts'
import { voipEndpoints } from '../../shared/endpoints/client/voip.ts'
import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MASTER } from '../../shared/synapse-config/processes.ts'
import { delayedEventsHandlers } from '../client/delayed_events.ts'
import { reportContentHandlers } from '../client/report_content.ts'
import { roomUpgradesHandlers } from '../client/room_upgrades.ts'
import { rtcTransportsHandlers } from '../client/rtc_transports.ts'
import { thirdPartyLookupHandlers } from '../client/third_party_lookup.ts'
import { voipHandlers } from '../client/voip.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import { type AutoJoin, makeAutoJoin } from '../rooms/auto-join.ts'
import { startDelayedEventClock } from '../rooms/delayed-events/clock.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Sender } from '../rooms/sender.ts'
import { annoyingPause } from '../rooms/shadow-ban.ts'
import { makeUpgradeRoom, type UpgradeRoomDeps } from '../rooms/upgrade/upgrade-room.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Db } from '../storage/db.ts'
import { countPeople } from '../storage/users.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import type { RoomRequests } from './room-writing.ts'

export interface RoomLifecycleDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: CacheInvalidation
  readonly client: Pick<ReplicationClient, 'call'>
  readonly sender: Sender
  readonly events: EventStore
  readonly memberships: Memberships
  readonly visibility: Visibility
  readonly requests: RoomRequests
  readonly carryOver: UpgradeRoomDeps['carryOver']
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface RoomLifecycle {
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
  /** There is one more delayed event. */
  readonly delayed: (sendTs: number) => void
  /** Nothing of the user's is sent later any more. */
  readonly cancelDelayed: (userId: UserId) => Promise<void>
  readonly registered: AutoJoin
  readonly close: () => Promise<void>
}

export function makeRoomLifecycle(deps: RoomLifecycleDeps): RoomLifecycle {
  const { config, requests, client, onProblem } = deps
  const features = config.experimentalFeatures
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
  const clock = config.isMain
    ? startDelayedEventClock({ ...deps, ...requests, serverName: config.serverName })
    : undefined
  const autoJoin = makeAutoJoin({
    ...requests,
    ...requests.byServer,
    serverName: config.serverName,
    settings: config,
    isFirst: async () => (await countPeople(deps.db, 2)) === 1,
    onProblem,
  })
  return {
    delayed(sendTs) {
      if (clock !== undefined) return clock.added(sendTs)
      // Main looks once in a minute besides: nobody waits for it.
      client
        .call('added_delayed_event', { instance: MASTER, body: { next_send_ts: sendTs } })
        .catch((error: unknown) => onProblem('main does not know of a delayed event', error))
    },
    replicationHandlers:
      clock === undefined
        ? {}
        : {
            added_delayed_event({ body }) {
              clock.added(Number(body.next_send_ts))
              return {}
            },
            async cancel_delayed_events_for_user({ args }) {
              await clock.cancelAllOf(args.user_localpart!)
              return {}
            },
          },
    async cancelDelayed(userId) {
      const localpart = localpartOf(userId)
      if (clock !== undefined) await clock.cancelAllOf(localpart)
      else
        await client.call('cancel_delayed_events_for_user', {
          instance: MASTER,
          args: { user_localpart: localpart },
          body: {},
        })
    },
    registered: autoJoin,
    close: async () => clock?.close(),
    operations: [
      ...operations('client/room_upgrades', roomUpgradesEndpoints, roomUpgradesHandlers({ upgradeRoom })),
      ...operations(
        'client/report_content',
        reportContentEndpoints,
        reportContentHandlers({ ...deps, limits: requests.limits, hidesWhatIsThere: features.msc4277Enabled }),
      ),
      ...operations(
        'client/delayed_events',
        delayedEventsEndpoints,
        delayedEventsHandlers({ ...deps, clock, limits: requests.limits }),
      ),
      ...operations('client/third_party_lookup', thirdPartyLookupEndpoints, thirdPartyLookupHandlers()),
      ...operations('client/voip', voipEndpoints, voipHandlers({ settings: config, now: deps.now })),
      ...(features.msc4143Enabled
        ? operations(
            'client/rtc_transports',
            rtcTransportsEndpoints,
            rtcTransportsHandlers(config.matrixRtc.transports),
          )
        : []),
    ],
  }
}
