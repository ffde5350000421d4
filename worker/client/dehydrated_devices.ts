import type { dehydratedDevicesEndpoints } from '../../shared/endpoints/client/dehydrated_devices.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { nullable, object, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryString } from '../http/query.ts'
import { jsonText } from '../http/reply.ts'
import { arrayText, asJsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { DehydratedDevices, DehydratedEvents } from '../keys/dehydrated.ts'
import { checkDeviceName } from '../users/sessions.ts'
import { readKeyUpload } from './key-upload.ts'

type Served = Pick<
  typeof dehydratedDevicesEndpoints,
  | 'getDehydratedDevice'
  | 'putDehydratedDevice'
  | 'deleteDehydratedDevice'
  | 'getDehydratedDeviceEvents'
  | 'postDehydratedDeviceEvents'
>

const newDevice = object({
  device_data: object({ algorithm: string() }),
  device_id: string({ minLength: 1, maxLength: 512 }),
  initial_device_display_name: nullable(string()),
})

const DEFAULT_LIMIT = 100

/** MSC3814. */
export const dehydratedDevicesHandlers = ({ devices }: { readonly devices: DehydratedDevices }): Handlers<Served> => ({
  async getDehydratedDevice({ requester }) {
    const device = await devices.of(requester.userId)
    if (device === undefined) throw none()
    return jsonText(objectText({ device_id: jsonTextOf(device.deviceId), device_data: asJsonText(device.deviceData) }))
  },

  async putDehydratedDevice(request) {
    const body = await request.json()
    const device = checked(body, newDevice)
    if (body.device_keys === undefined)
      throw new MatrixError('M_UNKNOWN', 'Device key(s) not found, these must be provided.')
    if (device.device_id.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'device_id: is malformed')
    const displayName = device.initial_device_display_name ?? undefined
    checkDeviceName(displayName)
    await devices.put(request.requester.userId, {
      deviceId: device.device_id,
      displayName,
      deviceData: device.device_data as unknown as JsonObject,
      keys: readKeyUpload(body),
    })
    return { device_id: device.device_id }
  },

  async deleteDehydratedDevice({ requester }) {
    const deviceId = await devices.remove(requester.userId)
    if (deviceId === undefined) throw none()
    return { device_id: deviceId }
  },

  async getDehydratedDeviceEvents({ requester, params: { deviceId }, query }) {
    const limit = queryInteger(query, 'limit') ?? DEFAULT_LIMIT
    const found = await devices.events(requester.userId, deviceId, queryString(query, 'from'), limit)
    return printEvents(found, found.isLimited)
  },

  // Of an earlier draft.
  async postDehydratedDeviceEvents(request) {
    const body = await request.json()
    if (!isObject(body) || !['string', 'undefined'].includes(typeof (body.next_batch ?? undefined)))
      throw new MatrixError('M_BAD_JSON', 'next_batch: must be a string')
    const limit = queryInteger(request.query, 'limit') ?? DEFAULT_LIMIT
    const from = (body.next_batch ?? undefined) as string | undefined
    return printEvents(await devices.events(request.requester.userId, request.params.deviceId, from, limit), true)
  },
})

const none = () => new MatrixError('M_NOT_FOUND', 'No dehydrated device available')

const printEvents = ({ events, nextBatch }: DehydratedEvents, withNext: boolean) =>
  jsonText(objectText({ events: arrayText(events), next_batch: withNext ? jsonTextOf(nextBatch) : undefined }))
