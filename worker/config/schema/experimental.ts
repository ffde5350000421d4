/** `experimental_features`: what is on trial in Synapse. Of the features that are here, the keys. */

import { withDefault } from '../../../shared/config/decode.ts'
import { flag, whole } from '../../../shared/synapse-config/types.ts'
import { refused, section } from '../keys.ts'

export const experimentalSection = section(
  {
    msc3861: refused('accounts that are delegated to the Matrix Authentication Service are not supported yet', {
      example: '{enabled: true}',
    }),
    msc3814_enabled: withDefault(flag, 'false', 'Whether users may keep a dehydrated device.', 'true'),
    msc3391_enabled: withDefault(flag, 'false', 'Whether account data can be deleted.', 'true'),
    msc3575_enabled: withDefault(flag, 'true', 'Whether there is simplified sliding sync (MSC4186).', 'false'),
    msc3881_enabled: withDefault(
      flag,
      'false',
      'Whether pushers can be switched off, and say which device they are of.',
      'true',
    ),
    msc4306_enabled: withDefault(flag, 'false', 'Whether threads can be followed (MSC4306, MSC4308).', 'true'),
    msc4108_enabled: refused('needs matrix_authentication_service, as in Synapse'),
    msc4108_delegation_endpoint: refused('needs matrix_authentication_service, as in Synapse', {
      example: 'https://rendezvous.example.org/',
    }),
    msc4388_mode: refused('needs matrix_authentication_service, as in Synapse', { example: 'open' }),
    msc3720_enabled: withDefault(flag, 'false', 'Whether users may ask whether accounts exist.', 'true'),
    msc4140_max_delayed_events_per_user: withDefault(
      whole('a number'),
      '100',
      'How many delayed events may wait of a user.',
      '10',
    ),
    msc4143_enabled: withDefault(flag, 'false', 'Whether clients are told of `matrix_rtc`.', 'true'),
    msc4277_enabled: withDefault(
      flag,
      'false',
      'Whether reports of what is not there are taken too, so that nobody learns of it by them.',
      'true',
    ),
  },
  'a map of features',
)
