/** Devices: that they changed, and who is to be told. */

import type { RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import { type DeviceChanges, makeDeviceChanges } from '../devices/device-changes.ts'
import { type DeviceLists, type DeviceListsDeps, makeDeviceLists, makeRoomsOf } from '../devices/device-lists.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'

export interface DevicesDeps {
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: CacheInvalidation
  readonly client: Pick<ReplicationClient, 'call'>
  readonly memberships: Memberships
  readonly recent: DeviceListsDeps['recent']
  readonly serverName: ServerName
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onProblem: (problem: string, error: unknown) => void
}

export interface Devices {
  readonly changes: DeviceChanges
  readonly lists: DeviceLists
  /** Rooms that a user of any server is joined to. */
  readonly roomsOf: (userId: UserId) => Promise<readonly RoomId[]>
  readonly replicationHandlers: ReplicationHandlers
}

export function makeDevices(deps: DevicesDeps): Devices {
  const { db, streams, memberships, recent, serverName } = deps
  const changes = makeDeviceChanges(deps)
  return {
    changes,
    lists: makeDeviceLists({ db, memberships, changes, recent, serverName }),
    roomsOf: makeRoomsOf({ db, memberships, serverName }),
    replicationHandlers: streams.writes('device_lists') ? changes.replicationHandlers : {},
  }
}
