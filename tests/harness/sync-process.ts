/**
 * A process that answers `/sync`, beside others that send and persist, in this one, on one Postgres.
 *
 *     const { senders, syncs } = await startSyncProcesses(t, db)
 */

import { defaultFilter, readFilter } from '../../shared/matrix/filter/filter.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { makeDeviceLists, makeRoomsOf } from '../../worker/devices/device-lists.ts'
import { makeOnline } from '../../worker/presence/online.ts'
import { makeUnreadCounts } from '../../worker/push/unread-counts.ts'
import type { ReplicationClient } from '../../worker/replication/http-client.ts'
import { makeRoomReading, type RoomReading } from '../../worker/rooms/make-reading.ts'
import type { Db } from '../../worker/storage/db.ts'
import { parseStreamToken } from '../../worker/streams/tokens.ts'
import { makeSyncParts, type SyncParts } from '../../worker/sync/make-sync.ts'
import { followRecent } from '../../worker/sync/recent.ts'
import type { SyncWait } from '../../worker/sync/sync.ts'
import { type LiveInbox, makeInbox } from '../../worker/to-device/inbox.ts'
import { deviceChangesOf } from './device-changes.ts'
import { type RoomProcess, type RoomProcessesOptions, serverName, startRoomProcesses } from './room-process.ts'

interface Parts extends SyncParts {
  readonly inbox: LiveInbox
  readonly reading: RoomReading
}

export interface SyncProcess extends RoomProcess, Parts {
  /** As a client asks: the answer, parsed. */
  readonly ask: (userId: UserId, more?: Asked) => Promise<Answer>
}

export interface Asked extends Partial<SyncWait> {
  readonly since?: string
  readonly filter?: JsonObject
  readonly fullState?: boolean
  readonly useStateAfter?: boolean
  readonly deviceId?: string
}

export interface ClientEvent {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
  readonly sender: string
  readonly content: JsonObject
  readonly unsigned: JsonObject
}
interface Events<Event = ClientEvent> {
  readonly events: readonly Event[]
}
export interface AnswerRoom {
  readonly timeline: Events & { readonly limited: boolean; readonly prev_batch: string }
  readonly state: Events
  readonly state_after?: Events
  readonly account_data: Events<{ readonly type: string; readonly content: JsonObject }>
  readonly ephemeral: Events<{ readonly type: string; readonly content: JsonObject }>
  readonly unread_notifications: { readonly notification_count: number; readonly highlight_count: number }
  readonly summary: JsonObject
}
export interface Answer {
  readonly next_batch: string
  readonly account_data?: Events<{ readonly type: string; readonly content: JsonObject }>
  readonly presence?: Events<{ readonly type: string; readonly sender: UserId; readonly content: JsonObject }>
  readonly device_lists?: { readonly changed?: readonly UserId[]; readonly left?: readonly UserId[] }
  readonly to_device?: Events<{ readonly type: string; readonly sender: string; readonly content: JsonObject }>
  readonly device_one_time_keys_count: JsonObject
  readonly device_unused_fallback_key_types: readonly string[]
  readonly rooms?: {
    readonly join?: Readonly<Record<RoomId, AnswerRoom>>
    readonly invite?: Readonly<Record<RoomId, { readonly invite_state: Events }>>
    readonly knock?: Readonly<Record<RoomId, { readonly knock_state: Events }>>
    readonly leave?: Readonly<Record<RoomId, AnswerRoom>>
  }
}

export interface SyncProcessesOptions extends Omit<RoomProcessesOptions, 'onMade'> {
  /** Rows of streams that are kept in memory, by the process' name. */
  readonly recentRows?: (name: string) => number | undefined
  /** `exclude_rooms_from_sync`; may be filled later. */
  readonly excludedRooms?: ReadonlySet<RoomId>
}

