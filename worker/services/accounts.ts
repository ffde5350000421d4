/** Everything about accounts that a process has: put together from its configuration. */

import { adminUsersEndpoints } from '../../shared/endpoints/admin/users.ts'
import { capabilitiesEndpoints } from '../../shared/endpoints/client/capabilities.ts'
import { deviceManagementEndpoints } from '../../shared/endpoints/client/device_management.ts'
import { loginEndpoints } from '../../shared/endpoints/client/login.ts'
import { logoutEndpoints } from '../../shared/endpoints/client/logout.ts'
import { passwordPolicyEndpoints } from '../../shared/endpoints/client/password_policy.ts'
import { refreshEndpoints } from '../../shared/endpoints/client/refresh.ts'
import { registrationEndpoints } from '../../shared/endpoints/client/registration.ts'
import { registrationTokensEndpoints } from '../../shared/endpoints/client/registration_tokens.ts'
import { whoamiEndpoints } from '../../shared/endpoints/client/whoami.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { adminUsersHandlers } from '../admin/users.ts'
import { capabilitiesHandlers } from '../client/capabilities.ts'
import { type ConfirmUser, makeConfirmUser } from '../client/confirm-user.ts'
import { deviceManagementHandlers } from '../client/device_management.ts'
import { loginHandlers } from '../client/login.ts'
import { logoutHandlers } from '../client/logout.ts'
import { passwordPolicyHandlers } from '../client/password_policy.ts'
import { refreshHandlers } from '../client/refresh.ts'
import { registrationHandlers } from '../client/registration.ts'
import { registrationTokensHandlers } from '../client/registration_tokens.ts'
import { registrationFlows } from '../client/registration-flows.ts'
import { emailStage, recaptchaStage } from '../client/verification-stages.ts'
import { whoamiHandlers } from '../client/whoami.ts'
import type { WorkerConfig } from '../config/types.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import { type Operation, only, operations } from '../http/handlers.ts'
import { makeRateLimiter, type RateLimit } from '../http/rate-limit.ts'
import { makeUiAuth } from '../http/ui-auth.ts'
import type { Pushers } from '../push/pushers.ts'
import type { Command, CommandName, UserIp } from '../replication/commands.ts'
import type { Db } from '../storage/db.ts'
import { deleteExpiredOpenIdTokens } from '../storage/openid-tokens.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { makeAccountValidity } from '../users/account-validity.ts'
import { type Appservices, makeAppservices } from '../users/appservices.ts'
import { type Consent, makeConsent } from '../users/consent.ts'
import { makeGuestTokens } from '../users/guest-tokens.ts'
import { makeJwtLogins } from '../users/jwt-logins.ts'
import { makeLastSeen } from '../users/last-seen.ts'
import { makeLoginTokens } from '../users/login-tokens.ts'
import { makePasswords } from '../users/passwords.ts'
import { makeRegistration, type RegistrationDeps } from '../users/registration.ts'
import { makeRegistrationTokenStage } from '../users/registration-token-stage.ts'
import { makeRequesters, type UserRequesters } from '../users/requesters.ts'
import { makeSessions, type Sessions } from '../users/sessions.ts'
import { makeUiAuthSessions, sweepUiAuthSessions } from '../users/ui-auth-sessions.ts'
import { makeUserOf } from '../users/user-of.ts'
import { accountSettingsOperations } from './account-settings.ts'
import { makeVerification } from './verification.ts'

export interface AccountsDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly devices: DeviceChanges
  readonly pushers: Pick<Pushers, 'remove' | 'removeOfDevices'>
  /** To all processes: `replication.send`. */
  readonly tell: (command: UserIp) => void
  /** There is a new user. Must not throw. */
  readonly onRegistered?: RegistrationDeps['onRegistered']
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface Accounts {
  readonly requesters: UserRequesters
  readonly sessions: Sessions
  /** For whoever does what a stolen token should not be enough for. */
  readonly confirmUser: ConfirmUser
  /** Which users and aliases are application services'. */
  readonly appservices: Appservices
  readonly consent: Consent
  readonly operations: readonly Operation[]
  /** Commands of the bus to be heard: `USER_IP`, where it is written. */
  readonly commands: readonly CommandName[]
  readonly onCommand: (command: Command) => void
  readonly close: () => Promise<void>
}

const SWEEP_MS = 5 * 60_000

