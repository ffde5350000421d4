/** What is wrong in the configuration of a process by itself, beyond what a key says alone: as Synapse has it, or worse here. */

import type { InstanceLocation } from '../../shared/synapse-config/instance-map.ts'
import { MAIN, MASTER } from '../../shared/synapse-config/processes.ts'
import { isAt, listenerName } from './listeners.ts'
import type { SynapseValues } from './schema.ts'
import type { Telling } from './telling.ts'
import type { ListenerConfig, WorkerConfig } from './types.ts'

export type ProcessParts = Pick<
  WorkerConfig,
  | 'isMain'
  | 'instanceName'
  | 'instanceMap'
  | 'streamWriters'
  | 'listeners'
  | 'replicationSecret'
  | 'redis'
  | 'outboundFederation'
>

export const checkProcess = (values: SynapseValues, parts: ProcessParts, telling: Telling): void => {
  checkReplication(parts, telling)
  checkAccounts(values, telling)
  checkServer(values, telling)
}

const checkReplication = (parts: ProcessParts, { error, warn, has }: Telling): void => {
  const { isMain, instanceName, instanceMap, streamWriters, listeners, redis } = parts
  if (!isMain && !instanceMap.has(MASTER))
    error('instance_map', `${MAIN} is not in it: workers reach the main process over HTTP`)
  for (const [stream, writers] of Object.entries(streamWriters))
    for (const name of writers)
      if (name !== MASTER && !instanceMap.has(name))
        error(`stream_writers.${stream}`, `${name} is not in instance_map: nobody could hand it what is to be written`)

  const replication = listeners.filter(({ resources }) => resources.includes('replication'))
  const written = Object.keys(streamWriters).filter((stream) =>
    streamWriters[stream as keyof typeof streamWriters].includes(instanceName),
  )
  const own = instanceMap.get(instanceName)
  const at = isMain ? 'listeners' : 'worker_listeners'
  if (!isMain && written.length > 0 && replication.length === 0)
    error(
      has(at) ? at : `stream_writers.${written[0]}`,
      `${instanceName} writes ${written.join(', ')} and has no listener with the replication resource: nobody could hand it anything`,
    )
  else if (own && replication.length === 0)
    warn(
      at,
      `others look for ${isMain ? MAIN : instanceName} in instance_map, and it has no listener with the replication resource`,
    )
  else if (own) checkLocation(own, isMain ? MAIN : instanceName, replication, warn)

  if (!isMain && redis === undefined)
    warn('redis', 'is not enabled: the processes talk over Postgres, which workers of Synapse’s cannot')
  const { outboundFederation } = parts
  if (outboundFederation && outboundFederation.length > 0) {
    if (parts.replicationSecret === undefined)
      error('outbound_federation_restricted_to', 'needs a worker_replication_secret: what is asked through others is')
    for (const name of outboundFederation)
      if (!instanceMap.has(name)) error('outbound_federation_restricted_to', `${name} is not in instance_map`)
  }
}

const checkLocation = (
  own: InstanceLocation,
  name: string,
  replication: readonly ListenerConfig[],
  warn: Telling['warn'],
): void => {
  const found = replication.find((listener) => isAt(own, listener))
  const path = `instance_map.${name}`
  if (!found)
    warn(
      path,
      `others look for replication at ${own.kind === 'unix' ? own.path : `port ${own.port}`}, and it listens at ${replication.map(listenerName).join(' and ')}`,
    )
  else if (found.tls !== (own.kind === 'tcp' && own.tls))
    warn(
      path,
      `${found.tls ? 'its listener speaks TLS, and tls: true is not here' : 'says tls: true, and its listener speaks none'}`,
    )
}

