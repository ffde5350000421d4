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
import { whoamiHandlers } from '../client/whoami.ts'
import type { WorkerConfig } from '../config/types.ts'
import type { DeviceChanges } from '../devices/device-changes.ts'
import { type Operation, only, operations } from '../http/handlers.ts'
import { makeRateLimiter, type RateLimit } from '../http/rate-limit.ts'
import { makeUiAuth } from '../http/ui-auth.ts'
import type { Command, CommandName, UserIp } from '../replication/commands.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { makeGuestTokens } from '../users/guest-tokens.ts'
import { makeLastSeen } from '../users/last-seen.ts'
import { makePasswords } from '../users/passwords.ts'
import { makeRegistration, type RegistrationDeps } from '../users/registration.ts'
import { makeRegistrationTokenStage } from '../users/registration-token-stage.ts'
import { makeRequesters, type UserRequesters } from '../users/requesters.ts'
import { makeSessions, type Sessions } from '../users/sessions.ts'
import { makeUiAuthSessions, sweepUiAuthSessions } from '../users/ui-auth-sessions.ts'

export interface AccountsDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly devices: DeviceChanges
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
  readonly operations: readonly Operation[]
  /** Commands of the bus to be heard: `USER_IP`, where it is written. */
  readonly commands: readonly CommandName[]
  readonly onCommand: (command: Command) => void
  readonly close: () => Promise<void>
}

const SWEEP_MS = 5 * 60_000

export function makeAccounts(deps: AccountsDeps): Accounts {
  const { config, db, caches, devices, tell, onProblem } = deps
  const { serverName, passwordConfig } = config
  const runsBackgroundTasks = config.duties.backgroundTasks === config.instanceName
  const limiter = (limit: RateLimit) => makeRateLimiter(limit, () => performance.now())

  const guestTokens = makeGuestTokens(config.macaroonSecretKey, serverName)
  const lastSeen = makeLastSeen({ db: runsBackgroundTasks ? db : undefined, tell, onProblem })
  const requesters = makeRequesters({ db, caches, guestTokens, lastSeen })
  const passwords = makePasswords({ rounds: config.bcryptRounds, pepper: passwordConfig.pepper })
  const sessions = makeSessions({
    db,
    caches,
    devices,
    guestTokens,
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
    onRegistered: deps.onRegistered,
  })
  const uiAuthSessions = makeUiAuthSessions(db)
  const tokenStage = makeRegistrationTokenStage({ db, sessions: uiAuthSessions })
  const { flows, stages } = registrationFlows(config, tokenStage)

  const confirmUser = makeConfirmUser({
    db,
    sessions: uiAuthSessions,
    passwords,
    serverName,
    allowsPasswords: passwordConfig.enabled !== false && passwordConfig.localdbEnabled,
    validMs: config.uiAuth.sessionTimeoutMs,
    failures: limiter(config.rcLogin.failedAttempts),
  })

  const sweep = () => sweepUiAuthSessions(db).catch((error: unknown) => onProblem('old UI auth sessions stay', error))
  const sweeping = runsBackgroundTasks ? setInterval(sweep, SWEEP_MS).unref() : undefined

  const allowsPasswords = passwordConfig.enabled === true && passwordConfig.localdbEnabled
  const wellKnown = config.servesClientWellKnown
    ? { ...config.extraWellKnownClientContent, 'm.homeserver': { base_url: config.publicBaseUrl } }
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
          canChange3pids: false,
          canGetLoginToken: false,
          maxEventDelayMs: config.maxEventDelayDurationMs ?? 0,
          maxDelayedEvents: config.experimentalFeatures.msc4140MaxDelayedEventsPerUser,
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
      ...operations('client/refresh', only(refreshEndpoints, 'refresh'), refreshHandlers({ sessions })),
      ...operations(
        'client/registration',
        only(registrationEndpoints, 'register', 'checkUsernameAvailability'),
        registrationHandlers({
          requesters,
          registration,
          sessions,
          passwords,
          policy: passwordConfig.policy,
          uiAuth: makeUiAuth({ sessions: uiAuthSessions, stages }),
          uiAuthSessions,
          flows,
          onRegistered: tokenStage.registered,
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
    ],
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
