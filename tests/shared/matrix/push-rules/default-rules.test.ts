import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import { defaultRules, synapseFeatures } from '../../../../shared/matrix/push-rules/default-rules.ts'
import type { RoomFacts } from '../../../../shared/matrix/push-rules/event-view.ts'
import { noUserRules } from '../../../../shared/matrix/push-rules/rule.ts'
import { rulesetJson, rulesetOf } from '../../../../shared/matrix/push-rules/ruleset.ts'
import { eventOf, message, outcome } from './events.ts'

const json = (features = {}) => rulesetJson(rulesetOf(defaultRules(features), noUserRules), '@alice:s')
const ids = (rules: readonly object[] | undefined) => (rules as { rule_id: string }[]).map(({ rule_id }) => rule_id)

test('the specification’s rules (v1.19), in order', () => {
  const rules = json()
  assert.deepEqual(ids(rules.override), [
    '.m.rule.master',
    '.m.rule.suppress_notices',
    '.m.rule.invite_for_me',
    '.m.rule.member_event',
    '.m.rule.is_user_mention',
    '.m.rule.is_room_mention',
    '.m.rule.tombstone',
    '.m.rule.reaction',
    '.m.rule.room.server_acl',
    '.m.rule.suppress_edits',
  ])
  assert.deepEqual(ids(rules.underride), [
    '.m.rule.call',
    '.m.rule.encrypted_room_one_to_one',
    '.m.rule.room_one_to_one',
    '.m.rule.message',
    '.m.rule.encrypted',
  ])
  assert.deepEqual([rules.content, rules.room, rules.sender, rules.postcontent], [[], [], [], undefined])
})

test('definitions as the specification prints them, the user’s ID in place', () => {
  const { override = [], underride = [] } = json()
  const find = (id: string) => [...override, ...underride].find(({ rule_id }) => rule_id === id)
  assert.deepEqual(find('.m.rule.master'), {
    rule_id: '.m.rule.master',
    default: true,
    enabled: false,
    conditions: [],
    actions: [],
  })
  assert.deepEqual(find('.m.rule.invite_for_me'), {
    rule_id: '.m.rule.invite_for_me',
    default: true,
    enabled: true,
    conditions: [
      { kind: 'event_match', key: 'type', pattern: 'm.room.member' },
      { kind: 'event_match', key: 'content.membership', pattern: 'invite' },
      { kind: 'event_match', key: 'state_key', pattern: '@alice:s' },
    ],
    actions: ['notify', { set_tweak: 'sound', value: 'default' }],
  })
  assert.deepEqual(find('.m.rule.is_user_mention'), {
    rule_id: '.m.rule.is_user_mention',
    default: true,
    enabled: true,
    conditions: [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: '@alice:s' }],
    actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
  })
  assert.deepEqual(find('.m.rule.is_room_mention'), {
    rule_id: '.m.rule.is_room_mention',
    default: true,
    enabled: true,
    conditions: [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    actions: ['notify', { set_tweak: 'highlight' }],
  })
  assert.deepEqual(find('.m.rule.call')?.actions, ['notify', { set_tweak: 'sound', value: 'ring' }])
  assert.deepEqual(find('.m.rule.message')?.actions, ['notify'])
})

test('as Synapse serves them: the mention rules of old, jitsi, and no highlight said', () => {
  const rules = json(synapseFeatures)
  assert.deepEqual(ids(rules.override).slice(4, 8), [
    '.m.rule.is_user_mention',
    '.m.rule.contains_display_name',
    '.m.rule.is_room_mention',
    '.m.rule.roomnotif',
  ])
  assert.deepEqual(rules.content, [
    {
      rule_id: '.m.rule.contains_user_name',
      default: true,
      enabled: true,
      pattern: 'alice',
      actions: ['notify', { set_tweak: 'highlight' }, { set_tweak: 'sound', value: 'default' }],
    },
  ])
  assert.equal(ids(rules.underride).at(-1), '.im.vector.jitsi')
  assert.deepEqual(rules.underride?.at(-1)?.actions, ['notify', { set_tweak: 'highlight', value: false }])
})

test('with all features there are 42 rules, each with its ID once', () => {
  const all = {
    ...synapseFeatures,
    polls: true,
    replies: true,
    encryptedEvents: true,
    rtcCalls: true,
    threadSubscriptions: true,
    extensibleEvents: true,
  }
  const rules = defaultRules(all)
  assert.equal(rules.length, 42)
  assert.equal(new Set(rules.map(({ ruleId }) => ruleId)).size, 42)
  assert.deepEqual(ids(json(all).postcontent), [
    '.io.element.msc4306.rule.unsubscribed_thread',
    '.io.element.msc4306.rule.subscribed_thread',
  ])
})

const mentions = (mention: object) => ({ 'm.mentions': mention as never })
const state = (type: string, content: object, stateKey = '') =>
  eventOf({ type, state_key: stateKey, content: content as never })

