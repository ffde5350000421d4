/** Events of rooms' current state. Mostly from memory. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { selectCurrentState } from '../storage/current-state.ts'
import type { Queries } from '../storage/db.ts'
import type { EventStore, KnownEvent } from './event-store.ts'
import type { StateStore } from './state-store.ts'

/** The event that is the state of that type and key now, as this process has it. */
export type CurrentEvents = (roomId: RoomId, type: string, stateKey?: string) => Promise<KnownEvent | undefined>

interface Deps {
  readonly state: Pick<StateStore, 'currentEvent'>
  readonly events: Pick<EventStore, 'get' | 'peek'>
}

export const makeCurrentEvents =
  ({ state, events }: Deps): CurrentEvents =>
  async (roomId, type, stateKey = '') => {
    const eventId = await state.currentEvent(roomId, type, stateKey)
    if (eventId === undefined) return undefined
    return events.peek(eventId) ?? (await events.get([eventId])).get(eventId)
  }

/** The same as the tables have it: where what this process has not heard yet must not decide. */
export const makeStoredState =
  ({ db, events }: Pick<Deps, 'events'> & { readonly db: Queries }): CurrentEvents =>
  async (roomId, type, stateKey = '') => {
    const [entry] = await selectCurrentState(db, [roomId], [{ type, stateKey }])
    return entry && (await events.get([entry.eventId])).get(entry.eventId)
  }
