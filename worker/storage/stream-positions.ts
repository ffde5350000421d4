/** How far each writer of a stream has come, and the numbers that its rows get. */

import type { Queries } from './db.ts'

export interface StreamPositionRow {
  readonly instanceName: string
  readonly streamId: number
}

/** Of all its writers, also former ones. */
export const selectStreamPositions = (db: Queries, streamName: string) =>
  db.rows<StreamPositionRow>(
    `select instance_name as "instanceName", stream_id as "streamId" from stream_positions
     where stream_name = $1 order by instance_name`,
    [streamName],
  )

/** All rows of that writer up to `streamId` are committed. A position never goes back. */
export const advanceStreamPosition = (db: Queries, streamName: string, instanceName: string, streamId: number) =>
  db.run(
    `insert into stream_positions as p (stream_name, instance_name, stream_id) values ($1, $2, $3)
     on conflict (stream_name, instance_name) do update set stream_id = excluded.stream_id
     where p.stream_id < excluded.stream_id`,
    [streamName, instanceName, streamId],
  )

/** Writers that are no longer configured would hold all others back. */
export const deleteOtherStreamPositions = (db: Queries, streamName: string, writers: readonly string[]) =>
  db.run('delete from stream_positions where stream_name = $1 and not instance_name = any($2)', [streamName, writers])

/** `count` new numbers of a sequence, ascending; others may come between. Never given again, whether they are used or not. */
export async function reserveIds(db: Queries, sequence: string, count: number): Promise<readonly number[]> {
  const rows = await db.rows<{ id: number }>(
    'select nextval($1::text::regclass) as id from generate_series(1, $2::int)',
    [sequence, count],
  )
  return rows.map(({ id }) => id)
}
