/** What becomes of rooms and events, and what calls need. */

import { optional, withDefault } from '../../../shared/config/decode.ts'
import { anything, duration, filledText, flag, listOf, orNull, text } from '../../../shared/synapse-config/types.ts'
import { ms, notYet, section } from '../keys.ts'

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
  retention: notYet('messages are kept'),
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
  server_notices: notYet('there are no notices to users', { example: '{system_mxid_localpart: notices}' }),
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
