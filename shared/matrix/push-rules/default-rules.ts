import type { DefaultRule, PushAction, PushCondition, RuleKind } from './rule.ts'

/** Rules besides those of the specification, and how rules are spelt. */
export interface PushFeatures {
  /** Mentions in `content.body` (`contains_display_name`, `roomnotif`, `contains_user_name`): in the specification to v1.16. */
  readonly legacyMentions?: boolean
  /** `.im.vector.jitsi`: a conference was started. */
  readonly jitsi?: boolean
  /** MSC3930: polls. */
  readonly polls?: boolean
  /** MSC3664: replies to the user's events. */
  readonly replies?: boolean
  /** MSC4028: every encrypted event. */
  readonly encryptedEvents?: boolean
  /** MSC4075: MatrixRTC calls. */
  readonly rtcCalls?: boolean
  /** MSC4306: threads to which the user is subscribed. */
  readonly threadSubscriptions?: boolean
  /** MSC1767, MSC3933: types of extensible events, in rooms whose version has them. */
  readonly extensibleEvents?: boolean
  /**
   * Synapse's lists of actions have another order, and say `highlight: false` where nothing is to be highlighted. They
   * mean the same; with this a client sees one answer from workers of either kind.
   */
  readonly synapseActions?: boolean
}

/** What Synapse 1.163 serves without experimental features. */
export const synapseFeatures: PushFeatures = { legacyMentions: true, jitsi: true, synapseActions: true }

/** The condition of MSC3931 on which all rules for extensible events stand. */
export const EXTENSIBLE_EVENTS = 'org.matrix.msc3932.extensible_events'

