/** Where a stream's writers are, from the database, when a process starts. */

import type { Param } from '../storage/db.ts'
import type { IdColumn, StreamIds } from './definitions.ts'
import type { LoadedPositions } from './positions.ts'

/** The part of the database that streams need: a statement at a time, outside transactions. */
export interface StreamDatabase {
  readonly rows: <Row>(sql: string, params?: readonly Param[]) => Promise<readonly Row[]>
}

/**
 * A writer that has not written for long holds the others' rows above its position; more than this many are not looked at.
 * The stream's persisted position then starts lower than it could, until that writer announces itself.
 */
const MAX_ROWS = 10_000

/** Numbers arrive as text from `bigint` columns, if nobody changed that. */
const number = (value: string | number | null | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value)

/**
 * `writers`: all that are configured; empty where every process may write. Rows of `stream_positions` of writers that are not
 * configured any more are deleted: one that comes back later is new, not far behind. Throws where the sequence is behind
 * `stream_positions`, which would give out IDs that readers hold for old.
 */
export async function loadPositions(
  db: StreamDatabase,
  ids: StreamIds,
  instance: string,
  writers: readonly string[],
): Promise<LoadedPositions> {
  const mayWrite = writers.length === 0 || writers.includes(instance)
  const lastValue = mayWrite ? await repairSequence(db, ids) : undefined
  const positions = await savedPositions(db, ids, writers)
  // What this process wrote before it stopped is finished, one way or the other, so it is at the end; its row may be behind.
  if (lastValue !== undefined && writers.length > 0) positions.set(instance, lastValue)

  if (positions.size === 0) {
    const persistedUpTo = Math.max(1, await highestId(db, ids))
    return complete({ positions, persisted: [], persistedUpTo }, instance, writers)
  }
  const persistedUpTo = Math.min(...positions.values())
  const rows = await rowsAfter(db, ids, persistedUpTo)
  // They say nothing of their writers' positions: lower IDs of the same writer may be under way.
  return complete({ positions, persisted: rows, persistedUpTo }, instance, writers)
}

/** Everybody has a position: those that never wrote are where all are, so that nobody reads the whole table for them. */
function complete(loaded: LoadedPositions, instance: string, writers: readonly string[]): LoadedPositions {
  const positions = new Map(loaded.positions)
  for (const writer of writers.length === 0 ? [instance] : writers)
    if (!positions.has(writer)) positions.set(writer, loaded.persistedUpTo)
  return { ...loaded, positions }
}

async function savedPositions(db: StreamDatabase, ids: StreamIds, writers: readonly string[]) {
  if (writers.length === 0) return new Map<string, number>()
  await db.rows('delete from stream_positions where stream_name = $1 and not (instance_name = any($2::text[]))', [
    ids.positions,
    writers,
  ])
  const rows = await db.rows<{ instance_name: string; stream_id: string }>(
    'select instance_name, stream_id from stream_positions where stream_name = $1',
    [ids.positions],
  )
  return new Map(
    rows
      .filter(({ instance_name }) => writers.includes(instance_name))
      .map(({ instance_name, stream_id }) => [instance_name, sign(ids) * number(stream_id)!]),
  )
}

const sign = ({ negative }: StreamIds) => (negative ? -1 : 1)

/** Positive, 0 for an empty table. */
async function highestId(db: StreamDatabase, ids: StreamIds): Promise<number> {
  const highest = await Promise.all(
    ids.columns.map(async ({ table, id }) => {
      const [row] = await db.rows<{ id: string | null }>(
        `select ${ids.negative ? '-min' : 'max'}(${id}) as id from ${table}`,
      )
      return number(row?.id) ?? 0
    }),
  )
  return Math.max(0, ...highest)
}

/** Makes the sequence give out IDs above all that there are; returns the last that it gave out, at least 1. */
async function repairSequence(db: StreamDatabase, ids: StreamIds): Promise<number> {
  const last = async () => {
    const [row] = await db.rows<{ last_value: string; is_called: boolean }>(
      `select last_value, is_called from ${ids.sequence}`,
    )
    return number(row!.last_value)! - (row!.is_called ? 0 : 1)
  }
  const highest = await highestId(db, ids)
  if (highest > (await last()))
    await db.rows(`select setval('${ids.sequence}', greatest((select last_value from ${ids.sequence}), $1::bigint))`, [
      highest,
    ])
  // Before the sequence, which others may be using: what they save is what it gave out.
  const [saved] = await db.rows<{ id: string | null }>(
    `select ${ids.negative ? '-min' : 'max'}(stream_id) as id from stream_positions where stream_name = $1`,
    [ids.positions],
  )
  const savedPosition = number(saved?.id) ?? 0
  const lastValue = await last()
  if (savedPosition > Math.max(1, lastValue))
    throw new Error(
      `the database is inconsistent: stream_positions has ${ids.positions} at ${savedPosition}, ` +
        `but its sequence ${ids.sequence} has only come to ${lastValue}`,
    )
  return Math.max(1, lastValue)
}

/** Ascending, up to where all tables were read. */
async function rowsAfter(db: StreamDatabase, ids: StreamIds, position: number): Promise<readonly number[]> {
  const tables = await Promise.all(ids.columns.map((column) => rowsOfTable(db, column, ids.negative, position)))
  let end = Number.POSITIVE_INFINITY
  for (const rows of tables) if (rows.length === MAX_ROWS) end = Math.min(end, rows.at(-1)!)
  return tables
    .flat()
    .filter((id) => id <= end)
    .sort((a, b) => a - b)
}

async function rowsOfTable(db: StreamDatabase, { table, id }: IdColumn, negative: boolean, position: number) {
  const rows = await db.rows<{ id: string }>(
    `select ${id} as id from ${table} where ${id} ${negative ? '<' : '>'} $1
     order by ${id} ${negative ? 'desc' : 'asc'} limit ${MAX_ROWS}`,
    [negative ? -position : position],
  )
  return rows.map((row) => Math.abs(Number(row.id)))
}
