import type { Method } from '../../shared/endpoints/types.ts'
import { builtInRules, type Deployment } from '../routing/built-in.ts'
import type { Rule } from '../routing/rule.ts'
import { mayOverlap } from './overlap.ts'

/**
 * The `routes:` of a `routes.yaml` that decides as the built-in rules of `deployment` do, one route to a line: rules of one
 * path and pool are joined, and those to main left out where main gets the request anyway.
 */
export const printRoutes = (deployment: Deployment): string => {
  const lines = ['routes:']
  let heading = ''
  for (const route of joined(needed(builtInRules(deployment)))) {
    if (route.heading !== heading) {
      heading = route.heading
      lines.push(`  # ${heading}`)
    }
    lines.push(`  - ${printRoute(route)}`)
  }
  return lines.length === 1 ? 'routes: []\n' : `${lines.join('\n')}\n`
}

interface Route {
  /** The class of its endpoints. */
  readonly heading: string
  readonly pool: string
  readonly match: string
  readonly methods: readonly Method[]
  readonly initialSync: boolean
}

/** Without the rules to main that no later rule would overrule. */
const needed = (rules: readonly Rule[]): readonly Rule[] => {
  const kept: Rule[] = []
  for (const rule of rules.toReversed())
    if (
      rule.pool !== 'main' ||
      kept.some((later) => later.pool !== 'main' && mayOverlap(rule.endpoint!, later.endpoint!))
    )
      kept.unshift(rule)
  return kept
}

const joined = (rules: readonly Rule[]): readonly Route[] => {
  const routes: Route[] = []
  for (const { pool, match, methods = [], when, endpoint } of rules) {
    const initialSync = when?.initialSync === true
    const same = routes.findIndex((r) => r.match === match && r.pool === pool && r.initialSync === initialSync)
    if (same === -1) routes.push({ heading: endpoint!.class, pool, match, methods, initialSync })
    else routes[same] = { ...routes[same]!, methods: [...routes[same]!.methods, ...methods] }
  }
  return routes
}

const printRoute = ({ pool, match, methods, initialSync }: Route): string => {
  const when = initialSync ? ', when: {initial_sync: true}' : ''
  return `{pool: ${pool}, match: '${match}', methods: [${methods.join(', ')}]${when}}`
}
