import { authorise } from '../event-auth/authorise.ts'
import type { RoomEvent } from '../events/event.ts'
import type { EventId } from '../ids.ts'
import type { StateLookup, StateMap } from '../state-map.ts'
import type { AuthReader } from './auth-graph.ts'

/** State being resolved: what was admitted so far, over what it started from. */
export interface PartialState {
  readonly base: StateMap
  readonly admitted: Map<string, Map<string, EventId>>
}

export const partialState = (base: StateMap): PartialState => ({ base, admitted: new Map() })

export const stateEvent = ({ base, admitted }: PartialState, type: string, stateKey: string): EventId | undefined =>
  admitted.get(type)?.get(stateKey) ?? base.get(type)?.get(stateKey)

function admit({ admitted }: PartialState, type: string, stateKey: string, id: EventId): void {
  const keys = admitted.get(type)
  if (keys === undefined) admitted.set(type, new Map([[stateKey, id]]))
  else keys.set(stateKey, id)
}

export interface Admission {
  readonly isRejected: (event: RoomEvent) => boolean
  /** Whether an event that was rejected before may be admitted, see `options.follow` of `resolveState`. */
  readonly rejectedToo: boolean
}

/**
 * The iterative auth checks (rooms/v2): admits to `state`, in this order, the events that it allows. What the state has no
 * event for is taken from the auth events of the event itself. No rejected event decides about another. Where
 * `reader.missing` has grown the result is worth nothing.
 */
export function admitInOrder(
  reader: AuthReader,
  events: readonly number[],
  state: PartialState,
  { isRejected, rejectedToo }: Admission,
): void {
  const { auth, authStart, authEnd } = reader.graph
  let checked = 0
  const usable = (index: number): RoomEvent | undefined => {
    const event = reader.event(index)
    return event === undefined || isRejected(event) ? undefined : event
  }
  const lookup: StateLookup = (type, stateKey) => {
    const id = stateEvent(state, type, stateKey)
    const current = id === undefined ? undefined : usable(reader.indexOf(id))
    if (current !== undefined) return current
    // Of two for one key, which no rule lets pass, the last: as good as any, and Synapse's.
    for (let at = authEnd[checked]! - 1; at >= authStart[checked]!; at--) {
      const cited = reader.event(auth[at]!)
      if (cited?.type === type && cited.stateKey === stateKey && !isRejected(cited)) return cited
    }
    return undefined
  }
  for (const index of events) {
    checked = index
    const event = reader.event(index)!
    if (event.stateKey === undefined || (!rejectedToo && isRejected(event))) continue
    if (authorise(event, reader.version, lookup) !== undefined) continue
    admit(state, event.type, event.stateKey, event.eventId)
  }
}
