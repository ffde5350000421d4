/** The parts of `/sync`, in the order in which they need each other. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { type DeviceKeys, makeDeviceKeys } from './device-keys.ts'
import { type EventStream, makeEventStream } from './event-stream.ts'
import { type Filters, makeFilters } from './filters.ts'
import { makeLazyMembers } from './lazy-members.ts'
import { makeNotifier, type Notifier } from './notifier.ts'
import { makePresenceEvents, type PresenceEvents } from './presence-events.ts'
import type { RespondDeps } from './respond.ts'
import { makeSnapshots, type Snapshots } from './snapshots.ts'
import { makeSync, type Sync } from './sync.ts'

export interface SyncPartsDeps
  extends Omit<RespondDeps, 'db' | 'streams' | 'deviceKeys' | 'lazyMembers' | 'maxTimelineLimit' | 'clock'> {
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  /** `filter_timeline_limit`; -1: any number. */
  readonly filterTimelineLimit: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Rooms that a user of any server is joined to: whom changes of their devices concern. */
  readonly roomsOf: (userId: UserId) => Promise<readonly RoomId[]>
}

export interface SyncParts {
  readonly sync: Sync
  readonly filters: Filters
  readonly notifier: Notifier
  /** What clients of before `/sync` ask for. */
  readonly snapshots: Snapshots
  readonly eventStream: EventStream
  readonly presenceEvents: PresenceEvents
  /** What sliding sync stands on too. */
  readonly deviceKeys: DeviceKeys
}

/** To be made before the process is connected: it follows streams. */
export function makeSyncParts(deps: SyncPartsDeps): SyncParts {
  const { db, streams, caches, memberships, filterTimelineLimit, now } = deps
  const maxTimelineLimit = filterTimelineLimit < 0 ? Number.POSITIVE_INFINITY : filterTimelineLimit
  const notifier = makeNotifier({ streams, memberships, roomsOf: deps.roomsOf })
  deps.presence.online.onChange((...change) => notifier.touch('presence', ...change))
  const deviceKeys = makeDeviceKeys({ db, caches })
  const sync = makeSync({
    ...deps,
    notifier,
    deviceKeys,
    lazyMembers: makeLazyMembers(),
    maxTimelineLimit,
    clock: now,
  })
  const presenceEvents = makePresenceEvents({ presence: deps.presence, memberships, clock: now })
  return {
    presenceEvents,
    sync,
    filters: makeFilters({ db, maxTimelineLimit }),
    notifier,
    deviceKeys,
    snapshots: makeSnapshots({ ...deps, clock: now }),
    eventStream: makeEventStream({ ...deps, notifier, presenceEvents, clock: now }),
  }
}
