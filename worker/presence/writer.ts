/**
 * The writer of the stream `presence`: it alone knows what the users' devices do, in its memory, and tells what follows from that.
 * What nobody sees (when somebody was active last, to the second) is in the table some minutes later, or when the process ends.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { OwnUpdates } from '../replication/stream-updates.ts'
import type { Db } from '../storage/db.ts'
import {
  type PresenceRow,
  replacePresence,
  selectPresenceAfter,
  selectPresenceOf,
  selectPresent,
} from '../storage/presence.ts'
import { streams as definitions } from '../streams/definitions.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import { makeLooks } from './looks.ts'
import type { PresenceState } from './presence.ts'
import {
  agedDevice,
  agedRemote,
  BUSY,
  combined,
  type DeviceState,
  isNews,
  newDevice,
  nextLook,
  nextLookAtRemote,
  offline,
  type PresenceTimes,
  type UserState,
  withActivity,
} from './state.ts'

export interface PresenceWriter {
  /** `isSync`: said with a sync, which neither ends being busy nor takes the status message away. */
  readonly set: (
    userId: UserId,
    deviceId: string | undefined,
    state: PresenceState,
    options: { readonly statusMsg?: string | null; readonly isSync: boolean; readonly forceNotify?: boolean },
  ) => Promise<void>
  /** The user did something. */
  readonly active: (userId: UserId, deviceId: string | undefined) => Promise<void>
  /** The first sync of the device in a process began, or the last ended, at `atMs`. */
  readonly userSync: (
    processId: string,
    userId: UserId,
    deviceId: string | undefined,
    isSyncing: boolean,
    atMs: number,
  ) => void
  /** The process has ended. */
  readonly clear: (processId: string) => void
  /** What others missed. */
  readonly updates: OwnUpdates
  /** Writes what is not written yet. */
  readonly close: () => Promise<void>
}

export interface PresenceWriterDeps {
  readonly db: Db
  readonly streams: Pick<LiveStreams, 'instance' | 'write'>
  readonly isLocal: (userId: UserId) => boolean
  readonly times: PresenceTimes
  /** False: whoever the table has online is not any more. */
  readonly isEnabled: boolean
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly resolutionMs?: number
  /** How long clients have to come back, after the process started, before they count as gone. */
  readonly graceMs?: number
  readonly flushMs?: number
  readonly retryMs?: number
}

const RESOLUTION_MS = 5_000
const GRACE_MS = 30_000
const FLUSH_MS = 5 * 60_000
/** After Postgres could not be reached. */
const RETRY_MS = 2_000
/** A process says every two minutes that it is there. */
const PROCESS_EXPIRY_MS = 5 * 60_000
const PROCESS_CHECK_MS = 60_000
const BATCH = 500
const CATCH_UP = 1_000

/** A device without a name, and what the table says of a user before their devices have said anything. */
const NO_DEVICE = ''

