import { isLongerThan } from '../../shared/code-points.ts'
import type { registrationEndpoints } from '../../shared/endpoints/client/registration.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { accessTokenOf } from '../http/access-token.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import { queryString, requiredString } from '../http/query.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Requesters } from '../http/requester.ts'
import type { UiAuth, UiAuthSessions } from '../http/ui-auth.ts'
import type { Appservices } from '../users/appservices.ts'
import { checkPassword, type PasswordPolicy } from '../users/password-policy.ts'
import type { Passwords } from '../users/passwords.ts'
import { printSession } from '../users/print-session.ts'
import type { Registration } from '../users/registration.ts'
import type { Sessions } from '../users/sessions.ts'
import type { Threepids } from '../users/threepids.ts'
import { optionalString } from './members.ts'

type Served = Pick<typeof registrationEndpoints, 'register' | 'checkUsernameAvailability'>
type RegisterRequest = RequestOf<Served['register']>

export interface RegistrationDeps {
  readonly requesters: Pick<Requesters, 'byAccessToken'>
  readonly registration: Registration
  readonly sessions: Pick<Sessions, 'begin' | 'beginGuest'>
  readonly passwords: Pick<Passwords, 'hash'>
  readonly policy: PasswordPolicy
  /** With the stages of {@link flows}. */
  readonly uiAuth: UiAuth
  readonly uiAuthSessions: Pick<UiAuthSessions, 'data' | 'setData'>
  readonly flows: readonly (readonly string[])[]
  readonly threepids: Pick<Threepids, 'mustBeAllowed' | 'ownerOf'>
  /** The user of that session has been registered, who did what is `completed`. */
  readonly onRegistered: (userId: UserId, sessionId: string, completed: Completed) => Promise<void>
  readonly appservices: Pick<Appservices, 'byToken' | 'mayAskFrom'>
  readonly serverName: string
  /** `enable_registration` */
  readonly isEnabled: boolean
  /** `allow_guest_access` */
  readonly allowsGuests: boolean
  /** `inhibit_user_in_use_error` */
  readonly hidesTaken: boolean
  /** `rc_registration` */
  readonly limit: RateLimiter
}

/** Synapse's names in `ui_auth_sessions.serverdict`. */
const REGISTERED_USER_ID = 'registered_user_id'
const PASSWORD_HASH = 'password_hash'
const MAX_LENGTH = 512
const DENIED = 'Third party identifiers (email/phone numbers) are not authorized on this server'

/** Results of stages, by their types. */
type Completed = Readonly<Record<string, JsonValue>>

