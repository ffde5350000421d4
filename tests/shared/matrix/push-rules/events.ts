import type { RoomEvent } from '../../../../shared/matrix/events/event.ts'
import type { JsonObject } from '../../../../shared/matrix/json/value.ts'
import { makeRuleCompiler, type PushOutcome } from '../../../../shared/matrix/push-rules/compile.ts'
import type { Member } from '../../../../shared/matrix/push-rules/condition.ts'
import { defaultRules, type PushFeatures } from '../../../../shared/matrix/push-rules/default-rules.ts'
import { evaluatePushRules } from '../../../../shared/matrix/push-rules/evaluate.ts'
import type { RoomFacts } from '../../../../shared/matrix/push-rules/event-view.ts'
import { noUserRules, type PushRule, type UserPushRules } from '../../../../shared/matrix/push-rules/rule.ts'

/** An event of `@bob:s` in `!r:s`. */
export function eventOf(json: JsonObject): RoomEvent {
  const whole: JsonObject = { type: 'm.room.message', sender: '@bob:s', room_id: '!r:s', content: {}, ...json }
  return {
    eventId: '$e',
    roomId: whole.room_id,
    type: whole.type,
    stateKey: whole.state_key,
    sender: whole.sender,
    content: whole.content,
    originServerTs: 1,
    depth: 1,
    prevEvents: [],
    authEvents: [],
    redacts: undefined,
    json: whole,
  } as unknown as RoomEvent
}

export const message = (body: string, content: JsonObject = {}): RoomEvent =>
  eventOf({ content: { msgtype: 'm.text', body, ...content } })

export const room: RoomFacts = { memberCount: 10, senderPowerLevel: 0, notificationLevel: () => undefined }

export const rule = (parts: Partial<PushRule>): PushRule => ({
  kind: 'override',
  ruleId: 'mine',
  enabled: true,
  conditions: [],
  pattern: undefined,
  actions: ['notify', { set_tweak: 'sound', value: 'mine' }],
  ...parts,
})

export const withRules = (...rules: readonly PushRule[]): UserPushRules => ({ ...noUserRules, rules })

/** What `@alice:s` is told of the event. */
export function outcome(
  event: RoomEvent,
  {
    features = {},
    user = noUserRules,
    facts = {},
    member = {},
    userId = '@alice:s',
  }: {
    features?: PushFeatures
    user?: UserPushRules
    facts?: Partial<RoomFacts>
    member?: Member
    userId?: string
  } = {},
): PushOutcome | undefined {
  const compiler = makeRuleCompiler(defaultRules(features))
  const rules = compiler.compile(userId, user)
  return evaluatePushRules(compiler, event, { ...room, ...facts })(rules, member)
}

/** Whether a rule with that one condition matches. */
export const holds = (
  condition: JsonObject,
  event: RoomEvent,
  facts: Partial<RoomFacts> = {},
  member: Member = {},
): boolean =>
  outcome(event, { user: withRules(rule({ conditions: [condition] })), facts, member })?.rule.ruleId === 'mine'
