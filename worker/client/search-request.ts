/** What is asked of `/search`, and with what it goes on. */

import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { MatchPlace } from '../rooms/search/search.ts'

const DEFAULT_CONTEXT = 5
/** NOTSPEC: Synapse has no bound. */
const MAX_WORDS_LENGTH = 4_000
const DEFAULT_KEYS = ['content.body', 'content.name', 'content.topic']

export interface AskedSearch {
  readonly words: string
  readonly keys: readonly string[]
  readonly filter: JsonObject
  readonly order: 'rank' | 'recent'
  readonly withState: boolean
  readonly groupBy: readonly string[]
  readonly context: { readonly before: number; readonly after: number; readonly withProfiles: boolean } | undefined
}

/** Throws M_UNKNOWN where Synapse does, M_BAD_JSON for what makes it fail. */
export function readSearch(body: JsonObject): AskedSearch {
  const { search_categories: categories } = body
  const category = isObject(categories) ? categories.room_events : undefined
  if (!isObject(category) || category.search_term === undefined)
    throw new MatrixError('M_UNKNOWN', 'Invalid search query')
  const { search_term: words, keys = DEFAULT_KEYS, filter = {}, order_by: order = 'rank' } = category
  const { include_state: withState = false, event_context: context, groupings = {} } = category
  if (typeof words !== 'string') throw malformed('search_term must be a string')
  if (words.length > MAX_WORDS_LENGTH) throw malformed('search_term is too long')
  if (!isTexts(keys)) throw malformed('keys must be strings')
  if (!isObject(filter)) throw malformed('filter must be an object')
  if (order !== 'rank' && order !== 'recent')
    throw new MatrixError('M_UNKNOWN', `Invalid order by: ${JSON.stringify(order)}`)
  const { group_by: groups = [] } = isObject(groupings) ? groupings : {}
  const groupBy = (Array.isArray(groups) ? groups : []).map((group: JsonValue) => (isObject(group) ? group.key : group))
  if (!groupBy.every((key) => key === 'room_id' || key === 'sender'))
    throw new MatrixError('M_UNKNOWN', 'Invalid group by keys')
  return {
    words: words.replaceAll('\0', ' '),
    keys,
    filter,
    order,
    withState: withState === true,
    groupBy: groupBy as readonly string[],
    context: isObject(context)
      ? {
          before: readLimit(context.before_limit),
          after: readLimit(context.after_limit),
          withProfiles: context.include_profile === true,
        }
      : undefined,
  }
}

const malformed = (reason: string): MatrixError => new MatrixError('M_BAD_JSON', reason)

const isTexts = (value: JsonValue | readonly string[]): value is readonly string[] =>
  Array.isArray(value) && value.length <= 20 && value.every((key) => typeof key === 'string' && !key.includes('\0'))

function readLimit(value: JsonValue | undefined): number {
  if (value === undefined) return DEFAULT_CONTEXT
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw malformed('limits of a context must be numbers')
  return value
}

/** What `next_batch` goes on with: all, or a group. */
export interface Group {
  readonly group: string
  readonly key: string
}
export interface Batch extends Group {
  readonly place: MatchPlace
}

export const WHOLE: Group = { group: 'all', key: '' }

/** Synapse's: base64 of three lines. */
export const printBatch = ({ group, key }: Group, { originServerTs, streamOrdering }: MatchPlace): string =>
  Buffer.from(`${group}\n${key}\n${originServerTs},${streamOrdering}`).toString('base64').replace(/=+$/, '')

/** Throws M_UNKNOWN. */
export function readBatch(text: string | undefined): Batch | undefined {
  if (text === undefined || text === '') return undefined
  const [group, key, place, ...more] = Buffer.from(text, 'base64').toString().split('\n')
  if (group === undefined || key === undefined || place === undefined || more.length > 0)
    throw new MatrixError('M_UNKNOWN', 'Invalid batch')
  const [, ts, position] = /^(-?\d{1,16}),(-?\d{1,16})$/.exec(place) ?? []
  if (ts === undefined || position === undefined) throw new MatrixError('M_UNKNOWN', 'Invalid pagination token')
  return { group, key, place: { originServerTs: Number(ts), streamOrdering: Number(position) } }
}
