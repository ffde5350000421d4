import type { whoamiEndpoints } from '../../shared/endpoints/client/whoami.ts'
import type { Handlers } from '../http/handlers.ts'

/** client-server-api, "Current account information". */
export const whoamiHandlers = (): Handlers<typeof whoamiEndpoints> => ({
  getTokenOwner: ({ requester: { userId, isGuest, deviceId } }) =>
    deviceId === undefined
      ? { user_id: userId, is_guest: isGuest }
      : { user_id: userId, is_guest: isGuest, device_id: deviceId },
})