test('each rule decides of its event', () => {
  const moderator: Partial<RoomFacts> = { senderPowerLevel: 50 }
  const two: Partial<RoomFacts> = { memberCount: 2 }
  const cases: readonly [
    rule: string | undefined,
    notify: boolean,
    highlight: boolean,
    sound: string | undefined,
    event: RoomEvent,
    facts?: Partial<RoomFacts>,
  ][] = [
    ['.m.rule.message', true, false, undefined, message('hello')],
    ['.m.rule.room_one_to_one', true, false, 'default', message('hello'), two],
    ['.m.rule.encrypted', true, false, undefined, eventOf({ type: 'm.room.encrypted' })],
    ['.m.rule.encrypted_room_one_to_one', true, false, 'default', eventOf({ type: 'm.room.encrypted' }), two],
    ['.m.rule.suppress_notices', false, false, undefined, message('hello', { msgtype: 'm.notice' })],
    ['.m.rule.invite_for_me', true, false, 'default', state('m.room.member', { membership: 'invite' }, '@alice:s')],
    ['.m.rule.member_event', false, false, undefined, state('m.room.member', { membership: 'invite' }, '@carol:s')],
    ['.m.rule.member_event', false, false, undefined, state('m.room.member', { membership: 'join' }, '@alice:s')],
    ['.m.rule.is_user_mention', true, true, 'default', message('x', mentions({ user_ids: ['@c:s', '@alice:s'] }))],
    ['.m.rule.message', true, false, undefined, message('x', mentions({ user_ids: ['@Alice:s'] }))],
    ['.m.rule.message', true, false, undefined, message('x', mentions({ user_ids: '@alice:s' }))],
    ['.m.rule.is_room_mention', true, true, undefined, message('x', mentions({ room: true })), moderator],
    ['.m.rule.message', true, false, undefined, message('x', mentions({ room: true }))],
    ['.m.rule.message', true, false, undefined, message('x', mentions({ room: 'true' })), moderator],
    ['.m.rule.tombstone', true, true, undefined, state('m.room.tombstone', {})],
    [undefined, false, false, undefined, state('m.room.tombstone', {}, 'x')],
    [undefined, false, false, undefined, eventOf({ type: 'm.room.tombstone' })],
    ['.m.rule.reaction', false, false, undefined, eventOf({ type: 'm.reaction' })],
    ['.m.rule.room.server_acl', false, false, undefined, state('m.room.server_acl', {})],
    [
      '.m.rule.suppress_edits',
      false,
      false,
      undefined,
      message('* x', { 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } }),
    ],
    ['.m.rule.call', true, false, 'ring', eventOf({ type: 'm.call.invite' })],
    [undefined, false, false, undefined, eventOf({ type: 'm.room.topic', state_key: '' })],
  ]
  for (const [ruleId, notify, highlight, sound, event, facts = {}] of cases) {
    const got = outcome(event, { facts })
    assert.equal(got?.rule.ruleId, ruleId, JSON.stringify(event.json))
    assert.deepEqual(
      [got?.notify ?? false, got?.highlight ?? false, got?.sound],
      [notify, highlight, sound],
      JSON.stringify(event.json),
    )
  }
})

test('mentions in the body count only where the event does not say whom it mentions', () => {
  const of = (event: RoomEvent, displayName?: string) =>
    outcome(event, { features: synapseFeatures, member: { displayName }, facts: { senderPowerLevel: 50 } })?.rule.ruleId
  for (const [body, ruleId, displayName] of [
    ['hey Alice!', '.m.rule.contains_user_name'],
    ['hey malice', '.m.rule.message'],
    ['hey (Al).', '.m.rule.contains_display_name', '(AL)'],
    ['hey a*b', '.m.rule.contains_display_name', 'a*b'],
    ['hey axb', '.m.rule.message', 'a*b'],
    ['hey', '.m.rule.message', ''],
    ['@room!', '.m.rule.roomnotif'],
  ] as const) {
    assert.equal(of(message(body), displayName), ruleId, body)
    assert.equal(of(message(body, mentions({})), displayName), '.m.rule.message', body)
  }
})

test('rules that features add decide of their events', () => {
  const related = (relType: string) => (relType === 'm.in_reply_to' ? eventOf({ sender: '@alice:s' }) : undefined)
  const reply = (more: object = {}) =>
    message('yes', { 'm.relates_to': { 'm.in_reply_to': { event_id: '$x' }, ...more } })
  const replies = { features: { replies: true }, facts: { relatedEvent: related } }
  assert.equal(outcome(reply(), replies)?.rule.ruleId, '.im.nheko.msc3664.reply')
  assert.equal(outcome(reply({ rel_type: 'm.thread', is_falling_back: true }), replies)?.rule.ruleId, '.m.rule.message')
  assert.equal(outcome(reply(), { ...replies, userId: '@carol:s' })?.rule.ruleId, '.m.rule.message')

  const poll = eventOf({ type: 'org.matrix.msc3381.poll.start' })
  assert.equal(outcome(poll, { features: { polls: true } })?.rule.ruleId, '.org.matrix.msc3930.rule.poll_start')
  assert.equal(outcome(poll), undefined)

  const threads = { features: { threadSubscriptions: true } }
  const inThread = (isSubscribed: boolean | undefined) =>
    outcome(message('x'), { ...threads, member: { isSubscribed } })?.rule.ruleId
  assert.equal(inThread(true), '.io.element.msc4306.rule.subscribed_thread')
  assert.equal(inThread(false), '.io.element.msc4306.rule.unsubscribed_thread')
  assert.equal(inThread(undefined), '.m.rule.message')

  const extensible = {
    features: { extensibleEvents: true },
    facts: { features: ['org.matrix.msc3932.extensible_events'] },
  }
  assert.equal(
    outcome(eventOf({ type: 'm.image' }), extensible)?.rule.ruleId,
    '.org.matrix.msc1767.rule.extensible.image',
  )
  assert.equal(outcome(message('x'), extensible), undefined)
})
