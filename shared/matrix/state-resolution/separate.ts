import type { EventId } from '../ids.ts'
import type { StateMap } from '../state-map.ts'

/** A key for which the state sets do not agree. */
export interface Conflict {
  readonly type: string
  readonly stateKey: string
  /** What each state set has for the key, in their order. Undefined: nothing. */
  readonly values: readonly (EventId | undefined)[]
}

export interface Separated {
  readonly conflicts: readonly Conflict[]
  /** What all agree on. A type without any conflict has the very map that the first state set has. */
  readonly unconflicted: StateMap
  /** The types whose map in `unconflicted` was made here: nobody else holds it, so it may be written to. */
  readonly copied: ReadonlySet<string>
}

type Keys = ReadonlyMap<string, EventId>

const noKeys: Keys = new Map()

/**
 * Splits state sets into what all of them agree on and what they do not (rooms/v2, "Unconflicted state map and conflicted
 * state set"). A type for which all sets hold the same map costs nothing: sets that are deltas of one another should
 * share the maps of the types that they do not change.
 *
 * `absenceConflicts`: whether a key that some sets do not have is in conflict. It is from rooms/v2; in rooms/v1 only
 * different events are.
 */
export function separate(stateSets: readonly StateMap[], absenceConflicts: boolean): Separated {
  const conflicts: Conflict[] = []
  const unconflicted = new Map<string, Keys>()
  const copied = new Set<string>()
  for (const type of typesOf(stateSets)) {
    const maps = stateSets.map((set) => set.get(type) ?? noKeys)
    const first = maps[0] ?? noKeys
    const others = [...new Set(maps)].filter((map) => map !== first)
    const before = conflicts.length
    const agreedElsewhere = separateKeys(type, maps, others, absenceConflicts, conflicts)
    if (conflicts.length === before && agreedElsewhere.length === 0) {
      unconflicted.set(type, first)
      continue
    }
    const agreed = new Map(first)
    for (let at = before; at < conflicts.length; at++) agreed.delete(conflicts[at]!.stateKey)
    for (const [stateKey, id] of agreedElsewhere) agreed.set(stateKey, id)
    unconflicted.set(type, agreed)
    copied.add(type)
  }
  return { conflicts, unconflicted, copied }
}

function typesOf(stateSets: readonly StateMap[]): Set<string> {
  const types = new Set<string>()
  for (const set of stateSets) for (const type of set.keys()) types.add(type)
  return types
}

/** Adds to `conflicts`; returns what is agreed on and is not in the first map (only where absence is no conflict). */
function separateKeys(
  type: string,
  maps: readonly Keys[],
  others: readonly Keys[],
  absenceConflicts: boolean,
  conflicts: Conflict[],
): [stateKey: string, id: EventId][] {
  const first = maps[0] ?? noKeys
  const stateKeys = [...first.keys()]
  const ids = [...first.values()]
  const inConflict = new Set<string>()
  const elsewhere = new Map<string, EventId>()
  for (const other of others) {
    let at = 0
    let shared = 0
    for (const [stateKey, id] of other) {
      // Maps that were one once have its keys in its order, and then nothing is looked up.
      if (stateKeys[at] !== stateKey && stateKeys[at + 1] === stateKey) at++
      const mine = stateKeys[at] === stateKey ? ids[at++] : first.get(stateKey)
      if (mine !== undefined) {
        shared++
        if (mine !== id) inConflict.add(stateKey)
      } else if (absenceConflicts || (elsewhere.get(stateKey) ?? id) !== id) inConflict.add(stateKey)
      else elsewhere.set(stateKey, id)
    }
    if (absenceConflicts && shared < first.size)
      for (const stateKey of stateKeys) if (!other.has(stateKey)) inConflict.add(stateKey)
  }
  for (const stateKey of inConflict) conflicts.push({ type, stateKey, values: maps.map((map) => map.get(stateKey)) })
  return [...elsewhere].filter(([stateKey]) => !inConflict.has(stateKey))
}

/**
 * The unconflicted state with `resolved` added where the state sets did not agree (rooms/v2, "Algorithm", 5). It writes to
 * the maps of `separated` that are its own, so that a large map is copied once: `separated` is used up.
 */
export function complete(
  { unconflicted, copied }: Separated,
  resolved: ReadonlyMap<string, ReadonlyMap<string, EventId>>,
): StateMap {
  const state = new Map(unconflicted)
  for (const [type, keys] of resolved) {
    const agreed = unconflicted.get(type)
    let own = agreed !== undefined && copied.has(type) ? (agreed as Map<string, EventId>) : undefined
    for (const [stateKey, id] of keys) {
      if (agreed?.has(stateKey)) continue
      own ??= new Map(agreed)
      own.set(stateKey, id)
    }
    if (own !== undefined) state.set(type, own)
  }
  for (const [type, keys] of state) if (keys.size === 0) state.delete(type)
  return state
}
