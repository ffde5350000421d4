/** Catching up with a writer from the tables. */

import type { Queries } from '../storage/db.ts'
import { type SelectUpdates, type StreamUpdateRow, streamUpdates } from '../storage/stream-updates.ts'
import { type StreamName, streams } from './definitions.ts'
import { FETCH_LIMIT, type Fetch } from './updates.ts'

type InDatabase = keyof typeof streamUpdates

export const isInDatabase = (name: StreamName): name is InDatabase & StreamName => streams[name].catchUp === 'database'

/** Rows of a stream whose `catchUp` is `database`, about `limit` at once; all rows of a position are in one answer. */
export function databaseUpdates(db: Queries, name: InDatabase, limit = FETCH_LIMIT): Fetch {
  const encode = streams[name].row.encode as unknown as (row: object) => readonly unknown[]
  const tables: readonly SelectUpdates[] = streamUpdates[name]
  return async (instance, from, to) => {
    const found = await Promise.all(tables.map((select) => select(db, instance, from, to, limit)))
    // Beyond the end of a part, other tables have rows whose like was not read.
    const ends = found.map((rows) => (rows.length < limit ? to : rows.at(-1)!.position))
    const upTo = Math.min(to, ...ends)
    const rows = found
      .flat()
      .filter(({ position }) => position <= upTo)
      .sort((a, b) => a.position - b.position)
    return { rows: rows.map((each) => [each.position, encode(prepare(name, each))]), upTo, limited: upTo < to }
  }
}

/** JSON comes as text. */
const prepare = (name: InDatabase, row: StreamUpdateRow & { readonly data?: string }): object =>
  name === 'receipts' ? { ...row, data: JSON.parse(row.data!) as unknown } : row
