/** The state of rooms at the end of what is told of them. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { EventStore } from '../rooms/event-store.ts'
import type { StateStore } from '../rooms/state-store.ts'
import type { RoomPlan } from './room-plans.ts'

export interface StatesAtEndDeps {
  readonly events: Pick<EventStore, 'get'>
  readonly states: Pick<StateStore, 'current' | 'ofGroups'>
}

/** All of the state at the end of what is told: of rooms that the user left, as of then. */
export async function statesAtEnd(
  { events, states }: StatesAtEndDeps,
  plans: readonly RoomPlan[],
): Promise<ReadonlyMap<RoomId, StateMap>> {
  const found = new Map<RoomId, StateMap>()
  const joined = plans.filter(({ kind }) => kind === 'join')
  const left = plans.filter(({ kind }) => kind === 'leave')
  const ofLeft = async () => {
    if (left.length === 0) return
    const departures = await events.get(left.map(({ departure }) => departure!))
    const groups = [...departures.values()].flatMap(({ stateGroup }) => stateGroup ?? [])
    const maps = await states.ofGroups(groups)
    for (const { roomId, departure } of left) {
      const group = departures.get(departure!)?.stateGroup
      found.set(roomId, (group === undefined ? undefined : maps.get(group)) ?? new Map())
    }
  }
  await Promise.all([...joined.map(async ({ roomId }) => found.set(roomId, await states.current(roomId))), ofLeft()])
  return found
}
