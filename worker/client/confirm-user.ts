import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Reply } from '../http/reply.ts'
import type { Requester } from '../http/requester.ts'
import {
  makeUiAuth,
  passwordStage,
  type UiAuthOutcome,
  type UiAuthRequest,
  type UiAuthSessions,
} from '../http/ui-auth.ts'
import { selectLastValidated, updateLastValidated } from '../storage/access-tokens.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import { checkUserPassword } from '../users/find-account.ts'
import type { Passwords } from '../users/passwords.ts'
import { type LoginIdentifier, readIdentifier } from './login-identifier.ts'

export interface ConfirmUserDeps {
  readonly db: Queries
  readonly sessions: UiAuthSessions
  readonly passwords: Passwords
  readonly serverName: string
  /** Whom an identifier means: a user ID or localpart; of an address that is nobody's, one that nobody has. */
  readonly userOf: (identifier: LoginIdentifier) => Promise<string>
  /** `password_config.enabled` (`only_for_reauth` is enough) and `localdb_enabled` */
  readonly allowsPasswords: boolean
  /** `ui_auth.session_timeout`: for so long after it was done, or after the log-in, it need not be done again. */
  readonly validMs: number
  /** `rc_login.failed_attempts` */
  readonly failures: RateLimiter
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export interface Confirmation {
  readonly request: UiAuthRequest
  readonly requester: Requester
  readonly body: JsonObject
  /** For people: what is going to be done. */
  readonly description: string
  /** Not of what cannot be undone. */
  readonly maySkip?: boolean
}

/**
 * That the user is who the access token says, by user-interactive authentication (client-server-api): undefined when it is
 * done, or else what is to be answered.
 */
export interface ConfirmUser {
  (confirmation: Confirmation): Promise<Reply | undefined>
  /** As the function, with the session that it was done in. It is never skipped. */
  readonly outcome: (confirmation: Omit<Confirmation, 'maySkip'>) => Promise<UiAuthOutcome>
}

export function makeConfirmUser(deps: ConfirmUserDeps): ConfirmUser {
  const { db, sessions, passwords, serverName, failures, validMs, now = Date.now } = deps
  const uiAuth = makeUiAuth({ sessions, stages: {} })

  const outcome: ConfirmUser['outcome'] = async ({ request, requester, body, description }) => {
    const { userId, accessTokenId } = requester
    failures.takeOrRefuse(userId, { update: false })
    const user = await selectUser(db, userId)
    if (!deps.allowsPasswords || !user?.passwordHash)
      throw new MatrixError('M_UNKNOWN', 'No available UI auth flows for this user', {}, 403)

    const stage = passwordStage({
      async checkPassword(identifier, password) {
        const who = readIdentifier({ identifier })
        // Counted at once, or any number of guesses would pass while the first is looked at.
        failures.takeOrRefuse(userId)
        const found = await checkUserPassword(await deps.userOf(who), password, { db, passwords, serverName })
        if (found === userId) failures.record(userId, -1)
        return found
      },
    })
    const attempted = await uiAuth.attempt({
      request,
      flows: [['m.login.password']],
      body,
      description,
      userId,
      stages: { 'm.login.password': stage },
    })
    if (attempted.done && accessTokenId !== undefined) await updateLastValidated(db, accessTokenId, now())
    return attempted
  }

  const confirm = async ({ maySkip = false, ...confirmation }: Confirmation): Promise<Reply | undefined> => {
    const { accessTokenId } = confirmation.requester
    if (maySkip && validMs > 0 && accessTokenId !== undefined) {
      const validatedAt = await selectLastValidated(db, accessTokenId)
      if (validatedAt !== undefined && now() - validatedAt < validMs) return undefined
    }
    const attempted = await outcome(confirmation)
    return attempted.done ? undefined : attempted.reply
  }
  return Object.assign(confirm, { outcome })
}

/** `auth` of a body, if it has one. Throws M_BAD_JSON for another value than an object. */
export function authObject({ auth }: JsonObject): JsonObject | undefined {
  if (auth === undefined || auth === null) return undefined
  if (!isObject(auth)) throw new MatrixError('M_BAD_JSON', 'auth: must be an object')
  return auth
}
