import type { pushrulesEndpoints } from '../../shared/endpoints/client/pushrules.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { readActions, readEnabled, readPushRule } from '../../shared/matrix/push-rules/read.ts'
import type { DefaultRule, PushRule } from '../../shared/matrix/push-rules/rule.ts'
import type { Result } from '../../shared/matrix/result.ts'
import { parseBody } from '../http/body.ts'
import { unrecognized } from '../http/errors.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryString } from '../http/query.ts'
import { jsonTextOf } from '../json-text.ts'
import type { RuleChanges } from '../push/rule-changes.ts'
import { type RuleLimits, ruleTooLarge, unknownRule } from '../push/rule-changes.ts'
import { priorityClasses, storedConditions, storedRuleId } from '../push/rule-rows.ts'
import type { Ruleset } from '../push/ruleset.ts'

export interface PushRulesHandlersDeps {
  readonly ruleset: Ruleset
  readonly defaults: readonly DefaultRule[]
  readonly changes: Pick<RuleChanges, 'change'>
  /** `push_rules.limits`. */
  readonly limits: RuleLimits & { readonly ruleIdLength: number }
}

/** client-server-api, "Push Rules: API". */
export function pushrulesHandlers(deps: PushRulesHandlersDeps): Handlers<typeof pushrulesEndpoints> {
  const { ruleset, defaults, changes, limits } = deps

  const ruleOf = async (userId: UserId, kind: string, ruleId: string): Promise<JsonObject> => {
    const rules = await ruleset.of(userId)
    if (!Object.hasOwn(rules, kind)) throw unrecognized(404)
    const rule = rules[kind]!.find((one) => one.rule_id === ruleId)
    if (rule === undefined) throw new MatrixError('M_NOT_FOUND', 'Not found')
    return rule
  }

  /** A rule that is to be changed; whether it is one of the server's, which then exists. */
  const changeable = ({ kind, ruleId }: { readonly kind: string; readonly ruleId: string }) => {
    // Of that kind there are the server's alone, and those can be switched off.
    if (kind !== 'postcontent') checkKind(kind)
    checkRuleId(ruleId)
    const isDefault = ruleId.startsWith('.')
    return {
      ruleId: storedRuleId(kind, ruleId),
      isDefault,
      exists: !isDefault || defaults.some((rule) => rule.kind === kind && rule.ruleId === ruleId),
    }
  }

  const checkSize = (rule: PushRule, ruleId: string) => {
    const [conditions, actions] = [jsonTextOf(storedConditions(rule)), jsonTextOf(rule.actions)]
    const idLength = Buffer.byteLength(ruleId)
    if (idLength > limits.ruleIdLength)
      throw tooLarge(`Push rule ID length exceeds server limit (${idLength} bytes > ${limits.ruleIdLength} bytes).`)
    if (Buffer.byteLength(conditions) + Buffer.byteLength(actions) > limits.ruleSize)
      throw ruleTooLarge(limits.ruleSize)
    return { conditions, actions }
  }

  return {
    getPushRules: async ({ requester }) => ({ global: await ruleset.of(requester.userId) }),
    getPushRulesGlobal: ({ requester }) => ruleset.of(requester.userId),
    async getPushRulesOfKind({ params, requester, path }) {
      const rules = await ruleset.of(requester.userId)
      if (!Object.hasOwn(rules, params.kind)) throw unrecognized(404)
      if (!path.endsWith('/'))
        throw new MatrixError('M_UNRECOGNIZED', 'Unrecognised request: You probably wanted a trailing slash')
      return rules[params.kind]!
    },
    getPushRule: ({ params, requester }) => ruleOf(requester.userId, params.kind, params.ruleId),
    async isPushRuleEnabled({ params, requester }) {
      const { enabled } = await ruleOf(requester.userId, params.kind, params.ruleId)
      return { enabled }
    },
    async getPushRuleActions({ params, requester }) {
      const { actions } = await ruleOf(requester.userId, params.kind, params.ruleId)
      return { actions }
    },

    async setPushRule(request) {
      const { params, requester, query } = request
      const { kind, ruleId } = params
      checkKind(kind)
      checkRuleId(ruleId)
      const rule = accepted(readPushRule(kind, ruleId, parseBody(await request.bytes())))
      const id = storedRuleId(kind, ruleId)
      const { conditions, actions } = checkSize(rule, id)
      await changes.change(requester.userId, {
        op: 'put',
        ruleId: id,
        priorityClass: priorityClasses[kind],
        conditions,
        actions,
        before: neighbour(query, 'before', kind),
        after: neighbour(query, 'after', kind),
      })
      return {}
    },
    async deletePushRule({ params, requester }) {
      checkRuleId(params.ruleId)
      await changes.change(requester.userId, { op: 'delete', ruleId: storedRuleId(params.kind, params.ruleId) })
      return {}
    },
    async setPushRuleEnabled(request) {
      const { exists, ...rule } = changeable(request.params)
      const body = parseBody(await request.bytes())
      if (!exists) throw unknownRule()
      await changes.change(request.requester.userId, { op: 'switch', ...rule, isEnabled: accepted(readEnabled(body)) })
      return {}
    },
    async setPushRuleActions(request) {
      const { exists, ...rule } = changeable(request.params)
      const body = parseBody(await request.bytes())
      if (!exists) throw unknownRule()
      await changes.change(request.requester.userId, {
        op: 'actions',
        ...rule,
        actions: jsonTextOf(accepted(readActions(body))),
      })
      return {}
    },
  }
}

const refusal = (message: string) => new MatrixError('M_UNKNOWN', message)
const tooLarge = (message: string) => new MatrixError('M_UNKNOWN', message, {}, 413)

function accepted<T>(result: Result<T>): T {
  if (!result.ok) throw refusal(result.reason)
  return result.value
}

function checkKind(kind: string): asserts kind is keyof typeof priorityClasses {
  if (!Object.hasOwn(priorityClasses, kind)) throw refusal(`Unknown template: ${kind}`)
}

function checkRuleId(ruleId: string): void {
  if (ruleId === '') throw unrecognized(404)
  if (/[/\\]/.test(ruleId)) throw refusal('rule_id may not contain slashes')
  // Postgres has no NUL in text.
  if (ruleId.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'rule_id may not contain NUL')
}

function neighbour(query: Query, name: 'before' | 'after', kind: string): string | undefined {
  const ruleId = queryString(query, name)
  return ruleId === undefined || ruleId === '' || ruleId.includes('\0') ? undefined : storedRuleId(kind, ruleId)
}
