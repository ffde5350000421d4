/** `rc_*`: how often something may be done. A limit is a bucket of `burst_count`, of which `per_second` leak away. */

import { type Key, mapped, optional, withDefault } from '../../../shared/config/decode.ts'
import { number, whole } from '../../../shared/synapse-config/types.ts'
import { ms, notYet, type SectionType, section } from '../keys.ts'

/** How often something may be done. */
export interface RateLimit {
  readonly perSecond: number
  /** How many at once. A whole number. */
  readonly burstCount: number
}

const EXAMPLE = '{per_second: 0.5, burst_count: 10}'
const whole0 = mapped(number, Math.trunc)

export const limitSection = (perSecond: number, burst: number) =>
  section(
    {
      per_second: withDefault(number, String(perSecond), 'How often, in the long run.', '0.5'),
      burst_count: withDefault(whole0, String(burst), 'How many at once before that.', '10'),
    },
    `a limit, by default ${perSecond} a second after ${burst} at once`,
  )

const limit = (perSecond: number, burst: number, doc: string): Key<RateLimit> =>
  withDefault(limitSection(perSecond, burst), '{}', doc, EXAMPLE)

/** A map of limits. */
const limits = <K extends Readonly<Record<string, Key<RateLimit>>>>(keys: K): SectionType<K> =>
  section(keys, `a map with ${Object.keys(keys).join(', ')}`)

export const rcLogin = limits({
  address: limit(0.003, 5, 'Logins from an address.'),
  account: limit(0.003, 5, 'Logins to an account.'),
  failed_attempts: limit(0.17, 3, 'Failed logins to an account.'),
})
export const rcJoins = limits({
  local: limit(0.1, 10, 'Joins of a user to rooms that the server is in.'),
  remote: limit(0.01, 10, 'Joins of a user to rooms that it is not in.'),
})
export const rcInvites = limits({
  per_room: limit(0.3, 10, 'Invites to a room.'),
  per_user: limit(0.003, 5, 'Invites of a user, by whomever.'),
  per_issuer: limit(0.3, 10, 'Invites by a user.'),
})
export const rcPresence = limits({ per_user: limit(0.1, 1, 'Changes of a user’s presence.') })

export const rcFederationSection = section(
  {
    window_size: ms(withDefault(whole('milliseconds'), '1000', 'What follows is counted over so long, in ms.', '2000')),
    sleep_limit: withDefault(whole('a number'), '10', 'Requests of a server after which the next wait.', '20'),
    sleep_delay: ms(withDefault(whole('milliseconds'), '500', 'How long they wait, in ms.', '100')),
    reject_limit: withDefault(whole('a number'), '50', 'Requests that may wait; more are refused.', '100'),
    concurrent: withDefault(whole('a number above 0', 1), '3', 'Requests of a server at the same time.', '5'),
  },
  'a map with window_size',
)

const some = (type: SectionType<Readonly<Record<string, Key<RateLimit>>>>): string =>
  `{${Object.keys(type.keys)[0]}: ${EXAMPLE}}`

export const rateLimitKeys = {
  rc_message: limit(0.2, 10, 'Messages and other events by a user.'),
  rc_registration: limit(0.17, 3, 'Registrations from an address.'),
  rc_registration_token_validity: limit(0.1, 5, 'Questions whether a registration token is good, from an address.'),
  rc_login: withDefault(rcLogin, '{}', 'Logins; see below.', some(rcLogin)),
  rc_admin_redaction: optional(limitSection(0.17, 3), '`rc_message`', 'Redactions by admins of the server.', EXAMPLE),
  rc_joins: withDefault(rcJoins, '{}', 'Joins; see below.', some(rcJoins)),
  rc_joins_per_room: limit(1, 10, 'Joins to a room.'),
  rc_invites: withDefault(rcInvites, '{}', 'Invites; see below.', some(rcInvites)),
  rc_third_party_invite: limit(0.0025, 5, 'Invites by e-mail address of a user.'),
  rc_3pid_validation: limit(0.003, 5, 'Checks of e-mail addresses and phone numbers.'),
  rc_key_requests: limit(20, 100, 'Questions of a device for keys of others.'),
  rc_media_create: limit(10, 50, 'Uploads that a user begins.'),
  rc_presence: withDefault(rcPresence, '{}', 'Presence; see below.', some(rcPresence)),
  rc_delayed_event_mgmt: limit(1, 5, 'Changes to delayed events by a user.'),
  rc_room_creation: limit(0.016, 10, 'Rooms that a user makes.'),
  rc_reports: limit(1, 5, 'Reports by a user.'),
  rc_user_directory: limit(0.016, 200, 'Searches for users by a user.'),
  rc_profile: limit(1, 500, 'Changes of a user’s profile.'),
  rc_federation: withDefault(rcFederationSection, '{}', 'Requests of another server; see below.', '{concurrent: 5}'),

  rc_messages_per_second: notYet('of old: write rc_message', { example: '0.2', harmless: 'never' }),
  rc_message_burst_count: notYet('of old: write rc_message', { example: '10', harmless: 'never' }),
  federation_rc_window_size: notYet('of old: write rc_federation', { example: '1000', harmless: 'never' }),
  federation_rc_sleep_limit: notYet('of old: write rc_federation', { example: '10', harmless: 'never' }),
  federation_rc_sleep_delay: notYet('of old: write rc_federation', { example: '500', harmless: 'never' }),
  federation_rc_reject_limit: notYet('of old: write rc_federation', { example: '50', harmless: 'never' }),
  federation_rc_concurrent: notYet('of old: write rc_federation', { example: '3', harmless: 'never' }),
  federation_rr_transactions_per_room_per_second: notYet('read receipts are sent as they come', { example: '50' }),
}
