/**
 * The last rows of a stream, in memory, by what they are about: what is new for a client is mostly among them, so that the
 * tables need not be asked. What is older than the oldest of them is not known: then the tables are.
 */

import { isBetween, type MultiWriterToken } from './vector-clock.ts'

export interface RecentRow<Key, Row> {
  readonly key: Key
  readonly position: number
  /** By whose clock `position` counts. */
  readonly writer: string
  readonly row: Row
}

export interface RecentRows<Key, Row> {
  readonly add: (key: Key, position: number, writer: string, row: Row) => void
  /** All rows after the token are here. */
  readonly isComplete: (from: MultiWriterToken) => boolean
  /** How many may be after the token, at most. */
  readonly countAfter: (from: MultiWriterToken) => number
  /** Rows after `from`, up to and including `upTo`, by position. All of them only if {@link isComplete}. */
  readonly between: (from: MultiWriterToken, upTo: MultiWriterToken) => RecentRow<Key, Row>[]
  /** The same about one thing. */
  readonly of: (key: Key, from: MultiWriterToken, upTo: MultiWriterToken) => RecentRow<Key, Row>[]
  /** Nothing is known of what was up to `floor`. */
  readonly forget: (floor: number) => void
}

/** `floor`: the furthest position whose rows were not heard. `capacity`: in rows. */
export function makeRecentRows<Key, Row>(floor: number, capacity: number): RecentRows<Key, Row> {
  /** By position: of several writers they come in nearly that order. */
  let all: RecentRow<Key, Row>[] = []
  const byKey = new Map<Key, RecentRow<Key, Row>[]>()

  const inRange = (
    rows: readonly RecentRow<Key, Row>[],
    from: MultiWriterToken,
    upTo: MultiWriterToken,
  ): RecentRow<Key, Row>[] => {
    const found: RecentRow<Key, Row>[] = []
    for (let i = firstAfter(rows, from.stream); i < rows.length; i++) {
      const row = rows[i]!
      if (isBetween(from, upTo, row.writer, row.position)) found.push(row)
    }
    return found
  }

  /** A quarter at once, so that it costs little for each. */
  const dropOldest = () => {
    const dropped = all.splice(0, Math.ceil(capacity / 4))
    floor = Math.max(floor, dropped.at(-1)!.position)
    const counts = new Map<Key, number>()
    for (const { key } of dropped) counts.set(key, (counts.get(key) ?? 0) + 1)
    for (const [key, count] of counts) {
      const rows = byKey.get(key)!
      if (rows.length === count) byKey.delete(key)
      else rows.splice(0, count)
    }
  }

  return {
    add(key, position, writer, row) {
      // Covered by every token for which these rows are complete.
      if (position <= floor) return
      const entry = { key, position, writer, row }
      insert(all, entry)
      const rows = byKey.get(key)
      if (rows === undefined) byKey.set(key, [entry])
      else insert(rows, entry)
      if (all.length > capacity) dropOldest()
    },
    isComplete: ({ stream }) => stream >= floor,
    countAfter: ({ stream }) => all.length - firstAfter(all, stream),
    between: (from, upTo) => inRange(all, from, upTo),
    of: (key, from, upTo) => inRange(byKey.get(key) ?? [], from, upTo),
    forget(newFloor) {
      floor = newFloor
      all = []
      byKey.clear()
    },
  }
}

/** For fewer rows than this times the keys all of them are looked at, else the keys one by one. */
const ROWS_PER_KEY = 4

/** The rows of all that are keys of `keys` after `from`, up to and including `upTo`; undefined if not all of them are here. */
export function ofKeys<Key, Row>(
  rows: RecentRows<Key, Row>,
  keys: Pick<ReadonlyMap<Key, unknown>, 'has' | 'keys' | 'size'>,
  from: MultiWriterToken,
  upTo: MultiWriterToken,
): RecentRow<Key, Row>[] | undefined {
  if (!rows.isComplete(from)) return undefined
  if (rows.countAfter(from) <= keys.size * ROWS_PER_KEY)
    return rows.between(from, upTo).filter(({ key }) => keys.has(key))
  const found: RecentRow<Key, Row>[] = []
  for (const key of keys.keys()) found.push(...rows.of(key, from, upTo))
  return found
}

interface Positioned {
  readonly position: number
}

/** After those of the same position: rows of a position have an order. */
function insert<T extends Positioned>(rows: T[], row: T): void {
  let at = rows.length
  while (at > 0 && rows[at - 1]!.position > row.position) at--
  if (at === rows.length) rows.push(row)
  else rows.splice(at, 0, row)
}

function firstAfter(rows: readonly Positioned[], position: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.position <= position) low = middle + 1
    else high = middle
  }
  return low
}
