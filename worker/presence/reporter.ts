/**
 * What this process tells the writer of presence of its own clients: that they sync, what they say they are, and that they
 * do something. Nobody waits for it: a client is answered while the writer is away.
 */

import { randomBytes } from 'node:crypto'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { Command } from '../replication/commands.ts'
import type { ReplicationClient } from '../replication/http-client.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import type { PresenceState } from './presence.ts'
import type { PresenceTimes } from './state.ts'
import type { PresenceWriter } from './writer.ts'

export interface PresenceReporter {
  readonly set: (
    userId: UserId,
    deviceId: string | undefined,
    state: PresenceState,
    statusMsg: string | undefined,
  ) => Promise<void>
  /** The device syncs until the function that is returned is called. `state` undefined: it is what it was. */
  readonly syncing: (userId: UserId, deviceId: string | undefined, state: PresenceState | undefined) => () => void
  /** The user did something, as sending, reading or typing. */
  readonly active: (userId: UserId, deviceId: string | undefined) => void
  /** The bus is there (again): whatever was said may be lost. */
  readonly connected: () => void
  /** Nobody syncs here any more. */
  readonly close: () => void
}

export interface PresenceReporterDeps {
  readonly streams: Pick<LiveStreams, 'writersOf'>
  /** Undefined: another process is it. */
  readonly writer: PresenceWriter | undefined
  readonly client: Pick<ReplicationClient, 'call'>
  /** To all processes; false: it was not sent. */
  readonly send: (command: Command) => boolean
  readonly times: PresenceTimes
  /** False: nobody's presence follows from what they do. */
  readonly isTracked: boolean
  readonly onProblem: (problem: string, error: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly lingerMs?: number
}

interface Device {
  readonly userId: UserId
  readonly deviceId: string | undefined
  syncs: number
  /** When the last sync ended, while that is not told yet. */
  endedAt: number | undefined
  /** The writer was told that it syncs. */
  isTold: boolean
  /** What was told last of its state, and when; undefined: nothing that still holds. */
  said: { readonly state: PresenceState; readonly at: number } | undefined
  isAsking: boolean
  /** To be asked when that is answered. */
  next: (() => Promise<unknown>) | undefined
}

/** Clients come back at once, mostly. */
const LINGER_MS = 10_000
/** A process of which nothing is heard for five minutes is taken for dead. */
const HEARTBEAT_MS = 120_000

export function makePresenceReporter(deps: PresenceReporterDeps): PresenceReporter {
  const { streams, writer, client, send, times, isTracked, onProblem, now, lingerMs = LINGER_MS } = deps
  const processId = randomBytes(6).toString('hex')
  const [writerName] = streams.writersOf('presence')
  /** The writer's timers are not finer than this. */
  const repeatMs = (Math.min(times.syncOnlineTimeoutMs, times.lastActiveGranularityMs) * 5) / 6
  const devices = new Map<string, Device>()
  let sweeping: NodeJS.Timeout | undefined
  let lastUserSyncAt = 0
  let isProblemTold = false

  const keyOf = (userId: UserId, deviceId: string | undefined) => `${userId} ${deviceId ?? ''}`
  const deviceOf = (userId: UserId, deviceId: string | undefined): Device => {
    const key = keyOf(userId, deviceId)
    const known = devices.get(key)
    if (known !== undefined) return known
    const made: Device = {
      userId,
      deviceId,
      syncs: 0,
      endedAt: undefined,
      isTold: false,
      said: undefined,
      isAsking: false,
      next: undefined,
    }
    devices.set(key, made)
    sweeping ??= setInterval(sweep, Math.max(10, lingerMs / 2)).unref()
    return made
  }

  const userSync = ({ userId, deviceId }: Device, isSyncing: boolean, lastSyncMs: number): boolean => {
    lastUserSyncAt = now()
    if (writer !== undefined) {
      writer.userSync(processId, userId, deviceId, isSyncing, lastSyncMs)
      return true
    }
    // On the bus a device is one word, and one of that name none at all. What it says of itself has to do.
    if (deviceId !== undefined && (!/^\S+$/.test(deviceId) || deviceId === 'None')) return true
    return send({
      name: 'USER_SYNC',
      instanceId: processId,
      userId,
      deviceId: deviceId ?? null,
      isSyncing,
      lastSyncMs,
    })
  }

  const sweep = () => {
    const at = now()
    for (const [key, device] of devices) {
      if (device.syncs > 0) continue
      if (device.endedAt !== undefined && at - device.endedAt > lingerMs) {
        if (device.isTold) userSync(device, false, device.endedAt)
        device.isTold = false
        device.endedAt = undefined
        device.said = undefined
      }
      if (device.endedAt === undefined && (device.said === undefined || at - device.said.at > repeatMs))
        devices.delete(key)
    }
    if (at - lastUserSyncAt > HEARTBEAT_MS)
      for (const device of devices.values())
        if (device.isTold) {
          userSync(device, true, at)
          break
        }
    if (devices.size > 0) return
    clearInterval(sweeping)
    sweeping = undefined
  }

  /** One question of a device at a time, and the last that came meanwhile: while the writer is away they would become ever more. */
  const later = (device: Device, work: () => Promise<unknown>) => {
    if (device.isAsking) {
      device.next = work
      return
    }
    device.isAsking = true
    work()
      .then(
        () => {
          isProblemTold = false
        },
        (error: unknown) => {
          device.said = undefined
          if (!isProblemTold) onProblem('the writer of presence does not hear who is online', error)
          isProblemTold = true
        },
      )
      .finally(() => {
        device.isAsking = false
        const { next } = device
        device.next = undefined
        if (next !== undefined) later(device, next)
      })
  }

  const set = (
    { userId, deviceId }: Pick<Device, 'userId' | 'deviceId'>,
    state: PresenceState,
    statusMsg: string | undefined,
    isSync: boolean,
  ): Promise<unknown> =>
    writer === undefined
      ? client.call('presence_set_state', {
          instance: writerName!,
          args: { user_id: userId },
          body: {
            device_id: deviceId ?? null,
            state: { presence: state, ...(statusMsg !== undefined && { status_msg: statusMsg }) },
            force_notify: false,
            is_sync: isSync,
          },
        })
      : writer.set(userId, deviceId, state, { statusMsg: statusMsg ?? null, isSync })

  return {
    async set(userId, deviceId, state, statusMsg) {
      if (!isTracked) return
      const device = devices.get(keyOf(userId, deviceId))
      // The next sync is to be told: this was none.
      if (device !== undefined) device.said = undefined
      await set({ userId, deviceId }, state, statusMsg, false)
    },
    syncing(userId, deviceId, state) {
      if (!isTracked) return nothing
      const device = deviceOf(userId, deviceId)
      const at = now()
      if (state !== undefined && (device.said?.state !== state || at - device.said.at >= repeatMs)) {
        device.said = { state, at }
        later(device, () => set(device, state, undefined, true))
      }
      device.syncs++
      device.endedAt = undefined
      if (!device.isTold) device.isTold = userSync(device, true, at)
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        device.syncs--
        if (device.syncs === 0) device.endedAt = now()
      }
    },
    active(userId, deviceId) {
      if (!isTracked) return
      const device = deviceOf(userId, deviceId)
      const at = now()
      // Nobody becomes idle so soon after they were online.
      if (device.said?.state === 'online' && at - device.said.at < repeatMs) return
      device.said = { state: 'online', at }
      later(device, () =>
        writer === undefined
          ? client.call('bump_presence_active_time', {
              instance: writerName!,
              args: { user_id: userId },
              body: { device_id: deviceId ?? null },
            })
          : writer.active(userId, deviceId),
      )
    },
    connected() {
      if (writer !== undefined) return
      for (const device of devices.values()) if (device.syncs > 0) device.isTold = userSync(device, true, now())
    },
    close() {
      clearInterval(sweeping)
      if (writer === undefined && isTracked) send({ name: 'CLEAR_USER_SYNC', instanceId: processId })
      else writer?.clear(processId)
    },
  }
}

const nothing = () => undefined
