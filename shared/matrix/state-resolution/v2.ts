import { authEventKeys } from '../event-auth/auth-events.ts'
import type { EventId } from '../ids.ts'
import type { StateMap } from '../state-map.ts'
import type { AuthReader } from './auth-graph.ts'
import { fullConflictedSet } from './conflicted-set.ts'
import { type Admission, admitInOrder, partialState, stateEvent } from './iterative-auth.ts'
import { mainlineOrder } from './mainline-order.ts'
import { powerOrder } from './power-order.ts'
import { complete, type Separated } from './separate.ts'

export interface V2Rules extends Admission {
  /** Rooms/v12, "State resolution": the conflicted state subgraph is replayed, and on empty state. */
  readonly isV21: boolean
  /** See `options.follow` of `resolveState`. */
  readonly unconflictedToo: boolean
  /** Of the caller's making: what else than conflicted events is in the full conflicted set. */
  readonly authDifference: readonly EventId[] | undefined
}

const nothing: StateMap = new Map()

/**
 * State resolution of rooms/v2 to rooms/v11, and of rooms/v12 ("Algorithm"). Undefined: events are missing, `reader`
 * has their IDs. `separated` is used up.
 */
export function resolveV2(reader: AuthReader, separated: Separated, rules: V2Rules): StateMap | undefined {
  const { conflicts, unconflicted } = separated
  const isComplete = (): boolean => reader.missing.length === 0

  const conflicted = fullConflictedSet(reader, conflicts, unconflicted, {
    subgraph: rules.isV21,
    unconflictedToo: rules.unconflictedToo,
    difference: rules.authDifference,
  })
  if (!isComplete()) return undefined

  const powerEvents = powerOrder(reader, conflicted)
  const state = partialState(rules.isV21 ? nothing : unconflicted)
  admitInOrder(reader, powerEvents, state, rules)
  if (!isComplete()) {
    // What was refused for want of an event may need others too, and so may those that come later: name all at once.
    readForRules(reader, conflicted, state.base)
    return undefined
  }

  const done = new Set(powerEvents)
  const others = conflicted.filter((index) => !done.has(index))
  const powerLevels = others.length === 0 ? undefined : stateEvent(state, 'm.room.power_levels', '')
  const ordered = mainlineOrder(reader, others, powerLevels === undefined ? undefined : reader.indexOf(powerLevels))
  if (!isComplete()) return undefined
  admitInOrder(reader, ordered, state, rules)
  return isComplete() ? complete(separated, state.admitted) : undefined
}

/** Reads what rules may ask for: the events' auth events and what `state` has in their place. */
function readForRules(reader: AuthReader, events: readonly number[], state: StateMap): void {
  const { auth, authStart, authEnd } = reader.graph
  for (const index of events) {
    for (let at = authStart[index]!; at < authEnd[index]!; at++) reader.event(auth[at]!)
    for (const [type, stateKey] of authEventKeys(reader.event(index)!, reader.version)) {
      const id = state.get(type)?.get(stateKey)
      if (id !== undefined) reader.event(reader.indexOf(id))
    }
  }
}
