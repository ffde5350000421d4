/** What Synapse's `stream_writers` allows. */

import { table } from '../endpoints/table.ts'
import type { SynapseVersion } from '../endpoints/types.ts'

const written = table.flatMap(({ endpoint: { served } }) => (typeof served === 'object' ? [served] : []))

/** Every name that `stream_writers` may have: events have no endpoints, their writers are reached by replication alone. */
export const STREAMS: ReadonlySet<string> = new Set(['events', ...written.map(({ writer }) => writer)])

/** Streams with endpoints that any process but a writer answers with 500. */
export const HARD_STREAMS: ReadonlySet<string> = new Set(written.filter(({ hard }) => hard).map(({ writer }) => writer))

/** Streams that Synapse lets one process write, and since when (if ever) several may. The rest were always sharded. */
export const SINGLE_WRITERS: ReadonlyMap<string, SynapseVersion | undefined> = new Map([
  ['typing', undefined],
  ['to_device', undefined],
  ['account_data', undefined],
  ['presence', undefined],
  ['push_rules', undefined],
  ['receipts', [1, 96]],
])
