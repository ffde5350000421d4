/** Whether a user may say that they read an event. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { Visibility } from '../rooms/visibility.ts'
import type { Queries } from '../storage/db.ts'
import { selectThreadForReceipt, selectThreadOf } from '../storage/threads.ts'

export const MAIN_TIMELINE = 'main'

export interface ReceivableDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'isJoined'>
  readonly visibility: Visibility
}

/** False where it is no event of the room. Throws M_FORBIDDEN for one that they do not see. */
export async function isReceivable(
  { events, memberships, visibility }: ReceivableDeps,
  userId: UserId,
  roomId: RoomId,
  eventId: EventId,
): Promise<boolean> {
  const known = (await events.get([eventId])).get(eventId)
  if (known === undefined || known.isRejected || known.event.roomId !== roomId) return false
  const isPeeking = !(await memberships.isJoined(userId, roomId))
  const visible = await visibility.filter(userId, [known], { isPeeking })
  if (visible.length === 0) throw new MatrixError('M_FORBIDDEN', "You don't have permission to access that event.")
  return true
}

/** client-server-api, "Threading": what is related to an event of the thread is in it, and so is the root. */
export async function isInThread(db: Queries, eventId: EventId, threadId: string): Promise<boolean> {
  const find = threadId === MAIN_TIMELINE ? selectThreadOf : selectThreadForReceipt
  return ((await find(db, eventId)) ?? MAIN_TIMELINE) === threadId
}
