import type { loginTokenEndpoints } from '../../shared/endpoints/client/login_token.ts'
import { unrecognized } from '../http/errors.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { LoginTokens } from '../users/login-tokens.ts'
import { authObject, type ConfirmUser } from './confirm-user.ts'

export interface LoginTokenDeps {
  readonly loginTokens: Pick<LoginTokens, 'make'>
  readonly confirmUser: ConfirmUser
  /** `login_via_existing_session` */
  readonly settings: { readonly enabled: boolean; readonly requireUiAuth: boolean; readonly tokenTimeoutMs: number }
  /** One in a minute: whoever has a session could make any number of others. */
  readonly limit: RateLimiter
}

/** client-server-api, "Login": a token with which the user logs in elsewhere. */
export const loginTokenHandlers = (deps: LoginTokenDeps): Handlers<typeof loginTokenEndpoints> => {
  const { loginTokens, confirmUser, settings, limit } = deps

  async function generate(request: RequestOf<(typeof loginTokenEndpoints)['generateLoginToken']>) {
    if (!settings.enabled) throw unrecognized(404)
    const body = await request.json()
    authObject(body)
    const { method, target, clientIp, userAgent, requester } = request
    if (settings.requireUiAuth) {
      const reply = await confirmUser({
        request: { method, target, clientIp, userAgent },
        requester,
        body,
        description: 'issue a new access token for your account',
      })
      if (reply !== undefined) return reply
    }
    limit.takeOrRefuse(requester.userId.toLowerCase())
    const ms = settings.tokenTimeoutMs
    return {
      login_token: await loginTokens.make(requester.userId, ms),
      expires_in: Math.floor(ms / 1000),
      expires_in_ms: ms,
    }
  }
  return { generateLoginToken: generate, generateLoginTokenMsc3882: generate }
}
