/** Push rules as the database has them: `global/<kind>/<rule ID>`, a class for the kind, conditions for everything. */

import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import {
  noUserRules,
  type PushAction,
  type PushCondition,
  type PushRule,
  type RuleKind,
  ruleKey,
  type UserPushRules,
} from '../../shared/matrix/push-rules/rule.ts'
import { hasConditions } from '../../shared/matrix/push-rules/ruleset.ts'
import type { PushRuleRow } from '../storage/push-rules.ts'

/** Classes of the rules that users make (`push_rules.priority_class`). */
export const priorityClasses = { override: 5, content: 4, room: 3, sender: 2, underride: 1 } as const
const kinds = new Map(Object.entries(priorityClasses).map(([kind, number]) => [number as number, kind as RuleKind]))
/** The row holds other actions for a rule of the server's, and nothing else. */
const ACTIONS_OF_DEFAULT = -1

const PREFIX = 'global/'
export const storedRuleId = (kind: string, ruleId: string): string => `${PREFIX}${kind}/${ruleId}`

/** As they are stored: what follows from kind and ID too, as Synapse finds it there. */
export function storedConditions({ kind, ruleId, conditions, pattern }: PushRule): readonly PushCondition[] {
  switch (kind) {
    case 'room':
      return [{ kind: 'event_match', key: 'room_id', pattern: ruleId }]
    case 'sender':
      return [{ kind: 'event_match', key: 'user_id', pattern: ruleId }]
    case 'content':
      return [{ kind: 'event_match', key: 'content.body', pattern: pattern ?? '' }]
    default:
      return conditions
  }
}

/** The rules of one user; `rows` in the order in which they are looked at. Rows that cannot be read are no rules. */
export function userRulesOf(
  rows: readonly Omit<PushRuleRow, 'userId'>[],
  switches: readonly { readonly ruleId: string; readonly isEnabled: boolean }[],
): UserPushRules {
  if (rows.length === 0 && switches.length === 0) return noUserRules
  const rules: PushRule[] = []
  const actions = new Map<string, readonly PushAction[]>()
  for (const row of rows) {
    const rowActions = parseList(row.actions) as readonly PushAction[]
    if (row.priorityClass === ACTIONS_OF_DEFAULT) {
      actions.set(row.ruleId.slice(PREFIX.length), rowActions)
      continue
    }
    const kind = kinds.get(row.priorityClass)
    if (kind !== undefined) rules.push(ruleOf(row, kind, rowActions))
  }
  const enabled = new Map(switches.map(({ ruleId, isEnabled }) => [ruleId.slice(PREFIX.length), isEnabled]))
  return {
    rules: rules.map((rule) => {
      const isEnabled = enabled.get(ruleKey(rule.kind, rule.ruleId)) ?? true
      return isEnabled ? rule : { ...rule, enabled: false }
    }),
    actions,
    enabled,
  }
}

function ruleOf(
  row: Pick<PushRuleRow, 'ruleId' | 'conditions'>,
  kind: RuleKind,
  actions: readonly PushAction[],
): PushRule {
  const conditions = parseList(row.conditions).filter(isObject)
  const ruleId = row.ruleId.slice(PREFIX.length + kind.length + 1)
  const pattern = conditions[0]?.pattern
  return {
    kind,
    ruleId,
    enabled: true,
    conditions: hasConditions(kind) ? conditions : [],
    pattern: kind === 'content' && typeof pattern === 'string' ? pattern : undefined,
    actions,
  }
}

function parseList(text: string): readonly JsonValue[] {
  const parsed = parseJson(text)
  return parsed.ok && Array.isArray(parsed.value) ? (parsed.value as readonly JsonValue[]) : []
}
