import { createHmac } from 'node:crypto'
import type { voipEndpoints } from '../../shared/endpoints/client/voip.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'

export interface VoipSettings {
  readonly turnUris: readonly string[]
  readonly turnSharedSecret: string | undefined
  readonly turnUsername: string | undefined
  readonly turnPassword: string | undefined
  readonly turnUserLifetimeMs: number
  readonly turnAllowGuests: boolean
}

export interface VoipDeps {
  readonly settings: VoipSettings
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Client-server-api, "`GET …/voip/turnServer`". `{}` where no servers are configured. */
export const voipHandlers = ({ settings, now }: VoipDeps): Handlers<typeof voipEndpoints> => ({
  getTurnServer({ requester }) {
    if (requester.isGuest && !settings.turnAllowGuests)
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed')
    const login = loginOf(settings, requester.userId, now())
    if (login === undefined) return {}
    return { ...login, ttl: Math.floor(settings.turnUserLifetimeMs / 1000), uris: settings.turnUris }
  },
})

/** With a shared secret a login of the user's own, that ends (draft-uberti-behave-turn-rest-00). */
function loginOf(settings: VoipSettings, userId: UserId, nowMs: number) {
  const { turnUris, turnSharedSecret, turnUsername, turnPassword, turnUserLifetimeMs } = settings
  if (turnUris.length === 0 || turnUserLifetimeMs === 0) return undefined
  if (turnSharedSecret) {
    const username = `${Math.floor((nowMs + turnUserLifetimeMs) / 1000)}:${userId}`
    return { username, password: createHmac('sha1', turnSharedSecret).update(username).digest('base64') }
  }
  return turnUsername && turnPassword ? { username: turnUsername, password: turnPassword } : undefined
}
