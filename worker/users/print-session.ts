import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { BegunSession } from './sessions.ts'

/** A session as `/login` and `/register` tell of it. */
export const printSession = ({ deviceId, accessToken, refreshToken, expiresInMs }: BegunSession): JsonObject => ({
  access_token: accessToken,
  device_id: deviceId,
  ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  ...(expiresInMs !== undefined && { expires_in_ms: expiresInMs }),
})