export function makePresenceWriter(deps: PresenceWriterDeps): PresenceWriter {
  const { db, streams, isLocal, times, isEnabled, onProblem, now } = deps
  const { resolutionMs = RESOLUTION_MS, graceMs = GRACE_MS, flushMs = FLUSH_MS, retryMs = RETRY_MS } = deps
  const startedAt = now()
  /** Who is not offline; of the others, who changed just now. */
  const users = new Map<UserId, UserState>()
  const devicesOf = new Map<UserId, Map<string, DeviceState>>()
  /** By process: the devices that sync there, by user. */
  const processes = new Map<string, { heardAt: number; readonly syncs: Map<UserId, Set<string>> }>()
  /** Changed since it was written. */
  const dirty = new Set<UserId>()
  let flushing: NodeJS.Timeout | undefined
  let isClosed = false
  let checking: NodeJS.Timeout | undefined

  const devices = (userId: UserId): Map<string, DeviceState> => {
    const known = devicesOf.get(userId)
    if (known !== undefined) return known
    const made = new Map<string, DeviceState>()
    devicesOf.set(userId, made)
    return made
  }
  const isSyncing = (userId: UserId, device: string): boolean => {
    for (const { syncs } of processes.values()) if (syncs.get(userId)?.has(device)) return true
    return false
  }

  const schedule = (user: UserState) => {
    const at = isLocal(user.userId)
      ? nextLook(user, devicesOf.get(user.userId)?.values() ?? [], times)
      : nextLookAtRemote(user)
    looks.at(user.userId, Math.max(at, startedAt + graceMs))
  }

  /** What the user is from now on. Whether others are to be told: then it is to be written at once. */
  const put = (before: UserState, changed: UserState, mustTell = false): boolean => {
    const at = now()
    const after = isLocal(changed.userId) ? withActivity(changed, at, times) : changed
    const isTold = mustTell || isNews(before, after, times)
    const user = isTold ? { ...after, lastFederationUpdateTs: at } : after
    users.set(user.userId, user)
    if (user.state === 'offline') devicesOf.delete(user.userId)
    schedule(user)
    dirty.add(user.userId)
    flushing ??= setTimeout(flushLater, flushMs).unref()
    return isTold
  }

  const looks = makeLooks({
    now,
    resolutionMs,
    look(userIds) {
      const at = now()
      const told: UserId[] = []
      for (const userId of userIds) {
        const user = users.get(userId)
        if (user === undefined) continue
        const aged = isLocal(userId) ? agedUser(user, at) : agedRemote(user, at)
        if (put(user, aged)) told.push(userId)
      }
      if (told.length > 0) writeLater(told)
    },
  })

  const agedUser = (user: UserState, at: number): UserState => {
    const known = devices(user.userId)
    for (const [device, state] of known) {
      const aged = agedDevice(state, at, times)
      if (aged === undefined) known.delete(device)
      else known.set(device, aged)
    }
    return { ...user, state: combined(known.values()) }
  }

  // Writing: all that waits together, one after the other.

  const waiting = new Set<UserId>()
  let writing: Promise<void> | undefined
  /** Resolves when they are written, as they are then. */
  const write = (userIds: readonly UserId[]): Promise<void> => {
    for (const userId of userIds) waiting.add(userId)
    const turn = (writing ?? Promise.resolve()).catch(() => undefined).then(writeWaiting)
    writing = turn
    return turn
  }
  const writeWaiting = async () => {
    while (waiting.size > 0) {
      const some: UserState[] = []
      for (const userId of waiting) {
        waiting.delete(userId)
        const user = users.get(userId)
        if (user !== undefined && some.push(user) === BATCH) break
      }
      if (some.length === 0) return
      for (const { userId } of some) dirty.delete(userId)
      try {
        await store(some)
      } catch (error) {
        for (const { userId } of some) dirty.add(userId)
        // Others are to be told although nobody asks again: what changed is no news the second time.
        if (!isClosed) {
          clearTimeout(flushing)
          flushing = setTimeout(flushLater, retryMs).unref()
        }
        throw error
      }
      for (const user of some)
        if (user.state === 'offline' && users.get(user.userId) === user && !dirty.has(user.userId))
          users.delete(user.userId)
    }
  }
  const store = (some: readonly UserState[]) =>
    streams.write('presence', some.length, async (ids) => {
      const rows = some.map((user, index): PresenceRow => ({ ...user, streamId: ids[index]! }))
      await db.transaction('read committed', (tx) => replacePresence(tx, rows, streams.instance), 'update_presence')
      return { result: undefined, rows: some.map((user, index) => [ids[index]!, [user]] as const) }
    })
  const writeLater = (userIds: readonly UserId[]) => {
    write(userIds).catch((error: unknown) => onProblem('presence could not be written', error))
  }
  const flushLater = () => {
    flushing = undefined
    if (dirty.size > 0) writeLater([...dirty])
  }

  // Reading.

  let loading: Promise<void> | undefined
  const load = async () => {
    const at = now()
    for (const { streamId: _, ...row } of await selectPresent(db)) {
      const user = row as UserState
      users.set(user.userId, user)
      if (!isEnabled) continue
      if (isLocal(user.userId)) {
        const { state, lastActiveTs, lastUserSyncTs: lastSyncTs } = user
        devices(user.userId).set(NO_DEVICE, { state, lastActiveTs, lastSyncTs, isSyncing: false })
      }
      looks.at(user.userId, at + graceMs)
    }
    if (isEnabled || users.size === 0) return
    // Nobody will say any more what they are.
    for (const user of users.values())
      users.set(user.userId, { ...user, state: 'offline', statusMsg: null, currentlyActive: false })
    await write([...users.keys()])
  }
  const ready = (): Promise<void> => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  ready().catch((error: unknown) => onProblem('it is not known yet who is online', error))

  const userOf = async (userId: UserId): Promise<UserState> => {
    await ready()
    const known = users.get(userId)
    if (known !== undefined) return known
    const [row] = await selectPresenceOf(db, [userId])
    // Meanwhile somebody else may have asked.
    return users.get(userId) ?? (row === undefined ? offline(userId) : stateOf(row))
  }

  const ended = (userId: UserId, device: string, atMs: number) => {
    const known = devicesOf.get(userId)?.get(device)
    if (known !== undefined && !isSyncing(userId, device))
      devicesOf.get(userId)!.set(device, { ...known, isSyncing: false, lastSyncTs: Math.max(known.lastSyncTs, atMs) })
    const user = users.get(userId)
    if (user !== undefined) put(user, { ...user, lastUserSyncTs: Math.max(user.lastUserSyncTs, atMs) })
  }
  const clear = (processId: string) => {
    const process = processes.get(processId)
    processes.delete(processId)
    if (process === undefined) return
    for (const [userId, of] of process.syncs) for (const device of of) ended(userId, device, now())
    if (processes.size > 0) return
    clearInterval(checking)
    checking = undefined
  }
  const checkProcesses = () => {
    for (const [processId, { heardAt }] of processes) if (now() - heardAt > PROCESS_EXPIRY_MS) clear(processId)
  }

  return {
    async set(userId, deviceId, said, { statusMsg = null, isSync, forceNotify = false }) {
      const loaded = await userOf(userId)
      // Whoever waited for the same may have changed it.
      const user = users.get(userId) ?? loaded
      const device = deviceId ?? NO_DEVICE
      const at = now()
      const known = devices(userId)
      const before = known.get(device) ?? newDevice
      known.set(device, {
        state: isSync && user.state === BUSY ? BUSY : said,
        lastActiveTs: at,
        lastSyncTs: isSync ? at : before.lastSyncTs,
        isSyncing: isSyncing(userId, device),
      })
      const state = combined(known.values())
      const isTold = put(
        user,
        {
          ...user,
          state,
          lastActiveTs: state === 'online' || state === BUSY ? at : user.lastActiveTs,
          ...(isSync ? { lastUserSyncTs: at } : { statusMsg }),
        },
        forceNotify,
      )
      if (isTold) await write([userId])
    },
    async active(userId, deviceId) {
      const loaded = await userOf(userId)
      // Whoever waited for the same may have changed it.
      const user = users.get(userId) ?? loaded
      const device = deviceId ?? NO_DEVICE
      const known = devices(userId)
      const before = known.get(device) ?? newDevice
      known.set(device, {
        ...before,
        lastActiveTs: now(),
        state: before.state === 'unavailable' ? 'online' : before.state,
        isSyncing: isSyncing(userId, device),
      })
      if (put(user, { ...user, lastActiveTs: now(), state: combined(known.values()) })) await write([userId])
    },
    userSync(processId, userId, deviceId, syncs, atMs) {
      const device = deviceId ?? NO_DEVICE
      const process = processes.get(processId) ?? { heardAt: 0, syncs: new Map<UserId, Set<string>>() }
      process.heardAt = now()
      processes.set(processId, process)
      checking ??= setInterval(checkProcesses, PROCESS_CHECK_MS).unref()
      const of = process.syncs.get(userId)
      if (syncs) {
        if (of === undefined) process.syncs.set(userId, new Set([device]))
        else of.add(device)
        const known = devicesOf.get(userId)?.get(device)
        if (known !== undefined) devicesOf.get(userId)!.set(device, { ...known, isSyncing: true })
      } else if (of?.delete(device)) {
        if (of.size === 0) process.syncs.delete(userId)
        ended(userId, device, atMs)
      }
    },
    clear,
    async updates(from, upTo) {
      const rows = await selectPresenceAfter(db, from, upTo, CATCH_UP)
      const { encode } = definitions.presence.row
      const limited = rows.length === CATCH_UP
      return {
        rows: rows.map((row) => [row.streamId, encode(row)] as const),
        upTo: limited ? rows.at(-1)!.streamId : upTo,
        limited,
      }
    },
    async close() {
      isClosed = true
      looks.close()
      clearTimeout(flushing)
      clearInterval(checking)
      await write([...dirty])
    },
  }
}

const stateOf = ({ streamId: _, ...row }: PresenceRow): UserState => row as UserState
