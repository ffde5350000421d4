/** What `router/routing` and `shared/endpoints` know, as the commands use it; `main.ts` puts it together. */

import type { SynapseVersion } from '../../shared/endpoints/types.ts'
import type { Rule } from '../routing/rule.ts'
import type { RouterConfig } from './types.ts'

export interface RoutingTables {
  /** `offset` counts characters of the pattern. */
  readonly parsePattern: (
    pattern: string,
  ) =>
    | { readonly ok: true }
    | { readonly ok: false; readonly mistakes: readonly { readonly offset: number; readonly message: string }[] }
  /** The pools that the built-in table can send to: the classes, and `generic`. */
  readonly pools: ReadonlySet<string>
  readonly builtInRules: (deployment: {
    readonly version: SynapseVersion
    readonly mas: boolean
    readonly pools: ReadonlySet<string>
  }) => readonly Rule[]
  /** The newest release that the built-in table knows. */
  readonly newest: SynapseVersion
  /** The index of the first rule that takes the request, or -1; `query` without its `?`. */
  readonly matchInOrder: (rules: readonly Rule[], path: string, query: string, method: string) => number
  /** Indexes of rules that no request reaches, each with the earlier ones that take its requests. */
  readonly unreachableRules: (rules: readonly Rule[]) => {
    readonly unreachable: readonly { readonly rule: number; readonly by: readonly number[] }[]
  }
}

/** `1.163` → `[1, 163]`, as `synapse:` is read; the newest known release stands for `auto`. */
export const versionOf = (synapse: RouterConfig['synapse'], tables: Pick<RoutingTables, 'newest'>): SynapseVersion =>
  synapse === 'auto' ? tables.newest : synapse

export const formatVersion = ([major, minor]: SynapseVersion): string => `${major}.${minor}`

/** The rules that a configuration routes by: its own, or those of the built-in table for its pools. */
export const effectiveRules = (
  config: Pick<RouterConfig, 'routes' | 'pools' | 'synapse' | 'mas'>,
  tables: Pick<RoutingTables, 'builtInRules' | 'newest'>,
): readonly Rule[] =>
  config.routes?.map((route) => ({ ...route, name: route.match })) ??
  tables.builtInRules({
    version: versionOf(config.synapse, tables),
    mas: config.mas,
    pools: new Set(config.pools.keys()),
  })