export async function startSyncProcesses(
  t: { after(fn: () => Promise<void>): void },
  db: Db,
  options: SyncProcessesOptions = {},
): Promise<readonly SyncProcess[]> {
  const parts = new Map<string, Parts>()
  const { recentRows = () => undefined, dbOf = () => db } = options
  const processes = await startRoomProcesses(t, db, {
    ...options,
    onMade(process) {
      const rows = recentRows(process.name)
      const more = {
        call: callOf(process.name, parts),
        ...(options.excludedRooms && { excludedRooms: options.excludedRooms }),
        ...(rows !== undefined && { recentRows: rows }),
      }
      parts.set(process.name, makeParts(process, dbOf(process.name), more))
    },
  })
  return processes.map((process) => ({ ...process, ...parts.get(process.name)!, ask: asking(process, parts) }))
}

function makeParts(
  { streams, events, states }: RoomProcess,
  db: Db,
  {
    call,
    excludedRooms = new Set(),
    ...options
  }: {
    readonly excludedRooms?: ReadonlySet<RoomId>
    readonly call: ReplicationClient['call']
    readonly recentRows?: number
  },
): Parts {
  const { caches } = streams
  const recent = followRecent(streams, options.recentRows)
  const changes = deviceChangesOf(db, streams)
  const reading = makeRoomReading({ db, streams, caches, serverName, events, state: states })
  const { memberships, ignoredUsers, visibility, printer } = reading
  const inbox = makeInbox({ ...options, db, streams, client: { call }, serverName, now: Date.now })
  const online = makeOnline({
    ...options,
    db,
    streams,
    times: presenceTimes,
    excludedRooms: new Set(),
    isEnabled: true,
    onProblem,
  })
  const sync = makeSyncParts({
    recent,
    deviceLists: makeDeviceLists({ db, memberships, changes, recent, serverName }),
    roomsOf: makeRoomsOf({ db, memberships, serverName }),
    db,
    streams,
    caches,
    events,
    states,
    memberships,
    ignoredUsers,
    excludedRooms,
    visibility,
    printer,
    typing: { inRoom: () => [], changedAt: () => 0 },
    unreadCounts: makeUnreadCounts({ db, streams }),
    inbox,
    presence: { online, memberships, settings: { isEnabled: true, includeOffline: false, times: presenceTimes } },
    pushRules: async () => ({ global: {} }),
    filterTimelineLimit: 1_000,
    now: Date.now,
  })
  return { ...sync, inbox, reading }
}

/** A question to another of these processes, as JSON. */
const callOf =
  (from: string, parts: ReadonlyMap<string, Parts>): ReplicationClient['call'] =>
  async (endpoint, { instance, body = {} }) => {
    const handler = parts.get(instance)?.inbox.replicationHandlers[endpoint]
    if (handler === undefined) throw new Error(`${from} asks ${instance} for ${endpoint}`)
    const copy = JSON.parse(JSON.stringify(body)) as Record<string, unknown>
    return handler({ args: {}, body: copy, query: new URLSearchParams(), requestId: undefined })
  }

const asking =
  (process: RoomProcess, parts: ReadonlyMap<string, Parts>): SyncProcess['ask'] =>
  async (userId, { since, filter, fullState = false, useStateAfter = false, deviceId = 'PHONE', ...wait } = {}) => {
    const read = filter === undefined ? undefined : readFilter(filter)
    if (read?.ok === false) throw new Error(read.reason)
    const token = since === undefined ? undefined : await process.streams.instances.parse(parseStreamToken, since)
    if (token?.ok === false) throw new Error(token.reason)
    const request = {
      userId,
      deviceId,
      filter: read?.value ?? defaultFilter,
      since: token?.value,
      fullState,
      useStateAfter,
    }
    const text = await parts.get(process.name)!.sync(request, { timeoutMs: 0, ...wait })
    return JSON.parse(text) as Answer
  }

export const presenceTimes = { lastActiveGranularityMs: 60_000, syncOnlineTimeoutMs: 30_000, idleTimeoutMs: 300_000 }

const onProblem = (problem: string, error: unknown) => {
  throw new Error(problem, { cause: error })
}
