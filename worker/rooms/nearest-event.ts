/** The event of a room that was sent nearest to a time, of those that the user may see. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from '../storage/db.ts'
import { selectByTime, type TimedPlace } from '../storage/timelines.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { Direction } from './timeline.ts'
import type { Visibility } from './visibility.ts'

export interface NearestEventDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly visibility: Pick<Visibility, 'filter'>
}

export interface NearestEventOptions {
  readonly direction: Direction
  /** Milliseconds since 1970 by the senders' servers' clocks. */
  readonly ts: number
  readonly isPeeking: boolean
}

/** How many are looked at: the second time of those that were not to be seen, and so on. */
const PAGES = [1, 20, 100, 400]

/** At that time, or after it (`forwards`), or before it; undefined: none, or none near it that the user may see. */
export async function nearestEvent(
  { db, events, visibility }: NearestEventDeps,
  userId: UserId,
  roomId: RoomId,
  { direction, ts, isPeeking }: NearestEventOptions,
): Promise<KnownEvent | undefined> {
  let last: TimedPlace | undefined
  for (const size of PAGES) {
    const places = await selectByTime(db, roomId, direction, ts, size, last)
    const found = await events.get(places.map(({ eventId }) => eventId))
    const known = places.flatMap(({ eventId }) => found.get(eventId) ?? [])
    const [nearest] = await visibility.filter(userId, known, { isPeeking })
    if (nearest !== undefined) return nearest.known
    if (places.length < size) return undefined
    last = places.at(-1)
  }
  return undefined
}
