/** How many events of a room notify a user, after what they have read. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'

export interface UnreadCount {
  readonly notificationCount: number
  readonly highlightCount: number
}

export interface RoomUnread extends UnreadCount {
  /** Of threads, by root; the counts above are then those of the main timeline. Only where asked for. */
  readonly threads: ReadonlyMap<string, UnreadCount>
}

export interface UnreadCounts {
  /** Of all these rooms, in one statement, as of now; rooms without any are not in it. */
  readonly of: (userId: UserId, roomIds: readonly RoomId[]) => Promise<ReadonlyMap<RoomId, RoomUnread>>
}
