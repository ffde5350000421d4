import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { type PushRule, ruleKey } from '../../shared/matrix/push-rules/rule.ts'
import { jsonTextOf } from '../json-text.ts'
import type { RuleChanges } from './rule-changes.ts'
import { priorityClasses, storedConditions, storedRuleId } from './rule-rows.ts'
import type { UserRules } from './user-rules.ts'

export interface CarryOverDeps {
  readonly rules: Pick<UserRules, 'of'>
  readonly changes: Pick<RuleChanges, 'change'>
}

/** A room is replaced by another: the user's rules of it that are on are made for the new one too. */
export async function carryOverPushRules(
  { rules, changes }: CarryOverDeps,
  userId: UserId,
  from: RoomId,
  to: RoomId,
): Promise<void> {
  const own = await rules.of(userId)
  const isOn = ({ kind, ruleId, enabled }: PushRule) => own.enabled.get(ruleKey(kind, ruleId)) ?? enabled
  for (const rule of own.rules) {
    const conditions = storedConditions(rule)
    const isOf = conditions.some(({ key, pattern }) => key === 'room_id' && pattern === from)
    if (!isOf || !isOn(rule) || !Object.hasOwn(priorityClasses, rule.kind)) continue
    await changes.change(userId, {
      op: 'put',
      ruleId: storedRuleId(rule.kind, to),
      priorityClass: priorityClasses[rule.kind as keyof typeof priorityClasses],
      conditions: jsonTextOf(
        conditions.map((condition) => (condition.key === 'room_id' ? { ...condition, pattern: to } : condition)),
      ),
      actions: jsonTextOf(rule.actions),
    })
  }
}
