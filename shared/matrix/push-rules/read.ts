import { isObject, type JsonValue } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import type { PushAction, PushCondition, PushRule, RuleKind } from './rule.ts'

const kinds: readonly RuleKind[] = ['override', 'underride', 'content', 'room', 'sender']

/**
 * The body of `PUT /pushrules/global/{kind}/{ruleId}`; the rule is enabled. Refusals are for the client to read (400). How
 * many rules and of what size a user may have is for the caller to know: each event costs body × pattern steps for a keyword.
 */
export function readPushRule(kind: string, ruleId: string, body: JsonValue): Result<PushRule> {
  const known = kinds.find((name) => name === kind)
  if (known === undefined) return refused(`Unknown template: ${kind}`)
  if (ruleId === '') return refused('rule_id is empty')
  if (ruleId.startsWith('.')) return refused("cannot add new rule_ids that start with '.'")
  if (/[/\\]/.test(ruleId)) return refused('rule_id may not contain slashes')
  if (!isObject(body)) return refused('the rule is not an object')
  const actions = readActions(body)
  if (!actions.ok) return actions
  const rule = { kind: known, ruleId, enabled: true, actions: actions.value, conditions: [], pattern: undefined }
  if (known === 'content') {
    if (body.pattern === undefined) return refused("Content rule missing 'pattern'")
    return typeof body.pattern === 'string'
      ? accepted({ ...rule, pattern: body.pattern })
      : refused('pattern is not a string')
  }
  if (known === 'room' || known === 'sender') return accepted(rule)
  const conditions = readConditions(body.conditions)
  if (!conditions.ok) return conditions
  return accepted({ ...rule, conditions: conditions.value })
}

/** `{ "actions": […] }`, of a rule or of `PUT …/actions`. Historical ones are let in, and mean nothing. */
export function readActions(body: JsonValue): Result<readonly PushAction[]> {
  const actions = isObject(body) ? body.actions : undefined
  if (!Array.isArray(actions)) return refused('No actions found')
  for (const action of actions as readonly JsonValue[]) {
    const isKnown = isObject(action)
      ? typeof action.set_tweak === 'string'
      : action === 'notify' || action === 'dont_notify' || action === 'coalesce'
    if (!isKnown) return refused('Unrecognised action: neither "notify" nor {"set_tweak": …}')
  }
  return accepted(actions as readonly PushAction[])
}

/** `{ "enabled": true }` of `PUT …/enabled`. NOTSPEC: a bare boolean too, which clients of old send, and Synapse takes. */
export function readEnabled(body: JsonValue): Result<boolean> {
  const enabled = isObject(body) ? body.enabled : body
  return typeof enabled === 'boolean' ? accepted(enabled) : refused("Value for 'enabled' must be boolean")
}

/** Of kinds that are not known here too: such a rule is kept, and does not match. */
function readConditions(conditions: JsonValue | undefined): Result<readonly PushCondition[]> {
  if (conditions === undefined) return accepted([])
  if (!Array.isArray(conditions)) return refused('conditions is not a list')
  for (const condition of conditions as readonly JsonValue[]) {
    if (!isObject(condition) || typeof condition.kind !== 'string') return refused("Condition without 'kind'")
  }
  return accepted(conditions as readonly PushCondition[])
}
