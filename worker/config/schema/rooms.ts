/** What becomes of rooms and events, and what calls need. */

import { optional, withDefault } from '../../../shared/config/decode.ts'
import { anything, duration, filledText, flag, listOf, orNull, text } from '../../../shared/synapse-config/types.ts'
import { ms, section } from '../keys.ts'

export const defaultPolicySection = section(
  {
    min_lifetime: ms(optional(duration, 'none', 'Has no effect, as in Synapse.', '1d')),
    max_lifetime: ms(optional(duration, 'for ever', 'How long events of rooms without a policy are kept.', '1y')),
  },
  'a map with max_lifetime',
)

export const purgeJobSection = section(
  {
    interval: ms(withDefault(duration, '1d', 'How often.', '12h')),
    shortest_max_lifetime: ms(optional(duration, '0', 'Of rooms whose events are kept longer than this.', '3d')),
    longest_max_lifetime: ms(optional(duration, 'for ever', 'Of rooms whose events are kept so long at most.', '1w')),
  },
  'a map with interval',
)

export const retentionSection = section(
  {
    enabled: withDefault(
      flag,
      'false',
      'Whether rooms may say how long their events are kept, and it is done.',
      'true',
    ),
    default_policy: withDefault(defaultPolicySection, '{}', 'Of rooms that say nothing.', '{max_lifetime: 1y}'),
    allowed_lifetime_min: ms(optional(duration, 'none', 'The least `max_lifetime` that rooms get.', '1d')),
    allowed_lifetime_max: ms(optional(duration, 'none', 'The greatest.', '1y')),
    purge_jobs: withDefault(
      listOf(purgeJobSection, 'a list of maps with interval'),
      '[]',
      'When events are deleted that are too old. None: daily.',
      '[{longest_max_lifetime: 3d, interval: 12h}]',
    ),
  },
  'a map with enabled',
)

export const serverNoticesSection = section(
  {
    system_mxid_localpart: optional(
      filledText('the local part of a user ID'),
      'there are no notices',
      'Who sends the notices.',
      'notices',
    ),
    system_mxid_display_name: optional(text('a name'), 'none', 'Their name.', 'Server notices'),
    system_mxid_avatar_url: optional(text('an mxc URL'), 'none', 'Their avatar.', 'mxc://example.org/abc'),
    room_name: withDefault(text('a name'), 'Server Notices', 'The name of each user’s room with notices.', 'Notices'),
    room_avatar_url: optional(text('an mxc URL'), 'none', 'Its avatar.', 'mxc://example.org/abc'),
    room_topic: optional(text('a topic'), 'none', 'Its topic.', 'What the admins have to say'),
    auto_join: withDefault(flag, 'false', 'Whether users join it by themselves.', 'true'),
  },
  'a map with system_mxid_localpart',
)

export const matrixRtcSection = section(
  {
    transports: withDefault(
      listOf(anything('a map with type'), 'a list of maps with type'),
      '[]',
      'What carries calls, as clients are told it. Needs `experimental_features.msc4143_enabled`.',
      '[{type: livekit, url: "wss://rtc.example.org"}]',
    ),
  },
  'a map with transports',
)

export const roomKeys = {
  max_event_delay_duration: ms(
    optional(duration, 'there are no delayed events', 'How long clients may have events delayed (MSC4140).', '24h'),
  ),
  retention: withDefault(retentionSection, '{}', 'How long events are kept; see below.', '{enabled: true}'),
  redaction_retention_period: {
    ...ms(
      withDefault(
        orNull(duration),
        '7d',
        'After so long what was redacted is deleted from the database. Null: never.',
        '28d',
      ),
    ),
    takesNull: true as const,
  },
  server_notices: withDefault(
    serverNoticesSection,
    '{}',
    'Notices of the server to its users; see below.',
    '{system_mxid_localpart: notices}',
  ),
  user_ips_max_age: {
    ...ms(withDefault(orNull(duration), '28d', 'How long it is known from where users came. Null: for ever.', '14d')),
    takesNull: true as const,
  },
  delete_stale_devices_after: ms(
    optional(duration, 'they are kept', 'Devices that were not seen for so long are deleted.', '1y'),
  ),
  matrix_rtc: withDefault(
    matrixRtcSection,
    '{}',
    'What carries calls; see below.',
    '{transports: [{type: livekit, url: "wss://rtc.example.org"}]}',
  ),
  turn_uris: withDefault(
    listOf(filledText('a URI'), 'a list of URIs'),
    '[]',
    'Servers through which calls go.',
    '["turn:turn.example.org?transport=udp"]',
  ),
  turn_shared_secret: optional(text('a secret'), 'none', 'The secret that is shared with them.', 'sEcReT'),
  turn_shared_secret_path: optional(filledText('a path'), 'none', 'The file of that secret.', '/run/secrets/turn'),
  turn_username: optional(text('a name'), 'none', 'Where there is no shared secret: a name for all.', 'turn'),
  turn_password: optional(text('a secret'), 'none', 'And its password.', 'sEcReT'),
  turn_user_lifetime: ms(withDefault(duration, '1h', 'How long what a client is told is good.', '8h')),
  turn_allow_guests: withDefault(flag, 'true', 'Whether guests are told it.', 'false'),
}
