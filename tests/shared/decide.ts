import { builtInRules, type Deployment } from '../../router/routing/built-in.ts'
import { CLASSES } from '../../router/routing/classes.ts'
import type { Rule } from '../../router/routing/rule.ts'

/** Every pool that the built-in rules know, so that each class shows in the pool's name. */
export const EVERY_POOL: ReadonlySet<string> = new Set([...Object.keys(CLASSES), 'generic'])

/** A decision function over the built-in rules: the first that matches, tried one by one with JavaScript's own RegExp. */
export const deciderOf = (deployment: Deployment) => {
  const rules = builtInRules(deployment).map((rule) => ({ rule, pattern: new RegExp(rule.match) }))
  return (method: string, path: string): Rule | undefined =>
    rules.find(({ rule, pattern }) => rule.methods?.some((m) => m === method) && !rule.when && pattern.test(path))?.rule
}
