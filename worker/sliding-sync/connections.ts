/**
 * Connections of sliding sync, by position: in memory while they are in use here, and in the tables, so that any process goes on
 * with them. In the steady state an answer changes nothing of its connection, and nothing is written.
 */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { makeLru } from '../lru.ts'
import type { Db } from '../storage/db.ts'
import {
  type ConnectionName,
  type ConnectionStream,
  confirmPosition,
  insertPosition,
  noteUsed,
  selectLazyMembers,
  selectRoomConfigs,
  selectStatuses,
} from '../storage/sliding-sync-connections.ts'
import type { LiveStreams } from '../streams/live-streams.ts'
import {
  isHistoric,
  parseMultiWriterToken,
  parseRoomToken,
  printMultiWriterToken,
  printRoomToken,
} from '../streams/tokens.ts'
import type { MultiWriterToken } from '../streams/vector-clock.ts'
import {
  type ConnectionChanges,
  type ConnectionState,
  emptyConnection,
  isChanged,
  type LazySent,
  type RoomStatus,
  withChanges,
} from './connection.ts'
import { pairsOf, type RequiredState, roomConfig } from './room-config.ts'

export interface Connection {
  /** 0: nothing was told yet. */
  readonly position: number
  readonly state: ConnectionState
  /** When the client was here before; undefined: it was not. Milliseconds since 1970. */
  readonly lastUsedTs: number | undefined
  /** Of these rooms, in one statement for those that are not in memory. */
  readonly lazySent: (roomIds: readonly RoomId[]) => Promise<ReadonlyMap<RoomId, LazySent>>
}

export interface Connections {
  /** Throws M_UNKNOWN_POS where the position is no longer known, or never was. */
  readonly open: (name: ConnectionName, position: number) => Promise<Connection>
  /** The position after these changes. Throws M_UNKNOWN_POS where another answer's position was taken meanwhile. */
  readonly save: (name: ConnectionName, connection: Connection, changes: ConnectionChanges) => Promise<number>
}

export interface ConnectionsDeps {
  readonly db: Db
  readonly instances: LiveStreams['instances']
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Rooms and members of all connections in memory, at 100 bytes each. */
  readonly maxWeight?: number
}

interface Kept {
  readonly key: number
  readonly position: number
  readonly state: ConnectionState
  readonly lazy: Map<RoomId, LazySent>
  /** `lazy` has all there are: the connection began in this process. */
  readonly isWhole: boolean
  /** The client has come with it. */
  isConfirmed: boolean
  lastUsedTs: number | undefined
  notedTs: number
}

/** A connection's last positions, by position. */
interface Positions {
  readonly kept: readonly Kept[]
  readonly weight: number
}

const MAX_WEIGHT = 1_000_000
/** A client that repeats its request has different answers on their way. */
const MAX_POSITIONS = 4
/** As often as Synapse does it. */
const NOTED_EVERY_MS = 300_000

export const unknownPosition = (): MatrixError => new MatrixError('M_UNKNOWN_POS', 'Unknown position', {}, 400)

