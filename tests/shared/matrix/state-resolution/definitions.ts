/** Definitions of rooms/v2 and rooms/v12, "State resolution", as they are written, with no thought of speed. */

import type { EventId } from '../../../../shared/matrix/ids.ts'
import type { StateMap } from '../../../../shared/matrix/state-map.ts'
import type { TestRoom } from './test-room.ts'

export const idsOf = (state: StateMap): Set<EventId> =>
  new Set([...state.values()].flatMap((keys) => [...keys.values()]))

/** In rooms/v12 the create event is cited by its hash in the room ID. */
const citedBy = (room: TestRoom, id: EventId): readonly EventId[] => {
  const event = room.events.get(id)!
  const isImplied = room.version.roomIdIsCreateHash && event.type !== 'm.room.create'
  return isImplied ? [...event.authEvents, `$${room.roomId.slice(1)}` as EventId] : event.authEvents
}

export function authChain(room: TestRoom, id: EventId, chain = new Set<EventId>()): Set<EventId> {
  for (const cited of citedBy(room, id)) {
    if (chain.has(cited)) continue
    chain.add(cited)
    authChain(room, cited, chain)
  }
  return chain
}

/** "Auth difference": ∪ Cᵢ − ∩ Cᵢ. */
export function definedDifference(room: TestRoom, sets: readonly StateMap[]): Set<EventId> {
  const chains = sets.map((set) => new Set([...idsOf(set)].flatMap((id) => [...authChain(room, id)])))
  const union = new Set(chains.flatMap((chain) => [...chain]))
  return new Set([...union].filter((id) => !chains.every((chain) => chain.has(id))))
}

/** "Conflicted state subgraph": all events on a path from one conflicted event to another. */
export function definedSubgraph(room: TestRoom, conflicted: ReadonlySet<EventId>): Set<EventId> {
  const chains = new Map([...conflicted].map((id) => [id, authChain(room, id)]))
  const reached = new Set([...chains.values()].flatMap((chain) => [...chain]))
  return new Set([...reached].filter((id) => [...authChain(room, id), id].some((cited) => conflicted.has(cited))))
}
