/** Everything that a process does for others, made from what it is given: pure wiring. */

import type { Logger } from 'pino'
import { versionsEndpoints } from '../../shared/endpoints/client/versions.ts'
import { federationVersionEndpoints } from '../../shared/endpoints/federation/version.ts'
import { wellKnownEndpoints } from '../../shared/endpoints/well-known/wellknown.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { versionsHandlers } from '../client/versions.ts'
import type { WorkerConfig } from '../config/types.ts'
import { federationVersionHandlers } from '../federation/version.ts'
import type { FederationAuthDeps } from '../http/federation-auth.ts'
import { type Operation, operations } from '../http/handlers.ts'
import type { Requesters } from '../http/requester.ts'
import type { Mount } from '../http/server.ts'
import { makeTransactions } from '../http/transactions.ts'
import { currentRequest } from '../logging/request-context.ts'
import { makePushers } from '../push/pushers.ts'
import type { Command, CommandName } from '../replication/commands.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { Replication } from '../replication/replication.ts'
import type { OwnUpdates } from '../replication/stream-updates.ts'
import { makeRoomReading } from '../rooms/make-reading.ts'
import { makeRoomStores, makeRoomWriting } from '../rooms/make-rooms.ts'
import { prejoinStateOf } from '../rooms/prejoin-state.ts'
import type { Db } from '../storage/db.ts'
import type { StreamName } from '../streams/definitions.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { followRecent } from '../sync/recent.ts'
import { wellKnownHandlers } from '../well-known/wellknown.ts'
import { makeAccounts } from './accounts.ts'
import { makeDeactivating } from './deactivating.ts'
import { makeDevices } from './devices.ts'
import { makeDirectories } from './directories.ts'
import { encryptionOperations } from './encryption.ts'
import { startHousekeeping } from './housekeeping.ts'
import { makeMessages } from './messages.ts'
import { otherReadOperations } from './other-reads.ts'
import { makePresenceServices } from './presence.ts'
import { makeProfileServices } from './profiles.ts'
import { pusherOperations } from './pushers.ts'
import { relationOperations } from './relations.ts'
import { makeRoomLifecycle } from './room-lifecycle.ts'
import { roomReadingOperations } from './room-reading.ts'
import { makeRoomRequests } from './room-writing.ts'
import { searchOperations } from './searching.ts'
import { makeSlidingSyncing } from './sliding-sync.ts'
import { makeSyncing } from './syncing.ts'
import { makeThreads } from './threads.ts'
import { makeUserData } from './user-data.ts'

