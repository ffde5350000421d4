import type { toDeviceEndpoints } from '../../shared/endpoints/client/to_device.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue, property } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Requester } from '../http/requester.ts'
import { scopeOf, type Transactions } from '../http/transactions.ts'
import { jsonTextOf } from '../json-text.ts'
import type { Inbox } from '../to-device/inbox.ts'
import type { RateLimitOverrides } from '../users/rate-limit-overrides.ts'

export interface ToDeviceDeps {
  readonly inbox: Pick<Inbox, 'send'>
  readonly transactions: Pick<Transactions, 'once'>
  /** `rc_key_requests`. */
  readonly keyRequests: RateLimiter
  readonly overrides: RateLimitOverrides
}

/** So large is what other servers take. */
const MAX_CONTENT_BYTES = 65_536
const KEY_REQUEST = 'm.room_key_request'

/** client-server-api, "Send-to-Device messaging". */
export function toDeviceHandlers({
  inbox,
  transactions,
  keyRequests,
  overrides,
}: ToDeviceDeps): Handlers<typeof toDeviceEndpoints> {
  /** Questions to others for their keys, more of them than a device may ask, are dropped, and nobody is told. */
  const mayAsk = async ({ userId, deviceId, authenticatedEntity }: Requester): Promise<boolean> => {
    const override = await overrides(authenticatedEntity as UserId)
    if (override !== undefined && !override.perSecond) return true
    const limit = override && { perSecond: override.perSecond!, burstCount: override.burstCount ?? 0 }
    return keyRequests.take(JSON.stringify([userId, deviceId]), limit === undefined ? {} : { limit }) === 0
  }

  return {
    async sendToDevice(request) {
      const { params, requester } = request
      const { eventType: type, txnId } = params
      const { userId } = requester
      // Of all processes it is known by this name; this one spares the way to the writer, and counts it once.
      const transaction = JSON.stringify(['to_device', ...scopeOf(requester), type, txnId])
      return transactions.once(request.path, requester, async () => {
        const messages = messagesIn(await request.json())
        if (type === KEY_REQUEST)
          for (const target of messages.keys())
            if (target !== userId && !(await mayAsk(requester))) messages.delete(target)
        await inbox.send(userId, type, messages, transaction)
        return {}
      })
    },
  }
}

/** Who is nobody's ID gets none. Throws M_MISSING_PARAM, M_BAD_JSON, M_TOO_LARGE. */
function messagesIn(body: JsonObject): Map<UserId, ReadonlyMap<string, JsonObject>> {
  const messages = property(body, 'messages')
  if (messages === undefined) throw new MatrixError('M_MISSING_PARAM', "Missing params: ['messages']")
  const found = new Map<UserId, ReadonlyMap<string, JsonObject>>()
  for (const [userId, devices] of Object.entries(objectIn(messages, 'messages'))) {
    if (!isUserId(userId)) continue
    const ofDevices = new Map<string, JsonObject>()
    for (const [deviceId, value] of Object.entries(objectIn(devices, `messages.${userId}`))) {
      const content = objectIn(value, `messages.${userId}.${deviceId}`)
      const bytes = Buffer.byteLength(jsonTextOf(content))
      if (bytes > MAX_CONTENT_BYTES)
        throw new MatrixError(
          'M_TOO_LARGE',
          `To-device message for ${userId}:${deviceId} is too large to send (${bytes} > ${MAX_CONTENT_BYTES})`,
        )
      ofDevices.set(deviceId, content)
    }
    found.set(userId, ofDevices)
  }
  return found
}

function objectIn(value: JsonValue | undefined, name: string): JsonObject {
  if (!isObject(value)) throw new MatrixError('M_BAD_JSON', `${name} must be an object`)
  return value
}