const checkAccounts = (values: SynapseValues, telling: Telling): void => {
  const { error, has } = telling
  if (
    values.enableRegistration &&
    !values.enableRegistrationWithoutVerification &&
    !values.enableRegistrationCaptcha &&
    !values.registrationRequiresToken &&
    values.registrationsRequire3pid.length === 0
  )
    error(
      'enable_registration',
      'lets anyone register without any check, which draws spam: ask for a token (registration_requires_token), or set enable_registration_without_verification: true if that is meant',
    )
  const session = values.sessionLifetimeMs
  if (session !== undefined)
    for (const [key, lifetime] of [
      // Its default does not count.
      [
        'refreshable_access_token_lifetime',
        has('refreshable_access_token_lifetime') ? values.refreshableAccessTokenLifetimeMs : 0,
      ],
      ['nonrefreshable_access_token_lifetime', values.nonrefreshableAccessTokenLifetimeMs],
      ['refresh_token_lifetime', values.refreshTokenLifetimeMs],
    ] as const)
      if (typeof lifetime === 'number' && lifetime > session) error(key, 'is longer than session_lifetime')
  if (
    values.autocreateAutoJoinRooms &&
    values.autocreateAutoJoinRoomPreset !== 'public_chat' &&
    values.autoJoinMxidLocalpart === undefined
  )
    error('autocreate_auto_join_room_preset', 'needs auto_join_mxid_localpart: somebody has to invite')
  checkVerification(values, telling)
  for (const [i, alias] of values.autoJoinRooms.entries())
    if (!/^#[^:]*:./.test(alias)) error(`auto_join_rooms[${i}]`, 'expected an alias such as #room:example.org')
}

/** What a configuration asks users to prove, it must have the means to check. */
const checkVerification = (values: SynapseValues, { error, has }: Telling): void => {
  const { email, accountValidity, jwtConfig, userConsent } = values
  const needsEmail = values.registrationsRequire3pid.includes('email')
  if (needsEmail && email === undefined)
    error('registrations_require_3pid', 'asks for an e-mail address, and without email there is no mail to verify it')
  if (values.registrationsRequire3pid.includes('msisdn') && !values.disableMsisdnRegistration)
    error('registrations_require_3pid', 'asks for a phone number, which cannot be verified')
  if (email !== undefined) {
    if (!email.notifFrom) error('email.notif_from', 'missing: from whom mails are')
    else if (!/[^\s<>]@[^\s<>]/.test(email.notifFrom)) error('email.notif_from', 'is no address')
    for (const key of ['force_tls', 'require_transport_security'] as const)
      if (!email.enableTls && email[key === 'force_tls' ? 'forceTls' : 'requireTransportSecurity'])
        error(`email.${key}`, 'needs enable_tls: true')
  }
  if (values.enableRegistrationCaptcha) {
    for (const key of ['recaptcha_public_key', 'recaptcha_private_key'])
      if (!has(key) && !has(`${key}_path`)) error('enable_registration_captcha', `needs ${key}`)
  }
  if (accountValidity.enabled && accountValidity.periodMs === undefined)
    error('account_validity.period', 'missing: after how long accounts end')
  if (accountValidity.enabled && accountValidity.renewAtMs !== undefined && email === undefined)
    error('account_validity.renew_at', 'needs email: there is no mail to send')
  if (jwtConfig?.enabled)
    for (const key of ['secret', 'algorithm'] as const)
      if (jwtConfig[key] === undefined) error(`jwt_config.${key}`, 'missing')
  if (userConsent !== undefined && !has('form_secret') && !has('form_secret_path'))
    error('user_consent', 'needs form_secret, which its links are signed with')
}

const PRESETS: readonly string[] = ['public_chat', 'private_chat', 'trusted_private_chat']
/** They would say who the server is, and public_baseurl does. */
const TAKEN: readonly string[] = ['m.homeserver', 'm.identity_server']

const checkServer = (values: SynapseValues, { error }: Telling): void => {
  const { presence } = values
  if (presence.lastActiveGranularityMs === 0) error('presence.last_active_granularity', 'must be more than nothing')
  if (presence.syncOnlineTimeoutMs === 0) error('presence.sync_online_timeout', 'must be more than nothing')
  if (presence.idleTimeoutMs <= presence.lastActiveGranularityMs)
    error('presence.idle_timeout', 'must be longer than last_active_granularity')
  if (values.limitProfileRequestsToUsersWhoShareRooms && !values.requireAuthForProfileRequests)
    error(
      'limit_profile_requests_to_users_who_share_rooms',
      'needs require_auth_for_profile_requests: true, else nobody knows who asks',
    )
  for (const key of Object.keys(values.extraWellKnownClientContent))
    if (TAKEN.includes(key)) error('extra_well_known_client_content', `${key} is not for it to say: see public_baseurl`)
  for (const preset of Object.keys(values.defaultPowerLevelContentOverride ?? {}))
    if (!PRESETS.includes(preset))
      error(
        'default_power_level_content_override',
        `no preset is called ${JSON.stringify(preset)}: ${PRESETS.join(', ')}`,
      )
  const { cp_min: least, cp_max: most } = values.database?.args ?? {}
  if (typeof least === 'number' && typeof most === 'number' && least > most)
    error('database.args.cp_min', `is more than cp_max, ${most}`)
}
