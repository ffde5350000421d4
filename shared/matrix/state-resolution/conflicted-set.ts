import type { EventId } from '../ids.ts'
import type { StateMap } from '../state-map.ts'
import type { AuthReader } from './auth-graph.ts'
import type { Conflict } from './separate.ts'

export interface ConflictedSetRules {
  /** Rooms/v12: events on a path of auth events between two conflicted events belong to the set. */
  readonly subgraph: boolean
  /** Whether events that all state sets agree on may belong to the set, see `options.follow` of `resolveState`. */
  readonly unconflictedToo: boolean
  /** Auth difference and subgraph, where the caller has them already. */
  readonly difference?: readonly EventId[] | undefined
}

/**
 * The full conflicted set (rooms/v2 and rooms/v12, "Full conflicted set"), as indexes, each once, in no order. Events that
 * are not to be had are not in it. Where `reader.missing` has grown it is not complete.
 */
export function fullConflictedSet(
  reader: AuthReader,
  conflicts: readonly Conflict[],
  unconflicted: StateMap,
  rules: ConflictedSetRules,
): number[] {
  const conflicted = conflictedEvents(reader, conflicts)
  const full = new Set<number>()
  const add = (indexes: Iterable<number>): void => {
    for (const index of indexes) if (reader.event(index) !== undefined) full.add(index)
  }
  add(conflicted)
  if (rules.difference !== undefined) add(rules.difference.map(reader.indexOf))
  else {
    add(authDifference(reader, conflicts, conflicted, unconflicted, rules.unconflictedToo))
    if (rules.subgraph) add(conflictedSubgraph(reader, conflicted))
  }
  return [...full]
}

function conflictedEvents(reader: AuthReader, conflicts: readonly Conflict[]): Set<number> {
  const found = new Set<number>()
  for (const { values } of conflicts) for (const id of values) if (id !== undefined) found.add(reader.indexOf(id))
  return found
}

/**
 * The auth difference (rooms/v2), without the conflicted events themselves. What all sets agree on brings the same auth
 * chains to each of them, so only the chains of conflicted events are walked, once for each set, down to what is agreed
 * on. An event that some sets reach and others do not may still be below an agreed one; only where there is such an event
 * are the chains of the agreed state walked too, and only until all of them were met.
 *
 * No use is made of `depth`: it is whatever the sending server claims.
 */
function authDifference(
  reader: AuthReader,
  conflicts: readonly Conflict[],
  conflicted: ReadonlySet<number>,
  unconflicted: StateMap,
  unconflictedToo: boolean,
): Set<number> {
  const { graph } = reader
  const { auth, authStart, authEnd } = graph
  const setCount = conflicts[0]?.values.length ?? 0
  const reachedBy: number[] = []
  const lastSet: number[] = []
  const found: number[] = []
  const stack: number[] = []
  const visit = (index: number, set: number): void => {
    while (reachedBy.length < graph.ids.length) {
      reachedBy.push(0)
      lastSet.push(-1)
    }
    if (lastSet[index] === set) return
    lastSet[index] = set
    if (reachedBy[index]!++ === 0) found.push(index)
    stack.push(index)
  }
  for (let set = 0; set < setCount; set++) {
    for (const { values } of conflicts) {
      const id = values[set]
      if (id !== undefined) visit(reader.indexOf(id), set)
    }
    while (stack.length > 0) {
      const index = stack.pop()!
      const event = reader.event(index)
      if (event === undefined || isAgreed(reader, index, unconflicted)) continue
      for (let at = authStart[index]!; at < authEnd[index]!; at++) visit(auth[at]!, set)
    }
  }

  const difference = new Set<number>()
  for (const index of found) {
    if (reachedBy[index] === setCount || conflicted.has(index) || reader.event(index) === undefined) continue
    if (unconflictedToo || !isAgreed(reader, index, unconflicted)) difference.add(index)
  }
  if (difference.size > 0 && reader.missing.length === 0) removeCited(reader, unconflicted, difference)
  return difference
}

function isAgreed({ graph }: AuthReader, index: number, unconflicted: StateMap): boolean {
  const event = graph.events[index]!
  return event.stateKey !== undefined && unconflicted.get(event.type)?.get(event.stateKey) === graph.ids[index]
}

/** Removes from `events` what lies in the auth chain of any event of `state`, which is read only as far as needed. */
function removeCited(reader: AuthReader, state: StateMap, events: Set<number>): void {
  const { auth, authStart, authEnd } = reader.graph
  const cited: boolean[] = []
  const stack: number[] = []
  const cite = (index: number): void => {
    while (cited.length <= index) cited.push(false)
    if (cited[index]) return
    cited[index] = true
    events.delete(index)
    stack.push(index)
  }
  // Memberships are most of a room's state and cite the rest of it, so what is looked for is mostly met before them.
  const types = [...state.keys()].sort((a, b) => Number(a === 'm.room.member') - Number(b === 'm.room.member'))
  for (const type of types) {
    for (const id of state.get(type)!.values()) {
      reader.visitCited(id, cite)
      while (stack.length > 0 && events.size > 0) {
        const index = stack.pop()!
        if (reader.event(index) === undefined) continue
        for (let at = authStart[index]!; at < authEnd[index]!; at++) cite(auth[at]!)
      }
      if (events.size === 0) return
    }
  }
}

/**
 * The conflicted state subgraph (rooms/v12): what the auth chains of conflicted events reach and what itself reaches a
 * conflicted event.
 */
function conflictedSubgraph(reader: AuthReader, conflicted: ReadonlySet<number>): Set<number> {
  const { graph } = reader
  const { auth, authStart, authEnd } = graph
  const reached = new Set(conflicted)
  for (const index of reached) {
    if (reader.event(index) === undefined) continue
    for (let at = authStart[index]!; at < authEnd[index]!; at++) reached.add(auth[at]!)
  }

  const citedBy = new Map<number, number[]>()
  for (const index of reached) {
    for (let at = authStart[index]!; at < authEnd[index]!; at++) {
      const citing = citedBy.get(auth[at]!)
      if (citing === undefined) citedBy.set(auth[at]!, [index])
      else citing.push(index)
    }
  }
  const subgraph = new Set(conflicted)
  for (const index of subgraph) for (const citing of citedBy.get(index) ?? []) subgraph.add(citing)
  return subgraph
}
