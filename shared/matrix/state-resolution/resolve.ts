import type { RoomEvent } from '../events/event.ts'
import type { EventId, RoomId } from '../ids.ts'
import type { RoomVersion } from '../room-version.ts'
import type { StateMap } from '../state-map.ts'
import { type AuthGraph, type EventLookup, readAuthGraph } from './auth-graph.ts'
import { type Conflict, separate } from './separate.ts'
import { resolveV1 } from './v1.ts'
import { resolveV2 } from './v2.ts'

export interface ResolveOptions {
  /** Kept from an earlier resolution in the same room, whose events need not be read again. It grows. */
  readonly graph?: AuthGraph
  /**
   * Whether an event was rejected (its auth events, or the state before it, did not allow it). Soft-failed events are not
   * rejected. Without it none is. Not asked in rooms/v1.
   */
  readonly isRejected?: (event: RoomEvent) => boolean
  /**
   * Where servers in use and the specification differ (rooms/v2 on), whom to agree with. `synapse`, the default:
   * - An event that is in all state sets is not in the auth difference, though the auth chains of some sets lack it.
   *   (Synapse counts each state's own events to its chain, Dendrite leaves them out; ruma does as specified.) In rooms/v12
   *   the conflicted state subgraph may still bring it in.
   * - An event that was rejected is never admitted (rooms/v2, "Rejected events", would have it judged anew).
   */
  readonly follow?: 'synapse' | 'specification'
  /**
   * The auth difference of the state sets, and in rooms/v12 their conflicted state subgraph, where the caller's storage knows
   * them (Synapse's `event_auth_chains` does): then no auth chain is walked, and little but what is in conflict looked up.
   */
  readonly authDifference?: readonly EventId[]
}

/**
 * The resolved state, or the events that must be at hand first: then load them, with their auth chains, and call
 * again. What the lookup says `null` for is done without.
 */
export type Resolution = { readonly state: StateMap } | { readonly missing: readonly EventId[] }

/**
 * Resolves the states before an event into one ("State resolution" of rooms/v1, rooms/v2 and rooms/v12). Pure: the result
 * follows from the sets' content, whatever their order. Maps of the input that nothing changes are in the result as they
 * are.
 *
 * Looked up are the events that the sets do not agree on, with their auth chains as far down as what the sets agree on
 * (and to the end in rooms/v12); and of what they agree on, what the rules ask for. Where some chains have an event that
 * others lack, it may yet be in the chains of agreed state, which then is looked up too. Chains are read event by event,
 * and a call names all that it came upon: whoever loads what is in `missing` with its whole auth chains has the state at
 * the third call, whoever loads no more than that at some call for each event of the longest chain.
 */
export function resolveState(
  version: RoomVersion,
  stateSets: readonly StateMap[],
  event: EventLookup,
  options: ResolveOptions = {},
): Resolution {
  const sets = [...new Set(stateSets)]
  if (sets.length <= 1) return { state: sets[0] ?? new Map() }

  const separated = separate(sets, version.stateResolution !== '1')
  const { conflicts, unconflicted } = separated
  if (conflicts.length === 0) return { state: unconflicted }

  const reader = readAuthGraph(options.graph, version, roomOf(conflicts, event), event)
  const followsSpecification = options.follow === 'specification'
  const state =
    version.stateResolution === '1'
      ? resolveV1(reader, separated)
      : resolveV2(reader, separated, {
          isV21: version.stateResolution === '2.1',
          unconflictedToo: followsSpecification,
          rejectedToo: followsSpecification,
          isRejected: options.isRejected ?? (() => false),
          authDifference: options.authDifference,
        })
  return state === undefined ? { missing: [...new Set(reader.missing)] } : { state }
}

/** The room whose state is in conflict, as the first of its events that is at hand says. */
function roomOf(conflicts: readonly Conflict[], event: EventLookup): RoomId | undefined {
  for (const { values } of conflicts) {
    for (const id of values) {
      const roomId = id === undefined ? undefined : event(id)?.roomId
      if (roomId !== undefined) return roomId
    }
  }
  return undefined
}
