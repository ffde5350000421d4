/** What a client of sliding sync was told of rooms, at a position. Values are never changed. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { MultiWriterToken } from '../streams/vector-clock.ts'
import { isSameConfig, type RoomConfig } from './room-config.ts'

/** `live`: all there was up to the client's token; `since`: up to that, and then it was not in its lists. */
export type RoomStatus<Token> = 'live' | { readonly since: Token }
/** Rooms that are not in it were never sent. */
export type RoomStatuses<Token> = ReadonlyMap<RoomId, RoomStatus<Token>>

export interface ConnectionState {
  readonly rooms: RoomStatuses<MultiWriterToken>
  readonly receipts: RoomStatuses<MultiWriterToken>
  readonly accountData: RoomStatuses<number>
  /** How much of the rooms was sent. */
  readonly configs: ReadonlyMap<RoomId, RoomConfig>
}

export const emptyConnection: ConnectionState = {
  rooms: new Map(),
  receipts: new Map(),
  accountData: new Map(),
  configs: new Map(),
}

/** Who of a room's members the client was sent lazily, and when they were last needed (milliseconds since 1970). */
export type LazySent = ReadonlyMap<string, number>

/** What an answer changes of it; filled while the answer is made. */
export interface ConnectionChanges {
  readonly rooms: Map<RoomId, RoomStatus<MultiWriterToken>>
  readonly receipts: Map<RoomId, RoomStatus<MultiWriterToken>>
  readonly accountData: Map<RoomId, RoomStatus<number>>
  readonly configs: Map<RoomId, RoomConfig>
  readonly lazySent: Map<RoomId, ReadonlySet<string>>
  readonly lazyForgotten: Map<RoomId, ReadonlySet<string>>
}

export const noChanges = (): ConnectionChanges => ({
  rooms: new Map(),
  receipts: new Map(),
  accountData: new Map(),
  configs: new Map(),
  lazySent: new Map(),
  lazyForgotten: new Map(),
})

export const isChanged = (changes: ConnectionChanges): boolean =>
  Object.values(changes).some((map: ReadonlyMap<unknown, unknown>) => map.size > 0)

export function markSent<Token>(
  known: RoomStatuses<Token>,
  changes: Map<RoomId, RoomStatus<Token>>,
  roomIds: Iterable<RoomId>,
): void {
  for (const roomId of roomIds) if (known.get(roomId) !== 'live') changes.set(roomId, 'live')
}

/** Something of these rooms is not told, after `since`. */
export function markUnsent<Token>(
  known: RoomStatuses<Token>,
  changes: Map<RoomId, RoomStatus<Token>>,
  roomIds: Iterable<RoomId>,
  since: Token,
): void {
  for (const roomId of roomIds) if (known.get(roomId) === 'live') changes.set(roomId, { since })
}

export function setConfig(
  { configs }: ConnectionState,
  changes: ConnectionChanges,
  roomId: RoomId,
  config: RoomConfig,
): void {
  const known = configs.get(roomId)
  if (known === undefined || !isSameConfig(known, config)) changes.configs.set(roomId, config)
}

export function withChanges(state: ConnectionState, changes: ConnectionChanges): ConnectionState {
  const merged = <V>(map: ReadonlyMap<RoomId, V>, more: ReadonlyMap<RoomId, V>): ReadonlyMap<RoomId, V> =>
    more.size === 0 ? map : new Map([...map, ...more])
  return {
    rooms: merged(state.rooms, changes.rooms),
    receipts: merged(state.receipts, changes.receipts),
    accountData: merged(state.accountData, changes.accountData),
    configs: merged(state.configs, changes.configs),
  }
}
