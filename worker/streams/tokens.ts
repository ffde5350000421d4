/**
 * Tokens as clients see them, in Synapse's formats: of a room's timeline (`s…`, `t…-…`, `m…~i.p`), of other streams with
 * several writers (`…`, `m…~i.p`), and those of `/sync`, `/messages`, `/context`, which are all of them joined by `_`.
 * Readers never throw; nothing here waits: names of instances are looked up in a copy of the table `instance_map`.
 */

import { accepted, type Result, refused } from '../../shared/matrix/result.ts'
import { parseInteger, parseNatural } from './token-numbers.ts'
import { type MultiWriterToken, tokenAt, tokenOf } from './vector-clock.ts'

/** The table `instance_map`: tokens name writers by number. */
export interface InstanceIds {
  readonly nameOf: (id: number) => string | undefined
  readonly idOf: (name: string) => number | undefined
}

/** A place in a room's history, which is ordered by depth and then by stream position. */
export interface HistoricToken {
  readonly depth: number
  /** Negative for backfilled events. */
  readonly stream: number
}

/** Between two events: of the order in which they arrived here (`/sync`), or of a room's history (`/messages`). */
export type RoomToken = MultiWriterToken | HistoricToken

export const isHistoric = (token: RoomToken): token is HistoricToken => 'depth' in token

/** `s5`, `t3-5`, `m5~2.8~3.9` (also `m5~`, which some Synapses wrote). */
export function parseRoomToken(text: string, instances: InstanceIds): Result<RoomToken> {
  switch (text[0]) {
    case 's': {
      const stream = parseInteger(text.slice(1))
      return stream === undefined ? refused('a room token has no number after s') : accepted(tokenAt(stream))
    }
    case 't': {
      const dash = text.indexOf('-')
      const depth = parseNatural(text.slice(1, dash))
      const stream = parseInteger(text.slice(dash + 1))
      if (dash === -1 || depth === undefined || stream === undefined)
        return refused('a room token that starts with t is not t<depth>-<position>')
      return accepted({ depth, stream })
    }
    case 'm':
      return parseClock(text, instances)
    default:
      return refused('a room token starts with none of s, t and m')
  }
}

/** Throws where a writer has no number: they are given out when the process starts. */
export function printRoomToken(token: RoomToken, instances: InstanceIds): string {
  if (isHistoric(token)) return `t${token.depth}-${token.stream}`
  return token.ahead.size === 0 ? `s${token.stream}` : printClock(token, instances)
}

/** `5`, `m5~2.8~3.9`. */
export function parseMultiWriterToken(text: string, instances: InstanceIds): Result<MultiWriterToken> {
  if (text[0] === 'm') return parseClock(text, instances)
  const stream = parseNatural(text)
  return stream === undefined ? refused('a stream position is no number') : accepted(tokenAt(stream))
}

/** Throws as {@link printRoomToken}. */
export const printMultiWriterToken = (token: MultiWriterToken, instances: InstanceIds): string =>
  token.ahead.size === 0 ? String(token.stream) : printClock(token, instances)

function parseClock(text: string, instances: InstanceIds): Result<MultiWriterToken> {
  const [first, ...entries] = text.slice(1).split('~')
  const stream = parseNatural(first!)
  if (stream === undefined) return refused('a token has no number after m')
  const positions = new Map<string, number>()
  for (const entry of entries) {
    if (entry === '') continue
    const [id, position, ...more] = entry.split('.').map(parseNatural)
    if (id === undefined || position === undefined || more.length > 0)
      return refused('a token has a part that is not <instance>.<position>')
    if (position <= stream) return refused('a token has an instance that is not ahead of the others')
    const name = instances.nameOf(id)
    if (name === undefined) return refused(`a token names an unknown instance, ${id}`)
    positions.set(name, position)
  }
  return accepted(tokenOf(stream, positions))
}

function printClock({ stream, ahead }: MultiWriterToken, instances: InstanceIds): string {
  const entries = [...ahead].map(([name, position]) => {
    const id = instances.idOf(name)
    if (id === undefined) throw new Error(`${name} has no number in instance_map`)
    return [id, position] as const
  })
  // In the order of their numbers, so that equal tokens are equal texts.
  entries.sort(([a], [b]) => a - b)
  return `m${stream}${entries.map(([id, position]) => `~${id}.${position}`).join('')}`
}