const is = (key: string, pattern: string): PushCondition => ({ kind: 'event_match', key, pattern })
const ofType = (type: string) => is('type', type)
/** Before the count of members in the specification; as in Synapse here, as it is what fails most often. */
const betweenTwo: PushCondition = { kind: 'room_member_count', is: '2' }
const mentionsRoom: readonly PushCondition[] = [
  { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
  { kind: 'sender_notification_permission', key: 'room' },
]
const mentionsUser: PushCondition = { kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids' }

const sound = (value: string): PushAction => ({ set_tweak: 'sound', value })
const highlight: PushAction = { set_tweak: 'highlight' }
const noHighlight: PushAction = { set_tweak: 'highlight', value: false }

const silent: readonly PushAction[] = []
const plain: readonly PushAction[] = ['notify']
const audible: readonly PushAction[] = ['notify', sound('default')]
const ringing: readonly PushAction[] = ['notify', sound('ring')]
const highlighted: readonly PushAction[] = ['notify', highlight]
const audiblyHighlighted: readonly PushAction[] = ['notify', sound('default'), highlight]

const extensibleTypes = ['message', 'file', 'image', 'video', 'audio']

interface Row extends Pick<DefaultRule, 'ofUser' | 'ofLocalpart' | 'isLegacyMention' | 'isForExtensibleEvents'> {
  readonly id: string
  readonly on?: keyof PushFeatures
  readonly when?: readonly PushCondition[]
  readonly actions: readonly PushAction[]
  /** Synapse's spelling, if it is another. */
  readonly synapse?: readonly PushAction[]
  readonly isOff?: true
}

/** Client-server-api, "Predefined Rules" (v1.19), and what features add, in the order in which they are checked. */
const rows: Readonly<Partial<Record<RuleKind, readonly Row[]>>> = {
  override: [
    // Alone of the server's rules it stands above the user's.
    { id: '.m.rule.master', actions: silent, isOff: true, isForExtensibleEvents: true },
    {
      id: '.org.matrix.msc4028.encrypted_event',
      on: 'encryptedEvents',
      when: [ofType('m.room.encrypted')],
      actions: plain,
    },
    { id: '.m.rule.suppress_notices', when: [is('content.msgtype', 'm.notice')], actions: silent },
    {
      id: '.m.rule.invite_for_me',
      when: [ofType('m.room.member'), is('content.membership', 'invite'), { kind: 'event_match', key: 'state_key' }],
      ofUser: 'pattern',
      actions: audible,
      synapse: ['notify', noHighlight, sound('default')],
    },
    { id: '.m.rule.member_event', when: [ofType('m.room.member')], actions: silent },
    {
      id: '.im.nheko.msc3664.reply',
      on: 'replies',
      when: [{ kind: 'im.nheko.msc3664.related_event_match', key: 'sender', rel_type: 'm.in_reply_to' }],
      ofUser: 'pattern',
      actions: audiblyHighlighted,
      synapse: ['notify', highlight, sound('default')],
    },
    {
      id: '.org.matrix.msc4075.rule.rtc.invite_for_me',
      on: 'rtcCalls',
      when: [ofType('org.matrix.msc4075.rtc.notification'), mentionsUser],
      ofUser: 'value',
      actions: ringing,
    },
    {
      id: '.org.matrix.msc4075.rule.rtc.invite_for_room',
      on: 'rtcCalls',
      when: [ofType('org.matrix.msc4075.rtc.notification'), ...mentionsRoom],
      actions: ringing,
    },
    {
      id: '.m.rule.is_user_mention',
      when: [mentionsUser],
      ofUser: 'value',
      actions: audiblyHighlighted,
      synapse: ['notify', highlight, sound('default')],
    },
    {
      id: '.m.rule.contains_display_name',
      on: 'legacyMentions',
      when: [{ kind: 'contains_display_name' }],
      isLegacyMention: true,
      actions: audiblyHighlighted,
      synapse: ['notify', highlight, sound('default')],
    },
    { id: '.m.rule.is_room_mention', when: mentionsRoom, actions: highlighted },
    {
      id: '.m.rule.roomnotif',
      on: 'legacyMentions',
      when: [{ kind: 'sender_notification_permission', key: 'room' }, is('content.body', '@room')],
      isLegacyMention: true,
      isForExtensibleEvents: true,
      actions: highlighted,
    },
    { id: '.m.rule.tombstone', when: [ofType('m.room.tombstone'), is('state_key', '')], actions: highlighted },
    { id: '.m.rule.reaction', when: [ofType('m.reaction')], actions: silent },
    { id: '.m.rule.room.server_acl', when: [ofType('m.room.server_acl'), is('state_key', '')], actions: silent },
    {
      id: '.m.rule.suppress_edits',
      when: [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }],
      actions: silent,
    },
    {
      id: '.org.matrix.msc3930.rule.poll_response',
      on: 'polls',
      when: [ofType('org.matrix.msc3381.poll.response')],
      actions: silent,
    },
  ],
  content: [
    {
      id: '.m.rule.contains_user_name',
      on: 'legacyMentions',
      ofLocalpart: true,
      isLegacyMention: true,
      isForExtensibleEvents: true,
      actions: audiblyHighlighted,
      synapse: ['notify', highlight, sound('default')],
    },
  ],
  postcontent: [
    {
      id: '.io.element.msc4306.rule.unsubscribed_thread',
      on: 'threadSubscriptions',
      when: [{ kind: 'io.element.msc4306.thread_subscription', subscribed: false }],
      actions: silent,
    },
    {
      id: '.io.element.msc4306.rule.subscribed_thread',
      on: 'threadSubscriptions',
      when: [{ kind: 'io.element.msc4306.thread_subscription', subscribed: true }],
      actions: audible,
    },
  ],
  underride: [
    {
      id: '.m.rule.call',
      when: [ofType('m.call.invite')],
      actions: ringing,
      synapse: ['notify', sound('ring'), noHighlight],
    },
    {
      id: '.m.rule.encrypted_room_one_to_one',
      when: [ofType('m.room.encrypted'), betweenTwo],
      actions: audible,
      synapse: ['notify', sound('default'), noHighlight],
    },
    {
      id: '.m.rule.room_one_to_one',
      when: [ofType('m.room.message'), betweenTwo],
      actions: audible,
      synapse: ['notify', sound('default'), noHighlight],
    },
    extensible(
      '.org.matrix.msc3933.rule.extensible.encrypted_room_one_to_one',
      [ofType('org.matrix.msc1767.encrypted'), betweenTwo],
      audible,
    ),
    ...extensibleTypes.map((name) =>
      extensible(
        `.org.matrix.msc3933.rule.extensible.${name}.room_one_to_one`,
        [ofType(`org.matrix.msc1767.${name}`), betweenTwo],
        audible,
      ),
    ),
    {
      id: '.m.rule.message',
      when: [ofType('m.room.message')],
      actions: plain,
      synapse: ['notify', noHighlight],
    },
    {
      id: '.m.rule.encrypted',
      when: [ofType('m.room.encrypted')],
      actions: plain,
      synapse: ['notify', noHighlight],
    },
    ...['encrypted', ...extensibleTypes].map((name) =>
      extensible(`.org.matrix.msc1767.rule.extensible.${name}`, [ofType(`m.${name}`)], plain),
    ),
    {
      id: '.im.vector.jitsi',
      on: 'jitsi',
      when: [ofType('im.vector.modular.widgets'), is('content.type', 'jitsi'), is('state_key', '*')],
      actions: plain,
      synapse: ['notify', noHighlight],
    },
    ...['start', 'end'].flatMap((name): Row[] => [
      {
        id: `.org.matrix.msc3930.rule.poll_${name}_one_to_one`,
        on: 'polls',
        when: [betweenTwo, ofType(`org.matrix.msc3381.poll.${name}`)],
        actions: audible,
      },
      {
        id: `.org.matrix.msc3930.rule.poll_${name}`,
        on: 'polls',
        when: [ofType(`org.matrix.msc3381.poll.${name}`)],
        actions: plain,
      },
    ]),
  ],
}

function extensible(id: string, conditions: readonly PushCondition[], actions: readonly PushAction[]): Row {
  return {
    id,
    on: 'extensibleEvents',
    when: [...conditions, { kind: 'org.matrix.msc3931.room_version_supports', feature: EXTENSIBLE_EVENTS }],
    isForExtensibleEvents: true,
    actions,
    synapse: [...actions, noHighlight],
  }
}

/**
 * The server's rules, of each kind in the order in which they are checked (client-server-api, "Predefined Rules"). They
 * stand below the user's of the same kind, but for `.m.rule.master`.
 */
export const defaultRules = (features: PushFeatures = {}): readonly DefaultRule[] =>
  Object.entries(rows).flatMap(([kind, rowsOfKind]) =>
    rowsOfKind
      .filter(({ on }) => on === undefined || features[on] === true)
      .map(({ id, on: _, when = [], actions, synapse = actions, isOff, ...rest }) => ({
        kind: kind as RuleKind,
        ruleId: id,
        enabled: isOff !== true,
        conditions: when,
        pattern: undefined,
        actions: features.synapseActions === true ? synapse : actions,
        ...rest,
      })),
  )
