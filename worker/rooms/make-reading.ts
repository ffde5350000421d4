/** What a process needs to let clients read rooms, in the order in which its parts need each other. */

import type { ServerName } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makeErasedUsers } from './erased-users.ts'
import { type EventPrinter, makeEventPrinter } from './event-printer.ts'
import type { EventStore } from './event-store.ts'
import { type IgnoredUsers, makeIgnoredUsers } from './ignored-users.ts'
import { beforeRefusing, type Memberships, makeMemberships } from './memberships.ts'
import { makeReadableState, type ReadableState } from './readable-state.ts'
import {
  type CheckReadingAccess,
  type IsWorldReadable,
  makeIsWorldReadable,
  makeReadingAccess,
} from './reading-access.ts'
import { makeAggregations } from './relations/aggregations.ts'
import { makeRelatedEvents } from './relations/related.ts'
import type { StateStore } from './state-store.ts'
import { makeTimeline, type Timeline } from './timeline.ts'
import { makeVisibility, type Visibility } from './visibility.ts'

export interface RoomReading {
  readonly memberships: Memberships
  readonly ignoredUsers: IgnoredUsers
  readonly visibility: Visibility
  readonly printer: EventPrinter
  readonly timeline: Timeline
  readonly checkAccess: CheckReadingAccess
  readonly isWorldReadable: IsWorldReadable
  readonly readableState: ReadableState
}

export interface RoomReadingDeps {
  readonly db: Queries
  readonly streams: LiveStreams
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly serverName: ServerName
  readonly events: EventStore
  readonly state: StateStore
}

/** To be made before the process is connected: it follows streams. */
export function makeRoomReading({ db, streams, caches, serverName, events, state }: RoomReadingDeps): RoomReading {
  const memberships = makeMemberships({ db, streams, caches, serverName })
  const ignoredUsers = makeIgnoredUsers({ db, streams, caches })
  const erasedUsers = makeErasedUsers({ db, caches })
  const visibility = makeVisibility({ db, events, state, memberships, ignoredUsers, erasedUsers })
  const timeline = makeTimeline({ db, events, streams })
  const related = makeRelatedEvents({ db, streams, events, serverName })
  const aggregations = makeAggregations({ related, events, visibility, ignoredUsers })
  const isWorldReadable = makeIsWorldReadable({ state, events })
  const checkAccess = makeReadingAccess({ memberships: beforeRefusing(memberships), isWorldReadable })
  return {
    memberships,
    ignoredUsers,
    visibility,
    printer: makeEventPrinter({ events, aggregations }),
    timeline,
    checkAccess,
    isWorldReadable,
    readableState: makeReadableState({ checkAccess, events, state, timeline, visibility }),
  }
}
