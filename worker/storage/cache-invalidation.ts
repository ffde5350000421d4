/** What processes told each other to forget. */

import type { Queries } from './db.ts'

interface CacheInvalidation {
  readonly streamId: number
  readonly cacheFunc: string
  /** Null: all of them. */
  readonly keys: readonly string[] | null
  /** Milliseconds since 1970. */
  readonly invalidationTs: number
}

export const insertCacheInvalidations = (tx: Queries, instanceName: string, rows: readonly CacheInvalidation[]) =>
  tx.run(
    `insert into cache_invalidation_stream_by_instance (stream_id, instance_name, cache_func, keys, invalidation_ts)
     select r.id, $2, r.func, case when r.keys is not null then array(select jsonb_array_elements_text(r.keys)) end, r.ts
     from unnest($1::bigint[], $3::text[], $4::jsonb[], $5::bigint[]) as r(id, func, keys, ts)`,
    [
      rows.map(({ streamId }) => streamId),
      instanceName,
      rows.map(({ cacheFunc }) => cacheFunc),
      rows.map(({ keys }) => keys && JSON.stringify(keys)),
      rows.map(({ invalidationTs }) => invalidationTs),
    ],
  )
