/** A device that nobody runs: it gets messages until its owner logs in anew and takes it over (MSC3814). */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { Queries } from '../storage/db.ts'
import { type DehydratedDevice, selectDehydratedDevice, upsertDehydratedDevice } from '../storage/dehydrated-devices.ts'
import { deleteDevices, insertDevice } from '../storage/devices.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import type { Inbox } from '../to-device/inbox.ts'
import { type KeyUpload, storeKeys } from './upload.ts'

export interface NewDehydratedDevice {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly deviceData: JsonObject
  readonly keys: KeyUpload
}

export interface DehydratedEvents {
  readonly events: readonly JsonText[]
  readonly nextBatch: string
  /** There are more. */
  readonly isLimited: boolean
}

export interface DehydratedDevices {
  readonly of: (userId: UserId) => Promise<DehydratedDevice | undefined>
  /** In place of the one that is there. Throws M_FORBIDDEN where a cross-signing key has that ID. */
  readonly put: (userId: UserId, device: NewDehydratedDevice) => Promise<void>
  /** Its ID; undefined: there is none. */
  readonly remove: (userId: UserId) => Promise<string | undefined>
  /** Throws M_FORBIDDEN for another device than the one that is there, M_INVALID_PARAM for what is no token. */
  readonly events: (
    userId: UserId,
    deviceId: string,
    from: string | undefined,
    limit: number,
  ) => Promise<DehydratedEvents>
}

export interface DehydratedDevicesDeps {
  readonly db: Queries
  readonly changes: Pick<DeviceChanges, 'change'>
  readonly inbox: Pick<Inbox, 'messages'>
  readonly streams: Pick<LiveStreams, 'now'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const MAX_EVENTS = 100

export function makeDehydratedDevices({ db, changes, inbox, streams, now }: DehydratedDevicesDeps): DehydratedDevices {
  return {
    of: (userId) => selectDehydratedDevice(db, userId),

    put: (userId, { deviceId, displayName, deviceData, keys }) =>
      changes.change('put dehydrated device', userId, 2, async (tx, stale) => {
        const known = await selectDehydratedDevice(tx, userId)
        if (known !== undefined) await deleteDevices(tx, userId, [known.deviceId])
        if ((await insertDevice(tx, userId, deviceId, displayName ?? null)) === 'taken')
          throw new MatrixError('M_FORBIDDEN', 'The device ID is in use', {}, 400)
        await storeKeys(tx, stale, userId, deviceId, keys, now())
        stale('count_e2e_one_time_keys', [userId])
        await upsertDehydratedDevice(tx, userId, { deviceId, deviceData: jsonTextOf(deviceData) })
        stale('get_device', [userId, deviceId])
        const others = known === undefined || known.deviceId === deviceId ? [] : [known.deviceId]
        return { result: undefined, deviceIds: [...others, deviceId] }
      }),

    remove: (userId) =>
      changes.change('remove dehydrated device', userId, 1, async (tx, stale) => {
        const known = await selectDehydratedDevice(tx, userId)
        if (known === undefined) return { result: undefined, deviceIds: [] }
        await deleteDevices(tx, userId, [known.deviceId])
        stale('get_device', [userId, known.deviceId])
        return { result: known.deviceId, deviceIds: [known.deviceId] }
      }),

    async events(userId, deviceId, from, limit) {
      const known = await selectDehydratedDevice(db, userId)
      if (known === undefined) throw new MatrixError('M_FORBIDDEN', 'No dehydrated device exists')
      if (known.deviceId !== deviceId)
        throw new MatrixError('M_FORBIDDEN', 'You may only fetch messages for your dehydrated device')
      const since = from === undefined || from === '' ? 0 : positionOf(from)
      const upTo = streams.now().toDevice
      const found = await inbox.messages(userId, deviceId, since, upTo, Math.min(limit, MAX_EVENTS))
      return { events: found.messages, nextBatch: `d${found.upTo}`, isLimited: found.upTo !== upTo }
    },
  }
}

function positionOf(from: string): number {
  const position = /^d\d{1,16}$/.test(from) ? Number(from.slice(1)) : Number.NaN
  if (!Number.isSafeInteger(position))
    throw new MatrixError('M_INVALID_PARAM', `from parameter '${from}' has an invalid format`)
  return position
}
