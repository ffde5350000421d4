/** Rows of a stream by their tokens, as catching up has them. */

export interface Updates {
  /** Ascending; rows with the same token belong together. */
  readonly rows: readonly (readonly [token: number, row: unknown])[]
  /** All rows up to here are among them. */
  readonly upTo: number
  /** There may be more between `upTo` and what was asked for. */
  readonly limited: boolean
  /** Of a stream in memory: the writer's first position. Whoever knows anything from before it is to forget that. */
  readonly beganAt?: number | undefined
}

/** Rows that `instance` wrote after `from`, up to and including `upTo`; some hundred at once. */
export type Fetch = (instance: string, from: number, upTo: number) => Promise<Updates>

/** How many rows to ask for at once. */
export const FETCH_LIMIT = 100

/** Consecutive rows with the same token, together. */
export function* batches(rows: Updates['rows']): Generator<readonly [token: number, rows: readonly unknown[]]> {
  for (let at = 0; at < rows.length; ) {
    const token = rows[at]![0]
    const batch: unknown[] = []
    for (; at < rows.length && rows[at]![0] === token; at++) batch.push(rows[at]![1])
    yield [token, batch]
  }
}
