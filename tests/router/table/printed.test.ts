import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { builtInRules, NEWEST_SYNAPSE } from '../../../router/routing/built-in.ts'
import { BUILT_IN_POOLS } from '../../../router/routing/classes.ts'
import { printEndpoints } from '../../../router/table/print-endpoints.ts'
import { printRoutes } from '../../../router/table/print-routes.ts'
import { withPrintedRoutes } from '../../../router/table/routes-file.ts'
import { table } from '../../../shared/endpoints/table.ts'
import { samplePaths } from '../../shared/samples.ts'

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

test('routes.yaml is as `npm run table` prints it', () => {
  assert.equal(read('routes.yaml'), withPrintedRoutes(read('routes.yaml')))
})

test('docs/endpoints.md is as `npm run table` prints it', () => {
  assert.equal(read('docs/endpoints.md'), printEndpoints())
})

test('a file without the markers is refused', () => {
  assert.throws(() => withPrintedRoutes('pools: {}\nroutes: []\n'), /no lines "# --- printed/)
})

interface Condition {
  readonly pool: string
  readonly match: string
  readonly methods?: readonly string[]
  readonly initial: boolean
}

/** The pool of the first that matches; OPTIONS asks for the path alone. */
const deciderOf = (conditions: readonly Condition[]) => {
  const compiled = conditions.map((condition) => ({ ...condition, pattern: new RegExp(condition.match) }))
  return (method: string, path: string, initial: boolean): string =>
    compiled.find(
      (route) =>
        (method === 'OPTIONS' || (route.methods?.includes(method) ?? true)) &&
        (!route.initial || initial) &&
        route.pattern.test(path),
    )?.pool ?? 'main'
}

const paths = [...new Set(table.flatMap(({ endpoint }) => samplePaths(endpoint)))]
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS']

const pools = (names: Iterable<string>) => new Set(names)
const DEPLOYMENTS = {
  'the pools of routes.yaml': pools(Object.keys(parse(read('routes.yaml')).pools)),
  'every pool': BUILT_IN_POOLS,
  'main alone': pools(['main']),
  'main and generic': pools(['main', 'generic']),
  'sync, admin and device lists without generic': pools(['main', 'sync', 'admin', 'device_lists']),
}

for (const [name, configured] of Object.entries(DEPLOYMENTS))
  for (const mas of [false, true])
    test(`printed routes decide as the built-in rules do: ${name}${mas ? ', with MAS' : ''}`, () => {
      const deployment = { version: NEWEST_SYNAPSE, mas, pools: configured }
      const printed: readonly (Condition & { readonly when?: { readonly initial_sync: boolean } })[] = parse(
        printRoutes(deployment),
      ).routes
      const ours = deciderOf(
        builtInRules(deployment).map(({ pool, match, methods, when }) => ({
          pool,
          match,
          ...(methods ? { methods } : {}),
          initial: when?.initialSync === true,
        })),
      )
      const theirs = deciderOf(printed.map((route) => ({ ...route, initial: route.when?.initial_sync === true })))
      for (const path of paths)
        for (const method of METHODS)
          for (const initial of [false, true])
            assert.equal(theirs(method, path, initial), ours(method, path, initial), `${method} ${path}`)
    })
