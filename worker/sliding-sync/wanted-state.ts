/** A part of a room's state: all of it, or of some types all or some keys. */

import type { EventId } from '../../shared/matrix/ids.ts'
import type { StateMap } from '../../shared/matrix/state-map.ts'
import { WILDCARD } from './room-config.ts'

/** Type → its keys, or all of them; undefined: all of the state. */
export type WantedState = ReadonlyMap<string, 'all' | ReadonlySet<string>> | undefined

export const EVERYTHING: WantedState = undefined
export const NOTHING: NonNullable<WantedState> = new Map()

export const isNothing = (wanted: WantedState): boolean => wanted !== undefined && wanted.size === 0

/** The key `*`: all of the type. */
export function wantedState(pairs: Iterable<readonly [type: string, key: string]>): NonNullable<WantedState> {
  const wanted = new Map<string, 'all' | Set<string>>()
  for (const [type, key] of pairs) {
    const keys = wanted.get(type)
    if (keys === 'all') continue
    if (key === WILDCARD) wanted.set(type, 'all')
    else if (keys === undefined) wanted.set(type, new Set([key]))
    else keys.add(key)
  }
  return wanted
}

export function wants(wanted: WantedState, type: string, key: string): boolean {
  if (wanted === undefined) return true
  const keys = wanted.get(type)
  return keys !== undefined && (keys === 'all' || keys.has(key))
}

export interface StateEntry {
  readonly type: string
  readonly key: string
  readonly eventId: EventId
}

/** Entries of a state that are wanted. What is asked for by name is looked up: a room may have 50,000 members. */
export function* pick(state: StateMap, wanted: WantedState): Generator<StateEntry> {
  for (const [type, keys] of state) {
    const asked = wanted === undefined ? 'all' : wanted.get(type)
    if (asked === undefined) continue
    if (asked === 'all') for (const [key, eventId] of keys) yield { type, key, eventId }
    else
      for (const key of asked) {
        const eventId = keys.get(key)
        if (eventId !== undefined) yield { type, key, eventId }
      }
  }
}
