/** What users change about their accounts and what proves who they are, put together: addresses, passwords, tokens, pages. */

import { accountStatusEndpoints } from '../../shared/endpoints/client/account_status.ts'
import { accountValidityEndpoints } from '../../shared/endpoints/client/account_validity.ts'
import { adminEndpoints } from '../../shared/endpoints/client/admin.ts'
import { administrativeContactEndpoints } from '../../shared/endpoints/client/administrative_contact.ts'
import { authFallbackEndpoints } from '../../shared/endpoints/client/auth_fallback.ts'
import { loginTokenEndpoints } from '../../shared/endpoints/client/login_token.ts'
import { oauthServerMetadataEndpoints } from '../../shared/endpoints/client/oauth_server_metadata.ts'
import { openidEndpoints } from '../../shared/endpoints/client/openid.ts'
import { passwordManagementEndpoints } from '../../shared/endpoints/client/password_management.ts'
import { registrationEndpoints } from '../../shared/endpoints/client/registration.ts'
import { synapseConsentEndpoints } from '../../shared/endpoints/synapse-client/consent.ts'
import { synapsePasswordResetEndpoints } from '../../shared/endpoints/synapse-client/password_reset.ts'
import { accountStatusHandlers } from '../client/account_status.ts'
import { accountValidityHandlers } from '../client/account_validity.ts'
import { adminHandlers } from '../client/admin.ts'
import { administrativeContactHandlers } from '../client/administrative_contact.ts'
import { authFallbackHandlers } from '../client/auth_fallback.ts'
import type { ConfirmUser } from '../client/confirm-user.ts'
import { loginTokenHandlers } from '../client/login_token.ts'
import { oauthServerMetadataHandlers } from '../client/oauth_server_metadata.ts'
import { openidHandlers } from '../client/openid.ts'
import { passwordManagementHandlers } from '../client/password_management.ts'
import { registrationAddressesHandlers } from '../client/registration-addresses.ts'
import { emailStage } from '../client/verification-stages.ts'
import type { WorkerConfig } from '../config/types.ts'
import { type Operation, only, operations } from '../http/handlers.ts'
import { makeRateLimiter } from '../http/rate-limit.ts'
import type { Requesters } from '../http/requester.ts'
import { makeUiAuth, type UiAuth, type UiAuthSessions } from '../http/ui-auth.ts'
import type { Db } from '../storage/db.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'
import { consentHandlers } from '../synapse-client/consent.ts'
import { passwordResetHandlers } from '../synapse-client/password_reset.ts'
import type { AccountValidity } from '../users/account-validity.ts'
import type { Consent } from '../users/consent.ts'
import type { LoginTokens } from '../users/login-tokens.ts'
import { makeModeration } from '../users/moderation.ts'
import type { Passwords } from '../users/passwords.ts'
import type { Sessions } from '../users/sessions.ts'
import { makeSetPassword } from '../users/set-password.ts'
import type { Verification } from './verification.ts'

export interface AccountSettingsDeps {
  readonly config: WorkerConfig
  readonly db: Db
  readonly caches: CacheInvalidation
  readonly requesters: Requesters
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly confirmUser: ConfirmUser
  /** Of registrations. */
  readonly uiAuth: UiAuth
  readonly uiAuthSessions: UiAuthSessions
  readonly verification: Verification
  readonly loginTokens: LoginTokens
  readonly validity: AccountValidity
  readonly consent: Consent
}

export function accountSettingsOperations(deps: AccountSettingsDeps): readonly Operation[] {
  const { config, db, caches, requesters, passwords, confirmUser, uiAuthSessions, verification } = deps
  const { serverName, passwordConfig, userConsent } = config
  const { threepids, validation, requests } = verification
  const hidesTaken = config.requestTokenInhibit3pidErrors
  const addresses = { ...requests, threepids, validation, hidesTaken }
  const policyUrl = `${config.publicBaseUrl}_matrix/consent?v=${userConsent?.version}`

  return [
    ...operations(
      'client/registration',
      only(
        registrationEndpoints,
        'requestTokenToRegisterEmail',
        'requestTokenToRegisterMSISDN',
        'submitTokenToRegister',
      ),
      registrationAddressesHandlers({
        ...addresses,
        sendMail: verification.sendMail,
        names: verification.names,
        isEnabled: config.enableRegistration,
      }),
    ),
    ...operations(
      'client/administrative_contact',
      administrativeContactEndpoints,
      administrativeContactHandlers({ ...addresses, confirmUser, allowsChanges: config.enable3pidChanges }),
    ),
    ...operations(
      'client/password_management',
      passwordManagementEndpoints,
      passwordManagementHandlers({
        ...addresses,
        hidesUnknown: hidesTaken,
        confirmUser,
        uiAuth: makeUiAuth({
          sessions: uiAuthSessions,
          stages: validation === undefined ? {} : { 'm.login.email.identity': emailStage(validation) },
        }),
        uiAuthSessions,
        passwords,
        policy: passwordConfig.policy,
        setPassword: makeSetPassword({
          caches,
          sessions: deps.sessions,
          mayChange: passwordConfig.enabled !== false && passwordConfig.localdbEnabled,
        }),
      }),
    ),
    ...operations(
      'synapse-client/password_reset',
      synapsePasswordResetEndpoints,
      passwordResetHandlers({ validation }),
    ),
    ...operations(
      'client/auth_fallback',
      authFallbackEndpoints,
      authFallbackHandlers({
        uiAuth: deps.uiAuth,
        recaptchaKey: config.recaptcha?.publicKey,
        policyUrl: userConsent && policyUrl,
      }),
    ),
    ...operations(
      'client/login_token',
      loginTokenEndpoints,
      loginTokenHandlers({
        loginTokens: deps.loginTokens,
        confirmUser,
        settings: config.loginViaExistingSession,
        limit: makeRateLimiter({ perSecond: 1 / 60, burstCount: 1 }, () => performance.now()),
      }),
    ),
    ...operations('client/openid', openidEndpoints, openidHandlers({ db, serverName })),
    ...operations(
      'client/admin',
      adminEndpoints,
      adminHandlers({ db, requesters, moderation: makeModeration(caches), serverName }),
    ),
    ...operations(
      'client/account_status',
      accountStatusEndpoints,
      accountStatusHandlers({
        db,
        serverName,
        isEnabled: config.experimentalFeatures.msc3720Enabled,
        tellsExpiry: config.useAccountValidityInAccountStatus,
      }),
    ),
    ...operations(
      'client/account_validity',
      accountValidityEndpoints,
      accountValidityHandlers({ validity: deps.validity }),
    ),
    ...operations(
      'synapse-client/consent',
      synapseConsentEndpoints,
      consentHandlers({
        db,
        serverName,
        policy: userConsent,
        formSecret: config.formSecret,
        consent: deps.consent,
      }),
    ),
    ...operations('client/oauth_server_metadata', oauthServerMetadataEndpoints, oauthServerMetadataHandlers()),
  ]
}
