/** Tests of the suite that need parts of a homeserver which are not built yet. */

export type Need = 'media' | 'pushers' | 'federation'

interface Rule {
  readonly need: Need
  readonly why: string
  /** Names of tests, with all their parts. */
  readonly tests: readonly string[]
}

const rules: readonly Rule[] = [
  {
    need: 'media',
    why: 'they upload, download or look at media',
    tests: [
      'TestAsyncUpload',
      'TestContent',
      'TestContentCSAPIMediaV1',
      'TestMediaConfig',
      'TestRoomImageRoundtrip',
      'TestUrlPreview',
    ],
  },
  {
    need: 'pushers',
    why: 'they look at what becomes of pushers, which send to push gateways',
    tests: ['TestChangePasswordPushers'],
  },
  {
    need: 'federation',
    why: 'two servers, or one and a server that the test plays, have a room in common',
    tests: [
      ...['joining_a_room_with_a_remote_user', 'leaving_a_room_with_a_remote_user', 'remote_user_joins_a_room'].map(
        (part) => `TestDeviceListUpdates/when_${part}`,
      ),
      'TestDeviceListUpdates/when_remote_user_leaves_a_room',
      'TestDeviceListUpdates/when_remote_user_rejoins_a_room',
      'TestMessagesOverFederation',
      'TestPushRuleRoomUpgrade/parallel/joining_a_remote_manually_upgraded_room_carries_over_existing_push_rules',
      'TestPushRuleRoomUpgrade/parallel/joining_a_remote_upgraded_room_carries_over_existing_push_rules',
      'TestSync/parallel/sync_should_succeed_even_if_the_sync_token_points_to_a_redaction_of_an_unknown_event',
      'TestSyncTimelineGap',
      'TestThreadReceiptsInSyncMSC4102',
    ],
  },
]

/** Undefined: none. */
export const needOf = (name: string): Need | undefined =>
  rules.find(({ tests }) => tests.some((test) => name === test || name.startsWith(`${test}/`)))?.need
