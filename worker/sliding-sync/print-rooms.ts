/** Events of the rooms in an answer as text, and what the user has not read there. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { type UnreadCount, type UnreadCounts, wholeRoom } from '../push/unread-counts.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import { asState, type VisibleEvent } from '../rooms/visibility.ts'
import type { SlidingSyncRequest } from './request.ts'
import type { RoomAnswer, UnprintedAnswer } from './room-answer.ts'

export interface PrintRoomsDeps {
  readonly printer: EventPrinter
  readonly unreadCounts: Pick<UnreadCounts, 'of'>
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** All events of all rooms at once, so that what they refer to is read once. */
export async function printRooms(
  { printer, unreadCounts, clock }: PrintRoomsDeps,
  { userId, deviceId }: SlidingSyncRequest,
  answers: ReadonlyMap<RoomId, UnprintedAnswer>,
): Promise<ReadonlyMap<RoomId, RoomAnswer>> {
  const all: VisibleEvent[] = []
  for (const { state, shown } of answers.values()) {
    for (const known of state) all.push(asState(known))
    if (shown !== undefined) all.push(...shown.events)
  }
  const joined = [...answers].flatMap(([roomId, { isJoined }]) => (isJoined ? roomId : []))
  const [texts, unread] = await Promise.all([
    printer.print(all, { userId, deviceId }, { withRoomId: false, now: clock() }),
    joined.length === 0 ? undefined : unreadCounts.of(userId, joined),
  ])
  let at = 0
  const take = (count: number) => {
    at += count
    return texts.slice(at - count, at)
  }
  return new Map(
    [...answers].map(([roomId, { isJoined: _, state, shown, live, ...answer }]) => {
      const counts = unread?.get(roomId)
      return [
        roomId,
        {
          ...answer,
          unread: counts === undefined ? NOTHING_UNREAD : wholeRoom(counts),
          requiredState: take(state.length),
          timeline: shown && {
            events: take(shown.events.length),
            eventIds: shown.events.map(({ known }) => known.event.eventId),
            isLimited: shown.isCut,
            before: shown.before,
            live,
          },
        },
      ]
    }),
  )
}

const NOTHING_UNREAD: UnreadCount = { notificationCount: 0, highlightCount: 0 }
