/** Answers without what every server makes up for itself: IDs, times, tokens, and the order of what has none. */

import type { Names, Side } from './names.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers of either server
export type Json = any

export interface Normal {
  readonly value: Json
  /** IDs that nobody knows yet, in the order of their places in {@link value}. */
  readonly unknown: readonly string[]
}

const ID = /[!$][A-Za-z0-9_+/-]{16,}={0,2}(?::hs\.test)?/g
const TIME = /(?:^|_)(?:ts|ms|age|ago)$|^last_seen_|^expires/
const TOKEN =
  /^(?:next_batch|prev_batch|start|end|next_token|pos|session|access_token|refresh_token|sid|etag|login_token|delay_id|mac)$/
/** Of events and the like, in any order. By the key that they stand under. */
const UNORDERED = new Set([
  ...[
    '',
    'state',
    'state_after',
    'account_data',
    'ephemeral',
    'presence',
    'invite_state',
    'knock_state',
    'joined_rooms',
  ],
  ...['devices', 'changed', 'left', 'members', 'user_ids', 'joined', 'children_state', 'stripped', 'pushers'],
])
/** How much better one result is than another is the database's affair. */
const RANK = /^(?:rank|order)$/

/** Lists of events that are a room's state. */
const STATE = new Set(['state', 'state_after'])
/** Of an event, as the first version of the API had them: in Synapse's answers beside what `unsigned` says. */
const V1_MEMBERS = ['age', 'user_id', 'prev_content', 'replaces_state', 'redacted_because', 'invite_room_state']
/** What an event of the state replaced is told where it happened, and not with the state. */
const REPLACED = ['prev_content', 'prev_sender', 'replaces_state']

const isEvent = (value: Json): boolean => 'content' in value && 'type' in value && 'sender' in value

const plainEvent = (event: Json, isState: boolean): Json => {
  const { unsigned, ...rest } = event
  for (const member of V1_MEMBERS) delete rest[member]
  // It is the one event of /sync that has it, in rooms of version 12.
  if (event.type === 'm.room.create') delete rest.room_id
  const said = { ...unsigned }
  // Ours, for ourselves.
  delete said.age_ts
  if (isState) for (const member of REPLACED) delete said[member]
  return { ...rest, ...(Object.keys(said).length > 0 && { unsigned: said }) }
}

export interface NormalOptions {
  /** The order of `chunk` says nothing. */
  readonly isUnordered?: boolean | undefined
  /** All events of the answer are of a room's state. */
  readonly isState?: boolean | undefined
}

export const normalOf = (
  body: Json,
  side: Side,
  names: Names,
  { isUnordered = false, isState = false }: NormalOptions = {},
): Normal => {
  const unordered = isUnordered ? new Set([...UNORDERED, 'chunk']) : UNORDERED
  const text = (value: string) => value.replace(ID, (id) => names.labelOf(side, id) ?? UNKNOWN)
  /** `key`: the nearest one above that is not `events`. */
  const walk = (value: Json, key: string): Json => {
    if (typeof value === 'string') return TOKEN.test(key) ? '<token>' : new Text(text(value), value)
    if (typeof value === 'number')
      return TIME.test(key) ? '<time>' : RANK.test(key) && !Number.isInteger(value) ? '<rank>' : value
    if (Array.isArray(value)) {
      const items = value.map((item) => walk(item, key))
      if (!unordered.has(key)) return items
      return value.length > 0 && value.every(isStateEvent) ? byStateKey(value, items, text) : sorted(items)
    }
    if (typeof value !== 'object' || value === null) return value
    const members = isEvent(value) ? plainEvent(value, STATE.has(key) || isState) : value
    const entries = Object.entries<Json>(members).map(([name, member]) => {
      // What is said in words is each server's own.
      const isSaid = name === 'error' && typeof value.errcode === 'string'
      return [new Text(text(name), name), isSaid ? '<words>' : walk(member, name === 'events' ? key : name)] as const
    })
    return new Members(entries.sort(([a], [b]) => compare(a.text, b.text)))
  }
  const tree = walk(body, '')
  const unknown: string[] = []
  return { value: plain(tree, unknown), unknown }
}

const UNKNOWN = '<?>'

/** A string, and what it was. */
class Text {
  readonly text: string
  readonly raw: string
  constructor(shown: string, raw: string) {
    this.text = shown
    this.raw = raw
  }
  toJSON() {
    return this.text
  }
}

class Members {
  readonly entries: readonly (readonly [Text, Json])[]
  constructor(entries: Members['entries']) {
    this.entries = entries
  }
  toJSON() {
    return this.entries
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const sorted = (items: readonly Json[]): readonly Json[] =>
  items
    .map((item) => [JSON.stringify(item), item] as const)
    .sort(([a], [b]) => compare(a, b))
    .map(([, item]) => item)

const isStateEvent = (value: Json): boolean =>
  typeof value === 'object' && value !== null && typeof value.state_key === 'string'

/** A room's state as a map: one event more does not make all that follow differ. */
const byStateKey = (events: Json, items: readonly Json[], text: (raw: string) => string): Members => {
  const named = items.map((item, i) => {
    const key = `${events[i].type} ${events[i].state_key}`
    return [new Text(text(key), key), item] as const
  })
  return new Members(named.sort(([a], [b]) => compare(a.text, b.text)))
}

/** Back to plain JSON, with the unknown IDs gathered on the way. */
const plain = (tree: Json, unknown: string[]): Json => {
  if (tree instanceof Text) {
    const ids = tree.raw.match(ID) ?? []
    const parts = tree.text.split(UNKNOWN)
    if (parts.length > 1) unknown.push(...ids.slice(0, parts.length - 1))
    return tree.text
  }
  if (Array.isArray(tree)) return tree.map((item) => plain(item, unknown))
  if (!(tree instanceof Members)) return tree
  return Object.fromEntries(tree.entries.map(([name, member]) => [plain(name, unknown), plain(member, unknown)]))
}
