import { isObject, type JsonValue } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'
import type { PushAction, PushCondition, PushRule, RuleKind } from './rule.ts'

/**
 * As Synapse has them. A keyword rule may cost body × pattern steps for each event, so all three bound what a user can
 * make a server do.
 */
export const pushRuleLimits = { rules: 10_000, ruleIdLength: 300, ruleBytes: 1024 } as const

const kinds: readonly RuleKind[] = ['override', 'underride', 'content', 'room', 'sender']

/** The body of `PUT /pushrules/global/{kind}/{ruleId}`; the rule is enabled. Refusals are for the client to read (400). */
export function readPushRule(kind: string, ruleId: string, body: JsonValue): Result<PushRule> {
  const known = kinds.find((name) => name === kind)
  if (known === undefined) return refused(`unknown kind of rule: ${kind}`)
  if (ruleId === '') return refused('rule_id is empty')
  if (ruleId.startsWith('.')) return refused('rule_id may not begin with a dot: those are the server’s')
  if (/[/\\]/.test(ruleId)) return refused('rule_id may not have slashes')
  if (ruleId.length > pushRuleLimits.ruleIdLength) return refused('rule_id is too long')
  if (!isObject(body)) return refused('the rule is not an object')
  const actions = readActions(body)
  if (!actions.ok) return actions
  const rule = { kind: known, ruleId, enabled: true, actions: actions.value, conditions: [], pattern: undefined }
  if (known === 'content') {
    if (typeof body.pattern !== 'string') return refused('pattern is not a string')
    return sizeOf(body.pattern) + sizeOf(actions.value) > pushRuleLimits.ruleBytes
      ? refused('the rule is too large')
      : accepted({ ...rule, pattern: body.pattern })
  }
  if (known === 'room' || known === 'sender') return accepted(rule)
  const conditions = readConditions(body.conditions)
  if (!conditions.ok) return conditions
  if (sizeOf(conditions.value) + sizeOf(actions.value) > pushRuleLimits.ruleBytes)
    return refused('the rule is too large')
  return accepted({ ...rule, conditions: conditions.value })
}

/** `{ "actions": […] }`, of a rule or of `PUT …/actions`. Historical ones are let in, and mean nothing. */
export function readActions(body: JsonValue): Result<readonly PushAction[]> {
  const actions = isObject(body) ? body.actions : undefined
  if (!Array.isArray(actions)) return refused('actions is not a list')
  for (const action of actions as readonly JsonValue[]) {
    const isKnown = isObject(action)
      ? typeof action.set_tweak === 'string'
      : action === 'notify' || action === 'dont_notify' || action === 'coalesce'
    if (!isKnown) return refused('there is an action that is neither "notify" nor {"set_tweak": …}')
  }
  if (sizeOf(actions) > pushRuleLimits.ruleBytes) return refused('actions are too large')
  return accepted(actions as readonly PushAction[])
}

/** `{ "enabled": true }` of `PUT …/enabled`. NOTSPEC: a bare boolean too, which clients of old send, and Synapse takes. */
export function readEnabled(body: JsonValue): Result<boolean> {
  const enabled = isObject(body) ? body.enabled : body
  return typeof enabled === 'boolean' ? accepted(enabled) : refused('enabled is not a boolean')
}

/** Of kinds that are not known here too: such a rule is kept, and does not match. */
function readConditions(conditions: JsonValue | undefined): Result<readonly PushCondition[]> {
  if (conditions === undefined) return accepted([])
  if (!Array.isArray(conditions)) return refused('conditions is not a list')
  for (const condition of conditions as readonly JsonValue[]) {
    if (!isObject(condition) || typeof condition.kind !== 'string')
      return refused('there is a condition without a kind')
  }
  return accepted(conditions as readonly PushCondition[])
}

/** In bytes of JSON; integers that `number` cannot hold are shorter than they are. */
const sizeOf = (value: JsonValue): number =>
  Buffer.byteLength(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part)))
