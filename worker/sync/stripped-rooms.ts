/** Rooms to which the user is invited, or at which they knocked: what they may know of them. */

import { strippedForClients } from '../../shared/matrix/events/stripped-state.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import { strippedRoomText } from './answer.ts'

export interface StrippedDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly printer: Pick<EventPrinter, 'stripped'>
}

/**
 * `name`: under which the membership event has the state of the room in `unsigned` (`invite_room_state`). The event itself
 * comes last.
 */
export async function strippedRooms(
  { events, printer }: StrippedDeps,
  memberships: readonly OwnMembership[],
  kind: 'invite' | 'knock',
): Promise<ReadonlyMap<RoomId, JsonText>> {
  if (memberships.length === 0) return new Map()
  const known = await events.get(memberships.map(({ eventId }) => eventId))
  const rooms = new Map<RoomId, JsonText>()
  for (const { roomId, eventId } of memberships) {
    const event = known.get(eventId)?.event
    if (event === undefined) continue
    const { unsigned } = event.json
    const before = isObject(unsigned) ? strippedForClients(unsigned[`${kind}_room_state`]) : []
    // Who knocks again has been something in the room before.
    const state = before.filter((entry) => entry.type !== event.type || entry.state_key !== event.stateKey)
    rooms.set(roomId, strippedRoomText(`${kind}_state`, [...state.map(jsonTextOf), printer.stripped(event)]))
  }
  return rooms
}
