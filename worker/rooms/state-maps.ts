/** State maps are never changed: what differs is made anew, and shares all the maps of types that are the same. */

import type { EventId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import type { StateEntry, StateFilter } from '../storage/state-groups.ts'

type Keys = ReadonlyMap<string, EventId>

export const emptyState: StateMap = new Map()

/** An entry that is another; null: it is gone. */
export interface StateEntryChange {
  readonly type: string
  readonly stateKey: string
  readonly eventId: EventId | null
}

/** The state with these entries instead of its own; the last of the same key counts. */
export function withEntries(state: StateMap, entries: readonly StateEntryChange[]): StateMap {
  if (entries.length === 0) return state
  const changed = new Map(state)
  const own = new Set<string>()
  for (const { type, stateKey, eventId } of entries) {
    if (!own.has(type)) {
      changed.set(type, new Map(changed.get(type)))
      own.add(type)
    }
    const keys = changed.get(type) as Map<string, EventId>
    if (eventId === null) keys.delete(stateKey)
    else keys.set(stateKey, eventId)
  }
  for (const type of own) if (changed.get(type)!.size === 0) changed.delete(type)
  return changed
}

export const stateOf = (entries: readonly StateEntry[]): StateMap => withEntries(emptyState, entries)

export const entryOf = (state: StateMap, type: string, stateKey: string): EventId | undefined =>
  state.get(type)?.get(stateKey)

export function sizeOf(state: StateMap): number {
  let size = 0
  for (const keys of state.values()) size += keys.size
  return size
}

export function entriesOf(state: StateMap): StateEntry[] {
  const entries: StateEntry[] = []
  for (const [type, keys] of state) for (const [stateKey, eventId] of keys) entries.push({ type, stateKey, eventId })
  return entries
}

const noKeys: Keys = new Map()

/** What makes `before` into `after`. Types whose map is the same object cost nothing. */
export function changesBetween(before: StateMap, after: StateMap): StateEntryChange[] {
  const changes: StateEntryChange[] = []
  if (before === after) return changes
  for (const [type, keys] of after) {
    const old = before.get(type) ?? noKeys
    if (old === keys) continue
    for (const [stateKey, eventId] of keys) if (old.get(stateKey) !== eventId) changes.push({ type, stateKey, eventId })
  }
  for (const [type, old] of before) {
    const keys = after.get(type) ?? noKeys
    if (old === keys) continue
    for (const stateKey of old.keys()) if (!keys.has(stateKey)) changes.push({ type, stateKey, eventId: null })
  }
  return changes
}

/** What any of the filters wants of a state. */
export function filterState(state: StateMap, filters: readonly StateFilter[]): StateMap {
  const wanted = new Map<string, Keys>()
  for (const { type, stateKey } of filters) {
    const keys = state.get(type)
    if (keys === undefined) continue
    if (stateKey === undefined) {
      wanted.set(type, keys)
      continue
    }
    const eventId = keys.get(stateKey)
    const own = wanted.get(type)
    if (eventId === undefined || own === keys) continue
    if (own === undefined) wanted.set(type, new Map([[stateKey, eventId]]))
    else (own as Map<string, EventId>).set(stateKey, eventId)
  }
  return wanted
}