/** client-server-api, "Account registration". */
export const registrationHandlers = (deps: RegistrationDeps): Handlers<Served> => {
  const { registration, sessions, passwords, uiAuth, uiAuthSessions, serverName, limit } = deps
  const disabled = () => new MatrixError('M_FORBIDDEN', 'Registration has been disabled')

  async function guest(request: RegisterRequest, body: JsonObject) {
    if (!deps.allowsGuests) throw new MatrixError('M_UNKNOWN', 'Guest access is disabled', {}, 403)
    limit.takeOrRefuse(request.clientIp)
    const displayName = optionalString(body, 'initial_device_display_name')
    const userId = await registration.register({ localpart: undefined, passwordHash: null, isGuest: true })
    const session = await sessions.beginGuest(userId, displayName)
    return { user_id: userId, home_server: serverName, ...printSession(session) }
  }

  async function user(request: RegisterRequest, { password: _, ...body }: JsonObject, password: string | undefined) {
    const session = sessionIdOf(body)
    const stored = async (key: string) =>
      session === undefined ? undefined : ((await uiAuthSessions.data(session, key)) as string | undefined)
    const [registeredId, earlierHash] = [
      (await stored(REGISTERED_USER_ID)) as UserId | undefined,
      await stored(PASSWORD_HASH),
    ]
    const name = nameOf(body)
    if (name !== undefined) {
      const guestId = await guestOf(body)
      await registration.checkName(name, { guestId, registeredId, hidesTaken: deps.hidesTaken })
    }

    const { method, target, clientIp, userAgent } = request
    const outcome = await uiAuth.attempt({
      request: { method, target, clientIp, userAgent },
      flows: deps.flows,
      body,
      description: 'register a new account',
    })
    if (!outcome.done) {
      // It need not be sent again.
      if (password !== undefined && earlierHash === undefined)
        await uiAuthSessions.setData(outcome.sessionId, PASSWORD_HASH, await passwords.hash(password))
      return outcome.reply
    }

    const given = outcome.body
    const address = provenEmail(outcome.completed)
    if (address !== undefined) deps.threepids.mustBeAllowed('email', address, DENIED)
    if (registeredId !== undefined) return await welcome(registeredId, given)
    const passwordHash = password === undefined ? earlierHash : await passwords.hash(password)
    if (passwordHash === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing params: password')
    // Two links to the same address, each of them followed.
    if (address !== undefined && (await deps.threepids.ownerOf('email', address)) !== undefined)
      throw new MatrixError('M_THREEPID_IN_USE', 'email is already in use')
    limit.takeOrRefuse(clientIp)
    const userId = await registration.register({
      localpart: nameOf(given),
      guestId: await guestOf(given),
      passwordHash,
    })
    await uiAuthSessions.setData(outcome.sessionId, REGISTERED_USER_ID, userId)
    await deps.onRegistered(userId, outcome.sessionId, outcome.completed)
    return await welcome(userId, given)
  }

  async function welcome(userId: UserId, given: JsonObject) {
    const answer = { user_id: userId, home_server: serverName }
    if (given.inhibit_login) return answer
    const session = await sessions.begin({
      userId,
      deviceId: optionalString(given, 'device_id') || undefined,
      displayName: optionalString(given, 'initial_device_display_name'),
      wantsRefreshToken: given.refresh_token === true,
    })
    return { ...answer, ...printSession(session) }
  }

  async function guestOf(body: JsonObject): Promise<UserId | undefined> {
    const token = optionalString(body, 'guest_access_token')
    if (token === undefined) return undefined
    const owner = await deps.requesters.byAccessToken(token)
    if (owner === undefined)
      throw new MatrixError('M_UNKNOWN_TOKEN', 'Invalid access token passed.', { soft_logout: false })
    if (owner.isGuest) return owner.userId
    throw new MatrixError('M_FORBIDDEN', 'Cannot register taken user ID without valid guest credentials for that user.')
  }

  async function ofAppservice(request: RegisterRequest, body: JsonObject, username: string | undefined) {
    const { headers, query, clientIp } = request
    if (!hasAccessToken(request))
      throw new MatrixError(
        'M_UNKNOWN',
        'Appservice token must be provided when using a type of m.login.application_service',
      )
    if (username === undefined) throw new MatrixError('M_UNKNOWN', 'Desired Username is missing or not a string')
    const inHeader = headers.authorization === undefined ? [] : [headers.authorization]
    const token = accessTokenOf(inHeader, query.get('access_token'))
    const appservice = token === undefined ? undefined : deps.appservices.byToken(token)
    if (appservice === undefined || !deps.appservices.mayAskFrom(appservice, clientIp))
      throw new MatrixError('M_UNKNOWN_TOKEN', 'Unrecognised access token', { soft_logout: false })
    const userId = await registration.registerFor(appservice, username)
    if (appservice.managesDevices && !body.inhibit_login)
      throw new MatrixError(
        'M_APPSERVICE_LOGIN_UNSUPPORTED',
        'This appservice has MSC4190 enabled, so the inhibit_login parameter must be set to true.',
      )
    return await welcome(userId, body)
  }

  return {
    async register(request) {
      const body = await request.json()
      if (body.auth !== undefined && body.auth !== null && !isObject(body.auth))
        throw new MatrixError('M_BAD_JSON', 'auth: must be an object')
      limit.takeOrRefuse(request.clientIp, { update: false })
      const kind = queryString(request.query, 'kind') ?? 'user'
      if (kind === 'guest') return await guest(request, body)
      if (kind !== 'user')
        throw new MatrixError('M_UNRECOGNIZED', `Do not understand membership kind: ${kind}`, {}, 400)
      if (body.refresh_token !== undefined && typeof body.refresh_token !== 'boolean')
        throw new MatrixError('M_UNKNOWN', '`refresh_token` should be true or false.')
      const { username, password } = body
      if (username !== undefined && !isShortText(username)) throw new MatrixError('M_UNKNOWN', 'Invalid username')
      if (body.type === 'm.login.application_service') return await ofAppservice(request, body, username)
      if (hasAccessToken(request))
        throw new MatrixError(
          'M_UNKNOWN',
          'An access token should not be provided on requests to /register (except if type is m.login.application_service)',
        )
      if (!deps.isEnabled) throw disabled()
      if (password === undefined || password === null) {
        // Some clients send the name alone with a later stage, which would take the place of all that was given before.
        const { initial_device_display_name: _, password: __, ...rest } = body
        return await user(request, rest, undefined)
      }
      if (!isShortText(password)) throw new MatrixError('M_UNKNOWN', 'Invalid password')
      checkPassword(password, deps.policy)
      return await user(request, body, password)
    },

    async checkUsernameAvailability({ query }) {
      if (!deps.isEnabled) throw disabled()
      if (!deps.hidesTaken) await registration.checkName(requiredString(query, 'username'))
      return { available: true }
    },
  }
}

const isShortText = (value: unknown): value is string => typeof value === 'string' && !isLongerThan(value, MAX_LENGTH)

const nameOf = ({ username }: JsonObject): string | undefined =>
  typeof username === 'string' ? username.toLowerCase() : undefined

const sessionIdOf = ({ auth }: JsonObject): string | undefined =>
  isObject(auth) && typeof auth.session === 'string' && auth.session !== '' ? auth.session : undefined

const hasAccessToken = ({ headers, query }: RegisterRequest): boolean =>
  headers.authorization !== undefined || query.has('access_token')

/** The address that was proven in the session. */
export function provenEmail(completed: Completed): string | undefined {
  const proven = completed['m.login.email.identity']
  return isObject(proven) && typeof proven.address === 'string' ? proven.address : undefined
}
