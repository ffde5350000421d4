import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Queries } from '../storage/db.ts'
import { completeRegistrationToken, reserveRegistrationToken } from '../storage/registration-tokens.ts'

export const REGISTRATION_TOKEN = 'm.login.registration_token'

export interface RegistrationTokenDeps {
  readonly db: Queries
  readonly sessions: {
    setData(id: string, key: string, value: JsonValue): Promise<void>
    data(id: string, key: string): Promise<JsonValue | undefined>
    complete(id: string, stage: string, result: JsonValue): Promise<void>
  }
  readonly now?: () => number
}

/**
 * Stage `m.login.registration_token` (client-server-api, "Token-authenticated registration"): one use of the token is kept
 * while the session lasts, and made when the user is registered.
 */
export const makeRegistrationTokenStage = ({ db, sessions, now = Date.now }: RegistrationTokenDeps) => ({
  async check({ token }: JsonObject, { sessionId }: { readonly sessionId: string }): Promise<string> {
    if (token === undefined) throw refusal('M_MISSING_PARAM', 'Missing registration token')
    if (typeof token !== 'string') throw refusal('M_INVALID_PARAM', 'Registration token must be a string')
    const known = await sessions.data(sessionId, REGISTRATION_TOKEN)
    if (known !== undefined) {
      if (known !== token) throw refusal('M_INVALID_PARAM', 'Registration token has changed')
      return token
    }
    if (token.includes('\0') || !(await reserveRegistrationToken(db, token, now())))
      throw refusal('M_UNAUTHORIZED', 'Invalid registration token')
    await sessions.setData(sessionId, REGISTRATION_TOKEN, token)
    return token
  },

  /** The user of that session has been registered. */
  async registered(sessionId: string): Promise<void> {
    const token = await sessions.data(sessionId, REGISTRATION_TOKEN)
    if (typeof token !== 'string') return
    await completeRegistrationToken(db, token)
    // No use is pending in the session any more.
    await sessions.complete(sessionId, REGISTRATION_TOKEN, true)
  },
})

/** The client may try again in the same session. */
const refusal = (errcode: string, message: string) => new MatrixError(errcode, message, {}, 401)
