import { builtInRules, type Deployment } from '../../router/routing/built-in.ts'
import type { Rule } from '../../router/routing/rule.ts'

/** A decision function over the built-in rules: the first that matches, tried one by one with JavaScript's own RegExp. */
export const deciderOf = (deployment: Deployment) => {
  const rules = builtInRules(deployment).map((rule) => ({ rule, pattern: new RegExp(rule.match) }))
  return (method: string, path: string): Rule | undefined =>
    rules.find(({ rule, pattern }) => rule.methods?.some((m) => m === method) && !rule.when && pattern.test(path))?.rule
}
