/** Accounts: registration, passwords, sessions. */

import { optional, type Type, withDefault } from '../../../shared/config/decode.ts'
import {
  duration,
  filledText,
  flag,
  listOf,
  orNull,
  printed,
  text,
  whole,
  word,
} from '../../../shared/synapse-config/types.ts'
import { ms, noEffect, notYet, refused, section } from '../keys.ts'

/** Synapse takes the words in quotes too, for these two settings alone. */
const looseFlag: Type<boolean> = {
  expected: flag.expected,
  read: (node, path, reading) => {
    const word = node && 'value' in node && typeof node.value === 'string' ? node.value.toLowerCase() : ''
    if (['true', 'yes', 'on', 'y', 't', '1'].includes(word)) return true
    if (['false', 'no', 'off', 'n', 'f', '0'].includes(word)) return false
    return flag.read(node, path, reading)
  },
}

const passwordMode: Type<boolean | 'only_for_reauth'> = {
  expected: 'true, false or only_for_reauth',
  read: (node, path, reading) =>
    node && 'value' in node && node.value === 'only_for_reauth' ? 'only_for_reauth' : flag.read(node, path, reading),
}

export const passwordPolicySection = section(
  {
    enabled: withDefault(flag, 'false', 'Whether new passwords are held to what follows.', 'true'),
    minimum_length: withDefault(whole('a number'), '0', 'The least number of characters.', '12'),
    require_digit: withDefault(flag, 'false', 'Whether a digit is needed.', 'true'),
    require_symbol: withDefault(
      flag,
      'false',
      'Whether a character that is neither letter nor digit is needed.',
      'true',
    ),
    require_lowercase: withDefault(flag, 'false', 'Whether a small letter is needed.', 'true'),
    require_uppercase: withDefault(flag, 'false', 'Whether a capital letter is needed.', 'true'),
  },
  'a map with enabled',
)

export const passwordSection = section(
  {
    enabled: withDefault(
      passwordMode,
      'true',
      'Whether users log in with passwords. `only_for_reauth`: not that, but confirm with them.',
      'false',
    ),
    localdb_enabled: withDefault(flag, 'true', 'Whether passwords of the database count.', 'false'),
    pepper: withDefault(
      text('a secret'),
      '""',
      'Added to each password before it is hashed. Never change it.',
      'sEcReT',
    ),
    policy: withDefault(
      passwordPolicySection,
      '{}',
      'What passwords must have; see below.',
      '{enabled: true, minimum_length: 12}',
    ),
  },
  'a map with enabled',
)

export const uiAuthSection = section(
  {
    session_timeout: ms(
      withDefault(duration, '0', 'For how long one confirmation serves for more of the same.', '15s'),
    ),
  },
  'a map with session_timeout',
)