/** Positions in all streams that `/sync` looks at. */
export interface StreamToken {
  readonly room: RoomToken
  readonly presence: number
  readonly typing: number
  readonly receipts: MultiWriterToken
  readonly accountData: number
  readonly pushRules: number
  readonly toDevice: number
  readonly deviceLists: MultiWriterToken
  /** Not used any more; kept for its place. */
  readonly groups: number
  readonly unPartialStatedRooms: number
  readonly threadSubscriptions: number
  readonly stickyEvents: MultiWriterToken
  readonly quarantinedMedia: MultiWriterToken
  readonly profileUpdates: number
  /** Fields of a newer Synapse, handed on as they came, so that its own workers do not start from 0 again. */
  readonly unknown: readonly string[]
}

type Kind = 'room' | 'number' | 'clock'

/** In their order in the text. */
const FIELDS: readonly (readonly [Exclude<keyof StreamToken, 'unknown'>, Kind])[] = [
  ['room', 'room'],
  ['presence', 'number'],
  ['typing', 'number'],
  ['receipts', 'clock'],
  ['accountData', 'number'],
  ['pushRules', 'number'],
  ['toDevice', 'number'],
  ['deviceLists', 'clock'],
  ['groups', 'number'],
  ['unPartialStatedRooms', 'number'],
  ['threadSubscriptions', 'number'],
  ['stickyEvents', 'clock'],
  ['quarantinedMedia', 'clock'],
  ['profileUpdates', 'number'],
]
/** More is no token of any Synapse. */
const MAX_UNKNOWN = 16
const UNKNOWN_FIELD = /^[a-zA-Z0-9.~-]{1,255}$/

const read = (kind: Kind, text: string, instances: InstanceIds): Result<RoomToken | number> => {
  if (kind === 'room') return parseRoomToken(text, instances)
  if (kind === 'clock') return parseMultiWriterToken(text, instances)
  const value = parseInteger(text)
  return value === undefined ? refused('a position is no number') : accepted(value)
}

/**
 * A token of `/sync` or pagination, of this Synapse or an older one: fields that it did not have are 0.
 *
 * NOTSPEC: Synapse refuses tokens with more fields than it knows, so that a worker that is older than the one that gave the
 * token fails the client's sync; here they are carried along.
 */
export function parseStreamToken(text: string, instances: InstanceIds): Result<StreamToken> {
  const parts = text.split('_')
  const token: Record<string, unknown> = {}
  for (const [index, [field, kind]] of FIELDS.entries()) {
    const value = read(kind, parts[index] ?? '0', instances)
    if (!value.ok) return refused(`${field}: ${value.reason}`)
    token[field] = value.value
  }
  const unknown = parts.slice(FIELDS.length)
  if (unknown.length > MAX_UNKNOWN || !unknown.every((part) => UNKNOWN_FIELD.test(part)))
    return refused('a token has unknown fields at its end')
  return accepted({ ...token, unknown } as unknown as StreamToken)
}

/** All fields, whatever the token had that was read. Throws as {@link printRoomToken}. */
export function printStreamToken(token: StreamToken, instances: InstanceIds): string {
  const known = FIELDS.map(([field, kind]) => {
    const value = token[field]
    if (kind === 'room') return printRoomToken(value as RoomToken, instances)
    return kind === 'clock' ? printMultiWriterToken(value as MultiWriterToken, instances) : String(value)
  })
  return [...known, ...token.unknown].join('_')
}

/** Before everything: where `/messages?dir=f` starts without `from`. */
export const START: StreamToken = {
  room: tokenAt(0),
  presence: 0,
  typing: 0,
  receipts: tokenAt(0),
  accountData: 0,
  pushRules: 0,
  toDevice: 0,
  deviceLists: tokenAt(0),
  groups: 0,
  unPartialStatedRooms: 0,
  threadSubscriptions: 0,
  stickyEvents: tokenAt(0),
  quarantinedMedia: tokenAt(0),
  profileUpdates: 0,
  unknown: [],
}

/** Position in the stream of events. A token of a room's history, which no `/sync` gives out, is where its event arrived. */
export const eventsOf = ({ room }: StreamToken): MultiWriterToken =>
  isHistoric(room) ? tokenAt(Math.max(0, room.stream)) : room
