/** Aliases, the room directory and the user directory: who may be found, by whom. */

import { required, withDefault } from '../../../shared/config/decode.ts'
import { filledText, flag, listOf, word } from '../../../shared/synapse-config/types.ts'
import { section } from '../keys.ts'

const glob = (of: string) => withDefault(filledText('a glob'), "'*'", `Which ${of} it is about: a glob.`, `'*bot*'`)

/** Of `alias_creation_rules` and `room_list_publication_rules`. */
export const directoryRuleSection = section(
  {
    user_id: glob('users'),
    alias: glob('aliases'),
    room_id: glob('rooms'),
    action: required(word('allow', 'deny'), 'What happens where all three match.', 'deny'),
  },
  'a rule with action',
)
const rules = listOf(directoryRuleSection, 'a list of rules')

export const userDirectorySection = section(
  {
    enabled: withDefault(flag, 'true', 'Whether users find others.', 'false'),
    search_all_users: withDefault(
      flag,
      'false',
      'Whether also those who share no room and are in no public one.',
      'true',
    ),
    prefer_local_users: withDefault(flag, 'false', 'Whether users of this server come first.', 'true'),
    exclude_remote_users: withDefault(flag, 'false', 'Whether only users of this server are found.', 'true'),
    show_locked_users: withDefault(flag, 'false', 'Whether locked users are found.', 'true'),
  },
  'a map with enabled',
)

export const statsSection = section(
  {
    enabled: withDefault(
      flag,
      'true',
      'Whether rooms are counted. Without it the room directory stays as it is.',
      'false',
    ),
  },
  'a map with enabled',
)

export const directoryKeys = {
  allow_public_rooms_without_auth: withDefault(flag, 'false', 'Whether anybody may ask for public rooms.', 'true'),
  allow_public_rooms_over_federation: withDefault(
    flag,
    'false',
    'Whether other servers may ask for public rooms.',
    'true',
  ),
  restrict_public_rooms_to_local_users: withDefault(flag, 'false', 'Of old: both of the above are false.', 'true'),
  enable_room_list_search: withDefault(
    flag,
    'true',
    'Whether there is a room directory. If not it is empty, and nothing is published.',
    'false',
  ),
  alias_creation_rules: withDefault(
    rules,
    '[{action: allow}]',
    'Who may create which aliases: the first rule that matches; none: nobody. See below.',
    "[{user_id: '@bad:*', action: deny}, {action: allow}]",
  ),
  room_list_publication_rules: withDefault(
    rules,
    '[]',
    'Who may publish which rooms in the room directory: as above. By default nobody.',
    '[{action: allow}]',
  ),
  require_membership_for_aliases: withDefault(
    flag,
    'true',
    'Whether only members of a room create aliases for it.',
    'false',
  ),
  user_directory: withDefault(
    userDirectorySection,
    '{}',
    'Searching for users; see below.',
    '{search_all_users: true}',
  ),
  stats: withDefault(statsSection, '{}', 'Counting rooms; see below.', '{enabled: false}'),
}
