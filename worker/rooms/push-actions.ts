/** Whom an event notifies: found when it is persisted, and stored with it (`event_push_actions`). */

import type { RoomEvent } from '../../shared/matrix/events/event.ts'
import type { EventId, UserId } from '../../shared/matrix/ids.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'

export interface PushAction {
  readonly userId: UserId
  /** JSON, in Synapse's short form where it has one. */
  readonly actions: string
  readonly notifies: boolean
  readonly highlights: boolean
  /** Counts as unread (MSC2654), whether it notifies or not. */
  readonly isUnread: boolean
  /** The thread's root, or `main`. */
  readonly threadId: string
}

export interface PushEvaluator {
  /**
   * For our users in the room, and one who is invited by it. Never for the sender. `before` is the state before the event; of
   * its events `batch` has those that are made together with this one and not stored yet.
   */
  readonly evaluate: (
    event: RoomEvent,
    version: RoomVersion,
    before: StateMap,
    batch?: ReadonlyMap<EventId, RoomEvent>,
  ) => Promise<readonly PushAction[]>
}
