/**
 * The routing that Synapse documents (docs/workers.md, 1.163), in one list from which every rival's configuration is
 * printed, so that all of them do the same work. Regexes of one group that stand together in the document are merged
 * into one, which favours those who try them in order.
 */

/** What a group's requests are balanced by; absent: round robin. */
export type HashKey = 'user' | 'room' | 'source_ip'

export interface Group {
  readonly name: string
  readonly hash?: HashKey
  readonly workers: number
}

export const GROUPS: readonly Group[] = [
  { name: 'sync', hash: 'user', workers: 4 },
  { name: 'initial_sync', hash: 'user', workers: 2 },
  { name: 'room', hash: 'room', workers: 4 },
  { name: 'federation_in', hash: 'source_ip', workers: 2 },
  { name: 'client', workers: 2 },
  { name: 'login', workers: 1 },
  { name: 'federation', workers: 2 },
  { name: 'typing', workers: 1 },
  { name: 'to_device', workers: 1 },
  { name: 'account_data', workers: 1 },
  { name: 'receipts', workers: 1 },
  { name: 'presence', workers: 1 },
  { name: 'push_rules', workers: 1 },
  { name: 'device_lists', workers: 1 },
  { name: 'thread_subscriptions', workers: 1 },
  { name: 'user_dir', workers: 1 },
  { name: 'media', workers: 2 },
  { name: 'main', workers: 1 },
]

/** Regex and group, the first match on the path wins, else `main`. `by since`: `sync` with a `since`, else `initial_sync`. */
export const DOCUMENTED: readonly (readonly [regex: string, group: string])[] = [
  ['^/_matrix/client/(r0|v3)/sync$', 'by since'],
  ['^/_matrix/client/unstable/org\\.matrix\\.simplified_msc3575/sync$', 'sync'],
  ['^/_matrix/client/(api/v1|r0|v3)/events$', 'sync'],
  ['^/_matrix/client/(api/v1|r0|v3)/(initialSync|rooms/[^/]+/initialSync)$', 'initial_sync'],

  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/typing', 'typing'],
  ['^/_matrix/client/(r0|v3|unstable)/sendToDevice/', 'to_device'],
  ['^/_matrix/client/(r0|v3|unstable)/rooms/.*/(receipt|read_markers)', 'receipts'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/presence/', 'presence'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/pushrules/', 'push_rules'],
  ['^/_matrix/client/(r0|v3)/delete_devices$', 'device_lists'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/devices(/|$)', 'device_lists'],
  ['^/_matrix/client/(r0|v3|unstable)/keys/upload', 'device_lists'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/keys/(device_signing|signatures)/upload$', 'device_lists'],
  ['^/_matrix/client/unstable/io\\.element\\.msc4306/', 'thread_subscriptions'],

  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/redact', 'room'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/send', 'room'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/state/', 'room'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/(join|invite|leave|ban|unban|kick)$', 'room'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/(join|knock)/', 'room'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/profile/', 'client'],
  ['^/_matrix/client/unstable/org\\.matrix\\.msc4140/delayed_events(/.*/restart)?$', 'client'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/messages$', 'room'],

  ['^/_matrix/client/(r0|v3|unstable)/.*/(tags|account_data)', 'account_data'],

  ['^/_matrix/client/(api/v1|r0|v3|unstable)/login$', 'login'],
  ['^/_matrix/client/(r0|v3|unstable)/(register|register/available|password_policy)$', 'login'],
  ['^/_matrix/client/v1/register/m\\.login\\.registration_token/validity$', 'login'],

  ['^/_matrix/(media/|client/v1/media/|federation/v1/media/)', 'media'],
  [
    '^/_synapse/admin/v1/(purge_media_cache$|room/.*/media.*$|user/.*/media.*$|media/.*$|quarantine_media/.*$|users/.*/media$)',
    'media',
  ],

  ['^/_matrix/client/(r0|v3|unstable)/user_directory/search$', 'user_dir'],

  ['^/_matrix/federation/v1/send/', 'federation_in'],
  [
    '^/_matrix/federation/v1/(version$|event/|state/|state_ids/|backfill/|get_missing_events/|publicRooms|query/|make_join/|make_leave/|make_knock/|send_knock/|event_auth/|timestamp_to_event/|exchange_third_party_invite/|user/devices/|hierarchy/)',
    'federation',
  ],
  ['^/_matrix/federation/(v1|v2)/(send_join|send_leave|invite)/', 'federation'],
  ['^/_matrix/key/v2/query', 'federation'],

  ['^/_matrix/client/(api/v1|r0|v3|unstable)/(createRoom|publicRooms|voip/turnServer|joined_rooms|search)$', 'client'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/(joined_members|members|state)$', 'client'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/rooms/.*/(context/.*$|event/)', 'client'],
  ['^/_matrix/client/v1/rooms/.*/(hierarchy|threads|timestamp_to_event)$', 'client'],
  ['^/_matrix/client/(v1|unstable)/rooms/.*/relations/', 'client'],
  ['^/_matrix/client/unstable/im\\.nheko\\.summary/summary/.*$', 'client'],
  ['^/_matrix/client/v1/room_summary/.*$', 'client'],
  ['^/_matrix/client/(r0|v3|unstable)/account/(3pid|whoami|deactivate)$', 'client'],
  ['^/_matrix/client/versions$', 'client'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable/.*)/rooms/.*/aliases', 'client'],
  ['^/_matrix/client/(r0|v3|unstable)/user/.*/filter(/|$)', 'client'],
  ['^/_matrix/client/(api/v1|r0|v3|unstable)/directory/room/.*$', 'client'],
  ['^/_matrix/client/(r0|v3|unstable)/(capabilities|notifications)$', 'client'],
  ['^/_matrix/client/(r0|v3|unstable)/keys/(query|changes|claim)$', 'client'],
  ['^/_matrix/client/(r0|v3|unstable)/room_keys/', 'client'],
  ['^/_synapse/admin/v1/rooms/[^/]+$', 'client'],
]
