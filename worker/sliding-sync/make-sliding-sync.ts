/** The parts of sliding sync, in the order in which they need each other. */

import type { Memberships } from '../rooms/memberships.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { Db } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeActivities } from './activity.ts'
import { makeConnections } from './connections.ts'
import { makeOwnRooms } from './own-rooms.ts'
import { makeRoomFacts } from './room-facts.ts'
import { makeSlidingSync, type SlidingSync, type SlidingSyncDeps } from './sliding-sync.ts'

export interface SlidingSyncPartsDeps
  extends Omit<
    SlidingSyncDeps,
    'db' | 'streams' | 'states' | 'activities' | 'roomFacts' | 'ownRooms' | 'connections' | 'clock'
  > {
  readonly db: Db
  readonly streams: LiveStreams
  readonly states: Pick<StateStore, 'current' | 'ofGroups' | 'some'>
  readonly memberships: Pick<Memberships, 'ofUser'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** To be made before the process is connected: it follows streams. */
export function makeSlidingSyncParts(deps: SlidingSyncPartsDeps): SlidingSync {
  const { db, streams, now } = deps
  return makeSlidingSync({
    ...deps,
    activities: makeActivities(db, streams),
    roomFacts: makeRoomFacts(deps),
    ownRooms: makeOwnRooms(db, streams),
    connections: makeConnections({ db, instances: streams.instances, now }),
    clock: now,
  })
}
