import type { deviceManagementEndpoints } from '../../shared/endpoints/client/device_management.ts'
import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import { parseObject } from '../http/body.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { Queries } from '../storage/db.ts'
import { type DeviceRow, selectDevice, selectDevices, updateDeviceName } from '../storage/devices.ts'
import { checkDeviceName, type Sessions } from '../users/sessions.ts'
import { authObject, type ConfirmUser } from './confirm-user.ts'
import { optionalString } from './members.ts'

export interface DeviceManagementDeps {
  readonly db: Queries
  readonly devices: Pick<DeviceChanges, 'change'>
  readonly sessions: Pick<Sessions, 'endDevices'>
  readonly confirmUser: ConfirmUser
}

type Deletion = RequestOf<(typeof deviceManagementEndpoints)['deleteDevice' | 'deleteDevices']>

/** client-server-api, "Device Management". */
export const deviceManagementHandlers = ({
  db,
  devices,
  sessions,
  confirmUser,
}: DeviceManagementDeps): Handlers<typeof deviceManagementEndpoints> => {
  async function confirm(request: Deletion, body: JsonObject, description: string) {
    authObject(body)
    const { method, target, clientIp, userAgent, requester } = request
    return await confirmUser({
      request: { method, target, clientIp, userAgent },
      requester,
      body,
      description,
      // Who cleans up removes several in a row.
      maySkip: true,
    })
  }

  return {
    async getDevices({ requester }) {
      const devices = await selectDevices(db, [requester.userId])
      return { devices: devices.map(print) }
    },

    async getDevice({ requester, params: { deviceId } }) {
      const device = deviceId.includes('\0') ? undefined : await selectDevice(db, requester.userId, deviceId)
      if (device === undefined) throw new MatrixError('M_NOT_FOUND', 'Not found')
      return print(device)
    },

    async updateDevice(request) {
      const { userId } = request.requester
      const { deviceId } = request.params
      const body = await request.json()
      if (body.display_name !== undefined && body.display_name !== null && typeof body.display_name !== 'string')
        throw new MatrixError('M_BAD_JSON', 'display_name: must be a string')
      const name = optionalString(body, 'display_name')
      checkDeviceName(name)
      const isThere =
        !deviceId.includes('\0') &&
        (await devices.change('rename device', userId, 1, async (tx, stale) => {
          const isKnown =
            name === undefined
              ? (await selectDevice(tx, userId, deviceId)) !== undefined
              : await updateDeviceName(tx, userId, deviceId, name)
          if (isKnown) stale('get_device', [userId, deviceId])
          return { result: isKnown, deviceIds: isKnown ? [deviceId] : [] }
        }))
      if (!isThere) throw new MatrixError('M_NOT_FOUND', 'Not found')
      return {}
    },

    async deleteDevice(request) {
      // Old clients send none.
      const bytes = await request.bytes()
      const body = bytes.length === 0 ? {} : parseObject(bytes)
      const reply = await confirm(request, body, 'remove a device from your account')
      if (reply !== undefined) return reply
      await sessions.endDevices(request.requester.userId, [request.params.deviceId])
      return {}
    },

    async deleteDevices(request) {
      const body = await request.json()
      const named = new Set(namesOf(body.devices))
      const reply = await confirm(request, body, 'remove device(s) from your account')
      if (reply !== undefined) return reply
      const { userId } = request.requester
      // A body has room for a million names, and for some that cannot even be asked for.
      const theirs = (await selectDevices(db, [userId])).map(({ deviceId }) => deviceId)
      await sessions.endDevices(
        userId,
        theirs.filter((deviceId) => named.has(deviceId)),
      )
      return {}
    },
  }
}

const print = ({ userId, deviceId, displayName, lastSeenMs, lastSeenIp }: DeviceRow): JsonObject => ({
  device_id: deviceId,
  display_name: displayName,
  last_seen_ip: lastSeenIp,
  last_seen_ts: lastSeenMs,
  user_id: userId,
})

function namesOf(devices: JsonValue | undefined): readonly string[] {
  if (devices === undefined) throw new MatrixError('M_MISSING_PARAM', 'devices: is missing')
  if (!Array.isArray(devices) || !devices.every((device) => typeof device === 'string'))
    throw new MatrixError('M_BAD_JSON', 'devices: must be an array of strings')
  return devices as readonly string[]
}
