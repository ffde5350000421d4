/** How much of a room a client wants (MSC4186: `timeline_limit`, `required_state`). Values never change. */

/** Type → state keys. `*` is any; `$ME` the user's own, and `$LAZY` (of `m.room.member`) that of whoever the timeline needs. */
export type RequiredState = ReadonlyMap<string, ReadonlySet<string>>

export interface RoomConfig {
  readonly timelineLimit: number
  readonly requiredState: RequiredState
}

export const WILDCARD = '*'
export const LAZY = '$LAZY'
export const ME = '$ME'

type Building = Map<string, Set<string>>

/** What is covered by a wildcard does not stand beside it. */
function add(map: Building, type: string, key: string): void {
  const anyType = map.get(WILDCARD)
  if (anyType?.has(WILDCARD) || anyType?.has(key) || map.get(type)?.has(WILDCARD)) return
  if (type === WILDCARD && key === WILDCARD) map.clear()
  else if (type === WILDCARD)
    for (const [other, keys] of map) {
      if (!keys.delete(key)) continue
      if (keys.size === 0) map.delete(other)
    }
  const keys = map.get(type)
  if (key === WILDCARD || keys === undefined) map.set(type, new Set([key]))
  else keys.add(key)
}

export function roomConfig(timelineLimit: number, pairs: Iterable<readonly [type: string, key: string]>): RoomConfig {
  const requiredState: Building = new Map()
  for (const [type, key] of pairs) add(requiredState, type, key)
  return { timelineLimit, requiredState }
}

/** What either wants. */
export function combined(a: RoomConfig, b: RoomConfig): RoomConfig {
  const requiredState: Building = new Map([...a.requiredState].map(([type, keys]) => [type, new Set(keys)]))
  for (const [type, key] of pairsOf(b.requiredState)) add(requiredState, type, key)
  return { timelineLimit: Math.max(a.timelineLimit, b.timelineLimit), requiredState }
}

export function* pairsOf(requiredState: RequiredState): Generator<readonly [type: string, key: string]> {
  for (const [type, keys] of requiredState) for (const key of keys) yield [type, key]
}

export const isSameConfig = (a: RoomConfig, b: RoomConfig): boolean =>
  a.timelineLimit === b.timelineLimit && isSameRequiredState(a.requiredState, b.requiredState)

export function isSameRequiredState(a: RequiredState, b: RequiredState): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [type, keys] of a) {
    const others = b.get(type)
    if (others === undefined || !isSameSet(keys, others)) return false
  }
  return true
}

export const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && a.isSubsetOf(b)