export function makeAccounts(deps: AccountsDeps): Accounts {
  const { config, db, caches, devices, pushers, tell, onProblem } = deps
  const { serverName, passwordConfig } = config
  const runsBackgroundTasks = config.duties.backgroundTasks === config.instanceName
  const limiter = (limit: RateLimit) => makeRateLimiter(limit, () => performance.now())

  const guestTokens = makeGuestTokens(config.macaroonSecretKey, serverName)
  const lastSeen = makeLastSeen({ db: runsBackgroundTasks ? db : undefined, tell, onProblem })
  const appservices = makeAppservices(config.appservices)
  const requesters = makeRequesters({
    db,
    caches,
    guestTokens,
    appservices,
    tracksAppservices: config.trackAppserviceUserIps,
    accountsExpire: config.accountValidity.enabled,
    lastSeen,
  })
  const passwords = makePasswords({ rounds: config.bcryptRounds, pepper: passwordConfig.pepper })
  const sessions = makeSessions({
    db,
    caches,
    devices,
    guestTokens,
    // Who logged out is logged out, also while the process of pushers is away.
    onDevicesEnded: (userId, deviceIds) =>
      pushers
        .removeOfDevices(userId, deviceIds)
        .catch((error: unknown) => onProblem('pushers of devices that are gone stay', error)),
    tellsNewDevices: (userId) => !config.dontNotifyNewDevicesFor.includes(userId),
    lifetimes: {
      sessionMs: config.sessionLifetimeMs,
      refreshableMs: config.refreshableAccessTokenLifetimeMs === 'off' ? null : config.refreshableAccessTokenLifetimeMs,
      refreshTokenMs: config.refreshTokenLifetimeMs,
      nonrefreshableMs: config.nonrefreshableAccessTokenLifetimeMs,
    },
  })
  const registration = makeRegistration({
    db,
    caches,
    serverName,
    allowsUnderscore: config.allowUnderscorePrefixedLocalpart,
    appservices,
    validForMs: config.accountValidity.enabled ? config.accountValidity.periodMs : undefined,
    // Who is to agree to something first joins nothing before.
    onRegistered: config.userConsent?.requireAtRegistration ? undefined : deps.onRegistered,
  })
  const verification = makeVerification({ config, db, pushers, onProblem })
  const { threepids, validation } = verification
  const userOf = makeUserOf(threepids)
  const loginTokens = makeLoginTokens(db)
  const { userConsent } = config
  const consent = makeConsent({
    db,
    caches,
    policy: userConsent,
    formSecret: config.formSecret,
    publicBaseUrl: config.publicBaseUrl,
    onAgreed: async (userId) => deps.onRegistered?.(userId, { localpart: undefined, passwordHash: null }),
  })
  const validity = makeAccountValidity({
    db,
    caches,
    settings: config.accountValidity,
    sendMail: verification.sendMail,
    names: verification.names,
    publicBaseUrl: config.publicBaseUrl,
    onProblem,
  })
  const uiAuthSessions = makeUiAuthSessions(db)
  const tokenStage = makeRegistrationTokenStage({ db, sessions: uiAuthSessions })
  const { flows, stages } = registrationFlows(config, {
    token: tokenStage,
    email: validation && emailStage(validation),
    recaptcha: config.recaptcha && recaptchaStage(config.recaptcha, onProblem),
    policies: userConsent?.requireAtRegistration ? policiesOf(userConsent, config.publicBaseUrl) : undefined,
  })
  const uiAuth = makeUiAuth({ sessions: uiAuthSessions, stages })

  const confirmUser = makeConfirmUser({
    db,
    sessions: uiAuthSessions,
    passwords,
    serverName,
    userOf,
    allowsPasswords: passwordConfig.enabled !== false && passwordConfig.localdbEnabled,
    validMs: config.uiAuth.sessionTimeoutMs,
    failures: limiter(config.rcLogin.failedAttempts),
  })

  async function onRegistered(userId: UserId, sessionId: string, completed: Readonly<Record<string, JsonValue>>) {
    await tokenStage.registered(sessionId)
    const proven = completed['m.login.email.identity']
    if (isObject(proven))
      await threepids.add(userId, {
        medium: 'email',
        address: String(proven.address),
        validatedAt: Number(proven.validated_at),
      })
    if (completed['m.login.terms'] !== undefined && userConsent !== undefined)
      await consent.agree(userId, userConsent.version)
  }

  const sweeps: Readonly<Record<string, () => Promise<unknown>>> = {
    'old UI auth sessions stay': () => sweepUiAuthSessions(db),
    'old log-in tokens stay': loginTokens.sweep,
    'old OpenID tokens stay': () => deleteExpiredOpenIdTokens(db, Date.now()),
    ...(validation && { 'old links of mails stay': validation.sweep }),
    ...(config.accountValidity.enabled && { 'accounts that end were not looked for': validity.sweep }),
  }
  const sweep = () => {
    for (const [problem, work] of Object.entries(sweeps)) work().catch((error: unknown) => onProblem(problem, error))
  }
  const sweeping = runsBackgroundTasks ? setInterval(sweep, SWEEP_MS).unref() : undefined

  const allowsPasswords = passwordConfig.enabled === true && passwordConfig.localdbEnabled
  const wellKnown = config.servesClientWellKnown
    ? {
        ...config.extraWellKnownClientContent,
        'm.homeserver': { base_url: config.publicBaseUrl },
        ...(config.defaultIdentityServer && { 'm.identity_server': { base_url: config.defaultIdentityServer } }),
      }
    : undefined
  const { jwtConfig } = config
  const jwt =
    jwtConfig?.enabled && jwtConfig.secret !== undefined && jwtConfig.algorithm !== undefined
      ? makeJwtLogins({ ...jwtConfig, secret: jwtConfig.secret, algorithm: jwtConfig.algorithm }, serverName)
      : undefined

  return {
    requesters,
    sessions,
    confirmUser,
    operations: [
      ...operations('client/whoami', whoamiEndpoints, whoamiHandlers()),
      ...operations(
        'client/capabilities',
        capabilitiesEndpoints,
        capabilitiesHandlers({
          defaultRoomVersion: config.defaultRoomVersion,
          canChangePassword: allowsPasswords,
          canSetDisplayName: config.enableSetDisplayname,
          canSetAvatarUrl: config.enableSetAvatarUrl,
          canChange3pids: config.enable3pidChanges,
          canGetLoginToken: config.loginViaExistingSession.enabled,
          maxEventDelayMs: config.maxEventDelayDurationMs ?? 0,
          maxDelayedEvents: config.experimentalFeatures.msc4140MaxDelayedEventsPerUser,
          hasUnstableProfileFields: config.experimentalFeatures.msc4133Enabled,
        }),
      ),
      ...operations(
        'client/login',
        loginEndpoints,
        loginHandlers({
          db,
          requesters,
          passwords,
          sessions,
          serverName,
          appservices,
          loginTokens,
          givesLoginTokens: config.loginViaExistingSession.enabled,
          jwt,
          registration,
          userOf,
          allowsPasswords,
          wellKnown,
          limits: {
            address: limiter(config.rcLogin.address),
            account: limiter(config.rcLogin.account),
            failedAttempts: limiter(config.rcLogin.failedAttempts),
          },
        }),
      ),
      ...operations(
        'client/device_management',
        deviceManagementEndpoints,
        deviceManagementHandlers({ db, devices, sessions, confirmUser }),
      ),
      ...operations('client/logout', logoutEndpoints, logoutHandlers({ sessions })),
      ...operations('client/refresh', refreshEndpoints, refreshHandlers({ sessions })),
      ...operations(
        'client/registration',
        only(registrationEndpoints, 'register', 'checkUsernameAvailability'),
        registrationHandlers({
          requesters,
          registration,
          sessions,
          passwords,
          policy: passwordConfig.policy,
          uiAuth,
          uiAuthSessions,
          flows,
          threepids,
          onRegistered,
          appservices,
          serverName,
          isEnabled: config.enableRegistration,
          allowsGuests: config.allowGuestAccess,
          hidesTaken: config.inhibitUserInUseError,
          limit: limiter(config.rcRegistration),
        }),
      ),
      ...operations(
        'client/registration_tokens',
        registrationTokensEndpoints,
        registrationTokensHandlers({
          db,
          isEnabled: config.enableRegistration,
          limit: limiter(config.rcRegistrationTokenValidity),
        }),
      ),
      ...operations('client/password_policy', passwordPolicyEndpoints, passwordPolicyHandlers(passwordConfig.policy)),
      ...operations(
        'admin/users',
        only(adminUsersEndpoints, 'getRegisterNonce', 'registerUser'),
        adminUsersHandlers({
          registration,
          sessions,
          passwords,
          serverName,
          secret: config.registrationSharedSecret,
          now: () => performance.now(),
        }),
      ),
      ...accountSettingsOperations({
        config,
        db,
        caches,
        requesters,
        sessions,
        passwords,
        confirmUser,
        uiAuth,
        uiAuthSessions,
        verification,
        loginTokens,
        validity,
        consent,
      }),
    ],
    consent,
    appservices,
    commands: runsBackgroundTasks ? ['USER_IP'] : [],
    onCommand(command) {
      if (command.name === 'USER_IP') lastSeen.heard(command)
    },
    async close() {
      clearInterval(sweeping)
      await lastSeen.close()
    },
  }
}

/** For the stage `m.login.terms`. */
const policiesOf = (
  { version, policyName }: { readonly version: string; readonly policyName: string },
  baseUrl: string,
): JsonObject => ({
  privacy_policy: { version, en: { name: policyName, url: `${baseUrl}_matrix/consent?v=${version}` } },
})
