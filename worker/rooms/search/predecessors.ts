/** Which rooms a room was before it was upgraded (client-server-api, "Room Upgrades"). */

import type { RoomId } from '../../../shared/matrix/ids.ts'
import { isObject } from '../../../shared/matrix/json/value.ts'
import type { EventStore } from '../event-store.ts'
import type { StateStore } from '../state-store.ts'

export interface PredecessorsDeps {
  readonly state: Pick<StateStore, 'currentEvent'>
  readonly events: Pick<EventStore, 'get'>
}

/** Whoever makes rooms that name each other is followed no further. */
const MAX_STEPS = 20

/** The room before each of these, the one before that, and so on: those that this server knows. */
export async function predecessorsOf({ state, events }: PredecessorsDeps, roomIds: readonly RoomId[]) {
  const found = new Set<RoomId>()
  let rooms: readonly RoomId[] = [...new Set(roomIds)]
  for (let step = 0; step < MAX_STEPS && rooms.length > 0; step++) {
    const creates = await Promise.all(rooms.map((roomId) => state.currentEvent(roomId, 'm.room.create', '')))
    const known = await events.get(creates.filter((eventId) => eventId !== undefined))
    const before: RoomId[] = []
    for (const { event } of known.values()) {
      const { predecessor } = event.content
      if (!isObject(predecessor) || typeof predecessor.room_id !== 'string') continue
      const roomId = predecessor.room_id as RoomId
      if (!found.has(roomId)) before.push(roomId)
      found.add(roomId)
    }
    rooms = before
  }
  return found
}
