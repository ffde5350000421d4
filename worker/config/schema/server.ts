/** The server as its users and other servers see it. */

import { optional, required, type Type, withDefault } from '../../../shared/config/decode.ts'
import { isServerName } from '../../../shared/matrix/ids/server-name.ts'
import type { RoomVersionId } from '../../../shared/matrix/room-version.ts'
import { roomVersion } from '../../../shared/matrix/room-version.ts'
import {
  anything,
  duration,
  filledText,
  flag,
  listOf,
  plainMap,
  printed,
  text,
  whole,
  word,
} from '../../../shared/synapse-config/types.ts'
import { ms, noEffect, notYet, refused, section } from '../keys.ts'
import { directoryKeys } from './directory.ts'
import { experimentalSection } from './experimental.ts'

const checked = <T extends string>(
  type: Type<string>,
  is: (value: string) => value is T,
  expected: string,
): Type<T> => ({
  expected,
  read: (node, path, reading) => {
    const value = type.read(node, path, reading)
    if (value === undefined || is(value)) return value
    reading.problem(path, `expected ${expected}, got ${JSON.stringify(value)}`, node && { node })
    return undefined
  },
})

const isUrl = (value: string): value is string => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
}
const isRoomVersion = (value: string): value is RoomVersionId => roomVersion(value) !== undefined

/** `enabled`: true, false, or `untracked`. */
const presenceMode: Type<boolean | 'untracked'> = {
  expected: 'true, false or untracked',
  read: (node, path, reading) =>
    node && 'value' in node && node.value === 'untracked' ? 'untracked' : flag.read(node, path, reading),
}

export const presenceSection = section(
  {
    enabled: optional(
      presenceMode,
      '`use_presence`, true',
      'Whether users see who is online. `untracked`: only what bots and other servers set.',
      'false',
    ),
    include_offline_users_on_sync: withDefault(
      flag,
      'false',
      'Whether a first sync tells of users that are offline.',
      'true',
    ),
    last_active_granularity: ms(withDefault(duration, '1m', 'For how long a user counts as active just now.', '2m')),
    sync_online_timeout: ms(withDefault(duration, '30s', 'How long after its last sync a client is gone.', '1m')),
    idle_timeout: ms(withDefault(duration, '5m', 'How long after the last activity a user is idle.', '10m')),
    presence_router: refused('loads a Python module: there are none here', { example: '{module: a.b}' }),
  },
  'a map with enabled',
)

export const prejoinSection = section(
  {
    disable_default_event_types: withDefault(flag, 'false', 'Whether only what is named here is shown.', 'true'),
    additional_event_types: withDefault(
      listOf(anything('a type, or [type, state key]'), 'a list of types'),
      '[]',
      'More types of state; `[type, state key]` for one state key.',
      '[org.example.kind, [m.space.parent, ""]]',
    ),
  },
  'a map with additional_event_types',
)

export const pushSection = section(
  {
    enabled: withDefault(flag, 'true', 'Whether unread counts are kept and notifications sent.', 'false'),
    include_content: withDefault(flag, 'true', 'Whether notifications carry what was said.', 'false'),
    group_unread_count_by_room: withDefault(flag, 'true', 'Whether the badge counts rooms, not messages.', 'false'),
    jitter_delay: ms(optional(duration, 'none', 'Notifications wait up to so long, at random.', '10s')),
    redact_content: noEffect('has never worked in Synapse: see include_content'),
  },
  'a map with enabled',
)

export const pushRuleLimitsSection = section(
  {
    rule_count: withDefault(whole('a number'), '10000', 'Rules a user may have.', '1000'),
    rule_id_length: withDefault(whole('a number above 0', 1), '300', 'Length of a rule’s ID.', '100'),
    rule_size: withDefault(whole('bytes', 1), '1024', 'Bytes of a rule.', '2048'),
  },
  'a map with rule_count',
)
export const pushRulesSection = section(
  { limits: withDefault(pushRuleLimitsSection, '{}', 'Limits of a user’s push rules.', '{rule_count: 100}') },
  'a map with limits',
)

