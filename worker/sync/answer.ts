/** The answer of `/sync`, put together from its sections as text (client-server-api, "Syncing"). */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { ChangedUsers } from '../devices/device-lists.ts'
import { arrayText, type JsonText, jsonTextOf, objectText } from '../json-text.ts'
import type { UnreadCount } from '../push/unread-counts.ts'
import type { DeviceKeyCounts } from '../storage/device-key-counts.ts'
import type { RoomSummary } from './summary.ts'

export interface JoinedRoom {
  readonly timeline: TimelineText
  readonly state: StateText
  readonly accountData: readonly JsonText[]
  readonly ephemeral: readonly JsonText[]
  readonly unread: UnreadCount
  /** By root; undefined: the client does not ask for threads. */
  readonly threads: ReadonlyMap<string, UnreadCount> | undefined
  readonly summary: RoomSummary | undefined
}

export interface TimelineText {
  readonly events: readonly JsonText[]
  readonly prevBatch: string
  readonly isLimited: boolean
}

export interface StateText {
  /** `state`, or `state_after`. */
  readonly name: string
  readonly events: readonly JsonText[]
}

export interface LeftRoom {
  readonly timeline: TimelineText
  readonly state: StateText
  readonly accountData: readonly JsonText[]
}

export type RoomTexts = ReadonlyMap<RoomId, JsonText>

export interface SyncAnswer {
  readonly nextBatch: string
  readonly accountData: readonly JsonText[]
  /** Undefined: the client is told of all at once, and asks for all devices. */
  readonly deviceLists: ChangedUsers | undefined
  readonly toDevice: readonly JsonText[]
  readonly presence: readonly JsonText[]
  readonly keys: DeviceKeyCounts
  readonly join: RoomTexts
  readonly invite: RoomTexts
  readonly knock: RoomTexts
  readonly leave: RoomTexts
}

export function printAnswer(answer: SyncAnswer): JsonText {
  const { nextBatch, accountData, toDevice, presence, deviceLists, keys, join, invite, knock, leave } = answer
  const rooms = { join: roomsText(join), invite: roomsText(invite), knock: roomsText(knock), leave: roomsText(leave) }
  const hasRooms = join.size + invite.size + knock.size + leave.size > 0
  return objectText({
    next_batch: jsonTextOf(nextBatch),
    account_data: accountData.length > 0 ? eventsText(accountData) : undefined,
    presence: presence.length > 0 ? eventsText(presence) : undefined,
    to_device: toDevice.length > 0 ? eventsText(toDevice) : undefined,
    device_lists: deviceListsText(deviceLists),
    // Also where there are none: clients take absence for "as before".
    device_one_time_keys_count: jsonTextOf({ signed_curve25519: 0, ...keys.oneTimeKeys }),
    device_unused_fallback_key_types: jsonTextOf(keys.unusedFallbackKeys),
    rooms: hasRooms ? objectText(rooms) : undefined,
  })
}

/** Lists that are empty are left out, as by Synapse. */
function deviceListsText(lists: ChangedUsers | undefined): JsonText | undefined {
  if (lists === undefined || lists.changed.length + lists.left.length === 0) return undefined
  const { changed, left } = lists
  return jsonTextOf({ ...(changed.length > 0 && { changed }), ...(left.length > 0 && { left }) })
}

const roomsText = (rooms: RoomTexts): JsonText | undefined =>
  rooms.size === 0 ? undefined : objectText(Object.fromEntries(rooms))

export const eventsText = (events: readonly JsonText[]): JsonText => objectText({ events: arrayText(events) })

export const joinedRoomText = (room: JoinedRoom): JsonText =>
  objectText({
    timeline: timelineText(room.timeline),
    [room.state.name]: eventsText(room.state.events),
    account_data: eventsText(room.accountData),
    ephemeral: eventsText(room.ephemeral),
    unread_notifications: unreadText(room.unread),
    unread_thread_notifications:
      room.threads === undefined || room.threads.size === 0
        ? undefined
        : objectText(Object.fromEntries([...room.threads].map(([root, count]) => [root, unreadText(count)]))),
    summary: summaryText(room.summary),
  })

export const leftRoomText = (room: LeftRoom): JsonText =>
  objectText({
    timeline: timelineText(room.timeline),
    [room.state.name]: eventsText(room.state.events),
    account_data: eventsText(room.accountData),
  })

/** `invite_state` or `knock_state`. */
export const strippedRoomText = (name: string, events: readonly JsonText[]): JsonText =>
  objectText({ [name]: eventsText(events) })

const timelineText = ({ events, prevBatch, isLimited }: TimelineText): JsonText =>
  objectText({ events: arrayText(events), prev_batch: jsonTextOf(prevBatch), limited: jsonTextOf(isLimited) })

const unreadText = ({ notificationCount, highlightCount }: UnreadCount): JsonText =>
  jsonTextOf({ notification_count: notificationCount, highlight_count: highlightCount })

const summaryText = (summary: RoomSummary | undefined): JsonText =>
  jsonTextOf(
    summary === undefined
      ? {}
      : {
          ...(summary.heroes !== undefined &&
            summary.heroes.length > 0 && { 'm.heroes': summary.heroes.map(({ userId }) => userId) }),
          'm.joined_member_count': summary.joined,
          'm.invited_member_count': summary.invited,
        },
  )
