/** The parts of `rooms` that a process is made of, in the order in which they need each other. */

import type { ServerName } from '../../shared/matrix/ids.ts'
import type { SigningKey } from '../../shared/matrix/signing/ed25519.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Db } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { type FilledEventStore, makeEventStore } from './event-store.ts'
import { makeDeliver, persistHandlers } from './persist/deliver.ts'
import { makePersister } from './persist/persister.ts'
import type { PushEvaluator } from './push-actions.ts'
import { makeResolver, type Resolver } from './resolver.ts'
import { makeRoomVersions, type RoomVersions } from './room-versions.ts'
import type { ChainDeps } from './send/chain.ts'
import { makeSender, type Sender } from './sender.ts'
import { type FilledStateStore, makeStateStore } from './state-store.ts'

export interface RoomStores {
  readonly events: FilledEventStore
  readonly states: FilledStateStore
  readonly resolver: Resolver
  readonly versions: RoomVersions
}

/** What every process that reads rooms has. To be made before the process is connected: it follows streams. */
export function makeRoomStores({ db, streams }: { readonly db: Db; readonly streams: LiveStreams }): RoomStores {
  const events = makeEventStore({ db, streams })
  const states = makeStateStore({ db, streams })
  return { events, states, resolver: makeResolver({ db, events, states }), versions: makeRoomVersions(db) }
}

export interface RoomWritingDeps extends RoomStores, Pick<ChainDeps, 'prejoinState'> {
  readonly db: Db
  readonly streams: LiveStreams
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly client: Pick<ReplicationClient, 'call'>
  readonly push: PushEvaluator
  /** `enable_search`; absent: messages are found. */
  readonly isSearched?: boolean
  /** Of the request that is worked on, for other processes' logs. */
  readonly requestId?: () => string | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export interface RoomWriting {
  readonly sender: Sender
  /** Of a process that writes the stream `events`; none elsewhere. */
  readonly replicationHandlers: ReplicationHandlers
}

/** … and every process that sends, or is an event persister. */
export function makeRoomWriting(deps: RoomWritingDeps): RoomWriting {
  const { streams } = deps
  const persist = streams.writes('events') ? makePersister(deps) : undefined
  return {
    sender: makeSender({ ...deps, deliver: makeDeliver({ ...deps, persist }) }),
    replicationHandlers: persist === undefined ? {} : persistHandlers(persist, streams),
  }
}
