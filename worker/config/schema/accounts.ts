/** Accounts: registration, passwords, sessions. */

import { optional, required, type Type, withDefault } from '../../../shared/config/decode.ts'
import {
  duration,
  filledText,
  flag,
  listOf,
  orNull,
  plainMap,
  printed,
  text,
  whole,
  word,
} from '../../../shared/synapse-config/types.ts'
import { ms, noEffect, notYet, refused, section } from '../keys.ts'
import { patternOf } from '../python-patterns.ts'

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

/** A regular expression that Python reads. */
const pythonPattern: Type<RegExp> = {
  expected: 'a regular expression',
  read: (node, path, reading) => {
    const source = text('a regular expression').read(node, path, reading)
    const pattern = source === undefined ? undefined : patternOf(source)
    if (pattern === undefined || pattern instanceof RegExp) return pattern
    reading.problem(path, pattern.mistake, node && { node })
    return undefined
  },
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

export const allowed3pidSection = section(
  {
    medium: required(word('email', 'msisdn'), 'Which kind of address it is about.', 'email'),
    pattern: required(pythonPattern, 'A regular expression that its beginning matches.', "'^[^@]+@example\\.org$'"),
  },
  'a map with medium and pattern',
)

export const accountValiditySection = section(
  {
    enabled: withDefault(flag, 'false', 'Whether accounts end.', 'true'),
    period: ms(optional(duration, 'none, which is a mistake', 'After how long.', '6w')),
    renew_at: ms(optional(duration, 'no mail is sent', 'How long before its end a user is written to.', '1w')),
    renew_email_subject: withDefault(
      text('a subject'),
      "'Renew your %(app)s account'",
      'The subject of that mail.',
      "'Your account at %(app)s'",
    ),
    template_dir: noEffect('mails and pages have texts of their own', { example: '/etc/templates' }),
    account_renewed_html_path: noEffect('pages have texts of their own', { example: 'a.html' }),
    invalid_token_html_path: noEffect('pages have texts of their own', { example: 'a.html' }),
  },
  'a map with enabled',
)

export const userConsentSection = section(
  {
    version: required(printed('a version'), 'Of the policy that counts.', "'1.0'"),
    template_dir: required(
      filledText('a path'),
      'A folder that has `en/{version}.html` and `en/success.html`, in which `{{ user }}`, `{{ userhmac }}`, `{{ version }}` stand for these, and `{% if %}`, `{% else %}`, `{% endif %}` ask for `has_consented` and `public_version`.',
      '/etc/policies',
    ),
    require_at_registration: withDefault(flag, 'false', 'Whether who registers must agree to it.', 'true'),
    policy_name: withDefault(text('a name'), "'Privacy Policy'", 'What it is called then.', "'Terms'"),
    block_events_error: optional(
      text('a sentence'),
      'nothing is refused',
      'What who has not agreed is answered when they send something. `%(consent_uri)s` is where they may.',
      "'Agree at %(consent_uri)s'",
    ),
    server_notice_content: optional(
      plainMap('the content of a message'),
      'no message',
      'What a message of the server says to who has not agreed.',
      "{msgtype: m.text, body: 'Agree at %(consent_uri)s'}",
    ),
    send_server_notice_to_guests: withDefault(flag, 'false', 'Whether guests get it too.', 'true'),
  },
  'a map with version and template_dir',
)

export const existingSessionSection = section(
  {
    enabled: withDefault(flag, 'false', 'Whether they are given.', 'true'),
    require_ui_auth: withDefault(flag, 'true', 'Whether a password is asked for before.', 'false'),
    token_timeout: ms(withDefault(duration, '5m', 'For how long they are good.', '1m')),
  },
  'a map with enabled',
)

export const jwtSection = section(
  {
    enabled: withDefault(flag, 'false', 'Whether it is so.', 'true'),
    secret: optional(text('a secret'), 'none, which is a mistake', 'The secret, or a public key in PEM.', 'sEcReT'),
    algorithm: optional(
      word('HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'),
      'none, which is a mistake',
      'How they are signed.',
      'HS256',
    ),
    subject_claim: withDefault(filledText('a claim'), 'sub', 'Which claim names the user.', 'preferred_username'),
    display_name_claim: optional(filledText('a claim'), 'none', 'Which claim is the name of a new user.', 'name'),
    issuer: optional(text('a text'), 'any', 'What `iss` must be.', 'https://login.example.org'),
    audiences: optional(
      listOf(text('a text'), 'a list of texts'),
      'none: with `aud` it is refused',
      'What `aud` must be, one of them.',
      '[matrix]',
    ),
  },
  'a map with enabled',
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
  recaptcha_public_key: optional(text('a key'), 'none', 'What clients show a reCAPTCHA with.', '6Lc-public'),
  recaptcha_public_key_path: optional(filledText('a path'), 'none', 'The file of that key.', '/run/secrets/captcha'),
  recaptcha_private_key: optional(text('a secret'), 'none', 'What the answers are checked with.', '6Lc-private'),
  recaptcha_private_key_path: optional(
    filledText('a path'),
    'none',
    'The file of that secret.',
    '/run/secrets/private',
  ),
  recaptcha_siteverify_api: withDefault(
    filledText('a URL'),
    'https://www.recaptcha.net/recaptcha/api/siteverify',
    'Where they are checked.',
    'https://captcha.example.org/siteverify',
  ),
  disable_msisdn_registration: withDefault(flag, 'false', 'Whether nobody registers with a phone number.', 'true'),
  allowed_local_3pids: withDefault(
    listOf(allowed3pidSection, 'a list of maps with medium and pattern'),
    '[]',
    'What e-mail addresses and phone numbers must look like. Empty: as they like.',
    "[{medium: email, pattern: '^[^@]+@example\\.org$'}]",
  ),
  enable_3pid_changes: withDefault(flag, 'true', 'Whether users add and remove addresses of their own.', 'false'),
  enable_registration_token_3pid_bypass: withDefault(
    flag,
    'false',
    'Whether with a token of an admin nothing else is asked for.',
    'true',
  ),
  account_threepid_delegates: notYet('phone numbers are not verified', { example: '{msisdn: https://example.org}' }),
  default_identity_server: optional(
    filledText('a URL'),
    'none',
    'The identity server that clients are told of.',
    'https://id.example.org',
  ),
  trust_identity_server_for_password_resets: noEffect('unused since Synapse 1.4', { harmless: 'off' }),
  request_token_inhibit_3pid_errors: withDefault(
    flag,
    'false',
    'Whether nobody is told if an e-mail address is known here.',
    'true',
  ),
  next_link_domain_whitelist: optional(
    listOf(filledText('a host'), 'a list of hosts'),
    'any',
    'Where links in mails may lead to in the end.',
    '[example.org]',
  ),
  account_validity: withDefault(accountValiditySection, '{}', 'Accounts that end; see below.', '{enabled: false}'),
  use_account_validity_in_account_status: withDefault(
    flag,
    'false',
    'Whether `account_status` says of a user that their account has ended.',
    'true',
  ),
  user_consent: optional(
    userConsentSection,
    'none',
    'What users agree to; see below.',
    "{version: '1.0', template_dir: /etc/policies}",
  ),
  user_types: notYet('users have no types', { example: '{default_user_type: a}' }),
  dont_notify_new_devices_for: withDefault(
    listOf(filledText('a user ID'), 'a list of user IDs'),
    '[]',
    'Users of whose new devices nobody is told until these have keys.',
    "['@bot:example.org']",
  ),
  login_via_existing_session: withDefault(
    existingSessionSection,
    '{}',
    'Tokens to log in elsewhere with; see below.',
    '{enabled: true}',
  ),
  oidc_providers: notYet('nobody can log in with it', { example: '[{idp_id: a}]' }),
  oidc_config: notYet('nobody can log in with it'),
  saml2_config: notYet('nobody can log in with it', { example: '{sp_config: {}}' }),
  cas_config: notYet('nobody can log in with it'),
  jwt_config: optional(
    jwtSection,
    'none',
    'Log-ins with JSON Web Tokens of another system; see below.',
    '{enabled: true, secret: sEcReT, algorithm: HS256}',
  ),
  sso: notYet('there is no single sign-on', { example: '{client_whitelist: [https://example.org/]}' }),
  ldap_config: refused('loads a Python module, of which there are none here'),
  matrix_authentication_service: refused(
    'accounts that are delegated to the Matrix Authentication Service are not supported yet',
    { example: '{enabled: true}' },
  ),
}
