/** Rooms to which the user is invited, or at which they knocked: what they may know of them. */

import { strippedForClients } from '../../shared/matrix/events/stripped-state.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { type JsonText, jsonTextOf } from '../json-text.ts'
import type { EventPrinter } from '../rooms/event-printer.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { OwnMembership } from '../rooms/memberships.ts'
import { strippedRoomText } from './answer.ts'

export interface StrippedDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly printer: Pick<EventPrinter, 'stripped'>
}

/** As `/sync` tells them, under `invite_state` or `knock_state`. */
export async function strippedRooms(
  deps: StrippedDeps,
  memberships: readonly OwnMembership[],
  kind: 'invite' | 'knock',
): Promise<ReadonlyMap<RoomId, JsonText>> {
  const states = await strippedStates(deps, memberships)
  return new Map([...states].map(([roomId, { state }]) => [roomId, strippedRoomText(`${kind}_state`, state)]))
}

export interface StrippedState {
  /** The membership event itself comes last. */
  readonly state: readonly JsonText[]
  /** Of the state event of that type, with the state key `''`. */
  readonly contentOf: (type: string) => JsonObject | undefined
}

/** The state of these rooms as the invited, or who knocked, may know it. */
export async function strippedStates(
  { events, printer }: StrippedDeps,
  memberships: readonly OwnMembership[],
): Promise<ReadonlyMap<RoomId, StrippedState>> {
  if (memberships.length === 0) return new Map()
  const known = await events.get(memberships.map(({ eventId }) => eventId))
  const rooms = new Map<RoomId, StrippedState>()
  for (const { roomId, eventId, membership } of memberships) {
    const event = known.get(eventId)?.event
    if (event === undefined) continue
    const { unsigned } = event.json
    const before = isObject(unsigned) ? strippedForClients(unsigned[`${membership}_room_state`]) : []
    // Who knocks again has been something in the room before.
    const state = before.filter((entry) => entry.type !== event.type || entry.state_key !== event.stateKey)
    rooms.set(roomId, {
      state: [...state.map(jsonTextOf), printer.stripped(event)],
      contentOf: (type) => {
        const content = before.find((entry) => entry.type === type && entry.state_key === '')?.content
        return isObject(content) ? content : undefined
      },
    })
  }
  return rooms
}