export function makeConnections({ db, instances, now, maxWeight = MAX_WEIGHT }: ConnectionsDeps): Connections {
  const memory = makeLru<string, Positions>(maxWeight, ({ weight }) => weight)
  const keyOf = ({ userId, deviceId, connId }: ConnectionName) => JSON.stringify([userId, deviceId, connId])
  const keep = (name: ConnectionName, kept: readonly Kept[]) =>
    memory.set(keyOf(name), { kept, weight: kept.reduce((sum, each) => sum + weightOf(each), 1) })

  const load = async (key: number, position: number, lastUsedTs: number | undefined): Promise<Kept> => {
    const [statuses, configs] = await Promise.all([selectStatuses(db, position), selectRoomConfigs(db, position)])
    const rooms = new Map<RoomId, RoomStatus<MultiWriterToken>>()
    const receipts = new Map<RoomId, RoomStatus<MultiWriterToken>>()
    const accountData = new Map<RoomId, RoomStatus<number>>()
    const clock = async (text: string | null, stream: string): Promise<RoomStatus<MultiWriterToken> | undefined> => {
      if (text === null) return 'live'
      const token = await instances.parse(stream === 'rooms' ? parseRoomToken : parseMultiWriterToken, text)
      return token.ok && !isHistoric(token.value) ? { since: token.value } : undefined
    }
    for (const { stream, roomId, lastToken } of statuses) {
      if (stream === 'account_data') accountData.set(roomId, lastToken === null ? 'live' : { since: Number(lastToken) })
      else {
        const status = await clock(lastToken, stream)
        // One that cannot be read: the room is sent anew.
        if (status !== undefined) (stream === 'rooms' ? rooms : receipts).set(roomId, status)
      }
    }
    const parsed = new Map<string, RequiredState>()
    const state = {
      rooms,
      receipts,
      accountData,
      configs: new Map(
        configs.map(({ roomId, timelineLimit, requiredState: text }) => {
          const requiredState = parsed.get(text) ?? parseRequiredState(text)
          parsed.set(text, requiredState)
          return [roomId, { timelineLimit, requiredState }]
        }),
      ),
    }
    return { key, position, state, lazy: new Map(), isWhole: false, isConfirmed: true, lastUsedTs, notedTs: now() }
  }

  const connectionOf = (kept: Kept): Connection => ({
    position: kept.position,
    state: kept.state,
    lastUsedTs: kept.lastUsedTs,
    async lazySent(roomIds) {
      const missing = kept.isWhole ? [] : roomIds.filter((roomId) => !kept.lazy.has(roomId))
      if (missing.length > 0) {
        const rows = await selectLazyMembers(db, kept.key, kept.position, missing)
        const byRoom = Map.groupBy(rows, ({ roomId }) => roomId)
        for (const roomId of missing)
          kept.lazy.set(
            roomId,
            new Map((byRoom.get(roomId) ?? []).map(({ userId, lastSeenTs }) => [userId, lastSeenTs])),
          )
      }
      return kept.lazy
    },
  })

  return {
    async open(name, position) {
      if (position === 0) return newConnection
      const positions = memory.get(keyOf(name))
      let kept = positions?.kept.find((each) => each.position === position)
      if (kept?.isConfirmed !== true) {
        const confirmed = await confirmPosition(db, name, position, now())
        if (confirmed === undefined) throw unknownPosition()
        const lastUsedTs = confirmed.lastUsedTs ?? undefined
        if (kept === undefined) kept = await load(confirmed.key, position, lastUsedTs)
        kept.isConfirmed = true
        kept.notedTs = now()
        keep(name, [kept])
      } else if (now() - kept.notedTs > NOTED_EVERY_MS) {
        kept.notedTs = now()
        await noteUsed(db, kept.key, kept.notedTs)
      }
      const connection = connectionOf(kept)
      kept.lastUsedTs = now()
      return connection
    },

    async save(name, connection, changes) {
      if (!isChanged(changes)) return connection.position
      const previous = connection.position === 0 ? undefined : connection.position
      const at = now()
      const members = (map: ReadonlyMap<RoomId, ReadonlySet<string>>) =>
        [...map].flatMap(([roomId, users]) => [...users].map((userId) => ({ roomId, userId })))
      const placed = await insertPosition(
        db,
        name,
        previous,
        {
          statuses: [
            ...statusRows('rooms', changes.rooms, (token) => printRoomToken(token, instances)),
            ...statusRows('receipts', changes.receipts, (token) => printMultiWriterToken(token, instances)),
            ...statusRows('account_data', changes.accountData, String),
          ],
          configs: [...changes.configs].map(([roomId, { timelineLimit, requiredState }]) => ({
            roomId,
            timelineLimit,
            requiredState: printRequiredState(requiredState),
          })),
          lazySent: members(changes.lazySent),
          lazyForgotten: members(changes.lazyForgotten),
        },
        at,
      )
      if (placed === undefined) throw unknownPosition()
      const positions = memory.get(keyOf(name))?.kept ?? []
      const before = positions.find((each) => each.position === previous)
      const lazy = new Map(before?.lazy)
      const isWhole = previous === undefined || before?.isWhole === true
      for (const [roomId, users] of changes.lazyForgotten) {
        const known = lazy.get(roomId)
        if (known === undefined) continue
        lazy.set(roomId, new Map([...known].filter(([userId]) => !users.has(userId))))
      }
      for (const [roomId, users] of changes.lazySent) {
        const known = lazy.get(roomId)
        if (known === undefined && !isWhole) continue
        lazy.set(roomId, new Map([...(known ?? []), ...[...users].map((userId) => [userId, at] as const)]))
      }
      const kept: Kept = {
        ...placed,
        state: withChanges(connection.state, changes),
        lazy,
        isWhole,
        isConfirmed: false,
        lastUsedTs: at,
        notedTs: at,
      }
      keep(name, previous === undefined ? [kept] : [...positions, kept].slice(-MAX_POSITIONS))
      return placed.position
    },
  }
}

const newConnection: Connection = {
  position: 0,
  state: emptyConnection,
  lastUsedTs: undefined,
  lazySent: async () => new Map(),
}

const weightOf = ({ state, lazy }: Kept): number => {
  let members = 0
  for (const users of lazy.values()) members += users.size
  return 4 + state.rooms.size + state.receipts.size + state.accountData.size + state.configs.size + members
}

const statusRows = <Token>(
  stream: ConnectionStream,
  statuses: ReadonlyMap<RoomId, RoomStatus<Token>>,
  print: (token: Token) => string,
) =>
  [...statuses].map(([roomId, status]) =>
    status === 'live'
      ? { stream, roomId, status: 'live', lastToken: null }
      : { stream, roomId, status: 'previously', lastToken: print(status.since) },
  )

const printRequiredState = (requiredState: RequiredState): string =>
  JSON.stringify([...pairsOf(requiredState)].sort(byPair))

const byPair = ([typeA, keyA]: readonly [string, string], [typeB, keyB]: readonly [string, string]): number =>
  typeA === typeB ? (keyA < keyB ? -1 : 1) : typeA < typeB ? -1 : 1

/** What another version of a server wrote may be anything. */
function parseRequiredState(text: string): RequiredState {
  const value: unknown = JSON.parse(text)
  const pairs = Array.isArray(value) ? value : []
  return roomConfig(
    0,
    pairs.map(([type, key]) => [String(type), String(key)] as const),
  ).requiredState
}
