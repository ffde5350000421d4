/** The extension `receipts`: of rooms in the client's lists. Of those that are new to it, only what it needs. */

import { defaultFilter } from '../../../shared/matrix/filter/filter.ts'
import type { EventId, RoomId, UserId } from '../../../shared/matrix/ids.ts'
import { parseJson } from '../../../shared/matrix/json/parse.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'
import { objectText } from '../../json-text.ts'
import type { Queries } from '../../storage/db.ts'
import { selectReceiptsOfEvents, selectRoomsWithReceipts } from '../../storage/receipts.ts'
import type { StreamToken } from '../../streams/tokens.ts'
import { isBetween, type MultiWriterToken, maxPosition } from '../../streams/vector-clock.ts'
import { type EphemeralDeps, loadReceipts, type Receipt, receiptEvents } from '../../sync/ephemeral.ts'
import type { News } from '../../sync/news.ts'
import { type ConnectionChanges, type ConnectionState, markSent, markUnsent } from '../connection.ts'
import type { RoomAnswer } from '../room-answer.ts'
import type { ExtensionAnswer } from './answer.ts'

export interface ReceiptsAsked {
  readonly userId: UserId
  /** Undefined: the client begins. */
  readonly since: StreamToken | undefined
  readonly now: StreamToken
  readonly news: News | undefined
  readonly rooms: ReadonlySet<RoomId>
  readonly answers: ReadonlyMap<RoomId, RoomAnswer>
  readonly state: ConnectionState
  readonly changes: ConnectionChanges
}

const NO_ROOMS: ReadonlySet<RoomId> = new Set()

export async function receiptsExtension(deps: EphemeralDeps, asked: ReceiptsAsked): Promise<ExtensionAnswer> {
  const { userId, since, now, news, rooms, answers, state, changes } = asked
  const live: RoomId[] = []
  const fresh: RoomId[] = []
  const behind = new Map<RoomId, MultiWriterToken>()
  for (const roomId of rooms) {
    const answer = answers.get(roomId)
    const status =
      since === undefined || answer?.isInitial || answer?.isExpanded ? undefined : state.receipts.get(roomId)
    if (status === 'live') live.push(roomId)
    else if (status === undefined) fresh.push(roomId)
    else behind.set(roomId, status.since)
  }
  const [ofLive, ofBehind, ofFresh] = await Promise.all([
    live.length === 0 ? [] : loadReceipts(deps, live, NO_ROOMS, since, now, news?.receipts),
    receiptsBehind(deps, behind, now),
    fresh.length === 0 ? [] : receiptsOfFresh(deps.db, userId, fresh, answers, now),
  ])
  const events = receiptEvents([...ofLive, ...ofBehind, ...ofFresh], userId, defaultFilter.room.ephemeral)
  markSent(state.receipts, changes.receipts, [...fresh, ...behind.keys()])
  if (since !== undefined) {
    const untold = await roomsUntold(deps.db, asked)
    markUnsent(state.receipts, changes.receipts, untold, since.receipts)
  }
  return { text: objectText({ rooms: objectText(Object.fromEntries(events)) }), hasNews: events.size > 0 }
}

/** Rooms that the client left out for a while: in one statement, from the earliest of them. */
async function receiptsBehind(
  deps: EphemeralDeps,
  behind: ReadonlyMap<RoomId, MultiWriterToken>,
  now: StreamToken,
): Promise<readonly Receipt[]> {
  if (behind.size === 0) return []
  const receipts = await loadReceipts(deps, [...behind.keys()], new Set(behind.keys()), undefined, now, undefined)
  return receipts.filter(({ roomId, instanceName, streamId }) =>
    isBetween(behind.get(roomId), undefined, instanceName, streamId),
  )
}

/** The user's own, and those for the events that are told. */
async function receiptsOfFresh(
  db: Queries,
  userId: UserId,
  rooms: readonly RoomId[],
  answers: ReadonlyMap<RoomId, RoomAnswer>,
  now: StreamToken,
): Promise<readonly Receipt[]> {
  const eventIds = rooms.flatMap((roomId): readonly EventId[] => answers.get(roomId)?.timeline?.eventIds ?? [])
  const rows = await selectReceiptsOfEvents(db, userId, rooms, eventIds)
  return rows
    .filter(({ instanceName, streamId }) => isBetween(undefined, now.receipts, instanceName, streamId))
    .map((row) => {
      const data = parseJson(row.data)
      return { ...row, data: data.ok && isObject(data.value) ? data.value : {} }
    })
}

/** Rooms that were told of, and now have receipts that are not. */
async function roomsUntold(db: Queries, { since, now, news, rooms, state }: ReceiptsAsked): Promise<readonly RoomId[]> {
  if (news?.receipts !== undefined)
    return [...new Set(news.receipts.map(({ key }) => key))].filter((roomId) => !rooms.has(roomId))
  const told = [...state.receipts].flatMap(([roomId, status]) =>
    status === 'live' && !rooms.has(roomId) ? roomId : [],
  )
  if (told.length === 0) return []
  return selectRoomsWithReceipts(db, told, since!.receipts.stream, maxPosition(now.receipts))
}