export const accountKeys = {
  enable_registration: withDefault(
    looseFlag,
    'false',
    'Whether anyone may register. Needs `registration_requires_token`, `registrations_require_3pid`, `enable_registration_captcha` or `enable_registration_without_verification`.',
    'true',
  ),
  enable_registration_without_verification: withDefault(
    looseFlag,
    'false',
    'Whether that may be so without any check.',
    'true',
  ),
  registration_requires_token: withDefault(flag, 'false', 'Whether registering needs a token of an admin.', 'true'),
  registrations_require_3pid: withDefault(
    listOf(word('email', 'msisdn'), 'a list of email, msisdn'),
    '[]',
    'What a registration must verify.',
    '[email]',
  ),
  enable_registration_captcha: withDefault(flag, 'false', 'Whether registering needs a reCAPTCHA.', 'true'),
  registration_shared_secret: optional(
    text('a secret'),
    'none',
    'Who has it may register users and admins, as `register_new_matrix_user` does.',
    'fEdcBa9876',
  ),
  registration_shared_secret_path: optional(
    filledText('a path'),
    'none',
    'The file of that secret.',
    '/run/secrets/registration',
  ),
  allow_guest_access: withDefault(flag, 'false', 'Whether guests may register.', 'true'),
  inhibit_user_in_use_error: withDefault(
    flag,
    'false',
    'Whether `register/available` says that every name is free.',
    'true',
  ),
  allow_underscore_prefixed_localpart: withDefault(flag, 'false', 'Whether names may begin with `_`.', 'true'),
  enable_3pid_lookup: withDefault(
    flag,
    'true',
    'Whether identity servers are asked for who is invited by an address.',
    'false',
  ),
  enable_set_displayname: withDefault(flag, 'true', 'Whether users may change their names.', 'false'),
  enable_set_avatar_url: withDefault(flag, 'true', 'Whether users may change their avatars.', 'false'),
  auto_join_rooms: withDefault(
    listOf(filledText('an alias'), 'a list of aliases'),
    '[]',
    'Rooms that new users join.',
    "['#lobby:example.org']",
  ),
  autocreate_auto_join_rooms: withDefault(
    flag,
    'true',
    'Whether these are made with the first user, if they are not there.',
    'false',
  ),
  autocreate_auto_join_rooms_federated: withDefault(
    flag,
    'true',
    'Whether users of other servers may join those.',
    'false',
  ),
  autocreate_auto_join_room_preset: withDefault(
    word('public_chat', 'private_chat', 'trusted_private_chat'),
    'public_chat',
    'The preset they are made with. The private ones need `auto_join_mxid_localpart`.',
    'private_chat',
  ),
  auto_join_mxid_localpart: optional(
    filledText('the local part of a user ID'),
    'the new user',
    'Who makes and invites into them.',
    'system',
  ),
  auto_join_rooms_for_guests: withDefault(flag, 'true', 'Whether guests join them too.', 'false'),
  session_lifetime: ms(optional(duration, 'for ever', 'How long a login lasts.', '24h')),
  refreshable_access_token_lifetime: {
    ...ms(
      withDefault(
        orNull(duration),
        '5m',
        'How long an access token lasts that can be refreshed. Null: none can be.',
        '10m',
      ),
    ),
    takesNull: true as const,
  },
  refresh_token_lifetime: ms(optional(duration, 'for ever', 'How long a refresh token lasts.', '24h')),
  nonrefreshable_access_token_lifetime: ms(
    optional(duration, 'for ever', 'How long an access token lasts that cannot be refreshed.', '24h'),
  ),
  password_config: withDefault(passwordSection, '{}', 'Passwords; see below.', '{enabled: true}'),
  bcrypt_rounds: withDefault(
    whole('a number from 4 to 31', 4, 31),
    '12',
    'The cost of a password’s hash: one more doubles it.',
    '14',
  ),
  ui_auth: withDefault(uiAuthSection, '{}', 'User-interactive authentication; see below.', '{session_timeout: 15s}'),
  macaroon_secret_key: optional(
    printed('a secret'),
    '`registration_shared_secret`, else made of the signing key',
    'What short-lived tokens are signed with.',
    'fEdcBa9876',
  ),
  macaroon_secret_key_path: optional(filledText('a path'), 'none', 'The file of that secret.', '/run/secrets/macaroon'),
  form_secret: optional(text('a secret'), 'none', 'What the values of forms are signed with.', 'fEdcBa9876'),
  form_secret_path: optional(filledText('a path'), 'none', 'The file of that secret.', '/run/secrets/form'),

  disable_registration: refused('of old: write enable_registration', { example: 'true', harmless: 'never' }),
  invite_3pid_guest: refused('no Synapse has it any more'),
  recaptcha_public_key: notYet('there is no reCAPTCHA: with enable_registration_captcha nobody can register', {
    example: 'abc',
  }),
  recaptcha_public_key_path: notYet('there is no reCAPTCHA', { example: '/a' }),
  recaptcha_private_key: noEffect('belongs to recaptcha_public_key', { example: 'abc' }),
  recaptcha_private_key_path: noEffect('belongs to recaptcha_public_key', { example: '/a' }),
  recaptcha_siteverify_api: noEffect('belongs to recaptcha_public_key', { example: 'https://example.org' }),
  disable_msisdn_registration: noEffect('phone numbers are not verified'),
  allowed_local_3pids: notYet('e-mail addresses and phone numbers are not verified', {
    example: '[{medium: email, pattern: ".*"}]',
  }),
  enable_3pid_changes: noEffect('e-mail addresses and phone numbers are not verified', { example: 'false' }),
  enable_registration_token_3pid_bypass: notYet('a token is needed as well'),
  account_threepid_delegates: notYet('e-mail addresses and phone numbers are not verified', {
    example: '{msisdn: https://example.org}',
  }),
  default_identity_server: notYet('no identity server is told to clients', { example: 'https://id.example.org' }),
  trust_identity_server_for_password_resets: noEffect('unused since Synapse 1.4', { harmless: 'off' }),
  request_token_inhibit_3pid_errors: notYet('e-mail addresses and phone numbers are not verified'),
  next_link_domain_whitelist: notYet('e-mail addresses and phone numbers are not verified', {
    example: '[example.org]',
  }),
  email: notYet('no mail is sent', { example: '{smtp_host: localhost}' }),
  account_validity: notYet('accounts do not expire'),
  use_account_validity_in_account_status: noEffect('belongs to account_validity', { harmless: 'off' }),
  user_consent: notYet('nobody is asked to agree to terms', { example: "{version: '1.0'}" }),
  user_types: notYet('users have no types', { example: '{default_user_type: a}' }),
  dont_notify_new_devices_for: withDefault(
    listOf(filledText('a user ID'), 'a list of user IDs'),
    '[]',
    'Users of whose new devices nobody is told until these have keys.',
    "['@bot:example.org']",
  ),
  login_via_existing_session: notYet('a session cannot log another in'),
  oidc_providers: notYet('nobody can log in with it', { example: '[{idp_id: a}]' }),
  oidc_config: notYet('nobody can log in with it'),
  saml2_config: notYet('nobody can log in with it', { example: '{sp_config: {}}' }),
  cas_config: notYet('nobody can log in with it'),
  jwt_config: notYet('nobody can log in with it'),
  sso: notYet('there is no single sign-on', { example: '{client_whitelist: [https://example.org/]}' }),
  ldap_config: refused('loads a Python module, of which there are none here'),
  matrix_authentication_service: refused(
    'accounts that are delegated to the Matrix Authentication Service are not supported yet',
    { example: '{enabled: true}' },
  ),
}