export interface ServicesDeps {
  readonly config: WorkerConfig
  /** Of this program: `0.1.0`. */
  readonly version: string
  readonly db: Db
  readonly streams: LiveStreams
  readonly caches: CacheInvalidation
  /** Asks other processes. */
  readonly client: ReplicationClient
  /** Says something on the bus; false while there is none. To be called when the process is connected, not before. */
  readonly send: Replication['send']
  /** Of a part, by the name of Synapse's logger: `synapse.storage`. */
  readonly logger: (name: string) => Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Services {
  readonly requesters: Requesters
  /** Without it no endpoint of federation is served that needs a signature. */
  readonly federation?: FederationAuthDeps
  /** All that there are: this process serves those that its role allows. */
  readonly operations: readonly Operation[]
  readonly mounts: readonly Mount[]
  /** What other processes may ask of this one. */
  readonly replicationHandlers: ReplicationHandlers
  /** Of streams that this process alone knows: what it wrote. */
  readonly ownUpdates: ReadonlyMap<StreamName, OwnUpdates>
  /** Commands of the bus that are no streams. */
  readonly commands: readonly CommandName[]
  readonly onCommand: (command: Command) => void
  /** The bus is there (again): what was said but once is to be said again. */
  readonly onConnected: () => void
  /** In Prometheus' text format, each. */
  readonly metrics: readonly (() => string)[]
  /** In the order in which they were made; called in reverse, when no request runs any more; the bus is there still. */
  readonly stops: readonly (() => void | Promise<void>)[]
}

export function makeServices(deps: ServicesDeps): Services {
  const { config, version, db, streams, caches, client, now } = deps
  const onProblem = problemsOf(deps.logger('synapse'))

  const rooms = makeRoomStores({ db, streams })
  const { events, states } = rooms
  const reading = makeRoomReading({ db, streams, caches, serverName: config.serverName, events, state: states })
  const { memberships, ignoredUsers, visibility } = reading
  const recent = followRecent(streams)
  const devices = makeDevices({
    db,
    streams,
    caches,
    client,
    memberships,
    recent,
    serverName: config.serverName,
    now,
    onProblem,
  })
  const pushers = makePushers({ db, streams, caches, client, now })
  const accounts = makeAccounts({
    config,
    db,
    caches,
    devices: devices.changes,
    pushers,
    tell: deps.send,
    onRegistered: (userId, account) => lifecycle.registered(userId, account),
    onProblem,
  })
  const userData = makeUserData({
    config,
    db,
    streams,
    caches,
    client,
    events,
    memberships,
    visibility,
    onProblem,
    now,
  })
  const roomWriting = makeRoomWriting({
    ...rooms,
    db,
    streams,
    serverName: config.serverName,
    signingKey: config.signingKeys[0]!,
    client,
    push: userData.push,
    prejoinState: prejoinStateOf(config.roomPrejoinState),
    isSearched: config.enableSearch,
    requestId: () => currentRequest()?.requestId,
    now,
  })
  const transactions = makeTransactions(() => performance.now())
  const messages = makeMessages({ config, db, streams, caches, client, transactions, onProblem, now })
  const presence = makePresenceServices({
    config,
    db,
    streams,
    client,
    send: deps.send,
    memberships,
    onProblem,
    now,
  })
  const syncingDeps = {
    db,
    streams,
    caches,
    recent,
    deviceLists: devices.lists,
    roomsOf: devices.roomsOf,
    events,
    states,
    memberships,
    ignoredUsers,
    visibility,
    printer: reading.printer,
    typing: userData.typing,
    unreadCounts: userData.unreadCounts,
    inbox: messages.inbox,
    presence: presence.section,
    beginSync: presence.syncing,
    pushRules: async (userId: UserId) => ({ global: await userData.ruleset.of(userId) }),
    canRemove: config.experimentalFeatures.msc3391Enabled,
    filterTimelineLimit: config.filterTimelineLimit,
    excludedRooms: new Set(config.excludeRoomsFromSync as readonly RoomId[]),
    now,
  }
  const syncing = makeSyncing(syncingDeps)
  const threads = makeThreads({ config, db, streams, client, events, memberships, visibility })
  const slidingSyncing = makeSlidingSyncing({
    ...syncingDeps,
    notifier: syncing.notifier,
    deviceKeys: syncing.deviceKeys,
    config,
    threadChanges: threads.changes,
    onProblem,
  })

  const { requesters } = accounts
  const profiles = makeProfileServices({
    config,
    db,
    caches,
    memberships,
    sender: roomWriting.sender,
    appservices: accounts.appservices,
    onProblem,
  })
  const directories = makeDirectories({
    reserved: accounts.appservices,
    config,
    db,
    streams,
    caches,
    events,
    states,
    memberships,
    checkAccess: reading.checkAccess,
    sender: roomWriting.sender,
    isAdmin: requesters.isAdmin,
    onProblem,
    now,
  })
  const roomRequests = makeRoomRequests({
    config,
    db,
    streams,
    caches,
    maxDelayedEvents: config.experimentalFeatures.msc4140MaxDelayedEventsPerUser,
    onDelayed: (sendTs) => lifecycle.delayed(sendTs),
    sender: roomWriting.sender,
    state: states,
    events,
    memberships,
    isAdmin: requesters.isAdmin,
    transactions,
    newRooms: directories.newRooms,
    onProblem,
    mustHaveAgreed: config.userConsent?.blockEventsError === undefined ? undefined : accounts.consent.mustHaveAgreed,
  })
  const deactivating = makeDeactivating({
    config,
    db,
    caches,
    sessions: accounts.sessions,
    confirmUser: accounts.confirmUser,
    memberships,
    changeMembership: roomRequests.byServer.changeMembership,
    cancelDelayedEvents: (userId) => lifecycle.cancelDelayed(userId),
    onProblem,
  })
  const housekeeping = startHousekeeping({ config, db, events, sessions: accounts.sessions, onProblem, now })
  const lifecycle = makeRoomLifecycle({
    config,
    db,
    caches,
    sender: roomWriting.sender,
    events,
    memberships,
    requests: roomRequests,
    carryOver: userData.carryOver,
    streams,
    client,
    visibility,
    onProblem,
    now,
  })

  return {
    requesters,
    operations: presence.observed([
      ...operations(
        'client/versions',
        versionsEndpoints,
        versionsHandlers({ unstableFeatures: unstableFeaturesOf(config) }),
      ),
      ...operations('federation/version', federationVersionEndpoints, federationVersionHandlers({ version })),
      ...operations(
        'well-known/wellknown',
        wellKnownEndpoints,
        wellKnownHandlers({
          serverName: config.serverName,
          publicBaseUrl: config.servesClientWellKnown ? config.publicBaseUrl : undefined,
          identityServer: config.defaultIdentityServer,
          extraClientContent: config.extraWellKnownClientContent as JsonObject,
          serveServer: config.serveServerWellknown,
        }),
      ),
      ...accounts.operations,
      ...encryptionOperations({
        config,
        db,
        streams,
        caches,
        devices,
        inbox: messages.inbox,
        confirmUser: accounts.confirmUser,
        now,
      }),
      ...deactivating.operations,
      ...profiles.operations,
      ...roomReadingOperations({ db, streams, events, state: states, ...reading }),
      ...relationOperations({ db, streams, events, ...reading }),
      ...otherReadOperations({
        db,
        streams,
        events,
        ...reading,
        snapshots: syncing.snapshots,
        eventStream: syncing.eventStream,
        presenceEvents: syncing.presenceEvents,
        beginSync: presence.syncing,
      }),
      ...searchOperations({ isEnabled: config.enableSearch, db, streams, events, state: states, ...reading }),
      ...userData.operations,
      ...messages.operations,
      ...roomRequests.operations,
      ...directories.operations,
      ...lifecycle.operations,
      ...syncing.operations,
      ...slidingSyncing.operations,
      ...threads.operations,
      ...pusherOperations({ config, db, pushers }),
      ...presence.operations,
    ]),
    mounts: [],
    replicationHandlers: {
      ...roomWriting.replicationHandlers,
      ...userData.replicationHandlers,
      ...threads.replicationHandlers,
      ...pushers.replicationHandlers,
      ...messages.replicationHandlers,
      ...presence.replicationHandlers,
      ...profiles.replicationHandlers,
      ...lifecycle.replicationHandlers,
      ...devices.replicationHandlers,
    },
    ownUpdates: new Map([...userData.ownUpdates, ...presence.ownUpdates]),
    commands: [...accounts.commands, ...presence.commands],
    onCommand(command) {
      accounts.onCommand(command)
      presence.onCommand(command)
    },
    onConnected: presence.onConnected,
    metrics: [syncing.metrics, directories.metrics],
    stops: [
      housekeeping.close,
      slidingSyncing.close,
      lifecycle.close,
      directories.close,
      accounts.close,
      deactivating.close,
      profiles.close,
      userData.close,
      messages.close,
      presence.close,
    ],
  }
}

/** Under Synapse's names. */
const unstableFeaturesOf = ({ experimentalFeatures: features }: WorkerConfig): Readonly<Record<string, boolean>> => ({
  'org.matrix.simplified_msc3575': features.msc3575Enabled,
  'org.matrix.msc3881': features.msc3881Enabled,
  'org.matrix.msc3391': features.msc3391Enabled,
  'org.matrix.msc4306': features.msc4306Enabled,
})

const problemsOf = (log: Logger) => (problem: string, error?: unknown) =>
  log.warn(error === undefined ? {} : { err: error }, problem)
