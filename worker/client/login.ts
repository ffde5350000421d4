import type { loginEndpoints } from '../../shared/endpoints/client/login.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { accessTokenOf } from '../http/access-token.ts'
import type { Handlers } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Requesters } from '../http/requester.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import { checkUserPassword } from '../users/find-account.ts'
import type { Passwords } from '../users/passwords.ts'
import { printSession } from '../users/print-session.ts'
import type { Sessions } from '../users/sessions.ts'
import { type LoginIdentifier, readIdentifier } from './login-identifier.ts'
import { optionalString } from './members.ts'

export interface LoginDeps {
  readonly db: Queries
  readonly requesters: Requesters
  readonly passwords: Passwords
  readonly sessions: Pick<Sessions, 'begin'>
  readonly serverName: string
  /** `password_config.enabled` and `localdb_enabled`, both. */
  readonly allowsPasswords: boolean
  /** `well_known` of the answer, if clients are to be told. */
  readonly wellKnown: JsonObject | undefined
  /** `rc_login` */
  readonly limits: {
    readonly address: RateLimiter
    readonly account: RateLimiter
    readonly failedAttempts: RateLimiter
  }
}

/** client-server-api, "Login". */
export const loginHandlers = (deps: LoginDeps): Handlers<typeof loginEndpoints> => {
  const { db, requesters, sessions, limits, allowsPasswords } = deps
  const flows = [...(allowsPasswords ? ['m.login.password'] : []), 'm.login.application_service']
  const flowsAnswer = { flows: flows.map((type) => ({ type })) }

  async function byPassword(submission: JsonObject): Promise<UserId> {
    const { type, password } = submission
    if (type === 'm.login.password') {
      if (!allowsPasswords) throw new MatrixError('M_UNKNOWN', 'Password login has been disabled.')
      if (typeof password !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Bad parameter: password')
    }
    const identifier = readIdentifier(submission)
    const key = limitKey(identifier, deps.serverName)
    limits.failedAttempts.takeOrRefuse(key, { update: false })
    if (type !== 'm.login.password') throw new MatrixError('M_UNKNOWN', `Unknown login type ${type}`)
    // Failures are counted, and only they; but at once, or any number of guesses would pass while the first is looked at.
    limits.failedAttempts.takeOrRefuse(key)
    // Addresses are not verified, so that nobody has one; that takes as long as another wrong answer.
    const user = identifier.kind === 'thirdparty' ? '\0' : identifier.user
    const userId = await checkUserPassword(user, password as string, deps)
    if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'Invalid username or password')
    limits.failedAttempts.record(key, -1)
    return userId
  }

  /** Always refused: nobody is an application service here. */
  async function byAppservice(authorization: string | undefined): Promise<never> {
    const token = accessTokenOf(authorization === undefined ? [] : [authorization], undefined)
    if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
    const owner = await requesters.byAccessToken(token)
    throw new MatrixError(
      'M_UNKNOWN_TOKEN',
      owner === undefined ? 'Invalid access token passed.' : 'This login method is only valid for application services',
      { soft_logout: false },
    )
  }

  return {
    getLoginFlows: () => flowsAnswer,

    async login(request) {
      const submission = await request.json()
      const wantsRefreshToken = submission.refresh_token ?? false
      if (typeof wantsRefreshToken !== 'boolean')
        throw new MatrixError('M_UNKNOWN', '`refresh_token` should be true or false.')
      const { type } = submission
      if (type === undefined) throw new MatrixError('M_UNKNOWN', 'Missing JSON keys.')
      if (type === 'm.login.application_service') return await byAppservice(request.headers.authorization)
      limits.address.takeOrRefuse(request.clientIp)
      if (typeof type !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Bad parameter: type')
      const userId = await byPassword(submission)

      limits.account.takeOrRefuse(userId.toLowerCase())
      const user = await selectUser(db, userId)
      if (user === undefined || user.isDeactivated)
        throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
      if (user.isLocked) throw new MatrixError('M_USER_LOCKED', 'User account has been locked', { soft_logout: true })
      const session = await sessions.begin({
        userId,
        deviceId: optionalString(submission, 'device_id') || undefined,
        displayName: optionalString(submission, 'initial_device_display_name'),
        wantsRefreshToken,
      })
      return {
        user_id: userId,
        home_server: deps.serverName,
        ...printSession(session),
        ...(deps.wellKnown && { well_known: deps.wellKnown }),
      }
    },
  }
}

/** Longer ones are nobody's, and are not kept for as long as failures are. */
const MAX_KEY_LENGTH = 512

function limitKey(identifier: LoginIdentifier, serverName: string): string {
  if (identifier.kind === 'thirdparty')
    return JSON.stringify([identifier.medium, identifier.address]).slice(0, MAX_KEY_LENGTH)
  const { user } = identifier
  return (user.startsWith('@') ? user : `@${user}:${serverName}`).slice(0, MAX_KEY_LENGTH).toLowerCase()
}
