/** What the configuration's reader and the commands need to know of routing. */

import type { RoutingTables } from './config/tables.ts'
import { builtInRules, NEWEST_SYNAPSE } from './routing/built-in.ts'
import { CLASSES } from './routing/classes.ts'
import { matchInOrder } from './routing/in-order.ts'
import { parsePattern } from './routing/pattern.ts'
import { unreachableRules } from './routing/unreachable.ts'

export const tables: RoutingTables = {
  parsePattern,
  pools: new Set(['generic', ...Object.keys(CLASSES)]),
  builtInRules,
  newest: NEWEST_SYNAPSE,
  matchInOrder,
  unreachableRules,
}
