/** What processes told each other to forget. */

import type { Queries } from './db.ts'

export interface CacheInvalidationRow {
  readonly streamId: number
  readonly cacheFunc: string
  /** Null: all entries. */
  readonly keys: readonly string[] | null
  /** Milliseconds since 1970. */
  readonly invalidationTs: number | null
}

/** One statement; keys of a row are not null. */
export const insertCacheInvalidations = (
  tx: Queries,
  instanceName: string,
  rows: readonly (CacheInvalidationRow & { readonly keys: readonly string[] })[],
) =>
  tx.run(
    `insert into cache_invalidation_stream_by_instance (stream_id, instance_name, cache_func, keys, invalidation_ts)
     select r.id, $2, r.func, array(select jsonb_array_elements_text(r.keys)), r.ts
     from unnest($1::bigint[], $3::text[], $4::jsonb[], $5::bigint[]) as r(id, func, keys, ts)`,
    [
      rows.map(({ streamId }) => streamId),
      instanceName,
      rows.map(({ cacheFunc }) => cacheFunc),
      rows.map(({ keys }) => JSON.stringify(keys)),
      rows.map(({ invalidationTs }) => invalidationTs),
    ],
  )

/** Rows of that process after `from`, up to and including `to`, oldest first, at most `limit`. */
export const selectCacheInvalidations = (db: Queries, instanceName: string, from: number, to: number, limit: number) =>
  db.rows<CacheInvalidationRow>(
    `select stream_id as "streamId", cache_func as "cacheFunc", keys, invalidation_ts as "invalidationTs"
     from cache_invalidation_stream_by_instance
     where instance_name = $1 and stream_id > $2 and stream_id <= $3 order by stream_id limit $4`,
    [instanceName, from, to, limit],
  )
