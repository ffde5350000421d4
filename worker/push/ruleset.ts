/** A user's push rules as clients see them. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { DefaultRule } from '../../shared/matrix/push-rules/rule.ts'
import { rulesetJson, rulesetOf } from '../../shared/matrix/push-rules/ruleset.ts'
import type { UserRules } from './user-rules.ts'

export interface Ruleset {
  /** The answer to `GET /pushrules/global/`; as `global` it is the content of `m.push_rules`. */
  readonly of: (userId: UserId) => Promise<Readonly<Record<string, readonly JsonObject[]>>>
}

export const makeRuleset = (rules: Pick<UserRules, 'of'>, defaults: readonly DefaultRule[]): Ruleset => ({
  of: async (userId) => rulesetJson(rulesetOf(defaults, await rules.of(userId)), userId),
})
