import type { loginEndpoints } from '../../shared/endpoints/client/login.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { accessTokenOf } from '../http/access-token.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Requesters } from '../http/requester.ts'
import type { Queries } from '../storage/db.ts'
import { selectUser } from '../storage/users.ts'
import type { Appservices } from '../users/appservices.ts'
import { checkUserPassword, findAccount } from '../users/find-account.ts'
import type { JwtLogins } from '../users/jwt-logins.ts'
import type { LoginTokens } from '../users/login-tokens.ts'
import type { Passwords } from '../users/passwords.ts'
import { printSession } from '../users/print-session.ts'
import type { Registration } from '../users/registration.ts'
import type { Sessions } from '../users/sessions.ts'
import { type LoginIdentifier, readIdentifier } from './login-identifier.ts'
import { optionalString } from './members.ts'

type LoginRequest = RequestOf<(typeof loginEndpoints)['login']>

const APPSERVICE = 'm.login.application_service'
const TOKEN = 'm.login.token'
const JWT = 'org.matrix.login.jwt'

export interface LoginDeps {
  readonly db: Queries
  readonly requesters: Requesters
  readonly passwords: Passwords
  readonly sessions: Pick<Sessions, 'begin'>
  readonly serverName: string
  readonly appservices: Appservices
  readonly loginTokens: Pick<LoginTokens, 'use'>
  /** `login_via_existing_session.enabled` */
  readonly givesLoginTokens: boolean
  /** `jwt_config`; undefined: there are none. */
  readonly jwt: JwtLogins | undefined
  /** Of who has come with a token of another system, and is not here yet. */
  readonly registration: Pick<Registration, 'register'>
  /** Whom an identifier means. */
  readonly userOf: (identifier: LoginIdentifier) => Promise<string>
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
  const { db, requesters, sessions, limits, allowsPasswords, appservices, jwt } = deps
  const flowsAnswer = {
    flows: [
      ...(jwt === undefined ? [] : [{ type: JWT }]),
      ...(deps.givesLoginTokens ? [{ type: TOKEN, get_login_token: true }] : []),
      ...(allowsPasswords ? [{ type: 'm.login.password' }] : []),
      { type: APPSERVICE },
    ],
  }

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
    const userId = await checkUserPassword(await deps.userOf(identifier), password as string, deps)
    if (userId === undefined) throw new MatrixError('M_FORBIDDEN', 'Invalid username or password')
    limits.failedAttempts.record(key, -1)
    return userId
  }

  /** The user, and whether the limits hold. Throws M_UNKNOWN_TOKEN, M_INVALID_PARAM, M_FORBIDDEN. */
  async function byAppservice(submission: JsonObject, request: LoginRequest) {
    const { authorization } = request.headers
    const token = accessTokenOf(authorization === undefined ? [] : [authorization], request.query.get('access_token'))
    if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
    const owner = await requesters.byAccessToken(token)
    const appservice = appservices.byId(owner?.appserviceId)
    if (appservice === undefined || !appservices.mayAskFrom(appservice, request.clientIp))
      throw new MatrixError(
        'M_UNKNOWN_TOKEN',
        owner === undefined
          ? 'Invalid access token passed.'
          : 'This login method is only valid for application services',
        { soft_logout: false },
      )
    if (appservice.managesDevices)
      throw new MatrixError(
        'M_APPSERVICE_LOGIN_UNSUPPORTED',
        'This appservice has MSC4190 enabled, so appservice login cannot be used.',
      )
    if (appservice.isRateLimited) limits.address.takeOrRefuse(request.clientIp)
    const { identifier } = submission
    if (!isObject(identifier)) throw new MatrixError('M_INVALID_PARAM', 'Invalid identifier in login submission')
    if (identifier.type !== 'm.id.user') throw new MatrixError('M_INVALID_PARAM', 'Unknown login identifier type')
    const { user } = identifier
    if (typeof user !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Invalid user in identifier')
    const userId = (user.startsWith('@') ? user : `@${user}:${deps.serverName}`) as UserId
    if (!appservices.isTheirs(appservice, userId)) throw new MatrixError('M_FORBIDDEN', 'Invalid access_token')
    return { userId, isLimited: appservice.isRateLimited, needsUser: userId !== appservice.sender }
  }

  async function byJwt({ token }: JsonObject): Promise<UserId> {
    const { userId, localpart, displayName } = jwt!.userOf(token)
    limits.account.takeOrRefuse(userId.toLowerCase())
    const known = await findAccount(db, userId)
    return known?.userId ?? (await deps.registration.register({ localpart, passwordHash: null, displayName }))
  }

  async function byToken({ token }: JsonObject): Promise<UserId> {
    if (token === undefined) throw new MatrixError('M_UNKNOWN', 'Missing JSON keys.')
    if (typeof token !== 'string') throw new MatrixError('M_FORBIDDEN', 'Invalid login token')
    return await deps.loginTokens.use(token)
  }

  /** Who logs in, and whether `rc_login.account` is still to be asked. */
  async function whoIs(submission: JsonObject, request: LoginRequest) {
    const { type } = submission
    if (type === APPSERVICE) return await byAppservice(submission, request)
    limits.address.takeOrRefuse(request.clientIp)
    if (typeof type !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Bad parameter: type')
    if (type === JWT && jwt !== undefined) return { userId: await byJwt(submission), isLimited: false, needsUser: true }
    const userId = await (type === TOKEN ? byToken(submission) : byPassword(submission))
    return { userId, isLimited: true, needsUser: true }
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
      const { userId, isLimited, needsUser } = await whoIs(submission, request)
      if (isLimited) limits.account.takeOrRefuse(userId.toLowerCase())
      const user = needsUser ? await selectUser(db, userId) : undefined
      if (needsUser && (user === undefined || user.isDeactivated))
        throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
      if (user?.isLocked) throw new MatrixError('M_USER_LOCKED', 'User account has been locked', { soft_logout: true })
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
