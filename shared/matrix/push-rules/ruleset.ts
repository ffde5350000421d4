import type { JsonObject } from '../json/value.ts'
import { type DefaultRule, type PushRule, type RuleKind, ruleKey, ruleKinds, type UserPushRules } from './rule.ts'

export const MASTER_RULE = '.m.rule.master'

export type AnyRule = PushRule | DefaultRule

/**
 * All rules of a user in the order in which they are checked (client-server-api, "Push Rules"): by kind, in a kind the
 * user's before the server's, but `.m.rule.master` before all. Disabled ones too; with the user's actions.
 */
export function rulesetOf(defaults: readonly DefaultRule[], user: UserPushRules): readonly AnyRule[] {
  const server = defaults.map((rule) => changed(rule, user))
  const own = user.rules.map((rule) => changed(rule, user))
  const isMaster = ({ ruleId }: AnyRule) => ruleId === MASTER_RULE
  return [
    ...server.filter(isMaster),
    ...ruleKinds.flatMap((kind) => [
      ...own.filter((rule) => rule.kind === kind),
      ...server.filter((rule) => rule.kind === kind && !isMaster(rule)),
    ]),
  ]
}

/** The rule as the user has it: the same object if nothing is changed. */
export function changed<R extends AnyRule>(rule: R, user: UserPushRules): R {
  const key = ruleKey(rule.kind, rule.ruleId)
  const enabled = user.enabled.get(key) ?? rule.enabled
  const actions = user.actions.get(key) ?? rule.actions
  return enabled === rule.enabled && actions === rule.actions ? rule : { ...rule, enabled, actions }
}

const isDefault = (rule: AnyRule): boolean => rule.ruleId.startsWith('.')

/**
 * The answer to `GET /pushrules/global/`, and below `global` the content of `m.push_rules`: rules by kind, the user's ID in place.
 * `postcontent` is left out unless there are such rules.
 */
export function rulesetJson(
  rules: readonly AnyRule[],
  userId: string,
): Readonly<Record<string, readonly JsonObject[]>> {
  const byKind: Record<string, JsonObject[]> = { override: [], content: [], room: [], sender: [], underride: [] }
  for (const rule of rules) {
    byKind[rule.kind] ??= []
    byKind[rule.kind]!.push(ruleJson(rule, userId))
  }
  return byKind
}

/** A rule as clients see it (`PushRule` of client-server-api): `conditions` or `pattern` only where its kind has them. */
export function ruleJson(rule: AnyRule, userId: string): JsonObject {
  const json = { rule_id: rule.ruleId, default: isDefault(rule), enabled: rule.enabled, actions: rule.actions }
  if (rule.kind === 'content') return { ...json, pattern: patternOf(rule, userId) }
  return hasConditions(rule.kind) ? { ...json, conditions: conditionsOf(rule, userId) } : json
}

export const hasConditions = (kind: RuleKind): boolean =>
  kind === 'override' || kind === 'underride' || kind === 'postcontent'

const patternOf = (rule: AnyRule, userId: string): string =>
  'ofLocalpart' in rule ? localpartOf(userId) : (rule.pattern ?? '')

/** Conditions with the user's ID where a rule of the server's says so; it belongs into the one that misses it. */
function conditionsOf(rule: AnyRule, userId: string): readonly JsonObject[] {
  const field = 'ofUser' in rule ? rule.ofUser : undefined
  if (field === undefined) return rule.conditions
  return rule.conditions.map((condition) =>
    isOfUser(condition, field) ? { ...condition, [field]: userId } : condition,
  )
}

/** Whether this is the condition of a `DefaultRule` with `ofUser` that is about the user. */
export const isOfUser = (condition: JsonObject, field: 'pattern' | 'value'): boolean =>
  condition[field] === undefined &&
  (field === 'value' ? condition.kind === 'event_property_contains' : String(condition.kind).endsWith('event_match'))

/** `alice` of `@alice:example.org`. */
export function localpartOf(userId: string): string {
  const colon = userId.indexOf(':')
  return userId.slice(1, colon === -1 ? undefined : colon)
}
