/** A routing rule: what the trie is compiled from, be it written in `routes.yaml` or derived from the endpoint table. */

import type { Place } from '../../shared/config/problem.ts'
import type { Endpoint, Method, Sticky } from '../../shared/endpoints/types.ts'
import type { When } from '../config/types.ts'

export interface Rule {
  /** A regular expression in the subset that `pattern.ts` reads. */
  readonly match: string
  readonly methods?: readonly Method[]
  readonly when?: When
  readonly pool: string
  /** How the rule is called in metrics, logs and `explain`: the operationId, or the pattern itself. */
  readonly name: string
  /** What the built-in table knows of it. */
  readonly endpoint?: Endpoint
  /** Overrides the pool's key, where the pool is shared by endpoints that need different ones (a room pool's aliases, say). */
  readonly sticky?: Sticky
  readonly place?: Place
}
