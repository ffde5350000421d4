/** Typing and receipts of rooms: events that are nowhere but in `/sync`. */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { Queries } from '../storage/db.ts'
import { type ReceiptRow, selectReceipts } from '../storage/receipts.ts'
import type { StreamToken } from '../streams/tokens.ts'
import { isBetween, maxPosition, tokenAt } from '../streams/vector-clock.ts'
import type { Typing } from '../typing/typing.ts'
import type { News } from './news.ts'

export interface EphemeralDeps {
  readonly db: Queries
  readonly typing: Typing
}

export interface Receipt {
  readonly roomId: RoomId
  readonly receiptType: string
  readonly userId: string
  readonly eventId: string
  readonly threadId: string | null
  readonly data: JsonObject
  readonly streamId: number
  /** The writer by whose clock `streamId` counts. */
  readonly instanceName: string
}

/**
 * Of these rooms, the receipts after `since` up to `now`, oldest first: from memory where it has them, in one statement where it
 * has not. Rooms in `whole` have all of theirs.
 */
export async function loadReceipts(
  { db }: EphemeralDeps,
  roomIds: readonly RoomId[],
  whole: ReadonlySet<RoomId>,
  since: StreamToken | undefined,
  now: StreamToken,
  news: News['receipts'],
): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = []
  const asked = roomIds.filter((roomId) => news === undefined || whole.has(roomId))
  if (asked.length > 0) {
    const from = since !== undefined && !asked.some((roomId) => whole.has(roomId)) ? since.receipts : tokenAt(0)
    const isTold = ({ roomId, instanceName, streamId }: ReceiptRow) =>
      isBetween(whole.has(roomId) ? undefined : since?.receipts, now.receipts, instanceName, streamId)
    const rows = await selectReceipts(db, asked, from.stream, maxPosition(now.receipts))
    for (const row of rows) if (isTold(row)) receipts.push({ ...row, data: dataOf(row.data) })
  }
  if (news !== undefined) {
    const wanted = new Set(roomIds)
    for (const { key, position, writer, row } of news)
      if (wanted.has(key) && !whole.has(key))
        receipts.push({ ...row, roomId: key, data: row.data as JsonObject, streamId: position, instanceName: writer })
  }
  return receipts
}

function dataOf(text: string): JsonObject {
  const data = parseJson(text)
  return data.ok && isObject(data.value) ? data.value : {}
}

const EVERYBODYS = new Set(['m.read'])

/** `m.receipt` by room, where there are any that the user may see: private ones are only their owner's. */
export function receiptEvents(
  receipts: readonly Receipt[],
  userId: UserId,
  filter: EventFilter,
): ReadonlyMap<RoomId, JsonText> {
  const events = new Map<RoomId, JsonText>()
  for (const [roomId, ofRoom] of Map.groupBy(receipts, (receipt) => receipt.roomId)) {
    const content = new Map<string, Map<string, Users>>()
    for (const receipt of ofRoom) {
      const { eventId, receiptType, threadId, data } = receipt
      if (!EVERYBODYS.has(receiptType) && receipt.userId !== userId) continue
      const users = entry(entry(content, eventId, noTypes), receiptType, noUsers)
      // MSC4102: one without a thread is worth more than one with, at the same event.
      const known = users.get(receipt.userId)
      if (known === undefined || known.thread_id !== undefined)
        users.set(receipt.userId, threadId === null ? data : { ...data, thread_id: threadId })
    }
    if (content.size === 0) continue
    const json = plain(content)
    if (filter.passes({ type: 'm.receipt', roomId, content: json }))
      events.set(roomId, jsonTextOf({ type: 'm.receipt', content: json }))
  }
  return events
}

type Users = Map<string, JsonObject>
const noUsers = (): Users => new Map()
const noTypes = (): Map<string, Users> => new Map()

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

const plain = (content: ReadonlyMap<string, ReadonlyMap<string, Users>>): JsonObject =>
  Object.fromEntries(
    [...content].map(([eventId, types]) => [
      eventId,
      Object.fromEntries([...types].map(([type, users]) => [type, Object.fromEntries(users)])),
    ]),
  )

/** `m.typing` of a room, if it changed; of a room that is new to the client, if anybody types. */
export function typingEvent(
  { typing }: Pick<EphemeralDeps, 'typing'>,
  roomId: RoomId,
  since: StreamToken | undefined,
  now: StreamToken,
  filter: EventFilter,
): JsonText | undefined {
  const users = typing.inRoom(roomId)
  if (since === undefined) {
    if (users.length === 0) return undefined
  } else {
    // The writer's positions began anew: what the client was told is void.
    const from = since.typing > now.typing ? -1 : since.typing
    if (typing.changedAt(roomId) <= from) return undefined
    if (from === -1 && typing.changedAt(roomId) === 0) return undefined
  }
  const content = { user_ids: users }
  return filter.passes({ type: 'm.typing', roomId, content }) ? jsonTextOf({ type: 'm.typing', content }) : undefined
}
