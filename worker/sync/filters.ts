/** Filters of clients, read once: those that were uploaded never change, and what stands in a query comes again and again. */

import { type Filter, readFilter } from '../../shared/matrix/filter/filter.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { canonicalJson } from '../../shared/matrix/json/canonical.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { makeLru } from '../lru.ts'
import type { Db } from '../storage/db.ts'
import { insertFilter, selectFilter } from '../storage/filters.ts'

export interface Filters {
  /** Its number. Throws M_UNKNOWN for what is no filter. */
  readonly add: (userId: UserId, json: JsonObject) => Promise<number>
  /** As JSON text; undefined: the user has none of that number. */
  readonly textOf: (userId: UserId, filterId: number) => Promise<string | undefined>
  readonly byId: (userId: UserId, filterId: number) => Promise<Filter | undefined>
  /** Throws M_NOT_JSON, M_UNKNOWN. */
  readonly inline: (text: string) => Filter
}

export interface FiltersDeps {
  readonly db: Db
  /** `filter_timeline_limit`: uploaded filters ask no more events of a room than this. */
  readonly maxTimelineLimit: number
}

const MAX_FILTERS = 10_000
/** In characters: filters may be long. */
const MAX_INLINE = 4_000_000

export function makeFilters({ db, maxTimelineLimit }: FiltersDeps): Filters {
  const uploaded = makeLru<string, Filter>(MAX_FILTERS)
  const inline = makeLru<string, { readonly filter: Filter; readonly weight: number }>(
    MAX_INLINE,
    ({ weight }) => weight,
  )

  return {
    async add(userId, json) {
      read(json)
      return insertFilter(db, userId, canonicalJson(capped(json, maxTimelineLimit)))
    },
    textOf: (userId, filterId) => selectFilter(db, userId, filterId),
    async byId(userId, filterId) {
      const key = `${userId} ${filterId}`
      const known = uploaded.get(key)
      if (known !== undefined) return known
      const text = await selectFilter(db, userId, filterId)
      if (text === undefined) return undefined
      const filter = parse(text)
      uploaded.set(key, filter)
      return filter
    },
    inline(text) {
      const known = inline.get(text)
      if (known !== undefined) return known.filter
      const filter = parse(text)
      // What was made of it is about as large.
      inline.set(text, { filter, weight: 1 + text.length * 2 })
      return filter
    },
  }
}

function parse(text: string): Filter {
  const json = parseJson(text)
  if (!json.ok) throw new MatrixError('M_NOT_JSON', 'Invalid filter JSON')
  return read(json.value)
}

function read(json: Parameters<typeof readFilter>[0]): Filter {
  const filter = readFilter(json)
  if (!filter.ok) throw new MatrixError('M_UNKNOWN', `Invalid filter: ${filter.reason}`)
  return filter.value
}

/** The filter with `room.timeline.limit` at most that, as Synapse stores it. */
function capped(json: JsonObject, max: number): JsonObject {
  const { room } = json
  if (!isObject(room) || !isObject(room.timeline)) return json
  const { limit } = room.timeline
  if (limit === undefined || Number(limit) <= max) return json
  return { ...json, room: { ...room, timeline: { ...room.timeline, limit: max } } }
}