export const serverKeys = {
  server_name: required(
    // Its brand comes later: the compiler cannot write that type down in a table.
    checked(
      filledText('a server name'),
      (value): value is string => isServerName(value),
      'a server name such as example.org',
    ),
    'The name that follows the `:` in every user ID. Never change it.',
    'example.org',
  ),
  public_baseurl: optional(
    checked(filledText('a URL'), isUrl, 'an http or https URL without ? and #'),
    'https:// and the server name',
    'Where clients reach the server. If it is set, `/.well-known/matrix/client` and logins tell it to them.',
    'https://matrix.example.org/',
  ),
  serve_server_wellknown: withDefault(
    flag,
    'false',
    'Whether `/.well-known/matrix/server` sends other servers to port 443.',
    'true',
  ),
  extra_well_known_client_content: withDefault(
    plainMap('a map'),
    '{}',
    'More members of `/.well-known/matrix/client`.',
    '{org.example: {a: 1}}',
  ),
  presence: withDefault(presenceSection, '{}', 'Who is online; see below.', '{enabled: false}'),
  use_presence: optional(flag, 'true', 'Of old: `presence.enabled`.', 'false'),
  default_room_version: withDefault(
    checked(printed('a room version'), isRoomVersion, 'a room version from 1 to 12'),
    "'12'",
    'The version of new rooms.',
    "'11'",
  ),
  filter_timeline_limit: withDefault(
    whole('a number, or -1', -1),
    '100',
    'The most events of a room that a filter may ask of `/sync`. -1: any number.',
    '500',
  ),
  encryption_enabled_by_default_for_room_type: withDefault(
    {
      expected: 'all, invite or off',
      read: (node, path, reading) =>
        // A bare `off` is false in YAML 1.1.
        node && 'value' in node && node.value === false
          ? 'off'
          : word('all', 'invite', 'off').read(node, path, reading),
    } satisfies Type<'all' | 'invite' | 'off'>,
    'off',
    'Which new rooms are encrypted: `invite` those of the private presets.',
    'invite',
  ),
  default_power_level_content_override: optional(
    plainMap('a map of presets'),
    'none',
    'For a preset of createRoom, members of its power levels that differ.',
    '{private_chat: {events: {m.room.name: 100}}}',
  ),
  room_prejoin_state: withDefault(
    prejoinSection,
    '{}',
    'What of a room’s state the invited see; see below.',
    '{disable_default_event_types: true}',
  ),
  forget_rooms_on_leave: withDefault(flag, 'false', 'Whether a room that is left is forgotten at once.', 'true'),
  allow_per_room_profiles: withDefault(
    flag,
    'true',
    'Whether names and avatars may differ from room to room.',
    'false',
  ),
  block_non_admin_invites: withDefault(
    flag,
    'false',
    'Whether only admins of the server may invite its users.',
    'true',
  ),
  include_profile_data_on_invite: withDefault(
    flag,
    'true',
    'Whether an invite shows name and avatar of the invited.',
    'false',
  ),
  require_auth_for_profile_requests: withDefault(
    flag,
    'false',
    'Whether profiles are for users of this server only.',
    'true',
  ),
  limit_profile_requests_to_users_who_share_rooms: withDefault(
    flag,
    'false',
    'Whether profiles are for those who share a room. Needs `require_auth_for_profile_requests`.',
    'true',
  ),
  exclude_rooms_from_sync: withDefault(
    listOf(filledText('a room ID'), 'a list of room IDs'),
    '[]',
    'Rooms that no `/sync` shows.',
    "['!lobby:example.org']",
  ),
  exclude_rooms_from_presence: withDefault(
    listOf(filledText('a room ID'), 'a list of room IDs'),
    '[]',
    'Rooms for whose sake alone nobody is told who is online.',
    "['!lobby:example.org']",
  ),
  push: withDefault(pushSection, '{}', 'Notifications; see below.', '{include_content: false}'),
  push_rules: withDefault(pushRulesSection, '{}', 'Limits of push rules; see below.', '{limits: {rule_count: 100}}'),
  ...directoryKeys,
  admin_contact: optional(
    text('an address'),
    'none',
    'Whom to ask when the server refuses a user for its limits.',
    'mailto:admin@example.org',
  ),

  modules: refused('loads Python modules, of which there are none here: what they forbid would be allowed', {
    example: '[{module: a.B}]',
  }),
  password_providers: refused('loads Python modules, of which there are none here', { example: '[{module: a.B}]' }),
  spam_checker: refused('loads a Python module, of which there are none here: what it forbids would be allowed', {
    example: '{module: a.B}',
  }),
  third_party_event_rules: refused(
    'loads a Python module, of which there are none here: what it forbids would be allowed',
    { example: '{module: a.B}' },
  ),
  hs_disabled: refused('there is no way yet to answer every request with M_HS_DISABLED: do not start the server'),
  hs_disabled_message: noEffect('belongs to hs_disabled', { example: 'closed', harmless: 'off' }),
  limit_usage_by_mau: notYet('active users are not counted, and none is refused'),
  max_mau_value: noEffect('belongs to limit_usage_by_mau', { example: '100' }),
  mau_stats_only: notYet('active users are not counted'),
  mau_limit_reserved_threepids: noEffect('belongs to limit_usage_by_mau', { example: '[]' }),
  mau_trial_days: noEffect('belongs to limit_usage_by_mau', { example: '2' }),
  mau_appservice_trial_days: noEffect('belongs to limit_usage_by_mau', { example: '{}' }),
  mau_limit_alerting: noEffect('belongs to limit_usage_by_mau', { example: 'false' }),
  web_client_location: notYet('/ answers with a page of its own', { example: 'https://app.example.org' }),
  enable_search: withDefault(
    flag,
    'true',
    'Whether messages, names and topics of rooms are searched. What is sent while it is off is not found later either.',
    'false',
  ),
  include_profile_updates_in_sync: notYet('/sync has no profiles'),
  limit_remote_rooms: notYet('rooms of any size are joined'),
  redaction_allowed_period: notYet('messages may be redacted at any time', { example: '7d' }),
  forgotten_room_retention_period: notYet('rooms that all have forgotten are kept', { example: '28d' }),
  enable_ephemeral_messages: notYet('messages do not expire'),
  cleanup_extremities_with_dummy_events: notYet('no dummy events are sent', { example: 'false', harmless: 'on' }),
  dummy_events_threshold: notYet('no dummy events are sent', { example: '10' }),
  max_avatar_size: notYet('avatars may have any size', { example: '10M' }),
  allowed_avatar_mimetypes: notYet('avatars may be of any type', { example: '[image/png]' }),
  room_invite_state_types: refused('deprecated: write room_prejoin_state', { example: '[m.room.name]' }),
  app_service_config_files: withDefault(
    listOf(filledText('a path'), 'a list of paths'),
    '[]',
    'Files of application services, which may register and act as users of theirs. Nothing is sent to them yet.',
    '[/etc/as.yaml]',
  ),
  track_appservice_user_ips: withDefault(
    flag,
    'false',
    'Whether addresses of application services are kept as those of their users.',
    'true',
  ),
  track_puppeted_user_ips: notYet('only the address of who acts is kept'),
  use_appservice_legacy_authorization: notYet('there are no application services'),
  auto_accept_invites: notYet('invites are not accepted by themselves'),
  templates: notYet('pages and mails have no templates', { example: '{custom_template_directory: /etc/t}' }),
  experimental_features: withDefault(
    experimentalSection,
    '{}',
    'What is on trial in Synapse; see below.',
    '{msc4143_enabled: true}',
  ),
}
