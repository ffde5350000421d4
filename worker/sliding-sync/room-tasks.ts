/** Rooms that there may be something to tell of, and how far a client may see in them. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import type { Queries } from '../storage/db.ts'
import { selectRoomsEverJoined } from '../storage/memberships.ts'
import { type MultiWriterToken, tokenAt } from '../streams/vector-clock.ts'
import type { RoomPlan } from '../sync/room-plans.ts'
import type { ConnectionState } from './connection.ts'
import type { SlidingSyncRequest } from './request.ts'
import type { RoomConfig } from './room-config.ts'

/** A room that there may be something to tell of. */
export interface RoomTask {
  readonly own: OwnMembership
  readonly config: RoomConfig
  /** The client has all up to here; undefined: it knows nothing of the room. */
  readonly from: MultiWriterToken | undefined
  /** The user left since then. */
  readonly isNewlyLeft: boolean
  readonly isDirect: boolean
  /** The user read something there since then. */
  readonly hasRead: boolean
}

/** A room, and what of it the user may be told. */
export interface PlannedRoom {
  readonly task: RoomTask
  /** Undefined: the user is only asked in. */
  readonly plan: RoomPlan | undefined
  readonly previous: RoomConfig | undefined
  readonly isExpanded: boolean
}

export async function planRooms(
  { db }: { readonly db: Queries },
  { userId }: SlidingSyncRequest,
  state: ConnectionState,
  tasks: readonly RoomTask[],
  now: MultiWriterToken,
): Promise<readonly PlannedRoom[]> {
  const isGone = ({ own: { membership } }: RoomTask) => membership === 'leave' || membership === 'ban'
  const gone = tasks.flatMap((task) => (isGone(task) ? task.own.roomId : []))
  const been = gone.length === 0 ? NOWHERE : await selectRoomsEverJoined(db, userId, gone)
  return tasks.map((task) => {
    const { own, from, config } = task
    const { roomId, eventId, streamOrdering, membership } = own
    const previous = state.configs.get(roomId)
    const isExpanded = from !== undefined && previous !== undefined && previous.timelineLimit < config.timelineLimit
    const shared = { roomId, from, isNew: false, isFullState: from === undefined }
    const plan: RoomPlan | undefined = isGone(task)
      ? {
          ...shared,
          kind: 'leave',
          // One process writes a room's events, so that its order is that of their numbers.
          upTo: tokenAt(streamOrdering),
          departure: eventId,
          isOutside: !been.has(roomId),
        }
      : membership === 'join'
        ? { ...shared, kind: 'join', upTo: now, departure: undefined, isOutside: false }
        : undefined
    return { task, plan, previous, isExpanded }
  })
}

const NOWHERE: ReadonlySet<RoomId> = new Set()
