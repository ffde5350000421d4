/** Account data, of the user and of rooms, tags and push rules, as `/sync` tells them. */

import type { EventFilter } from '../../shared/matrix/filter/event-filter.ts'
import type { Filter } from '../../shared/matrix/filter/filter.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import type { JsonValue } from '../../shared/matrix/json/value.ts'
import { asJsonText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import {
  selectGlobalAccountData,
  selectRoomAccountData,
  selectTags,
  selectTagsChangedSince,
} from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'
import type { News } from './news.ts'

export interface AccountDataDeps {
  readonly db: Queries
  /** The content of `m.push_rules` of a user. */
  readonly pushRules: (userId: UserId) => Promise<object>
  /** MSC3391: what is empty was removed, and is told only to who may have had it. */
  readonly canRemove?: boolean
}

export interface AccountData {
  /** Events as text. */
  readonly global: readonly JsonText[]
  readonly byRoom: ReadonlyMap<RoomId, readonly JsonText[]>
}

/** @param from After this position; undefined: everything. */
export async function loadAccountData(
  { db, pushRules, canRemove = false }: AccountDataDeps,
  userId: UserId,
  filter: Filter,
  from: number | undefined,
  news: Pick<News, 'accountData' | 'pushRules'> | undefined,
): Promise<AccountData> {
  const changed = news?.accountData
  const mayHave = (test: (row: { readonly roomId: string | null; readonly type: string }) => boolean) =>
    changed === undefined || changed.some(test)
  const wantsGlobal = !filter.accountData.passesNothing
  const wantsRooms = !filter.room.accountData.passesNothing
  const [global, rules, rooms, tags] = await Promise.all([
    wantsGlobal && mayHave(({ roomId }) => roomId === null) ? selectGlobalAccountData(db, userId, from) : [],
    wantsGlobal && (news?.pushRules ?? true) ? pushRules(userId) : undefined,
    wantsRooms && mayHave(({ roomId, type }) => roomId !== null && type !== 'm.tag')
      ? selectRoomAccountData(db, userId, from)
      : [],
    wantsRooms && mayHave(({ type }) => type === 'm.tag') ? selectChangedTags(db, userId, from) : [],
  ])

  const byRoom = new Map<RoomId, JsonText[]>()
  const add = (roomId: RoomId, type: string, content: string) => {
    if (!passes(filter.room.accountData, type, content, roomId)) return
    const list = byRoom.get(roomId)
    if (list === undefined) byRoom.set(roomId, [eventText(type, content)])
    else list.push(eventText(type, content))
  }
  for (const [roomId, content] of tagContents(tags)) add(roomId, 'm.tag', content)
  const isThere = (content: string) => from !== undefined || !canRemove || content !== '{}'
  for (const { roomId, type, content } of rooms) if (isThere(content)) add(roomId, type, content)
  const events = global
    .filter(({ type, content }) => isThere(content) && passes(filter.accountData, type, content))
    .map(({ type, content }) => eventText(type, content))
  if (rules !== undefined && filter.accountData.passes({ type: 'm.push_rules', content: {} }))
    events.push(eventText('m.push_rules', jsonTextOf(rules)))
  return { global: events, byRoom }
}

const eventText = (type: string, content: string): JsonText =>
  objectText({ type: jsonTextOf(type), content: asJsonText(content) })

/** Contents are text, and only read where a filter has to see more than the type. */
function passes(filter: EventFilter, type: string, content: string, roomId?: RoomId): boolean {
  const needsContent = filter.containsUrl !== undefined
  const read = needsContent ? parseJson(content) : undefined
  const value: JsonValue = read?.ok ? read.value : {}
  return filter.passes({ type, roomId, content: value })
}

interface Tag {
  readonly roomId: RoomId
  readonly tag: string | null
  readonly content: string | null
}

const selectChangedTags = (db: Queries, userId: UserId, from: number | undefined): Promise<readonly Tag[]> =>
  from === undefined ? selectTags(db, userId) : selectTagsChangedSince(db, userId, from)

/** All tags of each of these rooms; of one whose last tag was taken away there is none. */
function* tagContents(tags: readonly Tag[]): Generator<readonly [RoomId, JsonText]> {
  for (const [roomId, ofRoom] of Map.groupBy(tags, (tag) => tag.roomId)) {
    const content: Record<string, JsonText> = Object.create(null)
    for (const { tag, content: text } of ofRoom) if (tag !== null) content[tag] = asJsonText(text ?? '{}')
    yield [roomId, objectText({ tags: objectText(content) })]
  }
}
