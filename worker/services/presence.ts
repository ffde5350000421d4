/** Who is online, put together. */

import { presenceEndpoints } from '../../shared/endpoints/client/presence.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { presenceHandlers } from '../client/presence.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, operations } from '../http/handlers.ts'
import { makeRateLimiter } from '../http/rate-limit.ts'
import type { Requester } from '../http/requester.ts'
import { makeOnline } from '../presence/online.ts'
import { type Presence, type PresenceState, presenceOf } from '../presence/presence.ts'
import { makePresenceReporter } from '../presence/reporter.ts'
import type { PresenceTimes } from '../presence/state.ts'
import { makePresenceWriter } from '../presence/writer.ts'
import type { Command, CommandName } from '../replication/commands.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { ReplicationHandlers } from '../replication/http-server.ts'
import type { OwnUpdates } from '../replication/stream-updates.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Db } from '../storage/db.ts'
import type { StreamName } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import type { PresenceSectionDeps } from '../sync/presence.ts'

export interface PresenceDeps {
  readonly config: Pick<WorkerConfig, 'serverName' | 'presence' | 'excludeRoomsFromPresence' | 'rcPresence'>
  readonly db: Db
  readonly streams: LiveStreams
  readonly client: Pick<ReplicationClient, 'call'>
  readonly send: (command: Command) => boolean
  readonly memberships: Pick<Memberships, 'joined'>
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface PresenceServices {
  readonly presence: Presence
  /** For `/sync`. */
  readonly section: PresenceSectionDeps
  /** A sync of that device begins, which says what the device is; the function that is returned is to be called when it ends. */
  readonly syncing: (requester: Requester, state: PresenceState) => () => void
  /** The same operations; of those that show that somebody is there it is noted. */
  readonly observed: (operations: readonly Operation[]) => readonly Operation[]
  readonly operations: readonly Operation[]
  readonly replicationHandlers: ReplicationHandlers
  readonly ownUpdates: ReadonlyMap<StreamName, OwnUpdates>
  readonly commands: readonly CommandName[]
  readonly onCommand: (command: Command) => void
  readonly onConnected: () => void
  readonly close: () => Promise<void>
}

/** What users do that shows that they are there, beside sending messages. */
const ACTIVITIES: ReadonlySet<string> = new Set(['setTyping', 'postReceipt', 'setReadMarker'])
const SENDING: ReadonlySet<string> = new Set(['sendMessage', 'sendMessageWithoutTxn'])

type Acting = Operation & {
  readonly handle: (request: {
    readonly requester: Requester
    readonly params: Readonly<Record<string, string>>
  }) => ReturnType<Operation['handle']>
}

/** To be made before the process is connected: it follows streams. */
export function makePresenceServices(deps: PresenceDeps): PresenceServices {
  const { config, db, streams, client, send, memberships, onProblem, now } = deps
  const { presence: settings } = config
  const times: PresenceTimes = settings
  const excludedRooms = config.excludeRoomsFromPresence as readonly RoomId[]
  const suffix = `:${config.serverName}`
  const writer = streams.writes('presence')
    ? makePresenceWriter({
        db,
        streams,
        isLocal: (userId) => userId.endsWith(suffix),
        times,
        isEnabled: settings.enabled,
        onProblem,
        now,
      })
    : undefined
  const reporter = makePresenceReporter({
    streams,
    writer,
    client,
    send,
    times,
    isTracked: settings.tracked,
    onProblem,
    now,
  })
  const online = makeOnline({
    db,
    streams,
    times,
    excludedRooms: new Set(excludedRooms),
    isEnabled: settings.enabled,
    onProblem,
  })
  const presence = presenceOf(online, reporter)
  const limiter = () => makeRateLimiter(config.rcPresence.perUser, () => performance.now())
  const syncLimit = limiter()

  const observe = (operation: Operation): Operation => {
    const { name, handle } = operation as Acting
    const isSending = SENDING.has(name)
    if (!settings.tracked || (!isSending && !ACTIVITIES.has(name))) return operation
    const observed: Acting = {
      ...operation,
      async handle(request) {
        const answer = await handle(request)
        const { requester, params } = request
        if (!isSending || params.eventType === 'm.room.message') reporter.active(requester.userId, requester.deviceId)
        return answer
      },
    }
    return observed
  }

  return {
    presence,
    section: {
      online,
      memberships,
      settings: { isEnabled: settings.enabled, includeOffline: settings.includeOfflineUsersOnSync, times },
    },
    syncing(requester, state) {
      if (state === 'offline' || !settings.tracked) return nothing
      const isHeard = syncLimit.take(requester.userId) === 0
      return reporter.syncing(requester.userId, requester.deviceId, isHeard ? state : undefined)
    },
    observed: (all) => all.map(observe),
    operations: operations(
      'client/presence',
      presenceEndpoints,
      presenceHandlers({
        db,
        presence: { set: presence.set, of: online.of },
        isEnabled: settings.enabled,
        isTracked: settings.tracked,
        times,
        excludedRooms,
        limit: limiter(),
        now,
      }),
    ),
    replicationHandlers:
      writer === undefined
        ? {}
        : {
            async presence_set_state({ args, body }) {
              const { presence: state, status_msg: statusMsg } = body.state as {
                readonly presence: PresenceState
                readonly status_msg?: string
              }
              if (settings.tracked)
                await writer.set(args.user_id as UserId, deviceIn(body), state, {
                  statusMsg: statusMsg ?? null,
                  isSync: body.is_sync === true,
                  forceNotify: body.force_notify === true,
                })
              return {}
            },
            async bump_presence_active_time({ args, body }) {
              if (settings.tracked) await writer.active(args.user_id as UserId, deviceIn(body))
              return {}
            },
          },
    ownUpdates: new Map(writer === undefined ? [] : [['presence', writer.updates]]),
    commands: writer === undefined || !settings.tracked ? [] : ['USER_SYNC', 'CLEAR_USER_SYNC'],
    onCommand(command) {
      if (command.name === 'USER_SYNC') {
        const { instanceId, userId, deviceId, isSyncing, lastSyncMs } = command
        writer?.userSync(instanceId, userId as UserId, deviceId ?? undefined, isSyncing, lastSyncMs)
      } else if (command.name === 'CLEAR_USER_SYNC') writer?.clear(command.instanceId)
    },
    onConnected: reporter.connected,
    async close() {
      reporter.close()
      await writer?.close()
    },
  }
}

const deviceIn = ({ device_id: deviceId }: Readonly<Record<string, unknown>>): string | undefined =>
  typeof deviceId === 'string' ? deviceId : undefined

const nothing = () => undefined
