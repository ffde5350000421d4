/**
 * How a user's presence follows from what their devices do: pure. A device says what it is (online, unavailable …), is active
 * when its user does something, and syncs; the user is what the most present device is.
 */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { PresenceState } from './presence.ts'

/** MSC3026, as Synapse stores it. */
export const BUSY = 'org.matrix.msc3026.busy'

/** A user, as the stream `presence` tells of them. Times in ms since 1970; 0: never. */
export interface UserState {
  readonly userId: UserId
  readonly state: PresenceState
  readonly lastActiveTs: number
  /** When other servers were told last, or of their users when they told. */
  readonly lastFederationUpdateTs: number
  readonly lastUserSyncTs: number
  readonly statusMsg: string | null
  readonly currentlyActive: boolean
}

export interface DeviceState {
  readonly state: PresenceState
  readonly lastActiveTs: number
  /** When a sync of it began, or the last ended. */
  readonly lastSyncTs: number
  /** A request of it waits, in any process. */
  readonly isSyncing: boolean
}

/** `presence:` of the configuration, in ms. */
export interface PresenceTimes {
  readonly lastActiveGranularityMs: number
  readonly syncOnlineTimeoutMs: number
  readonly idleTimeoutMs: number
}

/** Busy devices go offline too, or a user who lost one would be busy for ever. */
const BUSY_TIMEOUT_MS = 60 * 60_000
/** Servers say again who is online every 25 minutes; of one that does not nobody is. */
const FEDERATION_TIMEOUT_MS = 30 * 60_000

export const offline = (userId: UserId): UserState => ({
  userId,
  state: 'offline',
  lastActiveTs: 0,
  lastFederationUpdateTs: 0,
  lastUserSyncTs: 0,
  statusMsg: null,
  currentlyActive: false,
})

export const newDevice: DeviceState = { state: 'offline', lastActiveTs: 0, lastSyncTs: 0, isSyncing: false }

const PRIORITY: Readonly<Record<PresenceState, number>> = { [BUSY]: 3, online: 2, unavailable: 1, offline: 0 }

/** Of all devices the most present. */
export function combined(devices: Iterable<DeviceState>): PresenceState {
  let best: PresenceState = 'offline'
  for (const { state } of devices) if (PRIORITY[state] > PRIORITY[best]) best = state
  return best
}

/** Whether others are to be told: what they see is another, or they would think that the user was away for longer than is true. */
export function isNews(before: UserState, after: UserState, { lastActiveGranularityMs }: PresenceTimes): boolean {
  if (before.state !== after.state || before.statusMsg !== after.statusMsg) return true
  if (before.state === 'online') {
    if (before.currentlyActive !== after.currentlyActive) return true
    if (after.currentlyActive) return false
  }
  return after.lastActiveTs - before.lastActiveTs > lastActiveGranularityMs
}

/** Whether the user was active just now is only said of those who are online. */
export const withActivity = (user: UserState, now: number, { lastActiveGranularityMs }: PresenceTimes): UserState => ({
  ...user,
  currentlyActive: user.state === 'online' && now - user.lastActiveTs < lastActiveGranularityMs,
})

/** From when on nothing is heard of the device, if nothing more is; Infinity: while it syncs, never. */
const goneAt = ({ state, lastActiveTs, lastSyncTs, isSyncing }: DeviceState, times: PresenceTimes): number =>
  isSyncing
    ? Number.POSITIVE_INFINITY
    : Math.max(lastActiveTs, lastSyncTs) + (state === BUSY ? BUSY_TIMEOUT_MS : times.syncOnlineTimeoutMs)

/** What is left of a device as time goes by: it becomes idle; undefined: it is gone. */
export function agedDevice(device: DeviceState, now: number, times: PresenceTimes): DeviceState | undefined {
  if (now > goneAt(device, times)) return undefined
  return device.state === 'online' && now - device.lastActiveTs > times.idleTimeoutMs
    ? { ...device, state: 'unavailable' }
    : device
}

/** A user of another server, of whom that server said nothing for long. */
export const agedRemote = (user: UserState, now: number): UserState =>
  user.state !== 'offline' && now - user.lastFederationUpdateTs > FEDERATION_TIMEOUT_MS
    ? { ...user, state: 'offline', currentlyActive: false }
    : user

/** When it is to be looked again whether time has changed anything, if nothing happens before. Infinity: never. */
export function nextLook(user: UserState, devices: Iterable<DeviceState>, times: PresenceTimes): number {
  if (user.state === 'offline') return Number.POSITIVE_INFINITY
  let at = Number.POSITIVE_INFINITY
  if (user.state === 'online' && user.currentlyActive) at = user.lastActiveTs + times.lastActiveGranularityMs
  for (const device of devices) {
    at = Math.min(at, goneAt(device, times))
    if (device.state === 'online') at = Math.min(at, device.lastActiveTs + times.idleTimeoutMs)
  }
  return at
}

export const nextLookAtRemote = ({ state, lastFederationUpdateTs }: UserState): number =>
  state === 'offline' ? Number.POSITIVE_INFINITY : lastFederationUpdateTs + FEDERATION_TIMEOUT_MS

/**
 * The content of `m.presence` (client-server-api, "Presence"). Of someone who is active just now processes hear no more until that
 * ends: so their last activity was within the granularity, whatever is known of it.
 */
export function presenceContent(
  { state, lastActiveTs, statusMsg, currentlyActive }: UserState,
  now: number,
  { lastActiveGranularityMs }: PresenceTimes,
): JsonObject {
  const ago = Math.max(0, now - lastActiveTs)
  return {
    presence: state,
    ...(lastActiveTs > 0 && {
      last_active_ago: state === 'online' && currentlyActive ? Math.min(ago, lastActiveGranularityMs) : ago,
    }),
    ...(statusMsg && { status_msg: statusMsg }),
    ...(state === 'online' && { currently_active: currentlyActive }),
  }
}
