/** The answer of sliding sync, put together as text (MSC4186). */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { arrayText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { ListAnswer } from './lists.ts'
import type { HeroAnswer, RoomAnswer } from './room-answer.ts'

export interface SlidingSyncAnswer {
  readonly pos: string
  readonly lists: ReadonlyMap<string, ListAnswer>
  readonly rooms: ReadonlyMap<RoomId, RoomAnswer>
  /** By name; those that say nothing are undefined. */
  readonly extensions: Readonly<Record<string, JsonText | undefined>>
}

/** `prevBatch`: the token of where history goes on, as `before` of a timeline says. */
export function printAnswer(
  { pos, lists, rooms, extensions }: SlidingSyncAnswer,
  prevBatch: (before: number | undefined) => string,
): JsonText {
  const printed = Object.fromEntries([...rooms].map(([roomId, room]) => [roomId, roomText(room, prevBatch)]))
  return objectText({
    pos: jsonTextOf(pos),
    lists: lists.size === 0 ? undefined : jsonTextOf(Object.fromEntries([...lists].map(printList))),
    rooms: objectText(printed),
    extensions: objectText(extensions),
  })
}

const printList = ([name, { count, windows }]: readonly [string, ListAnswer]) => [
  name,
  { count, ops: windows.map(({ range, roomIds }) => ({ op: 'SYNC', range, room_ids: roomIds })) },
]

function roomText(room: RoomAnswer, prevBatch: (before: number | undefined) => string): JsonText {
  const { timeline, unread } = room
  return objectText({
    notification_count: jsonTextOf(unread.notificationCount),
    highlight_count: jsonTextOf(unread.highlightCount),
    bump_stamp: optional(room.bumpStamp),
    joined_count: optional(room.joinedCount),
    invited_count: optional(room.invitedCount),
    name: optional(room.name),
    avatar: optional(room.avatar),
    heroes: room.heroes.length === 0 ? undefined : jsonTextOf(room.heroes.map(printHero)),
    initial: room.isInitial ? TRUE : undefined,
    unstable_expanded_timeline: room.isExpanded ? TRUE : undefined,
    required_state: list(room.requiredState),
    timeline: list(timeline?.events ?? []),
    limited: timeline && jsonTextOf(timeline.isLimited),
    prev_batch: timeline && jsonTextOf(prevBatch(timeline.before)),
    num_live: timeline && jsonTextOf(timeline.live),
    is_dm: room.isDirect ? TRUE : undefined,
    // Of knocks too.
    invite_state: list(room.strippedState),
  })
}

const TRUE = jsonTextOf(true)
const optional = (value: string | number | undefined) => (value === undefined ? undefined : jsonTextOf(value))
const list = (events: readonly JsonText[]) => (events.length === 0 ? undefined : arrayText(events))
const printHero = ({ userId, displayName, avatarUrl }: HeroAnswer) => ({
  user_id: userId,
  displayname: displayName,
  avatar_url: avatarUrl,
})
